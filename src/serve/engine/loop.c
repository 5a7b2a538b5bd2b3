/* The event loop of one thread. */
#include "serve/engine/loop.h"

#include "serve/engine/accept.h"
#include "serve/engine/conn.h"
#include "serve/engine/conn_all.h"
#include "serve/engine/conn_table.h"
#include "serve/engine/ticks.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN = 128,
    READY_US = 500,         /* of a turn, for connections that can go on without an event */
    GIVE_WAY_PER_TICK = 64, /* idle connections that are closed because there is no room, also for others' */
    INPUT_SIZE = 2 * PROTOCOL_INPUT_MAX, /* what is kept of a request, and a batch behind it */
    /* Marks in an event's low half that no connection's index reaches. */
    MARK_TIMER = 0x7f000000,
    MARK_WAKE,
    MARK_LISTENER,
};

_Static_assert(CONN_BLOCK *CONN_BLOCKS_MAX <= CONN_UPSTREAM &&
                   CONN_UPSTREAM + CONN_BLOCK * CONN_BLOCKS_MAX <= MARK_TIMER,
               "an event's low half tells what it is of");
_Static_assert(INPUT_SIZE >= PROTOCOL_INPUT_MAX + CONN_BATCH && INPUT_SIZE <= UINT16_MAX + 1,
               "conn.in_n counts it");

static int watch(struct loop *l, int fd, uint32_t mark)
{
    /* Exclusive: a listener that was handed over may be in the set of each thread. */
    struct epoll_event event = {.events = EPOLLIN | (mark >= MARK_LISTENER ? EPOLLEXCLUSIVE : 0),
                                .data.u64 = mark};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool listeners_watch(struct loop *l)
{
    for (size_t i = 0; i < l->listener_count; i++) {
        struct loop_listener *listener = &l->listeners[i];
        if (watch(l, listener->fd, MARK_LISTENER + (uint32_t)i) != 0 && errno != EEXIST)
            return false;
        listener->paused = false;
    }
    return true;
}

/* Those that were paused are tried again; conn_accept pauses them anew if there still is no room. */
static void listeners_resume(struct loop *l)
{
    if (!l->paused || l->stop_at != 0 || !listeners_watch(l))
        return;
    l->paused = false;
    room_wait(l->room, false);
}

static void clock_read(struct loop *l)
{
    int64_t now = clock_unix();
    l->gate.now = clock_monotonic_ms();
    __atomic_store_n(&l->counts.seen, l->gate.now, __ATOMIC_RELAXED);
    if (now != l->unix_now) {
        l->unix_now = now;
        http_date_format(now, l->date);
    }
}

static void snapshot_set(struct loop *l, struct snapshot *snapshot)
{
    l->snapshot = snapshot;
    l->gate.rules = snapshot->rules;
    l->objects.damaged = snapshot->damaged;
}

static void snapshot_renew(struct loop *l)
{
    if (__atomic_load_n(l->source.generation, __ATOMIC_ACQUIRE) == l->generation)
        return;
    struct snapshot *before = l->snapshot;
    snapshot_set(l, l->source.take(l->source.arg, &l->generation));
    bool settings = l->snapshot->settings != before->settings;
    if (l->snapshot->site != before->site || l->snapshot->damaged != before->damaged)
        object_cache_renew(&l->objects);
    if (settings || l->snapshot->bans != before->bans)
        conns_snapshot_changed(l, settings);
    snapshot_release(before);
}

int loop_init(struct loop *l, const struct snapshot_source *source, struct shared *shared, struct room *room,
              const struct loop_listener *listeners, size_t n, int objects, size_t object_room,
              struct access_log *log, struct pb_error *err)
{
    *l = (struct loop){.epoll = -1, .timer = -1, .wake = -1, .source = *source, .shared = shared, .log = log};
    l->room = room;
    l->operator_room = room_operator();
    l->gate.admission = &shared->admission;
    int rc = object_cache_init(&l->objects, objects, object_room, err);
    if (rc < 0)
        return rc;
    l->objects.asked = &shared->asked;
    l->input = malloc(INPUT_SIZE);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    memcpy(l->listeners, listeners, n * sizeof *listeners);
    l->listener_count = n;
    if (l->input == NULL || l->epoll < 0 || l->timer < 0 || l->wake < 0 || !ticks_start(l) ||
        watch(l, l->timer, MARK_TIMER) != 0 || watch(l, l->wake, MARK_WAKE) != 0 || !listeners_watch(l)) {
        rc = error_errno(err, errno, "event loop");
        l->listener_count = 0; /* they stay the caller's */
        loop_free(l);
        return rc;
    }
    snapshot_set(l, source->take(source->arg, &l->generation));
    clock_read(l);
    return PB_OK;
}

static void listeners_close(struct loop *l)
{
    for (size_t i = 0; i < l->listener_count; i++)
        fd_close(&l->listeners[i].fd);
    l->listener_count = 0;
    if (l->paused)
        room_wait(l->room, false);
    l->paused = false;
}

void loop_free(struct loop *l)
{
    if (l->snapshot != NULL)
        conns_close(l);
    conn_table_free(&l->conns);
    listeners_close(l);
    access_log_flush(l->log, &l->batch);
    object_cache_free(&l->objects);
    snapshot_release(l->snapshot);
    fd_close(&l->wake);
    fd_close(&l->timer);
    fd_close(&l->epoll);
    free(l->input);
    l->input = NULL;
}

static void tick(struct loop *l)
{
    uint64_t count;
    if (read(l->timer, &count, sizeof count) != sizeof count)
        return;
    if (l->fast_ticks && !conns_rate_turn(l))
        ticks_slow(l);
    if (l->gate.now < l->slow_due)
        return;
    l->slow_due = l->gate.now + TICK_MS - FAST_TICK_MS;
    conns_expire(l);
    if (l->stop_at != 0)
        conns_close_idle(l);
    access_log_flush(l->log, &l->batch);
    if (room_is_wanted(l->room))
        conns_give_way(l, GIVE_WAY_PER_TICK);
    listeners_resume(l);
}

/* What the kernel accepted for us already is still served, unless another server gets the socket; nothing new
 * comes. */
static void stop_begin(struct loop *l)
{
    l->stop_at = l->gate.now + l->snapshot->settings->drain_ms;
    for (size_t i = 0; i < l->listener_count; i++) {
        struct loop_listener *listener = &l->listeners[i];
        for (int k = 0; k < SOMAXCONN && !listener->inherited; k++) {
            if (!conn_accept(l, listener))
                break;
        }
    }
    listeners_close(l);
    conns_close_idle(l);
}

static void event_handle(struct loop *l, const struct epoll_event *e)
{
    uint32_t mark = (uint32_t)e->data.u64;
    uint64_t count;
    if (mark < MARK_TIMER) {
        conn_event(l, mark, (uint32_t)(e->data.u64 >> 32), e->events);
    } else if (mark == MARK_TIMER) {
        tick(l);
    } else if (mark == MARK_WAKE) {
        if (read(l->wake, &count, sizeof count) < 0)
            return;
    } else if (mark - MARK_LISTENER < l->listener_count) {
        conn_accept(l, &l->listeners[mark - MARK_LISTENER]);
    }
}

static void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    /* Fails only when it is set already. */
    if (write(l->wake, &one, sizeof one) < 0)
        return;
}

