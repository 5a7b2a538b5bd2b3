/* Building a site from the catalog, and looking names up in it. */
#include "depot/site.h"

#include "depot/catalog.h"

#include <sqlite3.h>
#include <stdio.h>

static uint32_t hash_name(struct slice name)
{
    return hash_more(HASH_START, name);
}

static uint32_t hash_title(struct slice dialect, struct slice name)
{
    return hash_more(hash_more(hash_name(dialect), (struct slice){"/", 1}), name);
}

static bool index_make(struct site_index *index, size_t n)
{
    size_t slots = 4;
    while (slots < 2 * n)
        slots *= 2;
    index->slots = calloc(slots, sizeof *index->slots);
    index->mask = (uint32_t)(slots - 1);
    return index->slots != NULL && n < UINT32_MAX / 4;
}

static void index_put(struct site_index *index, uint32_t hash, size_t position)
{
    uint32_t at = hash & index->mask;
    while (index->slots[at] != 0)
        at = (at + 1) & index->mask;
    index->slots[at] = (uint32_t)position + 1;
}

static struct slice entry_name(const struct site_entry *e)
{
    return (struct slice){e->name, e->name_length};
}

static const struct site_entry *entry_find(const struct site_index *index, const struct site_entry *entries,
                                           struct slice name)
{
    if (index->slots == NULL)
        return NULL;
    for (uint32_t at = hash_name(name) & index->mask; index->slots[at] != 0; at = (at + 1) & index->mask) {
        const struct site_entry *e = &entries[index->slots[at] - 1];
        if (slice_equal(entry_name(e), name))
            return e;
    }
    return NULL;
}

const struct site_entry *site_entry_find(const struct site_title *t, struct slice name)
{
    return entry_find(&t->index, t->entries, name);
}

const struct site_entry *site_older_find(const struct site_title *t, struct slice name)
{
    return entry_find(&t->older.index, t->older.entries, name);
}

const char *site_older_name(int64_t release, struct slice name, char *out, size_t room)
{
    int n = snprintf(out, room, "%lld:%.*s", (long long)release, (int)name.n, name.p);
    return n > 0 && (size_t)n < room ? out : NULL;
}

static bool title_is(const struct site_title *t, struct slice name)
{
    bool is = slice_equal(slice_of(t->name), name);
    for (size_t i = 0; i < t->alias_count && !is; i++)
        is = slice_equal(slice_of(t->aliases[i]), name);
    return is;
}

/* Names first, then aliases: of what has the same hash, the first that was put in is found first. */
static int titles_index(struct site_title *const *titles, size_t count, struct site_index *index,
                        struct pb_error *err)
{
    size_t n = count;
    for (size_t i = 0; i < count; i++)
        n += titles[i]->alias_count;
    if (!index_make(index, n))
        return error_memory(err);
    for (size_t i = 0; i < count; i++)
        index_put(index, hash_title(slice_of(titles[i]->dialect), slice_of(titles[i]->name)), i);
    for (size_t i = 0; i < count; i++) {
        const struct site_title *t = titles[i];
        for (size_t k = 0; k < t->alias_count; k++)
            index_put(index, hash_title(slice_of(t->dialect), slice_of(t->aliases[k])), i);
    }
    return PB_OK;
}

static struct site_title *title_find(struct site_title *const *titles, const struct site_index *index,
                                     const char *dialect, struct slice name)
{
    uint32_t at = hash_title(slice_of(dialect), name) & index->mask;
    for (; index->slots[at] != 0; at = (at + 1) & index->mask) {
        struct site_title *t = titles[index->slots[at] - 1];
        if (strcmp(t->dialect, dialect) == 0 && title_is(t, name))
            return t;
    }
    return NULL;
}

const struct site_title *site_title_find(const struct site *s, const char *dialect, struct slice name)
{
    return title_find(s->titles, &s->index, dialect, name);
}

const struct site_title *site_title_known(const struct site *s, const char *dialect, struct slice name)
{
    const struct site_title *live = site_title_find(s, dialect, name);
    return live != NULL ? live : title_find(s->withdrawn.list, &s->withdrawn.index, dialect, name);
}

static void title_release(struct site_title *t)
{
    if (t == NULL || __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(t->index.slots);
    free(t->entries);
    free(t->older.index.slots);
    free(t->older.entries);
    arena_free(&t->arena);
    free(t);
}

void site_hold(struct site *s)
{
    __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
}

void site_release(struct site *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < s->n; i++)
        title_release(s->titles[i]);
    for (size_t i = 0; i < s->withdrawn.n; i++)
        title_release(s->withdrawn.list[i]);
    free(s->titles);
    free(s->index.slots);
    free(s->withdrawn.list);
    free(s->withdrawn.index.slots);
    arena_free(&s->arena);
    free(s);
}

