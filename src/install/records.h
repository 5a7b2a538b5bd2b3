/* What is installed: DIR/.patchbay/installed.json, a record for each title; and DIR/.patchbay/records/, what
 * dialects want to remember of the last install. */
#ifndef PB_INSTALL_RECORDS_H
#define PB_INSTALL_RECORDS_H

#include "install/staging.h"

/* What the installed list says of a title. Text is valid during the callback. */
struct installed {
    const char *title;
    const char *version; /* "" when the protocol has none */
    const char *source;
    uint64_t files;
    const char *file; /* of a title that is one file: its path; else "" */
    uint64_t size;
    char md5[MD5_HEX + 1];
    uint32_t crc32;
    int64_t when; /* Unix seconds */
};
typedef int installed_fn(void *arg, const struct installed *record);
PB_MUST_USE int installed_each(int home, installed_fn *fn, void *arg, struct pb_error *err);

/* The record that a plan makes, as JSON text in one line; the caller frees it. NULL when memory is out. */
char *records_make(const struct fetch_plan *plan);
/* Does the list say just this of the title already, but for the time? */
bool records_known(int home, const char *title, const char *record);
PB_MUST_USE int records_save(int home, const char *title, const char *record, struct pb_error *err);

/* Takes a file of staging over as what the dialect remembers; one that is not there was taken over before. */
PB_MUST_USE int records_blob_save(int home, int staging, const char *staged, const char *stage,
                                  struct pb_error *err);
/* Reads it; leaves `out` empty when there is none. */
PB_MUST_USE int records_blob_read(int home, const char *stage, struct buffer *out, struct pb_error *err);

#endif