/* Those that were ready before this turn get theirs, each once; `last` may be gone by now, so the count
 * bounds. Those that ask for more than the turn has time for wait for the next one, so that a client with one
 * request now and then does not wait for all that others have piled up. */
static void ready_turn(struct loop *l, const struct conn *last)
{
    size_t most = l->conns.open;
    uint64_t until = l->ready.first != NULL ? clock_monotonic_us() + READY_US : 0;
    for (struct conn *c = l->ready.first; c != NULL && most-- > 0; c = l->ready.first) {
        conn_continue(l, c);
        if (c == last || clock_monotonic_us() >= until)
            break;
    }
}

void loop_turn(struct loop *l, int wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    struct conn *last = l->ready.last;
    int n = epoll_wait(l->epoll, events, EVENTS_PER_TURN, l->ready.first != NULL ? 0 : wait_ms);
    clock_read(l);
    snapshot_renew(l);
    for (int i = 0; i < n; i++)
        event_handle(l, &events[i]);
    ready_turn(l, last);
    if (l->freed)
        listeners_resume(l);
    l->freed = false;
    if (l->stop_at == 0 && __atomic_load_n(&l->stop_wanted, __ATOMIC_ACQUIRE))
        stop_begin(l);
    if (l->stop_at != 0 && l->gate.now >= l->stop_at)
        conns_close(l);
    l->done = l->stop_at != 0 && l->conns.open == 0;
    /* A caller who polls our descriptor must hear of connections that have more to do, or of the end. */
    if (wait_ms == 0 && (l->ready.first != NULL || l->done))
        loop_wake(l);
}

void loop_stop(struct loop *l)
{
    __atomic_store_n(&l->stop_wanted, true, __ATOMIC_RELEASE);
    loop_wake(l);
}
