/*
 * The version of these headers, for the preprocessor, and that of the library that is loaded. docs/library.md
 * says what changes between versions.
 *
 * Threads: pb_version may be called at any time from anywhere, a signal handler too.
 */
#ifndef PATCHBAY_VERSION_H
#define PATCHBAY_VERSION_H

#include "patchbay/attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PB_VERSION_MAJOR 0
#define PB_VERSION_MINOR 1
#define PB_VERSION_PATCH 0
#define PB_VERSION_TEXT  "0.1.0"

/* Versions in one number, which grows with them: for #if. */
#define PB_VERSION_NUMBER_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define PB_VERSION_NUMBER                         PB_VERSION_NUMBER_OF(PB_VERSION_MAJOR, PB_VERSION_MINOR, PB_VERSION_PATCH)

/* Are these the headers of this version or a later one? For #if. */
#define PB_VERSION_AT_LEAST(major, minor, patch)                                                             \
    (PB_VERSION_NUMBER >= PB_VERSION_NUMBER_OF(major, minor, patch))

/* The version of the library that is loaded, such as "0.1.0"; it may be later than that of the headers.
 * Static text. */
PB_API const char *pb_version(void);
/* The same as PB_VERSION_NUMBER. */
PB_API int pb_version_number(void);

#ifdef __cplusplus
}
#endif
#endif
