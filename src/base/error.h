/* Filling in struct pb_error: made where the fault is known, completed where the context is known. */
#ifndef PB_BASE_ERROR_H
#define PB_BASE_ERROR_H

#include "patchbay/status.h"

#define PB_PRINTF(a, b) __attribute__((format(printf, a, b)))

/* Sets the text and returns `status`, so that `return error_set(...)` reads well. err may be NULL. */
int error_set(struct pb_error *err, int status, const char *format, ...) PB_PRINTF(3, 4);

/* As error_set, with the system's text for `number` (an errno value) at the end. ENOSPC, EDQUOT and EFBIG
 * become PB_NO_SPACE, ENOMEM becomes PB_NO_MEMORY, ENOENT and ENOTDIR become PB_NOT_FOUND, all others
 * PB_FAILED. */
int error_errno(struct pb_error *err, int number, const char *format, ...) PB_PRINTF(3, 4);

/* Puts "prefix: " before the text that is there and returns the status that is there. */
int error_context(struct pb_error *err, const char *format, ...) PB_PRINTF(2, 3);

int error_memory(struct pb_error *err);

#endif
