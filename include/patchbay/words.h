/*
 * What people write: durations and sizes, as the configuration and the command line have them, and words that
 * are nearly right.
 *
 * Threads: any function from any thread, also several at once.
 */
#ifndef PATCHBAY_WORDS_H
#define PATCHBAY_WORDS_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a duration: digits, and s, m, h, d or w for seconds, minutes, hours, days or weeks; without one they
 * are seconds. *seconds is set on success. PB_INVALID: it is anything else (a sign, a fraction, two units),
 * or not from `low` to `high` seconds. The text of the error then says what is allowed, to stand behind a
 * name: "is a duration from 1s to 1d, such as 30s, 5m, 1h or 7d, not 1.5h".
 */
PB_API PB_MUST_USE int pb_duration_read(const char *text, uint64_t low, uint64_t high, uint64_t *seconds,
                                        struct pb_error *err);

/* The same for a number of bytes: digits, and k, M, G or T, of 1024. */
PB_API PB_MUST_USE int pb_bytes_read(const char *text, uint64_t low, uint64_t high, uint64_t *bytes,
                                     struct pb_error *err);

#define PB_NEAR_MAX 2

/* Which of n words were most likely meant by `word`, which is none of them. Returns how many it has put into
 * `near`, at most PB_NEAR_MAX; 0: none is near. They point to what is in `words`. */
PB_API size_t pb_words_near(const char *word, const char *const *words, size_t n,
                            const char *near[PB_NEAR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
