/* Completions for fish. Operands are not told apart by their place: fish offers what any of them may be. */
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

static const char begin[] =
    "# fish completion for patchbay, made by: patchbay completion fish\n"
    "function __patchbay_at # WORD...: is this the verb?\n"
    "    set -l words (commandline -opc)\n"
    "    set -l last (math 1 + (count $argv))\n"
    "    test (count $words) -ge $last\n"
    "    and test \"$words[2..$last]\" = \"$argv\"\n"
    "end\n"
    "function __patchbay_next # WORD...: do these words alone stand before the cursor?\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -eq (math 1 + (count $argv))\n"
    "    and test \"$words[2..]\" = \"$argv\"\n"
    "end\n"
    "function __patchbay_titles\n"
    "    set -l words (commandline -opc)\n"
    "    set -l depot (string replace -f -r -- '^--depot=' '--depot=' $words)\n"
    "    if set -l at (contains -i -- --depot $words)\n"
    "        set at (math $at + 1)\n"
    "        set depot --depot=$words[$at]\n"
    "    end\n"
    "    patchbay list --names $depot 2>/dev/null\n"
    "end\n"
    "complete -c patchbay -f\n"
    "complete -c patchbay -n __patchbay_next -l version -d 'Show the version'\n"
    "complete -c patchbay -n __patchbay_next -l help -d 'Show the verbs'\n";

static void described(const char *text)
{
    printf(" -d '");
    completion_text(text, "\\", "\\'");
    printf("'\n");
}

/* What it may be; `demanded` where it is an option's. */
static void argument_print(const struct argument *a, bool demanded)
{
    static const char *const lists[] = {"", "", "", "(__fish_complete_directories)", "(__patchbay_titles)"};
    const char *list = lists[a->kind];
    if (a->kind == ARGUMENT_FILE)
        printf(demanded ? " -r -F" : " -F");
    else if (demanded)
        printf(" -x");
    if (list[0] != '\0' || a->choices[0] != '\0')
        printf(" -a '%s%s%s'", list, list[0] != '\0' && a->choices[0] != '\0' ? " " : "", a->choices);
}

static void first_print(const struct completed *c)
{
    const char *words = c->verb->words;
    size_t n = strcspn(words, " ");
    const struct verb *before = c->verb == verbs ? NULL : c->verb - 1;
    if (before == NULL || strncmp(before->words, words, n) != 0 || before->words[n] != ' ') {
        printf("complete -c patchbay -n __patchbay_next -a %.*s", (int)n, words);
        described(words[n] == ' ' ? "…" : c->verb->summary);
    }
    if (words[n] != ' ')
        return;
    printf("complete -c patchbay -n '__patchbay_next %.*s' -a %s", (int)n, words, words + n + 1);
    described(c->verb->summary);
}

static void verb_print(const struct completed *c)
{
    first_print(c);
    for (size_t i = 0; i < c->args.option_count; i++) {
        const struct option *o = &c->args.options[i];
        const struct argument a = argument_of(o->argument);
        printf("complete -c patchbay -n '__patchbay_at %s' -l %s", c->verb->words, o->name);
        if (a.kind != ARGUMENT_NONE)
            argument_print(&a, true);
        described(o->help);
    }
    for (size_t i = 0; i < c->operand_count; i++) {
        const struct argument *a = &c->operands[i];
        if (a->kind == ARGUMENT_TEXT && a->choices[0] == '\0')
            continue;
        printf("complete -c patchbay -n '__patchbay_at %s'", c->verb->words);
        argument_print(a, false);
        printf("\n");
    }
}

void completion_fish(void)
{
    fputs(begin, stdout);
    completed_each(verb_print);
}
