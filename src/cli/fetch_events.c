/* Making the lines, and writing them. */
#include "cli/fetch_events.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A signal handler must not write into a line. */
static volatile sig_atomic_t writing;

const char *events_cancelled(const volatile sig_atomic_t **busy)
{
    static char line[160];
    *busy = &writing;
    snprintf(line, sizeof line, "{\"event\":\"error\",\"code\":\"%s\",\"exit\":%d,\"text\":\"cancelled\"}\n",
             pb_status_name(PB_CANCELLED), EXIT_CANCELLED);
    return line;
}

/* ---- writing ---- */

static void failed(struct events *e)
{
    if (!e->failed && errno != EPIPE) /* a launcher that is gone needs no word */
        fprintf(stderr, "patchbay: standard output: %s\n", strerror(errno));
    e->failed = true;
}

static void line_write(struct events *e, const char *p, size_t n)
{
    writing = 1;
    while (n > 0 && !e->failed) {
        ssize_t wrote = write(STDOUT_FILENO, p, n);
        if (wrote < 0 && errno != EINTR)
            failed(e);
        p += wrote > 0 ? wrote : 0;
        n -= wrote > 0 ? (size_t)wrote : 0;
    }
    writing = 0;
}

/* Writes and frees the fields, with the event's name before them. */
static void tell(struct events *e, const char *name, json_t *fields)
{
    json_t *o = json_pack("{s:s}", "event", name);
    char *text = NULL;
    if (fields != NULL && o != NULL && json_object_update(o, fields) == 0)
        text = json_dumps(o, JSON_COMPACT);
    size_t n = text != NULL ? strlen(text) : 0;
    if (text == NULL) {
        errno = ENOMEM;
        failed(e);
    } else {
        text[n] = '\n'; /* in the NUL's place: a line goes out in one piece */
        line_write(e, text, n + 1);
    }
    free(text);
    json_decref(o);
    json_decref(fields);
}

/* ---- events ---- */

static void number_set(json_t *o, const char *key, unsigned long long number)
{
    json_object_set_new(o, key, json_integer((json_int_t)number));
}

void events_plan(struct events *e, const struct pb_fetch_plan *p)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:I}", "title", p->title, "version", p->version, "source",
                          p->source, "unchanged", p->unchanged, "pieces", (json_int_t)p->pieces);
    if (p->bytes > 0)
        number_set(o, "bytes", p->bytes);
    number_set(o, "kept", p->kept);
    number_set(o, "placed", p->placed);
    number_set(o, "moved", p->moved);
    number_set(o, "linked", p->linked);
    number_set(o, "removed", p->removed);
    number_set(o, "attic", p->attic);
    tell(e, "plan", o);
}

void events_progress(struct events *e, const struct pb_progress *now)
{
    enum { EACH_MS = 100 };
    unsigned long left;
    uint64_t at = progress_clock();
    bool begins = pace_add(&e->pace, now, at), ends = now->total > 0 && now->done >= now->total;
    if (!begins && (now->done == e->at || (!ends && at - e->told < EACH_MS)))
        return;
    e->told = at;
    e->at = now->done;
    json_t *o = json_pack("{s:s}", "stage", now->stage);
    if (now->total > 0) {
        number_set(o, "done", now->done < now->total ? now->done : now->total);
        number_set(o, "total", now->total);
        json_object_set_new(o, "unit", json_string(now->unit != NULL ? now->unit : "bytes"));
        if (pace_rate(&e->pace) >= 1)
            number_set(o, "rate", (unsigned long long)pace_rate(&e->pace));
        if (pace_left(&e->pace, now, &left))
            number_set(o, "left", left);
    }
    tell(e, "progress", o);
}

void events_file(struct events *e, const struct pb_fetch_change *s)
{
    json_t *o = json_pack("{s:s, s:s}", "action", s->action, "path", s->path);
    if (s->from != NULL)
        json_object_set_new(o, "from", json_string(s->from));
    if (s->bytes > 0)
        number_set(o, "bytes", s->bytes);
    tell(e, "file", o);
}

static json_t *result_json(const struct pb_fetch_result *r)
{
    char crc[16];
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "title", r->title, "version", r->version, "source",
                  r->source, "note", r->note, "advice", r->advice, "unchanged", r->unchanged);
    number_set(o, "pieces", r->pieces);
    number_set(o, "downloaded", r->downloaded);
    number_set(o, "present", r->present);
    number_set(o, "bytes", r->bytes);
    number_set(o, "kept", r->kept);
    number_set(o, "placed", r->placed);
    number_set(o, "moved", r->moved);
    number_set(o, "linked", r->linked);
    number_set(o, "removed", r->removed);
    number_set(o, "attic", r->attic);
    if (r->file[0] != '\0') {
        snprintf(crc, sizeof crc, "%08x", r->crc32);
        json_object_set_new(o, "file", json_string(r->file));
        number_set(o, "size", r->file_bytes);
        json_object_set_new(o, "md5", json_string(r->md5));
        json_object_set_new(o, "crc32", json_string(crc));
    }
    return o;
}

void events_title(struct events *e, const struct pb_fetch_result *r)
{
    if (e->titles == NULL)
        e->titles = json_array();
    json_array_append_new(e->titles, result_json(r));
    tell(e, "title", result_json(r));
}

void events_warning(struct events *e, const char *title, const char *text)
{
    json_t *o = json_pack("{s:s}", "text", text);
    if (title[0] != '\0')
        json_object_set_new(o, "title", json_string(title));
    tell(e, "warning", o);
}

int events_done(struct events *e, const struct pb_fetch_result *r)
{
    if (e->titles != NULL || r->titles == 0)
        tell(e, "done",
             json_pack("{s:o, s:s}", "titles", e->titles != NULL ? e->titles : json_array(), "others",
                       r->others));
    else
        tell(e, "done", result_json(r));
    e->titles = NULL;
    return e->failed ? EXIT_FAILED : EXIT_DONE;
}

int events_error(struct events *e, const struct pb_error *err)
{
    int status = exit_of(err->status);
    tell(
        e, "error",
        json_pack("{s:s, s:i, s:s}", "code", pb_status_name(err->status), "exit", status, "text", err->text));
    json_decref(e->titles);
    e->titles = NULL;
    return status;
}