static const char *column_copy(struct arena *a, struct sqlite3_stmt *st, int column)
{
    return arena_copy(a, sqlite3_column_blob(st, column), (size_t)sqlite3_column_bytes(st, column));
}

#define ENTRY_COLUMNS                                                                                        \
    "SELECT e.name, e.kind, o.sha256, o.md5, o.size, e.extra FROM entry e JOIN object o ON o.id = e.object"

/* From a row of ENTRY_COLUMNS. */
static int entry_read(struct site_title *t, struct sqlite3_stmt *st, struct site_entry *e, struct md5 *md5,
                      struct pb_error *err)
{
    struct object object;
    size_t name = (size_t)sqlite3_column_bytes(st, 0), extra = (size_t)sqlite3_column_bytes(st, 5);
    int kind = sqlite3_column_int(st, 1);
    int rc = sql_object(st, 2, &object, err);
    if (rc < 0)
        return rc;
    if (name > UINT16_MAX || kind < 0 || kind > UINT8_MAX)
        return error_set(err, PB_DAMAGED, "the row of an entry is damaged");
    char *text = arena_room(&t->arena, name + 1 + extra);
    if (text == NULL)
        return error_memory(err);
    if (name > 0)
        memcpy(text, sqlite3_column_blob(st, 0), name);
    text[name] = '\0';
    if (extra > 0)
        memcpy(text + name + 1, sqlite3_column_blob(st, 5), extra);
    *e = (struct site_entry){
        .name = text,
        .name_length = (uint16_t)name,
        .kind = (uint8_t)kind,
        .object = object.name,
        .size = object.size,
        .extra_length = (uint32_t)extra,
    };
    *md5 = object.md5;
    return PB_OK;
}

static int entries_read(struct depot *d, struct site_title *t, struct md5 **md5, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    size_t room = 0;
    int rc = sql_prepare(d->db, ENTRY_COLUMNS " WHERE e.release = ? ORDER BY e.position", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, t->release);
    while ((rc = sql_step(st, err)) == 1) {
        if (t->n == room) {
            room = room == 0 ? 16 : room * 2;
            struct site_entry *entries = realloc(t->entries, room * sizeof *entries);
            if (entries != NULL)
                t->entries = entries;
            struct md5 *more = realloc(*md5, room * sizeof *more);
            if (more != NULL)
                *md5 = more;
            if (entries == NULL || more == NULL)
                return error_memory(err);
        }
        rc = entry_read(t, st, &t->entries[t->n], &(*md5)[t->n], err);
        if (rc < 0)
            return rc;
        t->n++;
    }
    struct site_entry *exact = rc == PB_OK && t->n > 0 ? realloc(t->entries, t->n * sizeof *exact) : NULL;
    if (exact != NULL)
        t->entries = exact;
    return rc;
}

/* ---- releases that are not live ---- */

/* Room for one more entry, and for it in the index, which is at most half full. */
static bool older_grow(struct site_older *o)
{
    if (o->n < o->room)
        return true;
    size_t room = o->room == 0 ? 16 : 2 * o->room;
    struct site_index index;
    struct site_entry *entries = realloc(o->entries, room * sizeof *entries);
    if (entries == NULL)
        return false;
    o->entries = entries;
    if (!index_make(&index, room)) {
        free(index.slots);
        return false;
    }
    for (size_t i = 0; i < o->n; i++)
        index_put(&index, hash_name(entry_name(&o->entries[i])), i);
    free(o->index.slots);
    o->index = index;
    o->room = room;
    return true;
}

/* Puts the entry of this row, as entries_read has it, under a name. */
static int older_add(struct site_title *t, struct sqlite3_stmt *row, const char *name, struct pb_error *err)
{
    struct site_entry e = {0};
    struct md5 md5;
    int rc = entry_read(t, row, &e, &md5, err);
    if (rc < 0)
        return rc;
    if (name != NULL) {
        e.name = arena_text(&t->arena, name);
        e.name_length = (uint16_t)strlen(name);
        e.extra_length = 0;
    }
    if (e.name == NULL || !older_grow(&t->older))
        return error_memory(err);
    t->older.entries[t->older.n] = e;
    index_put(&t->older.index, hash_name(entry_name(&e)), t->older.n);
    t->older.n++;
    return PB_OK;
}

