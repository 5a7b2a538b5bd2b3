/* Writing notes of replies. */
#include "serve/engine/noted.h"

#include "serve/live/notes.h"

#include <stdio.h>

enum { NOTE_EACH_MS = 100, METHOD_ROOM = 16, TARGET_ROOM = 160 };

/* What the client sent, as ASCII. */
static void ascii_text(struct slice text, char *out, size_t room)
{
    size_t n = text.n < room ? text.n : room - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '?';
    out[n] = '\0';
}

/* A password may be in a query: only the path is shown. */
static struct slice path_of(struct slice target)
{
    const char *mark = target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
    return mark != NULL ? (struct slice){target.p, (size_t)(mark - target.p)} : target;
}

static void note_text(const struct reply_plan *p, const struct access *access, const char *client,
                      bool broken, char out[NOTE_TEXT])
{
    char method[METHOD_ROOM], target[TARGET_ROOM], status[16] = "an error";
    const struct site_title *title = p->title;
    ascii_text(access->method, method, sizeof method);
    ascii_text(path_of(access->target), target, sizeof target);
    if (access->minor >= 0)
        snprintf(status, sizeof status, "%u", p->status);
    snprintf(out, NOTE_TEXT, "%s got %s for %s %s%s%s%s%s%s", client, status,
             method[0] != '\0' ? method : "a request", target, title != NULL ? " of " : "",
             title != NULL ? title->dialect : "", title != NULL ? "/" : "", title != NULL ? title->name : "",
             broken ? ": an object can't be read" : "");
}

void note_refusal(struct loop *l, const struct conn *c, const struct access *access, bool broken)
{
    char client[ADDRESS_TEXT], text[NOTE_TEXT];
    struct address address = address_of(&c->remote.any);
    if (l->shared->notes == NULL || c->protocol->for_operator || (!broken && l->plan.status < 500) ||
        l->gate.now < l->noted_at + NOTE_EACH_MS)
        return;
    l->noted_at = l->gate.now;
    address_text(&address, client);
    note_text(&l->plan, access, client, broken, text);
    notes_post(l->shared->notes, NOTE_REPLY, l->unix_now, text);
}
