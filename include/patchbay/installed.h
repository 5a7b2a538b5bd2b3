/*
 * What was fetched into a folder: checking it, and taking it away again.
 *
 * Threads: the functions may be called from several at once, for different folders. Callbacks come in the
 * thread of the call.
 */
#ifndef PATCHBAY_INSTALLED_H
#define PATCHBAY_INSTALLED_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_verify_report {
    size_t size; /* set by PB_INIT */
    unsigned titles;
    uint64_t files; /* checked */
    uint64_t bytes; /* read */
    uint64_t problems;
};

/* One problem: a file of a title, and what is wrong with it. Texts are valid during the call only. A return
 * value other than 0 ends the check, which then returns PB_CANCELLED. */
typedef int pb_verify_fn(void *arg, const char *title, const char *path, const char *what);

/*
 * Reads every file that was fetched into `folder` and compares it with its recorded MD5 and size; an
 * interrupted install is completed first. `title` ("escape/official") restricts the check to one title; NULL:
 * all. Index files that a game writes anew are left out. Returns PB_OK when the check was completed, also
 * when it found problems: see report->problems. fn and progress may be NULL; progress has the stage
 * "checking", in files. PB_NOT_FOUND: nothing was fetched into the folder, or not this title.
 */
PB_API PB_MUST_USE int pb_verify(const char *folder, const char *title, pb_verify_fn *fn,
                                 pb_progress_fn *progress, void *arg, struct pb_verify_report *report,
                                 struct pb_error *err);

struct pb_uninstall_report {
    size_t size;      /* set by PB_INIT */
    unsigned removed; /* files that a fetch had put there, unchanged */
    unsigned attic;   /* files moved to DIR/attic: changed since, or there before the first fetch */
};

/*
 * Takes a title out of `folder`: files that a fetch has put there and that are unchanged are removed, other
 * files of the title are moved to the folder `attic`, folders that are empty then are removed. Files that are
 * not the title's stay. All of it happens or nothing, as in pb_fetch. PB_NOT_FOUND: the title is not
 * installed there. PB_BUSY: it is being fetched. PB_FAILED: the folder can't be written, or was changed
 * meanwhile.
 */
PB_API PB_MUST_USE int pb_uninstall(const char *folder, const char *title, struct pb_uninstall_report *report,
                                    struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
