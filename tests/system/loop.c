/*
 * Fetches driven by a loop (pb_fetch_start, pb_fetch_step), for loop.bats: several at once, each told of by
 * its own functions, in this thread and within a step.
 *
 *     loop HOW URL DIR [URL DIR]...
 *
 * HOW: go (to the end), dry (a dry run), cancel (once bytes arrive), late (takes nothing out until the fetch
 * waits for that), leave (finishes at once). Prints a line for each fetch, with what came back.
 */
#include <patchbay/patchbay.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FETCHES_MAX = 4, STEP_MOST = 256, WAIT_MS = 30000 };

struct told {
    struct pb_fetching *fetching;
    int going;
    unsigned steps, changes, plans, notices, titles, stages;
    unsigned now, most; /* calls in this step, and in any */
    const char *stage;
    char last[300];
};

static pthread_t own_thread;
static struct told *stepped; /* whose step is under way */

static void call_note(struct told *t)
{
    t->now++;
    if (stepped != t || !pthread_equal(own_thread, pthread_self())) {
        fprintf(stderr, "loop: called outside of the fetch's own step\n");
        exit(1);
    }
}

static void on_change(void *arg, const struct pb_fetch_change *c)
{
    struct told *t = arg;
    call_note(t);
    t->changes++;
    snprintf(t->last, sizeof t->last, "%s %.200s", c->action, c->path);
}

static void on_plan(void *arg, const struct pb_fetch_plan *p)
{
    struct told *t = arg;
    call_note(t);
    t->plans += p->title[0] != '\0' && p->source[0] != '\0';
}

static void on_notice(void *arg, const char *title, const char *text)
{
    struct told *t = arg;
    call_note(t);
    t->notices += title != NULL && text[0] != '\0';
}

static void on_title(void *arg, const struct pb_fetch_result *r)
{
    struct told *t = arg;
    call_note(t);
    t->titles += r->title[0] != '\0';
}

static void step(struct told *t, int cancel)
{
    const struct pb_progress *progress;
    t->now = 0;
    stepped = t;
    t->going = pb_fetch_step(t->fetching, &progress);
    stepped = NULL;
    t->steps++;
    t->most = t->now > t->most ? t->now : t->most;
    t->stages += t->stage == NULL || strcmp(progress->stage, t->stage) != 0;
    t->stage = progress->stage;
    if (cancel && strcmp(progress->stage, "downloading") == 0 && progress->done > 0)
        pb_fetch_cancel(t->fetching);
}

/* Waits until one has something to say. */
static void wait_for_all(struct told *told, int n)
{
    struct pollfd fds[FETCHES_MAX];
    for (int i = 0; i < n; i++)
        fds[i] = (struct pollfd){told[i].going ? pb_fetch_fd(told[i].fetching) : -1, POLLIN, 0};
    if (poll(fds, (nfds_t)n, WAIT_MS) <= 0) {
        fprintf(stderr, "loop: nothing came in %d ms\n", WAIT_MS);
        exit(1);
    }
}

/* All threads but this one sleep: the fetch waits for us, or for its server. */
static void late_wait(void)
{
    struct timespec while_ago = {0, 300000000};
    nanosleep(&while_ago, NULL);
}

static void start(struct told *t, const char *how, char *url, char *folder)
{
    struct pb_error err;
    char key[] = "subscribe", one[] = "official", two[] = "second";
    struct pb_fetch_option subscribe[] = {{key, one}, {key, two}};
    struct pb_fetch_options o = PB_INIT(pb_fetch_options);
    o.options = subscribe;
    o.option_count = strcmp(how, "both") == 0 ? 2 : 0;
    o.url = url;
    o.folder = folder;
    o.attempts = 1;
    o.dry_run = strcmp(how, "late") == 0;
    o.change = on_change;
    o.plan = on_plan;
    o.notice = on_notice;
    o.each = on_title;
    o.arg = t;
    if (pb_fetch_start(&o, &t->fetching, &err) < 0) {
        fprintf(stderr, "loop: %s\n", err.text);
        exit(1);
    }
    /* The options are the library's own by now. */
    memset(url, 'x', strlen(url));
    memset(folder, 'x', strlen(folder));
    memset(&o, 'x', sizeof o);
    memset(subscribe, 'x', sizeof subscribe);
    memset(one, 'x', sizeof one - 1);
    memset(two, 'x', sizeof two - 1);
    t->going = 1;
}

static int all_run(struct told *told, int n, const char *how)
{
    int going;
    do {
        wait_for_all(told, n);
        if (strcmp(how, "late") == 0)
            late_wait();
        going = 0;
        for (int i = 0; i < n; i++) {
            if (told[i].going)
                step(&told[i], strcmp(how, "cancel") == 0);
            going += told[i].going;
            if (strcmp(how, "late") == 0)
                how = "go"; /* once is enough */
        }
    } while (going > 0);
    return 0;
}

static int signals_came;

static void on_signal(int number)
{
    signals_came += number == SIGUSR1 && pthread_equal(own_thread, pthread_self());
}

int main(int argc, char **argv)
{
    struct told told[FETCHES_MAX] = {0};
    struct sigaction action = {.sa_handler = on_signal};
    int n = (argc - 2) / 2;
    if (argc < 4 || n > FETCHES_MAX)
        return 2;
    own_thread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < n; i++)
        start(&told[i], argv[1], argv[2 + 2 * i], argv[3 + 2 * i]);
    kill(getpid(), SIGUSR1); /* the library's threads take none */
    if (strcmp(argv[1], "leave") != 0)
        all_run(told, n, argv[1]);
    for (int i = 0; i < n; i++) {
        struct pb_error err;
        struct pb_fetch_result r = PB_INIT(pb_fetch_result);
        int rc = pb_fetch_finish(told[i].fetching, &r, &err);
        printf("%s: %s; %u changes, %u plans, %u notices, %u titles, %u bytes; last %s%s\n",
               pb_status_name(rc), rc < 0 ? err.text : r.title, told[i].changes, told[i].plans,
               told[i].notices, told[i].titles, (unsigned)r.bytes, told[i].last,
               told[i].most > STEP_MOST ? "; TOO MANY" : "");
    }
    return signals_came == 1 ? 0 : 1;
}
