/* patchbay token add, list and revoke */
#include "cli/output.h"
#include "cli/password.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FOR_MOST = 100000000, /* seconds: three years */ RIGHTS_TEXT = 32 };

static const struct {
    const char *name;
    unsigned right;
} rights_known[] = {{"look", PB_TOKEN_LOOK}, {"ban", PB_TOKEN_BAN}, {"publish", PB_TOKEN_PUBLISH}};
enum { RIGHTS = sizeof rights_known / sizeof rights_known[0] };

static bool rights_parse(const char *text, unsigned *out)
{
    *out = 0;
    for (size_t n; *text != '\0'; text += n + (text[n] == ',')) {
        unsigned right = 0;
        n = strcspn(text, ",");
        for (size_t i = 0; i < RIGHTS; i++) {
            if (strlen(rights_known[i].name) == n && strncmp(text, rights_known[i].name, n) == 0)
                right = rights_known[i].right;
        }
        if (right == 0)
            return false;
        *out |= right;
    }
    return *out != 0;
}

static void rights_text(unsigned rights, char out[RIGHTS_TEXT])
{
    out[0] = '\0';
    for (size_t i = 0; i < RIGHTS; i++) {
        if (rights & rights_known[i].right)
            snprintf(out + strlen(out), RIGHTS_TEXT - strlen(out), "%s%s", out[0] != '\0' ? "," : "",
                     rights_known[i].name);
    }
}

static int token_print(const struct args *a, const char *token, unsigned rights, int64_t expires)
{
    char words[RIGHTS_TEXT], until[TEXT_SIZE] = "";
    rights_text(rights, words);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s, s:s, s:s, s:I}", "name", a->operands[0], "token", token, "rights",
                                    words, "expires", (json_int_t)expires));
    if (expires != 0)
        text_time(expires, until);
    /* The token alone goes to standard output, so that it can be put into a file. */
    fprintf(stderr, "%s may %s%s%s%s; this is shown once:\n", a->operands[0], words,
            expires != 0 ? " until " : "", until, expires != 0 ? " UTC" : "");
    printf("%s\n", token);
    return print_end();
}

int verb_token_add(const struct args *a)
{
    struct pb_error err;
    char token[PB_TOKEN_SIZE] = "";
    uint64_t seconds = 0;
    unsigned rights = PB_TOKEN_LOOK;
    const char *list = args_value(a, "rights");
    if (!args_duration(a, "for", 1, FOR_MOST, &seconds))
        return EXIT_USAGE;
    if (list != NULL && !rights_parse(list, &rights)) {
        fprintf(stderr, "patchbay: --rights is a list of look, ban and publish, not %s\n", list);
        return EXIT_USAGE;
    }
    memory_guard();
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int64_t expires = seconds > 0 ? (int64_t)time(NULL) + (int64_t)seconds : 0;
    int rc = pb_token_add(depot, a->operands[0], rights, expires, token, &err);
    pb_depot_close(depot);
    int status = rc < 0 ? fail(&err) : token_print(a, token, rights, expires);
    explicit_bzero(token, sizeof token);
    return status;
}

static int token_show(void *array, const struct pb_token *t)
{
    char words[RIGHTS_TEXT], since[TEXT_SIZE], until[TEXT_SIZE] = "for ever", used[TEXT_SIZE] = "never used";
    rights_text(t->rights, words);
    if (array != NULL)
        return json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", t->name, "rights",
                                                      words, "added", (json_int_t)t->added, "expires",
                                                      (json_int_t)t->expires, "used", (json_int_t)t->used));
    const char *over = t->expires != 0 && t->expires <= (int64_t)time(NULL) ? " (over)" : "";
    text_time(t->added, since);
    if (t->expires != 0)
        text_time(t->expires, until);
    if (t->used != 0)
        text_time(t->used, used);
    printf("%-24s %-16s since %s UTC  %s%s%s  %s%s\n", t->name, words, since, t->expires != 0 ? "until " : "",
           until, over, t->used != 0 ? "last used " : "", used);
    return 0;
}

int verb_token_list(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *array = args_flag(a, "json") ? json_array() : NULL;
    int rc = pb_tokens(depot, token_show, array, &err);
    pb_depot_close(depot);
    if (rc < 0) {
        json_decref(array);
        return fail(&err);
    }
    return array != NULL ? print_json(array) : print_end();
}

static int token_count(void *count, const struct pb_token *t)
{
    (void)t;
    ++*(size_t *)count;
    return 0;
}

int verb_token_revoke(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    size_t left = 0;
    int rc = pb_token_revoke(depot, a->operands[0], &err);
    if (rc == PB_OK)
        rc = pb_tokens(depot, token_count, &left, &err);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (left == 0)
        fprintf(stderr,
                "patchbay: that was the last one: a server without admin_token_file now answers everybody who"
                " reaches its admin address on the loopback\n");
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s}", "revoked", a->operands[0]));
    printf("%s: not valid any more\n", a->operands[0]);
    return print_end();
}
