/* patchbay completion: a script for the shell, on standard output. */
#include "cli/completion.h"

#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

static enum argument_kind kind_of(const char *word)
{
    static const struct {
        const char *word;
        enum argument_kind kind;
    } kinds[] = {{"FILE", ARGUMENT_FILE},          {"PATCH_CFG", ARGUMENT_FILE}, {"DIR", ARGUMENT_FOLDER},
                 {"TREE", ARGUMENT_FOLDER},        {"PARTS", ARGUMENT_FOLDER},   {"BACKUP", ARGUMENT_FOLDER},
                 {"DEFINITIONS", ARGUMENT_FOLDER}, {"TITLE", ARGUMENT_TITLE}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].word, word) == 0)
            return kinds[i].kind;
    }
    return ARGUMENT_TEXT;
}

/* "FILE|-|off": a file, or one of two words. Words with capitals describe what is meant. */
struct argument argument_of(const char *text)
{
    struct argument a = {.kind = text == NULL ? ARGUMENT_NONE : ARGUMENT_TEXT};
    if (text == NULL)
        return a;
    snprintf(a.name, sizeof a.name, "%s", text);
    bool several = strchr(text, '|') != NULL;
    for (size_t n; *text != '\0'; text += n + (text[n] == '|')) {
        char word[48];
        n = strcspn(text, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, text);
        size_t used = strlen(a.choices);
        if (kind_of(word) != ARGUMENT_TEXT)
            a.kind = kind_of(word);
        else if (several && strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL)
            snprintf(a.choices + used, sizeof a.choices - used, "%s%s", used > 0 ? " " : "", word);
    }
    return a;
}

/* "TITLE [VERSION]" */
static void operands_read(struct completed *c)
{
    for (const char *at = c->verb->operands; *at != '\0' && c->operand_count < COMPLETED_OPERANDS;) {
        char word[48];
        size_t n = strcspn(at, " ");
        bool optional = at[0] == '[' && at[n - 1] == ']';
        snprintf(word, sizeof word, "%.*s", (int)(optional ? n - 2 : n), at + optional);
        c->operands[c->operand_count++] = argument_of(word);
        at += n + (at[n] == ' ');
    }
    /* What is installed in a folder is not in the depot. */
    for (size_t i = 0; !c->verb->depot && i < c->operand_count; i++) {
        if (c->operands[i].kind == ARGUMENT_TITLE)
            c->operands[i].kind = ARGUMENT_TEXT;
    }
}

void completed_each(void (*fn)(const struct completed *c))
{
    for (const struct verb *v = verbs; v->words != NULL; v++) {
        struct completed c = {.verb = v};
        args_start(&c.args, v);
        operands_read(&c);
        fn(&c);
    }
}

void completion_text(const char *text, const char *special, const char *apostrophe)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs(apostrophe, stdout);
            continue;
        }
        if (strchr(special, *text) != NULL)
            putchar('\\');
        putchar(*text);
    }
}

int verb_completion(const struct args *a)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(a->operands[0], shells[i].shell) == 0) {
            shells[i].print();
            return print_end();
        }
    }
    fprintf(stderr, "patchbay: completions are for bash, zsh or fish, not %s\n", a->operands[0]);
    return EXIT_USAGE;
}
