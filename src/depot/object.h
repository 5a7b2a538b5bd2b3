/* Objects: immutable bytes in files named by their SHA-256. Written beside, renamed into place; made durable
 * by the publication that they belong to. */
#ifndef PB_DEPOT_OBJECT_H
#define PB_DEPOT_OBJECT_H

#include "depot/depot.h"

struct object {
    struct sha256 name;
    struct md5 md5;
    uint64_t size;
};

enum { OBJECT_PATH = SHA256_HEX + 2 }; /* "ab/cdef…" and its zero */
void object_path(const struct sha256 *name, char path[OBJECT_PATH]);

/* Opens for reading; PB_NOT_FOUND when it is missing, PB_DAMAGED when its size is another. `objects` is the
 * depot's objects folder. */
PB_MUST_USE int object_open(int objects, const struct sha256 *name, uint64_t size, int *fd,
                            struct pb_error *err);

/* Reads it all: are its bytes those that its name promises? */
bool object_sound(int objects, const struct object *o);

/* Stores bytes that are in memory. Where the depot has them already nothing is written, unless what it has is
 * damaged. */
PB_MUST_USE int object_store(const struct depot *d, const void *p, size_t n, struct object *out,
                             struct pb_error *err);

/* The same for an open file, from its start to its end; memory does not grow with it. */
PB_MUST_USE int object_store_file(const struct depot *d, int fd, struct object *out, struct pb_error *err);

/* A writer owns a file in tmp until object_writer_finish renames it. A second object with the same bytes
 * replaces the first, which also mends a damaged one. */
struct object_writer {
    const struct depot *depot;
    int fd;
    char tmp[40];
    struct digest digest;
};
PB_MUST_USE int object_writer_open(const struct depot *d, struct object_writer *w, struct pb_error *err);
PB_MUST_USE int object_writer_add(struct object_writer *w, const void *p, size_t n, struct pb_error *err);
PB_MUST_USE int object_writer_finish(struct object_writer *w, struct object *object, struct pb_error *err);
void object_writer_drop(struct object_writer *w); /* after finish it does nothing */

#define _cleanup_object_writer_ __attribute__((cleanup(object_writer_drop)))

#endif
