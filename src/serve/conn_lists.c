/* The table of connections, and the lists that they are on. */
#include "serve/conn_lists.h"

#include "serve/relay.h"
#include "serve/ticks.h"

/* ---- the table ---- */

struct conn *conn_table_take(struct conn_table *t)
{
    if (t->free == NULL) {
        if (t->block_count == CONN_BLOCKS_MAX)
            return NULL;
        struct conn *block = calloc(CONN_BLOCK, sizeof *block);
        if (block == NULL)
            return NULL;
        for (size_t i = CONN_BLOCK; i-- > 0;) {
            block[i].index = (uint32_t)(t->block_count * CONN_BLOCK + i);
            block[i].next = t->free;
            t->free = &block[i];
        }
        t->blocks[t->block_count++] = block;
    }
    struct conn *c = t->free;
    t->free = c->next;
    t->open++;
    return c;
}

struct conn *conn_table_at(struct conn_table *t, uint32_t index)
{
    return index / CONN_BLOCK < t->block_count ? &t->blocks[index / CONN_BLOCK][index % CONN_BLOCK] : NULL;
}

void conn_table_free(struct conn_table *t)
{
    for (size_t i = 0; i < t->block_count; i++)
        free(t->blocks[i]);
    t->block_count = 0;
}

/* ---- deadlines and the ready list ---- */

void wait_leave(struct loop *l, struct conn *c)
{
    struct conn_list *list = &l->conns.waits[c->wait];
    *(c->before != NULL ? &c->before->next : &list->first) = c->next;
    *(c->next != NULL ? &c->next->before : &list->last) = c->before;
}

void wait_join(struct loop *l, struct conn *c, enum conn_wait wait)
{
    const struct serve_settings *s = l->snapshot->settings;
    if (wait == WAIT_IDLE && c->protocol->short_idle)
        wait = WAIT_BRIEF;
    struct conn_list *list = &l->conns.waits[wait];
    unsigned ms = wait == WAIT_IDLE    ? s->idle_ms
                  : wait == WAIT_BRIEF ? s->brief_ms
                  : wait == WAIT_HEAD  ? s->head_ms
                  : wait == WAIT_SEND  ? s->send_ms
                  : wait == WAIT_RELAY ? RELAY_LOOK_MS
                                       : CLOSING_MS;
    if (wait == WAIT_RATE) {
        ticks_fast(l);
        count_own(&l->counts.delayed, 1);
    }
    c->wait = (uint8_t)wait;
    c->deadline = wait == WAIT_RATE ? UINT64_MAX : l->now + ms;
    c->next = NULL;
    c->before = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = c;
    list->last = c;
}

void wait_change(struct loop *l, struct conn *c, enum conn_wait wait)
{
    wait_leave(l, c);
    wait_join(l, c, wait);
}

void wait_held(struct loop *l, struct conn *c)
{
    if (c->wait != WAIT_RATE)
        wait_change(l, c, WAIT_RATE);
}

void ready_join(struct loop *l, struct conn *c)
{
    if (c->ready)
        return;
    c->ready = true;
    c->ready_next = NULL;
    c->ready_before = l->ready.last;
    *(l->ready.last != NULL ? &l->ready.last->ready_next : &l->ready.first) = c;
    l->ready.last = c;
}

void ready_leave(struct loop *l, struct conn *c)
{
    if (!c->ready)
        return;
    c->ready = false;
    *(c->ready_before != NULL ? &c->ready_before->ready_next : &l->ready.first) = c->ready_next;
    *(c->ready_next != NULL ? &c->ready_next->ready_before : &l->ready.last) = c->ready_before;
}
