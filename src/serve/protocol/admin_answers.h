/* What answers the operator's requests: admin.c has the table of routes and finds the right one. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_ANSWERS_H
#define PB_SERVE_PROTOCOL_ADMIN_ANSWERS_H

#include "serve/protocol/protocol.h"
#include "wire/http_reply.h"

/* A request that may be answered. */
struct question {
    const struct exchange *x;
    const struct http_request *request;
    struct reply_plan *plan;
};

static inline struct http_moment question_moment(const struct question *q)
{
    return (struct http_moment){"patchbay", q->x->date};
}

/* Replies with a text that was made for this request, and takes it over. `fields`: further ones, as in
 * http_reply_fields. */
void question_answer(const struct question *q, int status, const char *type, const char *fields,
                     struct buffer *text);

struct embedded;

/* A page, with the policy that lets its own script alone run. */
void answer_embedded(const struct question *q, const struct embedded *page);
/* GET /: the page. */
void answer_page(const struct question *q);
/* GET /events: server-sent events for the page. */
void answer_events(const struct question *q);
/* The next of them: protocol.more. */
bool events_more(const struct exchange *x, struct reply_feed *feed, struct buffer *out);
/* POST /ban?range=RANGE&reason=TEXT&for=SECONDS and POST /unban?range=RANGE. */
void answer_ban(const struct question *q);
void answer_unban(const struct question *q);

#endif
