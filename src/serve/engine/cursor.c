/* Head and memory leave in one call, a file by the transport's way for files. */
#include "serve/engine/cursor.h"

/* Returns what the channel took, of head and body. */
static ssize_t step_send(struct cursor *s, uint64_t step)
{
    const struct transport *t = s->channel->transport;
    if (s->memory == NULL && s->head_n == 0)
        return t->send_file(s->channel, s->file, s->offset, (size_t)step);
    bool file_follows = s->memory == NULL && s->left > 0;
    return t->send(s->channel, s->head, s->head_n, s->memory != NULL ? s->memory + s->offset : NULL,
                   s->memory != NULL ? (size_t)step : 0, file_follows);
}

enum cursor_end cursor_send(struct cursor *s)
{
    while (cursor_left(s) > 0) {
        if (s->budget == 0)
            return CURSOR_SPENT;
        ssize_t n = step_send(s, s->left < s->budget ? s->left : s->budget);
        if (n == CHANNEL_WAIT)
            return CURSOR_BLOCKED;
        if (n <= 0) /* 0: the file is shorter than its object, so the promised length can't be kept */
            return CURSOR_BROKEN;
        size_t of_head = (size_t)n < s->head_n ? (size_t)n : s->head_n;
        s->head += of_head;
        s->head_n -= of_head;
        uint64_t of_body = (uint64_t)n - of_head;
        s->offset += of_body;
        s->left -= of_body;
        s->budget -= of_body;
    }
    return CURSOR_THROUGH;
}
