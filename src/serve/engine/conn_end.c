/* Ends of connections, and what they mean for admission. */
#include "serve/engine/conn_end.h"

#include "serve/engine/conn_state.h"
#include "serve/engine/conn_table.h"
#include "serve/engine/send.h"

/* Before the client learns that it may connect again. */
static void visitor_gone(struct loop *l, struct conn *c)
{
    bool excused = c->state == CONN_HELD || l->stop_at != 0;
    if (c->protocol->for_operator) {
        l->operator_connections--;
        return;
    }
    if (c->state != CONN_CLOSING) /* conn_finish has said so already */
        visitor_finished(&c->visitor);
    visitor_leave(&l->gate, &c->visitor, excused);
    count_own(&l->counts.connections, (uint64_t)-1);
    room_give(l->room);
}

static void close_as(struct loop *l, struct conn *c, bool reset)
{
    ready_leave(l, c);
    out_drop(l, c);
    intake_free(c->intake);
    c->intake = NULL;
    secret_free(c->in, c->in_n);
    free(c->proxy);
    visitor_gone(l, c);
    c->channel.transport->close(&c->channel, reset);
    l->freed = true;
    conn_move(l, c, CONN_FREE);
    conn_table_put(&l->conns, c);
}

void conn_close(struct loop *l, struct conn *c)
{
    close_as(l, c, false);
}

void conn_abort(struct loop *l, struct conn *c)
{
    close_as(l, c, true);
}

void conn_finish(struct loop *l, struct conn *c)
{
    /* A client that sees our end may connect again at once: by then this connection must not count. */
    visitor_finished(&c->visitor);
    c->channel.transport->end(&c->channel);
    secret_free(c->in, c->in_n);
    c->in = NULL;
    c->in_n = 0;
    conn_move(l, c, CONN_CLOSING);
    ready_join(l, c);
}
