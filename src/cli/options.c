/* Parsing the command line by the table, and printing help from it. */
#include "cli/options.h"

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

static int usage_error(const struct verb *v, const char *what, const char *which)
{
    fprintf(stderr, "patchbay: %s%s%s; ", what, which[0] != '\0' ? ": " : "", which);
    if (v != NULL) {
        fprintf(stderr, "usage: ");
        usage_line(stderr, v);
        fprintf(stderr, "; more with --help\n");
    } else {
        fprintf(stderr, "'patchbay --help' lists the verbs\n");
    }
    return EXIT_USAGE;
}

/* "publish" alone is the beginning of a verb. */
static int verb_missing(const char *word)
{
    size_t n = strlen(word);
    for (const struct verb *v = verbs; v->words != NULL; v++) {
        if (strncmp(v->words, word, n) == 0 && v->words[n] == ' ')
            return usage_error(v, "what kind", word);
    }
    return usage_error(NULL, "there is no such verb", word);
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

static void options_gather(struct args *a)
{
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
        return usage_error(a->verb, "there is no such option", word[0]);
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
    *a = (struct args){0};
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
    int words = verb_find(argc, argv, &a->verb);
    if (words == 0)
        return verb_missing(argv[1]);
    options_gather(a);
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

bool args_bytes(const struct args *a, const char *name, unsigned long long low, unsigned long long *out)
{
    static const char units[] = "KMG";
    const char *text = args_value(a, name), *unit;
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && errno == 0 && n < 1ull << 32;
    if (*end != '\0' && (unit = strchr(units, *end >= 'a' ? *end - ('a' - 'A') : *end)) != NULL) {
        n <<= 10 * (unit - units + 1);
        end++;
    }
    if (!good || *end != '\0' || n < low) {
        fprintf(stderr, "patchbay: --%s is a number of bytes such as 500K or 2M, at least %llu, not %s\n",
                name, low, text);
        return false;
    }
    *out = n;
    return true;
}

const char *args_required(const struct args *a, const char *name)
{
    const char *value = args_value(a, name);
    if (value == NULL)
        fprintf(stderr, "patchbay: --%s is missing; more with --help\n", name);
    return value;
}

/* "90", "30m", "12h", "7d", "2w" in seconds; false for anything else. */
static bool duration_parse(const char *text, uint64_t *seconds)
{
    static const struct {
        char unit;
        unsigned seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end == NULL || n > UINT32_MAX)
        return false;
    *seconds = n;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (end[0] == units[i].unit && end[1] == '\0') {
            *seconds = n * units[i].seconds;
            return true;
        }
    }
    return *end == '\0';
}

bool args_duration(const struct args *a, const char *name, uint64_t low, uint64_t high, uint64_t *out)
{
    const char *text = args_value(a, name);
    uint64_t seconds;
    if (text == NULL)
        return true;
    if (!duration_parse(text, &seconds) || seconds < low || seconds > high) {
        fprintf(stderr, "patchbay: --%s is a time such as 90s, 30m, 12h, 7d or 2w, not %s\n", name, text);
        return false;
    }
    *out = seconds;
    return true;
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
