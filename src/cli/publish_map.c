/* patchbay publish map */
#include "cli/output.h"
#include "cli/password.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

enum { PUBLISH_LEVEL = 9 };

static json_t *result_json(const struct pb_publish_result *r)
{
    return json_pack("{s:s, s:s, s:b, s:b, s:i, s:I, s:I, s:I, s:s}", "title", r->title, "version",
                     r->version, "unchanged", r->unchanged, "mended", r->mended, "parts", (int)r->parts,
                     "size", (json_int_t)r->source_bytes, "packed", (json_int_t)r->packed, "stored",
                     (json_int_t)r->stored, "warning", r->warning);
}

static int result_print(const struct args *a, const struct pb_publish_result *r)
{
    char size[TEXT_SIZE], packed[TEXT_SIZE];
    if (r->warning[0] != '\0')
        fprintf(stderr, "patchbay: warning: %s: %s\n", a->operands[0], r->warning);
    if (args_flag(a, "json"))
        return print_json(result_json(r));
    text_bytes(r->source_bytes, size);
    text_bytes(r->packed, packed);
    if (r->mended)
        printf("%s %s: unchanged; what was damaged in the depot is written anew\n", r->title, r->version);
    else if (r->unchanged)
        printf("%s %s: unchanged; this is live already and nothing was stored\n", r->title, r->version);
    else
        printf("%s %s: live; %s packed into %s, %u part%s%s\n", r->title, r->version, size, packed, r->parts,
               r->parts == 1 ? "" : "s", r->stored == 0 ? "; the depot had it all, nothing was stored" : "");
    return print_end();
}

/* From a file or the environment: a command line can be read by all users of the machine. */
static bool token_find(const struct args *a, char room[PASSWORD_SIZE], const char **token)
{
    const char *file = args_value(a, "token-file");
    *token = getenv("PATCHBAY_TOKEN");
    if (file != NULL) {
        *token = room;
        return read_secret(file, "token", room);
    }
    if (*token == NULL || (*token)[0] == '\0')
        fprintf(stderr, "patchbay: --to needs a token: --token-file FILE, or $PATCHBAY_TOKEN\n");
    return *token != NULL && (*token)[0] != '\0';
}

static int publish_there(const struct args *a, const struct pb_map_options *o)
{
    _cleanup_password_ char room[PASSWORD_SIZE];
    struct pb_error err;
    struct progress progress;
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    struct pb_remote_options remote = {.size = sizeof remote,
                                       .url = args_value(a, "to"),
                                       .ca_file = args_value(a, "cacert"),
                                       .insecure = args_flag(a, "insecure-http")};
    int retries = 5;
    if (!args_number(a, "retries", 0, 100, &retries))
        return EXIT_USAGE;
    remote.retries = retries == 0 ? -1 : retries;
    if (!token_find(a, room, &remote.token))
        return EXIT_USAGE;
    progress_start(&progress, true);
    int rc = pb_publish_map_to(&remote, o, progress_show, &progress, &result, &err);
    progress_end(&progress);
    return rc < 0 ? fail(&err) : result_print(a, &result);
}

static int publish_here(const struct args *a, const struct pb_map_options *o)
{
    struct pb_error err;
    struct progress progress;
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    progress_start(&progress, true);
    int rc = pb_publish_map(depot, o, progress_show, &progress, &result, &err);
    progress_end(&progress);
    pb_depot_close(depot);
    return rc < 0 ? fail(&err) : result_print(a, &result);
}

int verb_publish_map(const struct args *a)
{
    _cleanup_password_ char password[PASSWORD_SIZE];
    struct pb_map_options o = {.size = sizeof o,
                               .file = a->operands[0],
                               .algorithm = args_value(a, "algorithm"),
                               .long_password = args_flag(a, "long-password"),
                               .no_raw = args_flag(a, "no-raw"),
                               .redirect_root = args_value(a, "redirect-root"),
                               .host_directory = args_value(a, "host-directory")};
    int level = PUBLISH_LEVEL;
    if (!args_number(a, "level", 0, 9, &level))
        return EXIT_USAGE;
    o.level = level == 0 ? -1 : level; /* in the library's options 0 is "as usual" */
    if (!read_password(a, password, &o.password))
        return EXIT_FAILED;
    return args_value(a, "to") != NULL ? publish_there(a, &o) : publish_here(a, &o);
}
