/* Where a connection is: in the table, on one deadline list, and perhaps on the ready list. conn.c's own. */
#ifndef PB_SERVE_CONN_LISTS_H
#define PB_SERVE_CONN_LISTS_H

#include "serve/engine.h"

/* A free slot, now counted as open; NULL when memory or the table is out. */
struct conn *conn_table_take(struct conn_table *t);
/* NULL when there never was one of this index. */
struct conn *conn_table_at(struct conn_table *t, uint32_t index);

void conn_table_free(struct conn_table *t);

void wait_join(struct loop *l, struct conn *c, enum conn_wait wait);
void wait_leave(struct loop *l, struct conn *c);
void wait_change(struct loop *l, struct conn *c, enum conn_wait wait);
/* A rate allows nothing now. Who waits already keeps his place, so that each has his turn. */
void wait_held(struct loop *l, struct conn *c);

void ready_join(struct loop *l, struct conn *c);
void ready_leave(struct loop *l, struct conn *c);

/* How long a connection may be on a list whose time is nobody's to set: closing. */
enum { CLOSING_MS = 5000 };

#endif
