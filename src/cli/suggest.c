/* Naming what may have been meant. */
#include "cli/suggest.h"

#include "patchbay/words.h"

#include <stdio.h>

const char *suggest(const char *word, const char *const *words, size_t n, const char *dashes,
                    char out[SUGGEST_SIZE])
{
    const char *near[PB_NEAR_MAX];
    size_t found = pb_words_near(word, words, n, near);
    out[0] = '\0';
    if (found > 0)
        snprintf(out, SUGGEST_SIZE, "; did you mean %s%s%s%s%s?", dashes, near[0], found > 1 ? " or " : "",
                 found > 1 ? dashes : "", found > 1 ? near[1] : "");
    return out;
}
