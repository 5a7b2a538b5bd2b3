/* Completions for zsh: a file _patchbay in $fpath, or: source <(patchbay completion zsh). */
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

static const char begin[] = "#compdef patchbay\n"
                            "# Made by: patchbay completion zsh\n"
                            "_patchbay_titles() {\n"
                            "    local depot=${(Q)opt_args[--depot]}\n"
                            "    local -a titles\n"
                            "    titles=(${(f)\"$(_call_program titles patchbay list --names "
                            "${depot:+--depot=${(q)depot}} 2>/dev/null)\"})\n"
                            "    compadd -a titles\n"
                            "}\n"
                            "_patchbay() {\n"
                            "    local -a verbs kinds\n"
                            "    local verb=$words[2]\n";

static const char end[] = "if [[ $funcstack[1] == _patchbay ]]; then\n"
                          "    _patchbay \"$@\"\n"
                          "else\n"
                          "    compdef _patchbay patchbay\n"
                          "fi\n";

static void text(const char *text)
{
    completion_text(text, "[]:\\", "'\\''");
}

/* ":NAME:ACTION" */
static void argument_print(const struct argument *a)
{
    static const char *const actions[] = {"", "", "_files", "_files -/", "_patchbay_titles"};
    putchar(':');
    text(a->name);
    putchar(':');
    if (a->kind > ARGUMENT_TEXT && a->choices[0] != '\0') /* either */
        printf("_alternative \"files\\:file\\:%s\" \"words\\:word\\:(%s)\"", actions[a->kind], a->choices);
    else if (a->choices[0] != '\0')
        printf("(%s)", a->choices);
    else
        fputs(actions[a->kind], stdout);
}

static void verb_print(const struct completed *c)
{
    printf("    '%s')\n        _arguments \\\n", c->verb->words);
    for (size_t i = 0; i < c->args.option_count; i++) {
        const struct option *o = &c->args.options[i];
        const struct argument a = argument_of(o->argument);
        printf("            '%s--%s%s[", o->repeatable ? "*" : "", o->name, o->argument != NULL ? "=" : "");
        text(o->help);
        putchar(']');
        if (a.kind != ARGUMENT_NONE)
            argument_print(&a);
        printf("' \\\n");
    }
    for (size_t i = 0; i < c->operand_count; i++) {
        printf("            '");
        if (i >= c->verb->least)
            putchar(':'); /* it may be left out */
        argument_print(&c->operands[i]);
        printf("' \\\n");
    }
    printf("            && return 0\n        ;;\n");
}

static void name_print(const char *name, size_t n, const char *summary)
{
    printf(" \\\n        '%.*s:", (int)n, name);
    completion_text(summary, "\\", "'\\''");
    putchar('\'');
}

static bool begins_several(const struct verb *v, size_t n)
{
    return v->words[n] == ' ';
}

static void first_print(const struct completed *c)
{
    size_t n = strcspn(c->verb->words, " ");
    const struct verb *before = c->verb == verbs ? NULL : c->verb - 1;
    if (before != NULL && strncmp(before->words, c->verb->words, n) == 0 && before->words[n] == ' ')
        return;
    name_print(c->verb->words, n, begins_several(c->verb, n) ? "…" : c->verb->summary);
}

static void second_print(void)
{
    for (const struct verb *v = verbs; v->words != NULL;) {
        size_t n = strcspn(v->words, " ");
        const struct verb *first = v;
        for (; v->words != NULL && v->words[n] == ' ' && strncmp(v->words, first->words, n) == 0; v++) {
            if (v == first)
                printf("    %.*s)\n        kinds=(", (int)n, first->words);
            name_print(v->words + n + 1, strlen(v->words + n + 1), v->summary);
        }
        if (v == first)
            v++;
        else
            printf(")\n        ;;\n");
    }
}

void completion_zsh(void)
{
    fputs(begin, stdout);
    printf("    verbs=(");
    completed_each(first_print);
    printf(")\n    if ((CURRENT == 2)); then\n        _describe -t verbs verb verbs\n        return\n    fi\n"
           "    case $verb in\n");
    second_print();
    printf("    esac\n    if (($#kinds > 0)); then\n        if ((CURRENT == 3)); then\n"
           "            _describe -t kinds kind kinds\n            return\n        fi\n"
           "        verb+=\" $words[3]\"\n        shift words\n        ((CURRENT--))\n    fi\n"
           "    shift words\n    ((CURRENT--))\n    case $verb in\n");
    completed_each(verb_print);
    printf("    esac\n}\n");
    fputs(end, stdout);
}