/* A release's entries that differ from the live ones of their names, by the release's id. */
static int older_by_release(struct depot *d, struct site_title *t, int64_t release, unsigned kinds,
                            struct pb_error *err)
{
    enum { NAME_ROOM = 2048 };
    char name[NAME_ROOM];
    struct object object;
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db, ENTRY_COLUMNS " WHERE e.release = ? AND (1 << e.kind) & ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, release);
    sqlite3_bind_int64(st, 2, kinds);
    while ((rc = sql_step(st, err)) == 1) {
        struct slice own = {sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
        const struct site_entry *live = site_entry_find(t, own);
        if ((rc = sql_object(st, 2, &object, err)) < 0)
            return rc;
        if (live != NULL && memcmp(&live->object, &object.name, sizeof object.name) == 0)
            continue;
        if (site_older_name(release, own, name, sizeof name) != NULL)
            rc = older_add(t, st, name, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* A release's entries under names that neither the live release nor a newer one has. Most names are known, so
 * they are looked at first, and objects only of the others. */
static int older_by_name(struct depot *d, struct site_title *t, int64_t release, unsigned kinds,
                         struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *names = NULL, *one = NULL;
    int rc = sql_prepare(d->db, "SELECT name, position FROM entry WHERE release = ? AND (1 << kind) & ?",
                         &names, err);
    if (rc == PB_OK)
        rc = sql_prepare(d->db, ENTRY_COLUMNS " WHERE e.release = ? AND e.position = ?", &one, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(names, 1, release);
    sqlite3_bind_int64(names, 2, kinds);
    while ((rc = sql_step(names, err)) == 1) {
        struct slice name = {sqlite3_column_blob(names, 0), (size_t)sqlite3_column_bytes(names, 0)};
        if (site_entry_find(t, name) != NULL || site_older_find(t, name) != NULL)
            continue;
        sqlite3_bind_int64(one, 1, release);
        sqlite3_bind_int64(one, 2, sqlite3_column_int64(names, 1));
        rc = sql_step(one, err);
        if (rc == 1)
            rc = older_add(t, one, NULL, err);
        sqlite3_reset(one);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int older_release(struct depot *d, struct site_title *t, int64_t release,
                         const struct site_lasting *lasting, struct pb_error *err)
{
    if (lasting->kinds == 0)
        return PB_OK;
    return lasting->by_release ? older_by_release(d, t, release, lasting->kinds, err)
                               : older_by_name(d, t, release, lasting->kinds, err);
}

static int older_read(struct depot *d, struct site_title *t, int64_t title, const struct site_maker *maker,
                      struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    if (maker->lasting == NULL)
        return PB_OK;
    int rc = sql_prepare(
        d->db, "SELECT id, attributes FROM release WHERE title = ? AND id <> ? ORDER BY id DESC", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, title);
    sqlite3_bind_int64(st, 2, t->release);
    while ((rc = sql_step(st, err)) == 1) {
        struct site_lasting lasting =
            maker->lasting(maker->arg, t->dialect, (const char *)sqlite3_column_text(st, 1));
        rc = older_release(d, t, sqlite3_column_int64(st, 0), &lasting, err);
        if (rc < 0 && rc != PB_DAMAGED) /* a damaged old release is no reason not to serve the live one */
            return rc;
    }
    return rc;
}

/* ---- titles ---- */

/* The columns of site_make's query. */
enum { ROW_DIALECT, ROW_NAME, ROW_RELEASE, ROW_VERSION, ROW_SINCE, ROW_ATTRIBUTES, ROW_TITLE, ROW_RELEASES };
static const char titles_query[] =
    "SELECT t.dialect, t.name, ifnull(r.id, 0), r.version, t.since, r.attributes, t.id,"
    " (SELECT ifnull(sum(id), 0) FROM release WHERE title = t.id)"
    " FROM title t LEFT JOIN release r ON r.id = t.live ORDER BY t.dialect, t.name";

/* What all titles have, live or not. NULL when memory is out. */
static struct site_title *title_new(struct sqlite3_stmt *row)
{
    struct site_title *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->references = 1;
    t->dialect = column_copy(&t->arena, row, ROW_DIALECT);
    t->name = column_copy(&t->arena, row, ROW_NAME);
    t->release = sqlite3_column_int64(row, ROW_RELEASE);
    t->since = sqlite3_column_int64(row, ROW_SINCE);
    t->releases = sqlite3_column_int64(row, ROW_RELEASES);
    if (t->dialect != NULL && t->name != NULL)
        return t;
    title_release(t);
    return NULL;
}

/* The live release of the row, compiled by its dialect. */
static int title_fill(struct depot *d, struct sqlite3_stmt *row, const struct site_maker *maker,
                      struct site_title *t, struct pb_error *err)
{
    _cleanup_free_ struct md5 *md5 = NULL;
    t->version = column_copy(&t->arena, row, ROW_VERSION);
    t->attributes = column_copy(&t->arena, row, ROW_ATTRIBUTES);
    int rc = entries_read(d, t, &md5, err);
    if (rc == PB_OK && (!index_make(&t->index, t->n) || t->version == NULL || t->attributes == NULL))
        rc = error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < t->n; i++)
        index_put(&t->index, hash_name(entry_name(&t->entries[i])), i);
    if (rc == PB_OK)
        rc = older_read(d, t, sqlite3_column_int64(row, ROW_TITLE), maker, err);
    return rc < 0 ? rc : maker->compile(maker->arg, t, md5, err);
}

/* *out is NULL where the title has nothing to answer with. */
static int title_make(struct depot *d, struct sqlite3_stmt *row, const struct site_maker *maker,
                      struct site_title **out, struct pb_error *err)
{
    struct site_title *t = title_new(row);
    if (t == NULL)
        return error_memory(err);
    int rc = t->release != 0 ? title_fill(d, row, maker, t, err)
                             : older_read(d, t, sqlite3_column_int64(row, ROW_TITLE), maker, err);
    /* Damage is this title's alone, and the others are served; any other trouble may pass, and is the
     * caller's. */
    bool damage = rc == PB_DAMAGED || rc == PB_INVALID || rc == PB_UNSUPPORTED;
    if (damage && t->release != 0)
        maker->failed(maker->failed_arg, t, err);
    if (rc < 0 || (t->release == 0 && t->older.n == 0)) {
        title_release(t);
        t = NULL;
    }
    *out = t;
    return damage ? PB_OK : rc;
}

static struct site_title *title_take_over(const struct site *before, struct sqlite3_stmt *row)
{
    if (before == NULL)
        return NULL;
    const char *dialect = (const char *)sqlite3_column_text(row, ROW_DIALECT);
    struct slice name = {(const char *)sqlite3_column_text(row, ROW_NAME),
                         (size_t)sqlite3_column_bytes(row, ROW_NAME)};
    bool live = sqlite3_column_int64(row, ROW_RELEASE) != 0;
    struct site_title *t = live ? title_find(before->titles, &before->index, dialect, name)
                                : title_find(before->withdrawn.list, &before->withdrawn.index, dialect, name);
    if (t == NULL || t->release != sqlite3_column_int64(row, ROW_RELEASE) ||
        t->since != sqlite3_column_int64(row, ROW_SINCE) ||
        t->releases != sqlite3_column_int64(row, ROW_RELEASES))
        return NULL;
    __atomic_add_fetch(&t->references, 1, __ATOMIC_RELAXED);
    return t;
}

/* Takes over the title's reference. */
static int title_add(struct site_title *t, struct site_title ***list, size_t *n, size_t *room,
                     struct pb_error *err)
{
    if (*n == *room) {
        *room = *room == 0 ? 16 : *room * 2;
        struct site_title **more = realloc(*list, *room * sizeof *more);
        if (more == NULL) {
            title_release(t);
            return error_memory(err);
        }
        *list = more;
    }
    (*list)[(*n)++] = t;
    return PB_OK;
}

static int titles_read(struct depot *d, const struct site *before, const struct site_maker *maker,
                       struct site *s, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db, titles_query, &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        struct site_title *t = title_take_over(before, st);
        if (t == NULL)
            rc = title_make(d, st, maker, &t, err);
        if (rc < 0 || t == NULL)
            continue;
        rc = t->release != 0 ? title_add(t, &s->titles, &s->n, &s->room, err)
                             : title_add(t, &s->withdrawn.list, &s->withdrawn.n, &s->withdrawn.room, err);
    }
    return rc;
}

int site_check_others(struct depot *d, const struct site_maker *maker, struct pb_error *err)
{
    struct site_maker plain = *maker;
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    plain.lasting = NULL;
    int rc =
        sql_prepare(d->db,
                    "SELECT t.dialect, t.name, r.id, r.version, t.since, r.attributes, t.id, 0"
                    " FROM release r JOIN title t ON t.id = r.title WHERE t.live IS NOT r.id ORDER BY r.id",
                    &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        struct site_title *t = NULL;
        rc = title_make(d, st, &plain, &t, err);
        title_release(t);
    }
    return rc;
}

int site_make(struct depot *d, const struct site *before, bool fresh, const struct site_maker *maker,
              struct site **out, struct pb_error *err)
{
    struct site *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    s->references = 1;
    int rc = sql_run(d->db, "BEGIN", err);
    if (rc == PB_OK) {
        rc = titles_read(d, fresh ? NULL : before, maker, s, err);
        sql_rollback(d->db);
    }
    if (rc == PB_OK)
        rc = titles_index(s->titles, s->n, &s->index, err);
    if (rc == PB_OK)
        rc = titles_index(s->withdrawn.list, s->withdrawn.n, &s->withdrawn.index, err);
    if (rc == PB_OK)
        rc = maker->finish(maker->arg, maker->finish_arg, d, s, err);
    if (rc < 0) {
        site_release(s);
        return rc;
    }
    *out = s;
    return PB_OK;
}
