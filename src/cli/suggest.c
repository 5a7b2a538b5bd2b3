/* What somebody has meant who writes a verb or an option that is not in the table. */
#include "cli/suggest.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 96, WORD_SIZE = 64 };

static const char *suggest(const char *word, const char *const *words, size_t n, const char *dashes,
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

/* The first words of verbs; each once, as verbs that share one stand together. */
static size_t first_words(char store[WORDS_MAX][WORD_SIZE], const char *list[WORDS_MAX])
{
    size_t n = 0;
    for (const struct verb *v = verbs; v->words != NULL && n < WORDS_MAX; v++) {
        snprintf(store[n], WORD_SIZE, "%.*s", (int)strcspn(v->words, " "), v->words);
        list[n] = store[n];
        n += n == 0 || strcmp(store[n], store[n - 1]) != 0;
    }
    return n;
}

const char *suggest_verb(int argc, char **argv, char out[SUGGEST_SIZE])
{
    char two[2 * WORD_SIZE], store[WORDS_MAX][WORD_SIZE];
    const char *list[WORDS_MAX];
    size_t n = 0;
    for (const struct verb *v = verbs; v->words != NULL && n < WORDS_MAX; v++) {
        if (strchr(v->words, ' ') != NULL)
            list[n++] = v->words;
    }
    if (argc > 2 && snprintf(two, sizeof two, "%s %s", argv[1], argv[2]) < (int)sizeof two &&
        suggest(two, list, n, "", out)[0] != '\0')
        return out;
    return suggest(argv[1], list, first_words(store, list), "", out);
}

const char *suggest_option(const struct args *a, const char *word, char out[SUGGEST_SIZE])
{
    char name[WORD_SIZE];
    const char *list[OPTIONS_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < a->option_count; i++)
        list[i] = a->options[i].name;
    return suggest(name, list, a->option_count, "--", out);
}
