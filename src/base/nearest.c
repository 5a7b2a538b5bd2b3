/* The distance of Damerau and Levenshtein, by three rows of the usual table. */
#include "base/nearest.h"

#include <stdio.h>

/* As many mistakes as still leave a word recognisable. */
static unsigned mistakes_allowed(size_t length)
{
    return length < 3 ? 0 : length < 6 ? 1 : length < 10 ? 2 : 3;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned word_distance(struct slice a, struct slice b, unsigned most)
{
    unsigned rows[3][NEAREST_WORD]; /* of the letters before last, the last, and this one */
    size_t apart = a.n > b.n ? a.n - b.n : b.n - a.n;
    if (a.n >= NEAREST_WORD || b.n >= NEAREST_WORD || apart > most)
        return most + 1;
    for (unsigned k = 0; k <= b.n; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= b.n; k++) {
            char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[k - 1]);
            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + (x != y));
            if (i > 1 && k > 1 && x == ascii_lower(b.p[k - 2]) && y == ascii_lower(a.p[i - 2]))
                row[k] = least(row[k], before[k - 2] + 1);
        }
    }
    return least(rows[a.n % 3][b.n], most + 1);
}

void nearest_init(struct nearest *n, struct slice word)
{
    *n = (struct nearest){.word = word, .distance = mistakes_allowed(word.n)};
}

void nearest_offer(struct nearest *n, struct slice word, struct slice shown)
{
    if (n->word.n < 3 || shown.n >= NEAREST_WORD)
        return;
    unsigned distance = word_distance(n->word, word, n->distance);
    if (distance > n->distance)
        return;
    if (distance < n->distance)
        n->n = 0;
    n->distance = distance;
    if (n->n < NEAREST_MAX)
        snprintf(n->found[n->n++], NEAREST_WORD, "%.*s", (int)shown.n, shown.p);
}

const char *nearest_text(const struct nearest *n, char out[NEAREST_TEXT])
{
    if (n->n == 0)
        out[0] = '\0';
    else
        snprintf(out, NEAREST_TEXT, "; did you mean %s%s%s?", n->found[0], n->n > 1 ? " or " : "",
                 n->n > 1 ? n->found[1] : "");
    return out;
}
