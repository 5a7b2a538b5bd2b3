/* What verbs share: errors, the depot, JSON. */
#ifndef PB_CLI_OUTPUT_H
#define PB_CLI_OUTPUT_H

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <jansson.h>

/* Prints the error on stderr. Returns the exit status that exits.c has for it. */
int fail(const struct pb_error *err);

/* Opens the depot that the options name. Returns EXIT_DONE, or the exit status after an error was printed. */
int open_depot(const struct args *a, struct pb_depot **out);

/* Prints and frees the value. Returns EXIT_DONE, or EXIT_FAILED when standard output can't be written. */
int print_json(json_t *o);
/* Flushes standard output. Returns as print_json. */
int print_end(void);

#endif
