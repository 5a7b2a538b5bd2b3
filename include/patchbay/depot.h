/*
 * The depot: the folder that holds everything published (docs/formats/depot.md).
 *
 * Threads: a struct pb_depot may be used by one thread at a time, whichever that is. Functions that take a
 * path may be called from several at once. Several processes, and several handles in one process, may have
 * the same depot open: publishing, serving and garbage collection exclude each other where necessary. After a
 * fork() the child must not use a handle of its parent's. Callbacks come in the thread of the call, unless a
 * function says otherwise; they must not use the handle.
 *
 * All functions take `err`, which must not be NULL and is filled in on failure. Besides the errors that are
 * listed, each may return PB_FAILED (the system refused something), PB_BUSY (another program holds the
 * database for too long), PB_NO_SPACE, PB_NO_MEMORY and PB_DAMAGED (the catalog is damaged).
 */
#ifndef PATCHBAY_DEPOT_H
#define PATCHBAY_DEPOT_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_depot;

/* Creates an empty depot at `path`, and missing folders above it. PB_INVALID: a depot is there already. */
PB_API PB_MUST_USE int pb_depot_init(const char *path, struct pb_error *err);

/* Opens the depot at `path`. On success the caller owns *depot and closes it with pb_depot_close.
 * PB_NOT_FOUND: there is no depot. */
PB_API PB_MUST_USE int pb_depot_open(const char *path, struct pb_depot **depot, struct pb_error *err);
PB_API void pb_depot_close(struct pb_depot *depot); /* accepts NULL */

/* One release. Valid during the callback only. */
struct pb_release {
    const char *title;   /* "opensauce/immure" */
    const char *version; /* "3", "20061212_3" */
    int64_t published;   /* Unix seconds */
    int live;            /* 1: this is the release that players get */
    uint64_t entries;
    uint64_t bytes; /* of all entries, as they are sent */
};

/* A return value other than 0 ends the listing, which then returns PB_CANCELLED. */
typedef int pb_release_fn(void *arg, const struct pb_release *release);

/* Lists the live release of each title, sorted by title. */
PB_API PB_MUST_USE int pb_depot_list(struct pb_depot *depot, pb_release_fn *fn, void *arg,
                                     struct pb_error *err);

/* Lists all releases of a title, newest first. PB_NOT_FOUND: there is no such title. */
PB_API PB_MUST_USE int pb_depot_history(struct pb_depot *depot, const char *title, pb_release_fn *fn,
                                        void *arg, struct pb_error *err);

/*
 * Makes an older release live. `version` names it; NULL stands for the release published before the live one,
 * or, for a withdrawn title, for the one that was live last. fn, which may be NULL, is called with the
 * release that is live afterwards. PB_NOT_FOUND: there is no such title or release. PB_INVALID: a name of the
 * release is taken by another live title.
 */
PB_API PB_MUST_USE int pb_depot_rollback(struct pb_depot *depot, const char *title, const char *version,
                                         pb_release_fn *fn, void *arg, struct pb_error *err);

/* Takes a title off the servers. Its releases stay in the depot; pb_depot_rollback makes one live again.
 * PB_NOT_FOUND: there is no such title, or it is not live. */
PB_API PB_MUST_USE int pb_depot_withdraw(struct pb_depot *depot, const char *title, struct pb_error *err);

struct pb_gc_report {
    size_t size;       /* set by PB_INIT */
    uint64_t releases; /* removed from the catalog, because of `keep` */
    uint64_t objects;  /* removed, unfinished files included */
    uint64_t bytes;
};

/*
 * Garbage collection: removes objects that no release refers to. With keep < 0 all releases are kept.
 * Otherwise only the live release and the `keep` newest others of each title are kept; a release that was
 * live within the last minute is kept, too, as a server may still serve it. The call waits for publishing
 * under way to end; with wait 0 it returns PB_BUSY instead.
 */
PB_API PB_MUST_USE int pb_depot_gc(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report,
                                   struct pb_error *err);

/* Fills *report in with what pb_depot_gc would do now, and changes nothing. It waits for publishing as that
 * does, as what is being published is not in the catalog yet. Errors as for pb_depot_gc. */
PB_API PB_MUST_USE int pb_depot_gc_preview(struct pb_depot *depot, int keep, int wait,
                                           struct pb_gc_report *report, struct pb_error *err);

