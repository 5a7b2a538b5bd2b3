/* patchbay status: what a running server does. On a terminal again and again, until it is interrupted. */
#include "cli/output.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TITLES_SHOWN = 20 };

/* Whatever answers there: numbers are kept within what differences of them can hold. */
static long long number(const json_t *o, const char *key)
{
    const json_int_t most = (json_int_t)1 << 60;
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n < 0 ? 0 : n > most ? most : n;
}

static const char *string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* And what would drive the terminal becomes '?'. */
enum { SHOWN_SIZE = 64 };
static const char *shown(const char *text, char out[SHOWN_SIZE])
{
    size_t n = 0;
    for (; text[n] != '\0' && n < SHOWN_SIZE - 1; n++)
        out[n] = text[n] >= ' ' && text[n] < 0x7f ? text[n] : '?';
    out[n] = '\0';
    return out;
}

static double monotonic_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes a second since the answer before; "-" for the first. */
static void rate_text(const json_t *now, const json_t *before, double seconds, char out[TEXT_SIZE])
{
    long long bytes = number(now, "sent_bytes") - number(before, "sent_bytes");
    if (before == NULL || seconds <= 0) {
        snprintf(out, TEXT_SIZE, "-");
        return;
    }
    char size[TEXT_SIZE];
    text_bytes(bytes > 0 ? (uint64_t)((double)bytes / seconds) : 0, size);
    snprintf(out, TEXT_SIZE, "%.28s/s", size);
}

static void row(const char *name, const json_t *now, const json_t *before, double seconds)
{
    char requests[TEXT_SIZE], sent[TEXT_SIZE], rate[TEXT_SIZE], title[SHOWN_SIZE], state[SHOWN_SIZE];
    text_grouped((uint64_t)number(now, "requests"), requests);
    text_bytes((uint64_t)number(now, "sent_bytes"), sent);
    rate_text(now, before, seconds, rate);
    const char *cap = shown(string(now, "cap"), state);
    printf("%-36.36s %14s %11s %13s %8lld %10lld %7lld%s%s\n", shown(name, title), requests, sent, rate,
           number(now, "errors"), number(now, "downloads_completed"), number(now, "active_transfers"),
           cap[0] != '\0' && strcmp(cap, "none") != 0 ? "  cap: " : "", strcmp(cap, "none") != 0 ? cap : "");
}

static int more_sent(const void *a, const void *b)
{
    long long x = number(*(json_t *const *)a, "sent_bytes"), y = number(*(json_t *const *)b, "sent_bytes");
    return (x < y) - (x > y);
}

/* The same title in the answer before: titles only come, so it is at the same place. */
static const json_t *title_before(const json_t *before, size_t at, const json_t *now)
{
    const json_t *t = json_array_get(json_object_get(before, "by_title"), at);
    return t != NULL && strcmp(string(t, "title"), string(now, "title")) == 0 ? t : NULL;
}

static void titles_print(const json_t *o, const json_t *before, double seconds)
{
    const json_t *titles = json_object_get(o, "by_title");
    size_t n = json_array_size(titles);
    const json_t **order = calloc(n + 1, sizeof *order);
    if (order == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        json_t *t = json_array_get(titles, i);
        json_object_set_new(t, "at", json_integer((json_int_t)i));
        order[i] = t;
    }
    qsort(order, n, sizeof *order, more_sent);
    for (size_t i = 0; i < n && i < TITLES_SHOWN; i++)
        row(string(order[i], "title"), order[i],
            title_before(before, (size_t)number(order[i], "at"), order[i]), seconds);
    if (n > TITLES_SHOWN)
        printf("and %zu more titles (--json has all)\n", n - TITLES_SHOWN);
    free(order);
}

static void status_print(const json_t *o, const json_t *before)
{
    char today[TEXT_SIZE], version[SHOWN_SIZE], state[SHOWN_SIZE], cap[SHOWN_SIZE];
    long long up = number(o, "now") - number(o, "start_time_seconds");
    double seconds = before != NULL ? json_real_value(json_object_get(o, "asked")) -
                                          json_real_value(json_object_get(before, "asked"))
                                    : 0;
    text_bytes((uint64_t)number(o, "today_bytes"), today);
    printf("patchbay %s: %s for %lldd %02lld:%02lld:%02lld, %lld titles with %lld entries\n",
           shown(string(o, "version"), version), shown(string(o, "state"), state), up / 86400, up / 3600 % 24,
           up / 60 % 60, up % 60, number(o, "titles"), number(o, "entries"));
    printf("connections %lld, waiting %lld; accepted %lld, refused %lld, timed out %lld; bans %lld; today "
           "%s, cap %s\n\n",
           number(o, "connections"), number(o, "connections_waiting"),
           number(o, "connections_accepted_total"), number(o, "connections_refused_total"),
           number(o, "timeouts_total"), number(o, "bans"), today, shown(string(o, "cap_state"), cap));
    printf("%-36s %14s %11s %13s %8s %10s %7s\n", "", "requests", "sent", "rate", "errors", "completed",
           "active");
    const char *name;
    json_t *dialect;
    json_object_foreach(json_object_get(o, "dialects"), name, dialect)
    {
        row(name, dialect, json_object_get(json_object_get(before, "dialects"), name), seconds);
    }
    titles_print(o, before, seconds);
}

/* NULL after an error was printed. */
static json_t *ask(struct pb_depot *depot, const char *address)
{
    struct pb_error err;
    char *text;
    if (pb_server_status(depot, address, &text, &err) < 0) {
        fail(&err);
        return NULL;
    }
    json_t *o = json_loads(text, 0, NULL);
    free(text);
    if (!json_is_object(o)) {
        fprintf(stderr, "patchbay: what answers there is not a patchbay server\n");
        json_decref(o);
        return NULL;
    }
    json_object_set_new(o, "asked", json_real(monotonic_now()));
    return o;
}

/* Until the user or the server ends it. */
static int watch(struct pb_depot *depot, const char *address)
{
    json_t *before = NULL, *now;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int status = EXIT_FAILED;
    while ((now = ask(depot, address)) != NULL) {
        const struct timespec second = {1, 0};
        printf("\033[H\033[2J");
        status_print(now, before);
        fflush(stdout);
        json_decref(before);
        before = now;
        if (sigtimedwait(&signals, NULL, &second) > 0) {
            status = EXIT_DONE;
            break;
        }
    }
    json_decref(before);
    return status;
}

int verb_status(const struct args *a)
{
    const char *address = args_value(a, "admin");
    struct pb_depot *depot = address == NULL ? open_depot(a) : NULL;
    if (address == NULL && depot == NULL)
        return EXIT_FAILED;
    int status = EXIT_FAILED;
    if (!args_flag(a, "json") && !args_flag(a, "once") && isatty(STDOUT_FILENO) == 1) {
        status = watch(depot, address);
    } else {
        json_t *o = ask(depot, address);
        if (o != NULL && args_flag(a, "json")) {
            json_object_del(o, "asked"); /* ours */
            status = print_json(o);
        } else if (o != NULL) {
            status_print(o, NULL);
            json_decref(o);
            status = print_end();
        }
    }
    pb_depot_close(depot);
    return status;
}
