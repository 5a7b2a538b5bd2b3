/*
 * A game that fetches content while it goes on drawing 60 frames a second: no thread of its own, and no call
 * that blocks. Here a frame is a line of text. C, and C++ too.
 *
 *     game_loop URL DIR
 *
 * Ctrl-C cancels.
 */
#include <patchbay/patchbay.h>

#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t cancelled;

static void on_signal(int number)
{
    (void)number;
    cancelled = 1;
}

/* What the player should know; called during pb_fetch_step, so in the game's own thread. */
static void on_notice(void *arg, const char *title, const char *text)
{
    (void)arg;
    printf("\r\033[K%s %s\n", title, text);
}

static void draw(const struct pb_progress *p)
{
    printf("\r\033[K%s", p->stage);
    if (p->total > 0)
        printf(" %3llu %%", p->done * 100 / p->total);
    fflush(stdout);
}

/* Until the next sixtieth of a second; a game waits for its display here. */
static void frame_wait(void)
{
    struct timespec sixtieth = {0, 1000000000 / 60};
    nanosleep(&sixtieth, NULL);
}

int main(int argc, char **argv)
{
    struct pb_error err;
    struct pb_fetching *fetching;
    const struct pb_progress *progress;
    struct pb_fetch_result result = PB_INIT(pb_fetch_result);
    struct pb_fetch_options options = PB_INIT(pb_fetch_options);
    unsigned frames = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: game_loop URL DIR\n");
        return 2;
    }
    options.url = argv[1];
    options.folder = argv[2];
    options.notice = on_notice;
    if (pb_fetch_start(&options, &fetching, &err) < 0) {
        fprintf(stderr, "game_loop: %s\n", err.text);
        return 1;
    }
    signal(SIGINT, on_signal);
    while (pb_fetch_step(fetching, &progress)) {
        if (cancelled)
            pb_fetch_cancel(fetching);
        draw(progress);
        frame_wait();
        frames++;
    }
    printf("\r\033[K");
    if (pb_fetch_finish(fetching, &result, &err) < 0) {
        fprintf(stderr, "game_loop: %s (%s)\n", err.text, pb_status_name(err.status));
        return 1;
    }
    printf("%s: %s, %u frames\n", result.title, result.unchanged ? "unchanged" : "fetched", frames);
    return 0;
}
