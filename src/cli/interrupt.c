/* What handlers use is here and nowhere else: a handler has no other way to know it. */
#include "cli/interrupt.h"

#include "cli/exits.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 800 };

static volatile sig_atomic_t came, armed;
static timer_t grace;
static const char *last_words, *last_line;
static const volatile sig_atomic_t *line_busy;

static void text_write(int fd, const char *text)
{
    if (text != NULL && write(fd, text, strlen(text)) < 0)
        return; /* nobody is left to be told */
}

static void end_now(int number)
{
    (void)number;
    if (!armed)
        return;
    text_write(STDERR_FILENO, last_words);
    if (line_busy == NULL || !*line_busy)
        text_write(STDOUT_FILENO, last_line);
    _exit(EXIT_CANCELLED);
}

static void on_signal(int number)
{
    const struct itimerspec after = {.it_value = {0, GRACE_MS * 1000000L}};
    if (came)
        end_now(number);
    came = 1;
    if (armed)
        timer_settime(grace, 0, &after, NULL);
}

void interrupt_catch(void)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

bool interrupt_came(void)
{
    return came != 0;
}

void interrupt_arm(const char *words, const char *line, const volatile sig_atomic_t *busy)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    last_words = words;
    last_line = line;
    line_busy = busy;
    signal(SIGALRM, end_now);
    armed = timer_create(CLOCK_MONOTONIC, &event, &grace) == 0;
}

void interrupt_disarm(void)
{
    if (armed)
        timer_delete(grace);
    armed = 0;
}
