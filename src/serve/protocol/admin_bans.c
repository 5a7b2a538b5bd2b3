/* Bans from the operator's page. They go into the record, from where this server and others take them up. */
#include "serve/protocol/admin_answers.h"

#include "base/clock.h"
#include "serve/live/banning.h"

/* The operator's loop answers nobody else meanwhile. */
enum { BAN_PATIENCE_MS = 100, FIELD_ROOM = 512 };
/* Seconds; the same bound as of the program's. */
#define FOR_MAX 3200000000ull

static void answer_error(const struct question *q, const struct pb_error *err)
{
    static const struct {
        int error, status;
    } statuses[] = {{PB_INVALID, 400}, {PB_NOT_FOUND, 404}, {PB_BUSY, 503}};
    int status = 500;
    _cleanup_buffer_ struct buffer text;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].error == err->status)
            status = statuses[i].status;
    }
    buffer_init(&text, 4096);
    buffer_format(&text, "%s\n", err->text);
    question_answer(q, status, "text/plain; charset=utf-8", status == 503 ? "Retry-After: 1\r\n" : "", &text);
}

static void answer_done(const struct question *q)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, 64);
    buffer_text(&text, "ok\n");
    question_answer(q, 200, "text/plain", "", &text);
}

/* A field of the query, decoded; "" when there is none. */
static int field_of(const struct question *q, const char *key, char out[FIELD_ROOM], struct pb_error *err)
{
    struct slice value;
    out[0] = '\0';
    if (!http_query_value(q->request->query, key, &value))
        return PB_OK;
    int n = percent_decode(value, out, FIELD_ROOM - 1);
    if (n < 0)
        return error_set(err, PB_INVALID, "%s: not a text, or too long", key);
    out[n] = '\0';
    return PB_OK;
}

/* When a ban of so many seconds ends; 0: never. */
static int end_of(const char *seconds, int64_t *expires, struct pb_error *err)
{
    uint64_t n = 0;
    if (seconds[0] != '\0' && (!slice_to_u64(slice_of(seconds), FOR_MAX, &n) || n == 0))
        return error_set(err, PB_INVALID, "for: a number of seconds, not %s", seconds);
    *expires = n > 0 ? clock_unix() + (int64_t)n : 0;
    return PB_OK;
}

void answer_ban(const struct question *q)
{
    char range[FIELD_ROOM], reason[FIELD_ROOM], seconds[FIELD_ROOM];
    struct banning ban;
    struct pb_error err;
    int64_t expires = 0;
    int rc = field_of(q, "range", range, &err);
    if (rc == PB_OK)
        rc = field_of(q, "reason", reason, &err);
    if (rc == PB_OK)
        rc = field_of(q, "for", seconds, &err);
    if (rc == PB_OK)
        rc = end_of(seconds, &expires, &err);
    if (rc == PB_OK)
        rc = banning_make(range, reason, expires, &ban, &err);
    if (rc == PB_OK)
        rc = banning_put(q->x->shared->depot, BAN_PATIENCE_MS, &ban, &err);
    if (rc < 0)
        answer_error(q, &err);
    else
        answer_done(q);
}

void answer_unban(const struct question *q)
{
    char range[FIELD_ROOM];
    struct pb_error err;
    int rc = field_of(q, "range", range, &err);
    if (rc == PB_OK)
        rc = banning_lift(q->x->shared->depot, BAN_PATIENCE_MS, range, &err);
    if (rc < 0)
        answer_error(q, &err);
    else
        answer_done(q);
}
