/* The table of connections: slots in blocks that never move, so that an event may name one by its index. */
#ifndef PB_SERVE_ENGINE_CONN_TABLE_H
#define PB_SERVE_ENGINE_CONN_TABLE_H

#include "serve/engine/engine.h"

/* Takes a free slot and counts it as open. NULL when memory or the table is full. */
struct conn *conn_table_take(struct conn_table *t);
/* Clears the slot and puts it back. Its next use has another generation. */
void conn_table_put(struct conn_table *t, struct conn *c);
/* NULL where there never was a slot of this index. */
struct conn *conn_table_at(struct conn_table *t, uint32_t index);
void conn_table_free(struct conn_table *t);

#endif
