/* patchbay status: what a running server does. On a terminal again and again, until it is interrupted. */
#include "cli/output.h"
#include "cli/status_view.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Whom to ask: the server at the address, else the depot's; token_file may be NULL. */
struct question {
    struct pb_depot *depot;
    const char *address, *token_file, *ca_file;
};

static double monotonic_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* EXIT_DONE, or the exit status after an error was printed. */
static int ask(const struct question *q, json_t **out)
{
    struct pb_error err;
    char *text;
    if (pb_server_status(q->depot, q->address, q->token_file, q->ca_file, &text, &err) < 0)
        return fail(&err);
    json_t *o = json_loads(text, 0, NULL);
    free(text);
    if (!json_is_object(o)) {
        fprintf(stderr, "patchbay: what answers there is not a patchbay server\n");
        json_decref(o);
        return EXIT_FAILED;
    }
    json_object_set_new(o, "asked", json_real(monotonic_now()));
    *out = o;
    return EXIT_DONE;
}

static void draw(json_t *now, const json_t *before)
{
    enum { ROWS = 24 }; /* of a terminal that does not say */
    struct winsize size = {0};
    struct view view = {0, ROWS};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        view = (struct view){size.ws_col, size.ws_row};
    printf("\033[H\033[2J");
    status_view(now, before, &view);
    fflush(stdout);
}

/* Draws it, and again whenever the terminal's size changes, until it is time to ask again or the user ends
 * it: then true. */
static bool show(json_t *now, const json_t *before, const sigset_t *signals)
{
    double until = monotonic_now() + 1, left;
    draw(now, before);
    while ((left = until - monotonic_now()) > 0) {
        const struct timespec wait = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        int number = sigtimedwait(signals, NULL, &wait);
        if (number == SIGWINCH)
            draw(now, before);
        else if (number > 0)
            return true;
    }
    return false;
}

/* Until the user or the server ends it. */
static int watch(const struct question *q)
{
    json_t *before = NULL, *now = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int status;
    bool ended = false;
    while (!ended && (status = ask(q, &now)) == EXIT_DONE) {
        bool same = before != NULL && status_same(now, before); /* else another server has taken its place */
        ended = show(now, same ? before : NULL, &signals);
        json_decref(before);
        before = now;
    }
    json_decref(before);
    return status;
}

int verb_status(const struct args *a)
{
    struct question q = {NULL, args_value(a, "admin"), args_value(a, "token-file"), args_value(a, "cacert")};
    json_t *o = NULL;
    int status = q.address == NULL ? open_depot(a, &q.depot) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    if (!args_flag(a, "json") && !args_flag(a, "once") && isatty(STDOUT_FILENO) == 1) {
        status = watch(&q);
    } else {
        status = ask(&q, &o);
        if (o != NULL && args_flag(a, "json")) {
            json_object_del(o, "asked"); /* ours */
            status = print_json(o);
        } else if (o != NULL) {
            status_view(o, NULL, &(struct view){0});
            json_decref(o);
            status = print_end();
        }
    }
    pb_depot_close(q.depot);
    return status;
}
