/*
 * An updater inside another program, such as a launcher: fetches with a progress function, which can cancel.
 * It blocks until that is done; game_loop.c does not. C, and C++ too.
 *
 *     embed_client URL DIR [CANCEL_AT_PERCENT]
 */
#include <patchbay/patchbay.h>

#include <stdio.h>
#include <stdlib.h>

struct view {
    const char *stage;
    int cancel_at; /* percent of the download; 101: never */
};

static int show(void *arg, const struct pb_progress *p)
{
    struct view *v = (struct view *)arg;
    if (v->stage != p->stage)
        printf("%s\n", p->stage);
    v->stage = p->stage;
    return p->total > 0 && p->done * 100 >= p->total * (unsigned)v->cancel_at;
}

int main(int argc, char **argv)
{
    struct pb_error err;
    struct pb_fetch_result result = PB_INIT(pb_fetch_result);
    struct pb_fetch_options options = PB_INIT(pb_fetch_options);
    struct view view = {"", argc == 4 ? (int)strtol(argv[3], NULL, 10) : 101};
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: embed_client URL DIR [CANCEL_AT_PERCENT]\n");
        return 2;
    }
    options.url = argv[1];
    options.folder = argv[2];
    if (pb_fetch(&options, show, &view, &result, &err) < 0) {
        fprintf(stderr, "embed_client: %s (%s)\n", err.text, pb_status_name(err.status));
        return 1;
    }
    printf("%s: %s, md5 %s%s\n", result.title, result.file, result.md5,
           result.unchanged ? ", unchanged" : "");
    return 0;
}
