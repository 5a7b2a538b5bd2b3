/* Filling in a struct pb_error: the text is set where the fault is known, and prefixed where the context is
 * known. `err` may be NULL in all of these. */
#ifndef PB_BASE_ERROR_H
#define PB_BASE_ERROR_H

#include "patchbay/status.h"

#define PB_PRINTF(a, b) __attribute__((format(printf, a, b)))

/* Sets status and text. Returns `status`. */
int error_set(struct pb_error *err, int status, const char *format, ...) PB_PRINTF(3, 4);

/* As error_set, with the text of errno value `number` appended and the status derived from it: ENOSPC, EDQUOT
 * and EFBIG become PB_NO_SPACE, ENOMEM PB_NO_MEMORY, ENOENT and ENOTDIR PB_NOT_FOUND, all others PB_FAILED.
 */
int error_errno(struct pb_error *err, int number, const char *format, ...) PB_PRINTF(3, 4);

/* Prefixes the text with "...: ". Returns the status of *err. */
int error_context(struct pb_error *err, const char *format, ...) PB_PRINTF(2, 3);

/* Sets PB_NO_MEMORY and returns it; inline, so that compilers and analysers see that it is an error. */
void error_memory_set(struct pb_error *err);
static inline int error_memory(struct pb_error *err)
{
    error_memory_set(err);
    return PB_NO_MEMORY;
}

/* What scripts/lint defines: analysers do not look into error.c, and would follow paths where an error is
 * none. */
#ifdef PB_ANALYSIS
static inline int error_status(int status)
{
    return status;
}
#define error_set(err, status, ...) ((void)error_set(err, status, __VA_ARGS__), error_status(status))
#define error_errno(...)            ((void)error_errno(__VA_ARGS__), error_status(PB_FAILED))
#define error_context(...)          ((void)error_context(__VA_ARGS__), error_status(PB_FAILED))
#endif

#endif
