/* New files in a staging folder. */
#ifndef PB_FETCH_STAGED_H
#define PB_FETCH_STAGED_H

#include "base/bytes.h"

/* Makes a file of this name, whatever had it before. */
PB_MUST_USE int staged_make(int staging, const char *name, int *fd, struct pb_error *err);
/* Makes one with these bytes, or none. */
PB_MUST_USE int staged_write(int staging, const char *name, const void *p, size_t n, struct pb_error *err);

/*
 * Writes files in a thread of its own, in the order in which they are given: making a file takes longer than
 * receiving a small one. One thread may use a writer.
 */
struct writer;
PB_MUST_USE int writer_open(int staging, struct writer **out, struct pb_error *err);
/* Copies name and bytes; waits while there is much to be written. An error is that of an earlier file. */
PB_MUST_USE int writer_put(struct writer *w, const char *name, const void *p, size_t n, struct pb_error *err);
/* Waits until all is written. Returns the first error. Accepts NULL. */
PB_MUST_USE int writer_close(struct writer *w, struct pb_error *err);

#endif
