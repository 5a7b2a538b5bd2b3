/* Objects: immutable bytes in files that are named by their SHA-256. An object is written to a temporary file
 * and renamed; the publication that it belongs to makes it durable. */
#ifndef PB_DEPOT_OBJECT_H
#define PB_DEPOT_OBJECT_H

#include "depot/depot.h"

struct object {
    struct sha256 name;
    struct md5 md5;
    uint64_t size;
};

enum { OBJECT_PATH = SHA256_HEX + 2 }; /* "ab/cdef…" and a NUL */
void object_path(const struct sha256 *name, char path[OBJECT_PATH]);

/* Opens an object for reading. `objects`: descriptor of the depot's folder of objects. PB_NOT_FOUND: it is
 * missing. PB_DAMAGED: it has another size. */
PB_MUST_USE int object_open(int objects, const struct sha256 *name, uint64_t size, int *fd,
                            struct pb_error *err);

/* Reads the whole object. True: its bytes match its SHA-256. */
bool object_sound(int objects, const struct object *o);

/* Stores bytes from memory. When the depot has the object already, it is verified, and written again only if
 * it is damaged. */
PB_MUST_USE int object_store(const struct depot *d, const void *p, size_t n, struct object *out,
                             struct pb_error *err);

/* The same for an open file, from its start to its end, in constant memory. */
PB_MUST_USE int object_store_file(const struct depot *d, int fd, struct object *out, struct pb_error *err);

/* Writes an object step by step, into a temporary file that object_writer_finish renames. An object of the
 * same bytes is replaced, which also repairs a damaged one. */
struct object_writer {
    const struct depot *depot;
    int fd;
    char tmp[40];
    struct digest digest;
};
PB_MUST_USE int object_writer_open(const struct depot *d, struct object_writer *w, struct pb_error *err);
PB_MUST_USE int object_writer_add(struct object_writer *w, const void *p, size_t n, struct pb_error *err);
PB_MUST_USE int object_writer_finish(struct object_writer *w, struct object *object, struct pb_error *err);
void object_writer_drop(struct object_writer *w); /* removes the temporary file; does nothing after finish */

#define _cleanup_object_writer_ __attribute__((cleanup(object_writer_drop)))

#endif
