/* Drawing progress. */
#include "cli/progress.h"

#include "cli/interrupt.h"
#include "cli/text.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH_MAX = 80 };

uint64_t progress_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, bool interruptible)
{
    *p = (struct progress){.shown = isatty(STDERR_FILENO) == 1};
    if (interruptible)
        interrupt_catch();
}

static void left_text(unsigned long left, char out[TEXT_SIZE])
{
    if (left >= 3600)
        snprintf(out, TEXT_SIZE, "%lu:%02lu:%02lu", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(out, TEXT_SIZE, "%lu:%02lu", left / 60, left % 60);
}

/* "downloading  3.1 MiB of 12.4 MiB   25%  1.2 MiB/s  0:08 left"; what is not known is left out. */
void progress_line(const struct pace *pace, const struct pb_progress *now, unsigned width,
                   char out[PROGRESS_LINE_MAX])
{
    char done[TEXT_SIZE], total[TEXT_SIZE], rate[TEXT_SIZE], left[TEXT_SIZE];
    void (*text)(uint64_t, char[TEXT_SIZE]) = now->unit == NULL ? text_bytes : text_grouped;
    const char *unit = now->unit != NULL ? now->unit : "", *space = now->unit != NULL ? " " : "";
    unsigned long seconds;
    int n = snprintf(out, PROGRESS_LINE_MAX, "%-11s", now->stage);
    text(now->done, done);
    text(now->total, total);
    if (now->total == 0 && now->done > 0)
        n += snprintf(out + n, PROGRESS_LINE_MAX - (size_t)n, "  %s%s%s", done, space, unit);
    if (now->total > 0)
        n += snprintf(out + n, PROGRESS_LINE_MAX - (size_t)n, "  %s of %s%s%s  %3u%%", done, total, space,
                      unit, (unsigned)(100.0 * (double)now->done / (double)now->total));
    if (now->total > 0 && pace_rate(pace) >= 1) {
        text((uint64_t)pace_rate(pace), rate);
        n += snprintf(out + n, PROGRESS_LINE_MAX - (size_t)n, "  %s/s", rate);
    }
    if (now->total > 0 && pace_left(pace, now, &seconds)) {
        left_text(seconds, left);
        snprintf(out + n, PROGRESS_LINE_MAX - (size_t)n, "  %s left", left);
    }
    if (width < PROGRESS_LINE_MAX)
        out[width] = '\0';
}

/* One column less than there are: a terminal may wrap once the last is written. */
static unsigned width_of_terminal(void)
{
    struct winsize size = {0};
    unsigned columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    return (columns == 0 || columns > WIDTH_MAX ? WIDTH_MAX : columns) - 1;
}

int progress_show(void *progress, const struct pb_progress *now)
{
    enum { REDRAW_MS = 100 };
    char line[PROGRESS_LINE_MAX];
    struct progress *p = progress;
    if (interrupt_came())
        return 1;
    if (!p->shown)
        return 0;
    uint64_t at = progress_clock();
    struct pb_progress shown = *now;
    if (shown.total > 0 && shown.done > shown.total) /* a server that sends more than it said */
        shown.done = shown.total;
    bool begins = pace_add(&p->pace, &shown, at);
    if (!begins && at - p->drawn < REDRAW_MS && (shown.total == 0 || shown.done < shown.total))
        return 0;
    p->drawn = at;
    p->dirty = true;
    progress_line(&p->pace, &shown, width_of_terminal(), line);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    return 0;
}

void progress_end(struct progress *p)
{
    if (p->dirty)
        fprintf(stderr, "\r\033[K");
    p->dirty = false;
}
