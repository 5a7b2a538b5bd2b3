/* Completions for shells, made from the table of verbs and options: what the three writers share. */
#ifndef PB_CLI_COMPLETION_H
#define PB_CLI_COMPLETION_H

#include "cli/options.h"

enum argument_kind {
    ARGUMENT_NONE, /* a flag */
    ARGUMENT_TEXT, /* nothing can be suggested */
    ARGUMENT_FILE,
    ARGUMENT_FOLDER,
    ARGUMENT_TITLE, /* of the depot */
};

/* What an option or an operand takes, as its description in the table says. */
struct argument {
    enum argument_kind kind;
    char name[48];     /* "FILE" */
    char choices[128]; /* words that are allowed besides, with a space between them */
};

enum { COMPLETED_OPERANDS = 4 };

struct completed {
    const struct verb *verb;
    struct args args; /* of which the options are set */
    struct argument operands[COMPLETED_OPERANDS];
    size_t operand_count;
};

/* `text` NULL: a flag. */
struct argument argument_of(const char *text);
/* Calls fn for each verb, in the order of the table. */
void completed_each(void (*fn)(const struct completed *c));

/* Prints `text` with a backslash before each byte that is in `special`, and ' as the shell wants it. */
void completion_text(const char *text, const char *special, const char *apostrophe);

void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);

#endif
