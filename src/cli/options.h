/* The table of verbs and options. It parses the command line, and prints the help. */
#ifndef PB_CLI_OPTIONS_H
#define PB_CLI_OPTIONS_H

#include "cli/exits.h"
#include "patchbay/patchbay.h"

#include <stdbool.h>
#include <stddef.h>

struct option {
    const char *name;     /* without the dashes */
    const char *argument; /* NULL: a flag */
    const char *help;
    bool repeatable;
};

enum { OPTIONS_MAX = 64, VALUES_MAX = 256, OPERANDS_MAX = 4 };

struct option_value {
    const struct option *option;
    const char *value; /* "" for a flag */
};

struct verb;

/* What was given. */
struct args {
    const struct verb *verb;
    struct option options[OPTIONS_MAX]; /* the verb's, with the common ones */
    size_t option_count;
    struct option_value values[VALUES_MAX];
    size_t value_count;
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
};

struct verb {
    const char *words;            /* "publish map" */
    const char *operands;         /* "FILE" */
    size_t least, most;           /* how many */
    const char *summary;          /* one line */
    const char *details;          /* further lines; may be "" */
    const struct option *options; /* ends with a NULL name; may be NULL */
    /* Adds options that are known only at run time; may be NULL. */
    void (*more_options)(struct args *a);
    bool depot; /* takes --depot */
    bool json;  /* takes --json */
    int (*run)(const struct args *a);
};

extern const struct verb verbs[]; /* ends with NULL words */

/* Parses the command line. Returns -1 to run the verb; else the exit status, after printing help or an error.
 */
int args_parse(int argc, char **argv, struct args *a);
void args_add_option(struct args *a, struct option option);

/* The last value of an option, or NULL. */
const char *args_value(const struct args *a, const char *name);
bool args_flag(const struct args *a, const char *name);
/* All values of an option, in order. Returns their number; stores at most `room`. */
size_t args_values(const struct args *a, const char *name, const char **out, size_t room);
/* Parses a number from `low` to `high`. False: an error was printed. *out is unchanged when the option is not
 * given. */
bool args_number(const struct args *a, const char *name, long low, long high, int *out);
/* Parses a number of bytes with an optional unit of 1024, 1024² or 1024³: "500K", "2M", "1G". As args_number.
 */
bool args_bytes(const struct args *a, const char *name, unsigned long long low, unsigned long long *out);
/* Parses a duration in seconds, from `low` to `high`: "90", "90s", "30m", "12h", "7d", "2w". As args_number.
 */
bool args_duration(const struct args *a, const char *name, uint64_t low, uint64_t high, uint64_t *out);
/* Parses a version, an unsigned 64-bit number. Without `required`, *out is unchanged when the option is not
 * given. */
bool args_version(const struct args *a, const char *name, bool required, unsigned long long *out);
/* The value of a mandatory option. NULL: an error was printed. */
const char *args_required(const struct args *a, const char *name);
/* The depot: --depot, else $PATCHBAY_DEPOT, else ./depot. */
const char *args_depot(const struct args *a);

#endif
