/* Titles by their names; and what somebody has meant who names one that is not there. */
#include "base/nearest.h"
#include "depot/catalog.h"

#include <sqlite3.h>
#include <stdio.h>

static int title_parse(const char *title, struct title_name *out, struct pb_error *err)
{
    const char *slash = strchr(title, '/');
    if (slash == NULL || slash == title || slash[1] == '\0')
        return error_set(err, PB_INVALID, "%s: a title is written DIALECT/NAME, such as opensauce/immure",
                         title);
    *out = (struct title_name){{title, (size_t)(slash - title)}, slice_of(slash + 1)};
    return PB_OK;
}

/* Of all titles of the depot. Without a dialect the name alone counts. An error of the catalog suggests
 * nothing: there is another to report. */
static const char *title_suggest(struct sqlite3 *db, struct title_name name, char out[NEAREST_TEXT])
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    char asked[NEAREST_WORD];
    struct nearest near;
    bool fits = snprintf(asked, sizeof asked, "%.*s/%.*s", (int)name.dialect.n, name.dialect.p,
                         (int)name.name.n, name.name.p) < (int)sizeof asked;
    struct slice word = name.dialect.n > 0 ? slice_of(asked) : name.name;
    nearest_init(&near, fits ? word : slice_of(""));
    if (sql_prepare(db, "SELECT dialect || '/' || name, length(dialect) + 1 FROM title ORDER BY 1", &st,
                    NULL) < 0)
        return "";
    while (sql_step(st, NULL) == 1) {
        struct slice title = {(const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
        size_t skipped = name.dialect.n > 0 ? 0 : (size_t)sqlite3_column_int64(st, 1);
        if (title.p != NULL && skipped <= title.n)
            nearest_offer(&near, (struct slice){title.p + skipped, title.n - skipped}, title);
    }
    return nearest_text(&near, out);
}

int catalog_title(struct sqlite3 *db, struct title_name name, int64_t *title, int64_t *live,
                  struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc =
        sql_prepare(db, "SELECT id, ifnull(live, 0) FROM title WHERE dialect = ? AND name = ?", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, name.dialect);
    sql_bind_slice(st, 2, name.name);
    rc = sql_step(st, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return error_set(err, PB_NOT_FOUND, "%.*s/%.*s: no such title in the depot", (int)name.dialect.n,
                         name.dialect.p, (int)name.name.n, name.name.p);
    *title = sqlite3_column_int64(st, 0);
    *live = sqlite3_column_int64(st, 1);
    return PB_OK;
}

int catalog_title_find(struct sqlite3 *db, const char *title, int64_t *id, int64_t *live,
                       struct pb_error *err)
{
    struct title_name name = {0};
    char suggested[NEAREST_TEXT];
    int rc = title_parse(title, &name, err);
    if (rc == PB_OK)
        rc = catalog_title(db, name, id, live, err);
    if (rc == PB_NOT_FOUND)
        return error_set(err, rc, "%s: no such title in the depot%s", title,
                         title_suggest(db, name, suggested));
    if (rc == PB_INVALID && strchr(title, '/') == NULL) {
        const char *near = title_suggest(db, (struct title_name){{"", 0}, slice_of(title)}, suggested);
        if (near[0] != '\0')
            return error_set(err, rc, "%s: a title is written DIALECT/NAME%s", title, near);
    }
    return rc;
}
