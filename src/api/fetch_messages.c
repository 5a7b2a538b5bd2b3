/* The queue between the thread of a fetch and its caller. */
#include "api/fetch_messages.h"

#include "base/bytes.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MESSAGES_MAX = 512 /* of two paths at most: some 100 KB, and never more than 4 MB */ };

enum message_kind { MESSAGE_CHANGE, MESSAGE_PLAN, MESSAGE_NOTICE, MESSAGE_TITLE };

struct message {
    struct message *next;
    enum message_kind kind;
    union {
        struct pb_fetch_change change;
        struct pb_fetch_plan plan;
        struct {
            const char *title, *text;
        } notice;
        struct pb_fetch_result *title; /* behind the message */
    } of;
};

int messages_init(struct messages *m, struct pb_error *err)
{
    *m = (struct messages){.progress = {.stage = "checking"}, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (m->fd < 0)
        return error_errno(err, errno, "eventfd");
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->room, NULL);
    return PB_OK;
}

static void list_free(struct message *one)
{
    while (one != NULL) {
        struct message *next = one->next;
        free(one);
        one = next;
    }
}

void messages_free(struct messages *m)
{
    list_free(m->first);
    pthread_cond_destroy(&m->room);
    pthread_mutex_destroy(&m->lock);
    close(m->fd);
}

/* ---- of the thread ---- */

/* Makes the descriptor readable. One call of the system, however much there is to say. */
static void show_locked(struct messages *m)
{
    if (!m->shown)
        eventfd_write(m->fd, 1);
    m->shown = true;
}

static struct message *message_new(enum message_kind kind, size_t more)
{
    struct message *one = calloc(1, sizeof *one + more);
    if (one != NULL)
        one->kind = kind;
    return one;
}

static size_t text_room(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* Copies a text to *at, which moves on. */
static const char *text_put(char **at, const char *text)
{
    size_t n = text_room(text);
    char *copy = *at;
    if (n == 0)
        return NULL;
    *at += n;
    return memcpy(copy, text, n);
}

/* Takes `one` over; NULL: there was no memory for it, which ends the fetch. After a cancel nothing waits. */
static void put(struct messages *m, struct message *one)
{
    pthread_mutex_lock(&m->lock);
    while (one != NULL && m->n >= MESSAGES_MAX && !m->cancelled)
        pthread_cond_wait(&m->room, &m->lock);
    m->starved |= one == NULL;
    if (one != NULL && m->n < MESSAGES_MAX) {
        if (m->first == NULL)
            m->first = one;
        else
            m->last->next = one;
        m->last = one;
        m->n++;
        one = NULL;
    }
    show_locked(m);
    pthread_mutex_unlock(&m->lock);
    free(one);
}

static void on_change(void *arg, const struct pb_fetch_change *c)
{
    struct message *one = message_new(MESSAGE_CHANGE, text_room(c->path) + text_room(c->from));
    if (one != NULL) {
        char *at = (char *)(one + 1);
        one->of.change = *c; /* the action is static */
        one->of.change.path = text_put(&at, c->path);
        one->of.change.from = text_put(&at, c->from);
    }
    put(arg, one);
}

static void on_plan(void *arg, const struct pb_fetch_plan *p)
{
    struct message *one =
        message_new(MESSAGE_PLAN, text_room(p->title) + text_room(p->version) + text_room(p->source));
    if (one != NULL) {
        char *at = (char *)(one + 1);
        one->of.plan = *p;
        one->of.plan.title = text_put(&at, p->title);
        one->of.plan.version = text_put(&at, p->version);
        one->of.plan.source = text_put(&at, p->source);
    }
    put(arg, one);
}

static void on_notice(void *arg, const char *title, const char *text)
{
    struct message *one = message_new(MESSAGE_NOTICE, text_room(title) + text_room(text));
    if (one != NULL) {
        char *at = (char *)(one + 1);
        one->of.notice.title = text_put(&at, title);
        one->of.notice.text = text_put(&at, text);
    }
    put(arg, one);
}

static void on_title(void *arg, const struct pb_fetch_result *r)
{
    struct message *one = message_new(MESSAGE_TITLE, sizeof *r);
    if (one != NULL) {
        one->of.title = (struct pb_fetch_result *)(one + 1);
        *one->of.title = *r;
    }
    put(arg, one);
}

void messages_listen(struct messages *m, struct pb_fetch_options *o)
{
    o->change = o->change != NULL ? on_change : NULL;
    o->plan = o->plan != NULL ? on_plan : NULL;
    o->notice = o->notice != NULL ? on_notice : NULL;
    o->each = o->each != NULL ? on_title : NULL;
    o->arg = m;
}

int messages_progress(void *arg, const struct pb_progress *now)
{
    struct messages *m = arg;
    pthread_mutex_lock(&m->lock);
    m->progress = *now; /* its texts are static */
    show_locked(m);
    int stop = m->cancelled || m->starved;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

void messages_end(struct messages *m)
{
    pthread_mutex_lock(&m->lock);
    m->ended = true;
    show_locked(m);
    pthread_mutex_unlock(&m->lock);
}

/* ---- of the caller ---- */

static struct message *take(struct messages *m)
{
    pthread_mutex_lock(&m->lock);
    struct message *one = m->first;
    if (one != NULL) {
        m->first = one->next;
        m->n--;
        pthread_cond_signal(&m->room);
    }
    pthread_mutex_unlock(&m->lock);
    return one;
}

bool messages_tell(struct messages *m, const struct pb_fetch_options *o)
{
    struct message *one = take(m);
    if (one == NULL)
        return false;
    switch (one->kind) {
    case MESSAGE_CHANGE:
        o->change(o->arg, &one->of.change);
        break;
    case MESSAGE_PLAN:
        o->plan(o->arg, &one->of.plan);
        break;
    case MESSAGE_NOTICE:
        o->notice(o->arg, one->of.notice.title, one->of.notice.text);
        break;
    case MESSAGE_TITLE:
        o->each(o->arg, one->of.title);
        break;
    }
    free(one);
    return true;
}

bool messages_look(struct messages *m, struct pb_progress *progress)
{
    eventfd_t ignored;
    pthread_mutex_lock(&m->lock);
    *progress = m->progress;
    bool more = m->n > 0;
    /* Once the fetch has ended it stays readable: whoever waits finds that out, however late. */
    if (m->shown && !more && !m->ended) {
        eventfd_read(m->fd, &ignored);
        m->shown = false;
    }
    bool going = more || !m->ended;
    pthread_mutex_unlock(&m->lock);
    return going;
}

void messages_cancel(struct messages *m)
{
    pthread_mutex_lock(&m->lock);
    m->cancelled = true;
    pthread_cond_broadcast(&m->room);
    pthread_mutex_unlock(&m->lock);
}
