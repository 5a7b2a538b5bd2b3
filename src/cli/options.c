/* Parsing the command line by the table, and printing help from it. */
#include "cli/options.h"

#include "cli/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option common_depot = {"depot", "DIR",
                                           "the depot (default: $PATCHBAY_DEPOT, else ./depot)", false};
static const struct option common_json = {"json", NULL, "print facts as JSON", false};
static const struct option common_help = {"help", NULL, "show this help", false};

static void usage_line(FILE *to, const struct verb *v)
{
    fprintf(to, "patchbay %s%s%s%s", v->words, v->operands[0] != '\0' ? " " : "", v->operands,
            v->options != NULL || v->more_options != NULL || v->depot || v->json ? " [OPTION]..." : "");
}

static void help_all(FILE *to)
{
    fprintf(to,
            "patchbay %s: one depot for a game's content, served to every launcher in its own protocol\n\n",
            pb_version());
    for (const struct verb *v = verbs; v->words != NULL; v++) {
        char call[80];
        snprintf(call, sizeof call, "%s %s", v->words, v->operands);
        fprintf(to, "  %-38s %s\n", call, v->summary);
    }
    fprintf(to, "\n'patchbay VERB --help' tells more about each. Manual: man patchbay\n\nExit status:\n");
    for (const struct exit_meaning *m = exit_meanings; m->words != NULL; m++)
        fprintf(to, "  %d  %s\n", m->exit, m->words);
}

static void help_verb(const struct args *a)
{
    printf("usage: ");
    usage_line(stdout, a->verb);
    printf("\n\n%s.\n%s%s", a->verb->summary, a->verb->details[0] != '\0' ? "\n" : "", a->verb->details);
    printf("\nOptions:\n");
    for (size_t i = 0; i < a->option_count; i++) {
        char call[80];
        const struct option *o = &a->options[i];
        snprintf(call, sizeof call, "--%s%s%s%s", o->name, o->argument != NULL ? " " : "",
                 o->argument != NULL ? o->argument : "", o->repeatable ? " ..." : "");
        if (strlen(call) > 32)
            printf("  %s\n  %-32s %s\n", call, "", o->help);
        else
            printf("  %-32s %s\n", call, o->help);
    }
}

/* `more` is the rest of the sentence, such as what may have been meant. */
static int usage_error_more(const struct verb *v, const char *what, const char *which, const char *more)
{
    fprintf(stderr, "patchbay: %s%s%s%s%s ", what, which[0] != '\0' ? ": " : "", which, more,
            more[0] != '\0' ? "" : ";");
    if (v != NULL) {
        fprintf(stderr, "usage: ");
        usage_line(stderr, v);
        fprintf(stderr, "; more with --help\n");
    } else {
        fprintf(stderr, "'patchbay --help' lists the verbs\n");
    }
    return EXIT_USAGE;
}

static int usage_error(const struct verb *v, const char *what, const char *which)
{
    return usage_error_more(v, what, which, "");
}

enum { WORDS_MAX = 96, WORD_SIZE = 64 };

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

/* Verbs of two words go first: "publish mpa", "pulbish map". */
static void verb_suggest(int argc, char **argv, char out[SUGGEST_SIZE])
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
        return;
    suggest(argv[1], list, first_words(store, list), "", out);
}

static int option_missing(const struct args *a, const char *word)
{
    char name[WORD_SIZE], near[SUGGEST_SIZE];
    const char *list[OPTIONS_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < a->option_count; i++)
        list[i] = a->options[i].name;
    return usage_error_more(a->verb, "there is no such option", word,
                            suggest(name, list, a->option_count, "--", near));
}

/* "publish" alone is the beginning of a verb. */
static int verb_missing(int argc, char **argv)
{
    char near[SUGGEST_SIZE];
    const char *word = argv[1];
    size_t n = strlen(word);
    verb_suggest(argc, argv, near);
    for (const struct verb *v = verbs; v->words != NULL; v++) {
        if (strncmp(v->words, word, n) == 0 && v->words[n] == ' ')
            return usage_error_more(v, "what kind", word, near);
    }
    return usage_error_more(NULL, "there is no such verb", word, near);
}

/* Finds the verb that the first words name; returns how many words it has, 0 for none. */
static int verb_find(int argc, char **argv, const struct verb **out)
{
    for (const struct verb *v = verbs; v->words != NULL; v++) {
        const char *word = v->words;
        for (int i = 1; i < argc; i++) {
            size_t n = strcspn(word, " ");
            if (strlen(argv[i]) != n || strncmp(argv[i], word, n) != 0)
                break;
            if (word[n] == '\0') {
                *out = v;
                return i;
            }
            word += n + 1;
        }
    }
    return 0;
}

void args_add_option(struct args *a, struct option option)
{
    if (a->option_count < OPTIONS_MAX)
        a->options[a->option_count++] = option;
}

void args_start(struct args *a, const struct verb *v)
{
    *a = (struct args){.verb = v};
    for (const struct option *o = a->verb->options; o != NULL && o->name != NULL; o++)
        args_add_option(a, *o);
    if (a->verb->more_options != NULL)
        a->verb->more_options(a);
    if (a->verb->depot)
        args_add_option(a, common_depot);
    if (a->verb->json)
        args_add_option(a, common_json);
    args_add_option(a, common_help);
}

static const struct option *option_find(const struct args *a, const char *name, size_t n)
{
    for (size_t i = 0; i < a->option_count; i++) {
        if (strlen(a->options[i].name) == n && strncmp(a->options[i].name, name, n) == 0)
            return &a->options[i];
    }
    return NULL;
}

