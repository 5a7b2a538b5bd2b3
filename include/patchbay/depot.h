/*
 * The depot: the folder that holds everything published (docs/formats/depot.md).
 *
 * A struct pb_depot is used by one thread at a time. Any number of processes, and of handles in one process,
 * may have the same depot open: publishing, serving and garbage collection do not disturb each other.
 */
#ifndef PATCHBAY_DEPOT_H
#define PATCHBAY_DEPOT_H

#include "patchbay/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_depot;

/* Makes an empty depot at `path`, with the folders above it. PB_INVALID when there is one already. */
PB_API PB_MUST_USE int pb_depot_init(const char *path, struct pb_error *err);

/* Opens the depot at `path`. On success *depot is owned by the caller: pb_depot_close. PB_NOT_FOUND when
 * there is none. */
PB_API PB_MUST_USE int pb_depot_open(const char *path, struct pb_depot **depot, struct pb_error *err);
PB_API void pb_depot_close(struct pb_depot *depot); /* NULL does no harm */

/* One release, as pb_depot_list and pb_depot_history show it. Valid only during the callback. */
struct pb_release {
    const char *title;   /* "opensauce/immure" */
    const char *version; /* "3", "20061212_3" */
    int64_t published;   /* Unix seconds */
    int live;            /* 1: players get this one */
    uint64_t entries;
    uint64_t bytes; /* of all entries as they are served */
};

/* Anything but 0 ends the listing, which then fails with PB_CANCELLED. */
typedef int pb_release_fn(void *arg, const struct pb_release *release);

/* The live release of each title, in order of their names. */
PB_API PB_MUST_USE int pb_depot_list(struct pb_depot *depot, pb_release_fn *fn, void *arg,
                                     struct pb_error *err);

/* All releases of a title, newest first. PB_NOT_FOUND when there is no such title. */
PB_API PB_MUST_USE int pb_depot_history(struct pb_depot *depot, const char *title, pb_release_fn *fn,
                                        void *arg, struct pb_error *err);

/*
 * Makes an older release live: `version`, or, when NULL, the one published before the live one (for a
 * withdrawn title the one that was live last). fn, which may be NULL, is called with the release that is live
 * now. PB_NOT_FOUND when there is none.
 */
PB_API PB_MUST_USE int pb_depot_rollback(struct pb_depot *depot, const char *title, const char *version,
                                         pb_release_fn *fn, void *arg, struct pb_error *err);

/* Takes a title off the servers. Its releases stay, and pb_depot_rollback brings one back. */
PB_API PB_MUST_USE int pb_depot_withdraw(struct pb_depot *depot, const char *title, struct pb_error *err);

struct pb_gc_report {
    uint64_t releases; /* forgotten, because of `keep` */
    uint64_t objects;  /* removed, unfinished ones included */
    uint64_t bytes;
};

/*
 * Removes what no release refers to. keep < 0 keeps all releases; otherwise all but the live one and the
 * `keep` newest others of each title are forgotten first (none that was live within the last minute: a server
 * may still show it). Waits for publishing under way to end, or, with wait 0, fails with PB_BUSY.
 */
PB_API PB_MUST_USE int pb_depot_gc(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report,
                                   struct pb_error *err);

struct pb_backup_report {
    uint64_t objects; /* that the copy has */
    uint64_t bytes;
    uint64_t copied; /* of these, now */
    uint64_t copied_bytes;
};

/*
 * Copies the depot as it is at one moment into `folder`, which is made where it is missing: content, all
 * releases, bans and the day's account. The copy is itself a depot. Publishing and serving go on meanwhile,
 * and a garbage collection waits. Objects that an earlier backup in the folder has are not copied again. A
 * backup that is broken off leaves the one before it as it was. progress may be NULL. PB_INVALID: the folder
 * is the depot or in it, or has files that are not a depot's. PB_DAMAGED: objects are missing or damaged; the
 * others were copied, and the earlier backup stays. PB_BUSY: another program has the folder open.
 */
PB_API PB_MUST_USE int pb_depot_backup(struct pb_depot *depot, const char *folder, pb_progress_fn *progress,
                                       void *arg, struct pb_backup_report *report, struct pb_error *err);

/* Makes the depot `depot` from a backup; it must not be there yet. It appears whole or not at all. Failures
 * as above. */
PB_API PB_MUST_USE int pb_depot_restore(const char *backup, const char *depot, pb_progress_fn *progress,
                                        void *arg, struct pb_backup_report *report, struct pb_error *err);

struct pb_fsck_report {
    uint64_t objects; /* checked */
    uint64_t bytes;
    uint64_t problems;
    uint64_t garbage; /* files that no release refers to; not a problem, gc takes them */
};

/* One problem: what is wrong, and the titles that it hurts ("opensauce/immure 3, …"; "" for none). Anything
 * but 0 ends the check, which then fails with PB_CANCELLED. */
typedef int pb_problem_fn(void *arg, const char *what, const char *titles);

/*
 * Reads every object and compares it with its name (SHA-256), its MD5 and its size; checks the catalog
 * itself, and that every live release could be served. Returns PB_OK when the check could be made, whatever
 * it found: see report->problems. fn and progress may be NULL.
 */
PB_API PB_MUST_USE int pb_depot_fsck(struct pb_depot *depot, pb_problem_fn *fn, pb_progress_fn *progress,
                                     void *arg, struct pb_fsck_report *report, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
