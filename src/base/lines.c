/* Lines of a file. */
#include "base/lines.h"

#include <errno.h>
#include <unistd.h>

void lines_start(struct lines *l, int fd)
{
    *l = (struct lines){.fd = fd};
}

void lines_start_at(struct lines *l, int fd, uint64_t offset)
{
    *l = (struct lines){.fd = fd, .at = offset};
}

void lines_end(struct lines *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

/* Reads more. 1: there is more; 0: the file has ended. */
static int lines_read(struct lines *l, struct pb_error *err)
{
    if (l->bytes == NULL && (l->bytes = malloc(LINES_MAX)) == NULL)
        return error_memory(err);
    memmove(l->bytes, l->bytes + l->from, l->to - l->from);
    l->to -= l->from;
    l->from = 0;
    if (l->to == LINES_MAX)
        return error_set(err, PB_DAMAGED, "line %zu is too long", l->number + 1);
    ssize_t n;
    do
        n = pread(l->fd, l->bytes + l->to, LINES_MAX - l->to, (off_t)l->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, errno, "read");
    l->to += (size_t)n;
    l->at += (uint64_t)n;
    return n > 0;
}

int lines_next(struct lines *l, struct slice *line, struct pb_error *err)
{
    for (;;) {
        size_t n = l->to - l->from;
        char *start = n > 0 ? l->bytes + l->from : NULL, *end = n > 0 ? memchr(start, '\n', n) : NULL;
        if (end != NULL) {
            *line = (struct slice){start, (size_t)(end - start)};
            l->from += line->n + 1;
            l->number++;
            return 1;
        }
        int rc = lines_read(l, err);
        if (rc < 0)
            return rc;
        if (rc == 0 && l->to > l->from) { /* a last line without an end */
            *line = (struct slice){l->bytes + l->from, l->to - l->from};
            l->from = l->to;
            l->number++;
            return 1;
        }
        if (rc == 0)
            return 0;
    }
}

struct slice line_word(struct slice *line)
{
    const char *space = line->n > 0 ? memchr(line->p, ' ', line->n) : NULL;
    struct slice word = {line->p, space != NULL ? (size_t)(space - line->p) : line->n};
    line->p += word.n + (space != NULL);
    line->n -= word.n + (space != NULL);
    return word;
}
