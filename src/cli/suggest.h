/* "did you mean …?" for verbs and options. */
#ifndef PB_CLI_SUGGEST_H
#define PB_CLI_SUGGEST_H

#include "cli/options.h"

enum { SUGGEST_SIZE = 160 };

/* Each writes "; did you mean A or B?" to `out`, or "" when nothing is near, and returns it. */
const char *suggest_verb(int argc, char **argv, char out[SUGGEST_SIZE]);
/* `word` is as the user wrote it: "--depto=x". */
const char *suggest_option(const struct args *a, const char *word, char out[SUGGEST_SIZE]);

#endif
