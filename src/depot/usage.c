/*
 * Adding up what objects are there for. One walk over all entries in the order of their objects, which is
 * that of an index, so nothing is sorted; which title and state a release has is known before. An object
 * counts once for each title that has it, however many entries it has there.
 */
#include "depot/usage.h"

#include "base/arena.h"
#include "depot/catalog.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/statvfs.h>

struct title {
    const char *name;
    int64_t seen; /* the object that was last found here */
    bool live;    /* ... in the live release, too */
    bool served;  /* it has a live release */
    uint64_t releases, bytes, own, shared, old;
};

struct release {
    int64_t id;
    struct title *title;
    bool live;
};

struct tally {
    struct arena arena;
    struct title *titles;
    struct release *releases; /* sorted by id */
    size_t title_count, release_count, release_room;
    struct title **users; /* of the object at hand */
    size_t user_count;
    struct pb_usage_report *out;
};

/* ---- titles and releases ---- */

static int titles_load(struct sqlite3 *db, struct tally *t, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int64_t n = 0;
    int rc = sql_int(db, "SELECT count(*) FROM title", &n, err);
    if (rc == PB_OK)
        rc = sql_prepare(db,
                         "SELECT dialect || '/' || name, live IS NOT NULL FROM title ORDER BY dialect, name",
                         &st, err);
    if (rc < 0)
        return rc;
    t->titles = arena_zero(&t->arena, ((size_t)n + 1) * sizeof *t->titles);
    t->users = arena_zero(&t->arena, ((size_t)n + 1) * sizeof *t->users);
    if (t->titles == NULL || t->users == NULL)
        return error_memory(err);
    while (t->title_count < (size_t)n && (rc = sql_step(st, err)) == 1) {
        struct title *title = &t->titles[t->title_count++];
        title->name = arena_text(&t->arena, (const char *)sqlite3_column_text(st, 0));
        title->served = sqlite3_column_int(st, 1);
        if (title->name == NULL)
            return error_memory(err);
    }
    return rc < 0 ? rc : PB_OK;
}

/* `place` counts titles as titles_load has them. */
static int releases_load(struct sqlite3 *db, struct tally *t, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db,
                         "SELECT r.id, t.place, t.live IS r.id FROM release r JOIN (SELECT id, live,"
                         " row_number() OVER (ORDER BY dialect, name) - 1 AS place FROM title) t"
                         " ON t.id = r.title ORDER BY r.id",
                         &st, err);
    if (rc < 0)
        return rc;
    while ((rc = sql_step(st, err)) == 1) {
        struct release *list =
            arena_grow(&t->arena, t->releases, t->release_count, &t->release_room, sizeof *list);
        if (list == NULL)
            return error_memory(err);
        t->releases = list;
        size_t place = (size_t)sqlite3_column_int64(st, 1);
        if (place >= t->title_count)
            return error_set(err, PB_DAMAGED, "catalog: a release has no title");
        struct release *r = &list[t->release_count++];
        *r = (struct release){sqlite3_column_int64(st, 0), &t->titles[place], sqlite3_column_int(st, 2)};
        r->title->releases++;
        t->out->old_releases += !r->live;
    }
    return rc;
}

static int release_seek(const void *id, const void *release)
{
    int64_t a = *(const int64_t *)id, b = ((const struct release *)release)->id;
    return (a > b) - (a < b);
}

/* ---- objects ---- */

static void entry_count(struct tally *t, int64_t object, int64_t release)
{
    const struct release *r = t->release_count == 0 ? NULL
                                                    : bsearch(&release, t->releases, t->release_count,
                                                              sizeof *t->releases, release_seek);
    if (r == NULL)
        return; /* fsck tells */
    struct title *title = r->title;
    if (title->seen != object) {
        title->seen = object;
        title->live = false;
        t->users[t->user_count++] = title;
    }
    title->live |= r->live;
}

/* All its entries are counted. */
static void object_end(struct tally *t, uint64_t size)
{
    bool live = false, alone = t->user_count == 1;
    for (size_t i = 0; i < t->user_count; i++) {
        struct title *title = t->users[i];
        live |= title->live;
        title->bytes += size;
        if (alone)
            title->own += size;
        else
            title->shared += size;
        if (alone && !title->live)
            title->old += size;
        title->seen = 0;
    }
    if (live)
        t->out->live_bytes += size;
    else if (t->user_count > 0)
        t->out->old_bytes += size;
    t->user_count = 0;
}

static int objects_count(struct sqlite3 *db, struct tally *t, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int64_t object = 0, objects = 0, bytes = 0;
    uint64_t size = 0;
    int rc = sql_prepare(db,
                         "SELECT e.object, e.release, o.size FROM entry e INDEXED BY entry_object"
                         " CROSS JOIN object o ON o.id = e.object ORDER BY e.object",
                         &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        int64_t next = sqlite3_column_int64(st, 0);
        if (next != object)
            object_end(t, size);
        object = next;
        size = (uint64_t)sqlite3_column_int64(st, 2);
        entry_count(t, object, sqlite3_column_int64(st, 1));
    }
    object_end(t, size);
    if (rc == PB_OK)
        rc = sql_int(db, "SELECT count(*) FROM object", &objects, err);
    if (rc == PB_OK)
        rc = sql_int(db, "SELECT ifnull(sum(size), 0) FROM object", &bytes, err);
    t->out->objects = (uint64_t)objects;
    t->out->bytes = (uint64_t)bytes;
    t->out->unused_bytes = t->out->bytes - t->out->live_bytes - t->out->old_bytes;
    return rc;
}

/* ---- the interface ---- */

static int usage_tell(const struct tally *t, pb_title_usage_fn *fn, void *arg, struct pb_error *err)
{
    for (size_t i = 0; fn != NULL && i < t->title_count; i++) {
        const struct title *title = &t->titles[i];
        const struct pb_title_usage usage = {.title = title->name,
                                             .live = title->served,
                                             .releases = title->releases,
                                             .bytes = title->bytes,
                                             .own_bytes = title->own,
                                             .shared_bytes = title->shared,
                                             .old_bytes = title->old};
        if (fn(arg, &usage) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
    }
    return PB_OK;
}

int depot_disk(const struct depot *d, struct pb_usage_report *out, struct pb_error *err)
{
    struct statvfs disk;
    if (fstatvfs(d->folder, &disk) != 0)
        return error_errno(err, errno, "depot %s: free space", d->path);
    out->free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    out->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
    return PB_OK;
}

int depot_usage(struct depot *d, pb_title_usage_fn *fn, void *arg, struct pb_usage_report *out,
                struct pb_error *err)
{
    struct tally t = {.out = out};
    *out = (struct pb_usage_report){.size = out->size};
    arena_init(&t.arena, 0);
    sql_rollback(d->db);
    int rc = sql_run(d->db, "BEGIN", err); /* one state of the catalog */
    if (rc == PB_OK)
        rc = titles_load(d->db, &t, err);
    if (rc == PB_OK)
        rc = releases_load(d->db, &t, err);
    if (rc == PB_OK)
        rc = objects_count(d->db, &t, err);
    sql_rollback(d->db);
    if (rc == PB_OK)
        rc = depot_disk(d, out, err);
    if (rc == PB_OK)
        rc = usage_tell(&t, fn, arg, err);
    arena_free(&t.arena);
    return rc;
}
