/* Completions for bash, from 4.4 on. They need nothing of the package bash-completion. */
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

/* Words are put together again that bash has parted at '=', '@' and ':'; what is replied lacks what stands
 * before the last of these, as bash replaces only what follows. */
static const char begin[] =
    "# bash completion for patchbay, made by: patchbay completion bash\n"
    "_patchbay() {\n"
    "    local line=$COMP_LINE word cur prev verb depot kind options valued prefix last\n"
    "    local -a words=() operands=() choices=()\n"
    "    local -i at=1 place=0\n"
    "    COMPREPLY=()\n"
    "    for word in \"${COMP_WORDS[@]:0:COMP_CWORD+1}\"; do\n"
    "        if [[ ${#words[@]} -gt 0 && $line != [[:blank:]]* && -n $line ]]; then\n"
    "            words[-1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "        line=${line#\"${line%%[![:blank:]]*}\"}\n"
    "        line=${line#\"$word\"}\n"
    "    done\n"
    "    cur=${words[-1]} last=${COMP_WORDS[COMP_CWORD]}\n"
    "    [[ $last != [=@:] ]] || last=\n"
    "    prefix=${cur%\"$last\"}\n";

static const char middle[] = "    for ((at = at + 1; at < ${#words[@]} - 1; at++)); do\n"
                             "        case ${words[at]} in\n"
                             "        --depot=*) depot=${words[at]#*=} ;;\n"
                             "        --*=*) ;;\n"
                             "        --*)\n"
                             "            [[ \" $valued \" != *\" ${words[at]} \"* ]] || at+=1\n"
                             "            [[ ${words[at - 1]} != --depot ]] || depot=${words[at]}\n"
                             "            ;;\n"
                             "        *) place+=1 ;;\n"
                             "        esac\n"
                             "    done\n"
                             "    prev=${words[-2]}\n"
                             "    if [[ $cur == --*=* ]]; then\n"
                             "        prev=${cur%%=*} cur=${cur#*=} prefix=${prefix#*=}\n"
                             "    fi\n"
                             "    if [[ \" $valued \" != *\" $prev \"* ]]; then\n"
                             "        prev=\n"
                             "        kind=${operands[place]}\n"
                             "        [[ $cur != -* ]] || kind=\"words $options\"\n"
                             "    fi\n"
                             "    case $verb$prev in\n";

/* What the depot has is not expanded, as words of compgen would be. */
static const char end[] =
    "    esac\n"
    "    set -- $kind\n"
    "    case $1 in\n"
    "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    title)\n"
    "        while IFS= read -r word; do\n"
    "            [[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$word\")\n"
    "        done < <(patchbay list --names ${depot:+\"--depot=$depot\"} 2>/dev/null)\n"
    "        ;;\n"
    "    esac\n"
    "    (($# < 2)) || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"${*:2}\" -- \"$cur\")\n"
    "    for place in \"${!COMPREPLY[@]}\"; do\n"
    "        COMPREPLY[place]=${COMPREPLY[place]#\"$prefix\"}\n"
    "    done\n"
    "}\n"
    "complete -F _patchbay patchbay\n";

static void kind_print(const struct argument *a)
{
    static const char *const names[] = {"words", "words", "file", "folder", "title"};
    printf("'%s%s%s'", names[a->kind], a->choices[0] != '\0' ? " " : "", a->choices);
}

static void verb_print(const struct completed *c)
{
    printf("    '%s')\n        options='", c->verb->words);
    for (size_t i = 0; i < c->args.option_count; i++)
        printf("%s--%s", i > 0 ? " " : "", c->args.options[i].name);
    printf("'\n        valued='");
    for (size_t i = 0; i < c->args.option_count; i++) {
        if (c->args.options[i].argument != NULL)
            printf("--%s ", c->args.options[i].name);
    }
    printf("'\n        operands=(");
    for (size_t i = 0; i < c->operand_count; i++) {
        printf("%s", i > 0 ? " " : "");
        kind_print(&c->operands[i]);
    }
    printf(")\n        ;;\n");
}

static void values_print(const struct completed *c)
{
    for (size_t i = 0; i < c->args.option_count; i++) {
        const struct argument a = argument_of(c->args.options[i].argument);
        if (a.kind <= ARGUMENT_TEXT && a.choices[0] == '\0')
            continue;
        printf("    '%s--%s') kind=", c->verb->words, c->args.options[i].name);
        kind_print(&a);
        printf(" ;;\n");
    }
}

static void first_print(const struct completed *c)
{
    size_t n = strcspn(c->verb->words, " ");
    const struct verb *before = c->verb == verbs ? NULL : c->verb - 1;
    if (before == NULL || strncmp(before->words, c->verb->words, n) != 0 || before->words[n] != ' ')
        printf(" %.*s", (int)n, c->verb->words);
}

/* The second words of verbs that have two: a case for each first word. */
static void second_print(void)
{
    for (const struct verb *v = verbs; v->words != NULL;) {
        size_t n = strcspn(v->words, " ");
        const struct verb *first = v;
        for (; v->words != NULL && v->words[n] == ' ' && strncmp(v->words, first->words, n) == 0; v++) {
            if (v == first)
                printf("    %.*s)\n        choices=(", (int)n, v->words);
            printf("%s ", v->words + n + 1);
        }
        if (v == first)
            v++;
        else
            printf(")\n        ;;\n");
    }
}

void completion_bash(void)
{
    fputs(begin, stdout);
    printf("    if ((${#words[@]} < 3)); then\n        choices=(");
    completed_each(first_print);
    printf(" --help --version)\n        mapfile -t COMPREPLY < <(compgen -W \"${choices[*]}\" -- \"$cur\")\n"
           "        return\n    fi\n    verb=${words[1]}\n    case $verb in\n");
    second_print();
    printf("    esac\n    if ((${#choices[@]} > 0)); then\n        at=2 verb+=\" ${words[2]}\"\n"
           "        if ((${#words[@]} < 4)); then\n"
           "            mapfile -t COMPREPLY < <(compgen -W \"${choices[*]}\" -- \"$cur\")\n"
           "            return\n        fi\n    fi\n    case $verb in\n");
    completed_each(verb_print);
    printf("    *) return ;;\n    esac\n");
    fputs(middle, stdout);
    completed_each(values_print);
    fputs(end, stdout);
}
