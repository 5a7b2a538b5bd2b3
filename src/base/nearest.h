/* "Did you mean …?": of the words that there are, the one or two that somebody has most likely meant. */
#ifndef PB_BASE_NEAREST_H
#define PB_BASE_NEAREST_H

#include "base/bytes.h"

/* NEAREST_WORD: bytes of a word; a longer one is like none. NEAREST_MAX: more would not help. */
enum { NEAREST_WORD = 128, NEAREST_MAX = 2, NEAREST_TEXT = NEAREST_MAX * NEAREST_WORD + 32 };

struct nearest {
    struct slice word; /* borrowed */
    unsigned distance; /* of those that were found */
    size_t n;
    char found[NEAREST_MAX][NEAREST_WORD]; /* sorted as they were offered */
};

/* How many letters of `a` must be changed, added, left out or exchanged with the next one to make `b`,
 * whatever their case; `most` + 1 when they are more than `most`, or a word is too long. */
unsigned word_distance(struct slice a, struct slice b, unsigned most);

void nearest_init(struct nearest *n, struct slice word);
/* Looks at one more word. `shown` is what is suggested when `word` is near. */
void nearest_offer(struct nearest *n, struct slice word, struct slice shown);
/* "; did you mean A or B?", or "" when nothing is near. Returns `out`. */
const char *nearest_text(const struct nearest *n, char out[NEAREST_TEXT]);

#endif
