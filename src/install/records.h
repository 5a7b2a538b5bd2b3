/* What is installed: DIR/.patchbay/installed.json has a record for each title (docs/formats/install.md).
 * `home`: descriptor of DIR/.patchbay. */
#ifndef PB_INSTALL_RECORDS_H
#define PB_INSTALL_RECORDS_H

#include "install/staging.h"

/* One record. Texts are valid during the callback only. */
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

/* The record for a plan, as one line of JSON. The caller frees it. NULL: out of memory. */
char *records_make(const struct fetch_plan *plan);
/* True when the title has this record already, apart from its time. */
bool records_known(int home, const char *title, const char *record);
/* Removes all that is recorded of a title. `stage`: its staging folder's name. */
PB_MUST_USE int records_forget(int home, const char *title, const char *stage, struct pb_error *err);
PB_MUST_USE int records_save(int home, const char *title, const char *record, struct pb_error *err);

#endif
