/* Slots. */
#include "serve/engine/conn_table.h"

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

void conn_table_put(struct conn_table *t, struct conn *c)
{
    uint32_t index = c->index, generation = c->generation + 1;
    *c = (struct conn){.index = index, .generation = generation, .channel.fd = -1, .next = t->free};
    t->free = c;
    t->open--;
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
