/* "did you mean …?" */
#ifndef PB_CLI_SUGGEST_H
#define PB_CLI_SUGGEST_H

#include <stddef.h>

enum { SUGGEST_SIZE = 160 };

/* Writes "; did you mean A or B?" to `out`, or "" when none of the words is near, and returns it. `dashes`
 * stands before each word. */
const char *suggest(const char *word, const char *const *words, size_t n, const char *dashes,
                    char out[SUGGEST_SIZE]);

#endif