/* An argument such as "yes|no" names all values that there are; one with capitals describes them. */
static bool value_allowed(const struct option *o, const char *value)
{
    const char *word = o->argument;
    if (strchr(word, '|') == NULL || strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
        return true;
    for (size_t n; *word != '\0'; word += n + (word[n] == '|')) {
        n = strcspn(word, "|");
        if (strlen(value) == n && strncmp(word, value, n) == 0)
            return true;
    }
    return false;
}

/* One "--name[=value]"; *used says how many words it took. -1: good. */
static int option_take(struct args *a, int left, char **word, int *used)
{
    const char *name = word[0] + 2;
    const char *equals = strchr(name, '=');
    const struct option *o = option_find(a, name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (o == NULL)
        return option_missing(a, word[0]);
    if (!o->repeatable && args_value(a, o->name) != NULL)
        return usage_error(a->verb, "given twice", word[0]);
    if (a->value_count == VALUES_MAX)
        return usage_error(a->verb, "too many options", "");
    const char *value = "";
    *used = 1;
    if (o->argument == NULL && equals != NULL)
        return usage_error(a->verb, "takes no value", word[0]);
    if (o->argument != NULL && equals != NULL) {
        value = equals + 1;
    } else if (o->argument != NULL) {
        if (left < 2)
            return usage_error(a->verb, "a value is missing", word[0]);
        value = word[1];
        *used = 2;
    }
    if (o->argument != NULL && !value_allowed(o, value)) {
        char what[128];
        snprintf(what, sizeof what, "--%s takes %s, not", o->name, o->argument);
        return usage_error(a->verb, what, value);
    }
    a->values[a->value_count++] = (struct option_value){o, value};
    return -1;
}

static int words_take(struct args *a, int argc, char **argv)
{
    bool only_operands = false;
    for (int i = 0; i < argc;) {
        int used = 1;
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            int rc = option_take(a, argc - i, argv + i, &used);
            if (rc >= 0)
                return rc;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            return usage_error(a->verb, "options are written with two dashes", argv[i]);
        } else if (a->operand_count == a->verb->most || a->operand_count == OPERANDS_MAX) {
            return usage_error(a->verb, "one too many", argv[i]);
        } else {
            a->operands[a->operand_count++] = argv[i];
        }
        i += used;
    }
    return -1;
}

int args_parse(int argc, char **argv, struct args *a)
{
    const struct verb *verb = NULL;
    if (argc < 2)
        return usage_error(NULL, "what is to be done", "");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help_all(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("patchbay %s\n", pb_version());
        return EXIT_DONE;
    }
    int words = verb_find(argc, argv, &verb);
    if (words == 0)
        return verb_missing(argc, argv);
    args_start(a, verb);
    for (int i = words + 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            help_verb(a);
            return EXIT_DONE;
        }
    }
    int rc = words_take(a, argc - words - 1, argv + words + 1);
    if (rc >= 0)
        return rc;
    if (a->operand_count < a->verb->least)
        return usage_error(a->verb, "something is missing", a->verb->operands);
    return -1;
}

size_t args_values(const struct args *a, const char *name, const char **out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < a->value_count && n < room; i++) {
        if (strcmp(a->values[i].option->name, name) == 0)
            out[n++] = a->values[i].value;
    }
    return n;
}

const char *args_value(const struct args *a, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < a->value_count; i++) {
        if (strcmp(a->values[i].option->name, name) == 0)
            value = a->values[i].value;
    }
    return value;
}

bool args_flag(const struct args *a, const char *name)
{
    return args_value(a, name) != NULL;
}

bool args_number(const struct args *a, const char *name, long low, long high, int *out)
{
    const char *text = args_value(a, name);
    if (text == NULL)
        return true;
    char *end;
    long n = strtol(text, &end, 10);
    if (text[0] == '\0' || *end != '\0' || n < low || n > high) {
        fprintf(stderr, "patchbay: --%s is a number from %ld to %ld, not %s\n", name, low, high, text);
        return false;
    }
    *out = (int)n;
    return true;
}

/* `rc`: what came of reading the value. */
static bool args_good(const char *name, int rc, const struct pb_error *err)
{
    if (rc < 0)
        fprintf(stderr, "patchbay: --%s %s\n", name, err->text);
    return rc == PB_OK;
}

bool args_bytes(const struct args *a, const char *name, uint64_t low, uint64_t *out)
{
    const uint64_t most = 1ull << 62;
    const char *text = args_value(a, name);
    struct pb_error err;
    return text == NULL || args_good(name, pb_bytes_read(text, low, most, out, &err), &err);
}

bool args_duration(const struct args *a, const char *name, uint64_t low, uint64_t high, uint64_t *out)
{
    const char *text = args_value(a, name);
    struct pb_error err;
    return text == NULL || args_good(name, pb_duration_read(text, low, high, out, &err), &err);
}

const char *args_required(const struct args *a, const char *name)
{
    const char *value = args_value(a, name);
    if (value == NULL)
        fprintf(stderr, "patchbay: --%s is missing; more with --help\n", name);
    return value;
}

bool args_version(const struct args *a, const char *name, bool required, unsigned long long *out)
{
    const char *text = required ? args_required(a, name) : args_value(a, name);
    if (text == NULL)
        return !required;
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0)
        return true;
    fprintf(stderr, "patchbay: --%s is a number, such as 200309240, not %s\n", name, text);
    return false;
}

const char *args_depot(const struct args *a)
{
    const char *depot = args_value(a, "depot");
    if (depot == NULL)
        depot = getenv("PATCHBAY_DEPOT");
    return depot != NULL && depot[0] != '\0' ? depot : "depot";
}
