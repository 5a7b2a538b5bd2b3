/* Printing. */
#include "cli/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int fail(const struct pb_error *err)
{
    fprintf(stderr, "patchbay: %s\n", err->text);
    return EXIT_FAILED;
}

struct pb_depot *open_depot(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    if (pb_depot_open(args_depot(a), &depot, &err) < 0) {
        fail(&err);
        return NULL;
    }
    return depot;
}

int print_end(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno != EPIPE) /* a reader who has read enough */
            fprintf(stderr, "patchbay: standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int print_json(json_t *o)
{
    if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "patchbay: the JSON could not be written\n");
        json_decref(o);
        return EXIT_FAILED;
    }
    json_decref(o);
    putchar('\n');
    return print_end();
}

void text_bytes(uint64_t bytes, char out[TEXT_SIZE])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        v /= 1024;
        unit++;
    }
    snprintf(out, TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

void text_grouped(uint64_t number, char out[TEXT_SIZE])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void text_time(int64_t unix_seconds, char out[TEXT_SIZE])
{
    struct tm t;
    time_t when = unix_seconds;
    gmtime_r(&when, &t);
    strftime(out, TEXT_SIZE, "%Y-%m-%d %H:%M", &t);
}

bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password)
{
    const char *file = args_value(a, "password-file");
    *password = NULL;
    if (file == NULL)
        return true;
    FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    if (f == NULL) {
        fprintf(stderr, "patchbay: password file %s: %s\n", file, strerror(errno));
        return false;
    }
    bool good = fgets(room, PASSWORD_SIZE, f) != NULL;
    if (f != stdin)
        fclose(f);
    if (!good || strlen(room) == PASSWORD_SIZE - 1) {
        fprintf(stderr, "patchbay: password file %s: its first line is %s\n", file,
                good ? "too long" : "missing");
        return false;
    }
    room[strcspn(room, "\r\n")] = '\0';
    *password = room;
    return true;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A signal handler has no other way to say it. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void progress_start(struct progress *p, bool interruptible)
{
    *p = (struct progress){.shown = isatty(STDERR_FILENO) == 1};
    if (interruptible) {
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
    }
}

static void progress_draw(const struct progress *p, const struct pb_progress *now, uint64_t at)
{
    char done[TEXT_SIZE], total[TEXT_SIZE], rate[TEXT_SIZE];
    double seconds = (double)(at - p->stage_started) / 1000;
    double per_second = seconds > 0.2 ? (double)(now->done - p->stage_first) / seconds : 0;
    void (*text)(uint64_t, char[TEXT_SIZE]) = now->unit == NULL ? text_bytes : text_grouped;
    text(now->done, done);
    text(now->total, total);
    text((uint64_t)per_second, rate);
    fprintf(stderr, "\r\033[K%-9s %s of %s%s%s", now->stage, done, total, now->unit != NULL ? " " : "",
            now->unit != NULL ? now->unit : "");
    fprintf(stderr, "  %3.0f%%", 100.0 * (double)now->done / (double)now->total);
    if (per_second >= 1) {
        unsigned long left = (unsigned long)((double)(now->total - now->done) / per_second + 0.5);
        fprintf(stderr, "  %s/s  %lu:%02lu left", rate, left / 60, left % 60);
    }
    fflush(stderr);
}

int progress_show(void *progress, const struct pb_progress *now)
{
    enum { REDRAW_MS = 100 };
    struct progress *p = progress;
    if (interrupted)
        return 1;
    if (!p->shown || now->total == 0 || now->done > now->total)
        return 0;
    uint64_t at = now_ms();
    if (p->stage == NULL || strcmp(p->stage, now->stage) != 0) {
        p->stage = now->stage;
        p->stage_started = at;
        p->stage_first = now->done;
    } else if (at - p->drawn < REDRAW_MS && now->done < now->total) {
        return 0;
    }
    p->drawn = at;
    p->dirty = true;
    progress_draw(p, now, at);
    return 0;
}

void progress_end(struct progress *p)
{
    if (p->dirty)
        fprintf(stderr, "\r\033[K");
    p->dirty = false;
}
