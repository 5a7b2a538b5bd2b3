/* Reading a file line by line, in little memory. */
#ifndef PB_BASE_LINES_H
#define PB_BASE_LINES_H

#include "base/bytes.h"

struct lines {
    int fd; /* not owned */
    char *bytes;
    size_t from, to; /* of what is read and not used yet */
    uint64_t at;     /* offset in the file of what is read next */
    size_t number;   /* of the last line, from 1 */
};

/* Begins at the file's start. */
void lines_start(struct lines *l, int fd);
/* Begins at an offset. */
void lines_start_at(struct lines *l, int fd, uint64_t offset);
/* The offset in the file of what follows the last line. */
static inline uint64_t lines_offset(const struct lines *l)
{
    return l->at - (l->to - l->from);
}
void lines_end(struct lines *l); /* twice does no harm */

/* The next line, without its end; valid until the next call. Returns 1; 0 at the end of the file. PB_DAMAGED:
 * the line has more than LINES_MAX bytes. */
enum { LINES_MAX = 64 * 1024 };
PB_MUST_USE int lines_next(struct lines *l, struct slice *line, struct pb_error *err);

/* Takes the first word off a line; empty when there is none. Words are separated by one space. */
struct slice line_word(struct slice *line);

#define _cleanup_lines_ __attribute__((cleanup(lines_end)))

#endif