/* What a title costs: the sizes of the objects that its releases need, each once. Valid during the callback
 * only. */
struct pb_title_usage {
    const char *title;     /* "opensauce/immure" */
    int live;              /* 0: it is withdrawn */
    uint64_t releases;     /* the live one included */
    uint64_t bytes;        /* own_bytes + shared_bytes */
    uint64_t own_bytes;    /* which no other title needs: free once all its releases are gone */
    uint64_t shared_bytes; /* which other titles need, too */
    uint64_t old_bytes;    /* part of own_bytes: which only releases need that are not live */
};

/* What a depot costs, in bytes of its objects. The file system takes a little more: whole blocks, the
 * catalog, and unfinished files. bytes = live_bytes + old_bytes + unused_bytes. */
struct pb_usage_report {
    size_t size; /* set by PB_INIT */
    uint64_t objects;
    uint64_t bytes;
    uint64_t live_bytes; /* what live releases need */
    uint64_t old_bytes;  /* what only others need; pb_depot_gc with keep 0 frees it, a minute after they were
                            live */
    uint64_t unused_bytes; /* what no release needs; pb_depot_gc frees it */
    uint64_t old_releases; /* how many are not live */
    uint64_t free_bytes;   /* on the depot's file system, for this user */
    uint64_t disk_bytes;   /* the size of that file system */
};

/* A return value other than 0 ends the listing, which then returns PB_CANCELLED. */
typedef int pb_title_usage_fn(void *arg, const struct pb_title_usage *usage);

/* Adds up what the depot and each of its titles cost, at one moment; reads the catalog alone. fn, which may
 * be NULL, is called for each title, sorted; withdrawn ones, too. PB_INVALID: report->size is not set. */
PB_API PB_MUST_USE int pb_depot_usage(struct pb_depot *depot, pb_title_usage_fn *fn, void *arg,
                                      struct pb_usage_report *report, struct pb_error *err);

struct pb_backup_report {
    size_t size;      /* set by PB_INIT */
    uint64_t objects; /* in the copy */
    uint64_t bytes;
    uint64_t copied; /* of these, copied by this call */
    uint64_t copied_bytes;
};

/*
 * Copies the depot, as it is at one moment, into `folder`: content, all releases, bans and the account of the
 * day. The folder is created if it is missing. The copy is itself a depot. Publishing and serving continue
 * during a backup; garbage collection waits for its end. Objects that an earlier backup in the folder has are
 * not copied again. A backup that does not end leaves the earlier one intact. progress may be NULL.
 * PB_INVALID: the folder is the depot or lies within it, or holds files that are not a depot's. PB_DAMAGED:
 * objects are missing or damaged; the others were copied, and the earlier backup stays. PB_BUSY: another
 * program has the folder open.
 */
PB_API PB_MUST_USE int pb_depot_backup(struct pb_depot *depot, const char *folder, pb_progress_fn *progress,
                                       void *arg, struct pb_backup_report *report, struct pb_error *err);

/* Creates the depot at `depot` from a backup. There must be none yet; it appears whole or not at all. Errors
 * as for pb_depot_backup. */
PB_API PB_MUST_USE int pb_depot_restore(const char *backup, const char *depot, pb_progress_fn *progress,
                                        void *arg, struct pb_backup_report *report, struct pb_error *err);

struct pb_fsck_report {
    size_t size;      /* set by PB_INIT */
    uint64_t objects; /* checked */
    uint64_t bytes;
    uint64_t problems;
    uint64_t garbage; /* files that no release refers to: no problem, as garbage collection removes them */
};

/* One problem: what is wrong, and the affected releases ("opensauce/immure 3, …"; "" for none). Both texts
 * are valid during the call only. A return value other than 0 ends the check, which then returns
 * PB_CANCELLED. */
typedef int pb_problem_fn(void *arg, const char *what, const char *titles);

/*
 * Checks the depot: reads every object and compares it with its name (SHA-256), its MD5 and its size; checks
 * the catalog; and checks that every release could be served. Returns PB_OK when the check was completed,
 * also when it found problems: see report->problems. fn and progress may be NULL.
 */
PB_API PB_MUST_USE int pb_depot_fsck(struct pb_depot *depot, pb_problem_fn *fn, pb_progress_fn *progress,
                                     void *arg, struct pb_fsck_report *report, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
