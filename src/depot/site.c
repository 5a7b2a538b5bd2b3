/* Building a site from the catalog, and looking names up in it. */
#include "depot/site.h"

#include "depot/catalog.h"

#include <sqlite3.h>

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

const struct site_entry *site_entry_find(const struct site_title *t, struct slice name)
{
    for (uint32_t at = hash_name(name) & t->index.mask; t->index.slots[at] != 0;
         at = (at + 1) & t->index.mask) {
        const struct site_entry *e = &t->entries[t->index.slots[at] - 1];
        if (slice_equal(entry_name(e), name))
            return e;
    }
    return NULL;
}

static bool title_is(const struct site_title *t, struct slice name)
{
    bool is = slice_equal(slice_of(t->name), name);
    for (size_t i = 0; i < t->alias_count && !is; i++)
        is = slice_equal(slice_of(t->aliases[i]), name);
    return is;
}

/* Names first, then aliases: of what has the same hash, the first that was put in is found first. */
static int titles_index(struct site *s, struct pb_error *err)
{
    size_t n = s->n;
    for (size_t i = 0; i < s->n; i++)
        n += s->titles[i]->alias_count;
    if (!index_make(&s->index, n))
        return error_memory(err);
    for (size_t i = 0; i < s->n; i++)
        index_put(&s->index, hash_title(slice_of(s->titles[i]->dialect), slice_of(s->titles[i]->name)), i);
    for (size_t i = 0; i < s->n; i++) {
        const struct site_title *t = s->titles[i];
        for (size_t k = 0; k < t->alias_count; k++)
            index_put(&s->index, hash_title(slice_of(t->dialect), slice_of(t->aliases[k])), i);
    }
    return PB_OK;
}

const struct site_title *site_title_find(const struct site *s, const char *dialect, struct slice name)
{
    uint32_t at = hash_title(slice_of(dialect), name) & s->index.mask;
    for (; s->index.slots[at] != 0; at = (at + 1) & s->index.mask) {
        const struct site_title *t = s->titles[s->index.slots[at] - 1];
        if (strcmp(t->dialect, dialect) == 0 && title_is(t, name))
            return t;
    }
    return NULL;
}

static void title_release(struct site_title *t)
{
    if (t == NULL || __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(t->index.slots);
    free(t->entries);
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
    free(s->titles);
    free(s->index.slots);
    arena_free(&s->arena);
    free(s);
}

static const char *column_copy(struct arena *a, struct sqlite3_stmt *st, int column)
{
    return arena_copy(a, sqlite3_column_blob(st, column), (size_t)sqlite3_column_bytes(st, column));
}

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
    int rc =
        sql_prepare(d->db,
                    "SELECT e.name, e.kind, o.sha256, o.md5, o.size, e.extra"
                    " FROM entry e JOIN object o ON o.id = e.object WHERE e.release = ? ORDER BY e.position",
                    &st, err);
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

/* A row of site_make's query becomes a title, compiled by its dialect. */
static int title_make(struct depot *d, struct sqlite3_stmt *row, const struct site_maker *maker,
                      struct site_title **out, struct pb_error *err)
{
    _cleanup_free_ struct md5 *md5 = NULL;
    struct site_title *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    t->references = 1;
    t->dialect = column_copy(&t->arena, row, 0);
    t->name = column_copy(&t->arena, row, 1);
    t->release = sqlite3_column_int64(row, 2);
    t->version = column_copy(&t->arena, row, 3);
    t->since = sqlite3_column_int64(row, 4);
    t->attributes = column_copy(&t->arena, row, 5);
    int rc = entries_read(d, t, &md5, err);
    if (rc == PB_OK && (!index_make(&t->index, t->n) || t->dialect == NULL || t->name == NULL ||
                        t->version == NULL || t->attributes == NULL))
        rc = error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < t->n; i++)
        index_put(&t->index, hash_name(entry_name(&t->entries[i])), i);
    if (rc == PB_OK)
        rc = maker->compile(maker->arg, t, md5, err);
    if (rc < 0) {
        /* Damage is this title's alone, and the others are served; any other trouble may pass, and is the
         * caller's. */
        bool damage = rc == PB_DAMAGED || rc == PB_INVALID || rc == PB_UNSUPPORTED;
        if (damage && t->dialect != NULL && t->name != NULL) {
            maker->failed(maker->failed_arg, t, err);
            rc = PB_OK;
        }
        title_release(t);
        t = NULL;
    }
    *out = t;
    return rc;
}

static struct site_title *title_take_over(const struct site *before, struct sqlite3_stmt *row)
{
    if (before == NULL)
        return NULL;
    struct slice name = {(const char *)sqlite3_column_text(row, 1), (size_t)sqlite3_column_bytes(row, 1)};
    struct site_title *t =
        (struct site_title *)site_title_find(before, (const char *)sqlite3_column_text(row, 0), name);
    if (t == NULL || t->release != sqlite3_column_int64(row, 2) || t->since != sqlite3_column_int64(row, 4))
        return NULL;
    __atomic_add_fetch(&t->references, 1, __ATOMIC_RELAXED);
    return t;
}

static int titles_read(struct depot *d, const struct site *before, const struct site_maker *maker,
                       struct site *s, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    size_t room = 0;
    int rc = sql_prepare(d->db,
                         "SELECT t.dialect, t.name, r.id, r.version, t.since, r.attributes"
                         " FROM title t JOIN release r ON r.id = t.live ORDER BY t.dialect, t.name",
                         &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        if (s->n == room) {
            room = room == 0 ? 16 : room * 2;
            struct site_title **titles = realloc(s->titles, room * sizeof *titles);
            if (titles == NULL)
                return error_memory(err);
            s->titles = titles;
        }
        struct site_title *t = title_take_over(before, st);
        if (t == NULL)
            rc = title_make(d, st, maker, &t, err);
        if (t != NULL)
            s->titles[s->n++] = t;
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
        rc = titles_index(s, err);
    if (rc == PB_OK)
        rc = maker->finish(maker->arg, maker->finish_arg, d, s, err);
    if (rc < 0) {
        site_release(s);
        return rc;
    }
    *out = s;
    return PB_OK;
}
