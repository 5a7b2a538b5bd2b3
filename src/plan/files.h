/*
 * The record of a title's files: what earlier fetches installed, and how each file looked then
 * (docs/formats/install.md). A file that still has the same size, times and inode has the same bytes, so a
 * fetch need not read it. Lines of text, in the order of their paths. Written by src/install/files.c.
 */
#ifndef PB_PLAN_FILES_H
#define PB_PLAN_FILES_H

#include "base/arena.h"
#include "base/digest.h"

#include <sys/stat.h>

#define FILES_MARK "patchbay files 1"

struct file_record {
    const char *path; /* in the user's folder */
    struct md5 md5;   /* of the bytes; of a link: of its target */
    uint32_t sum;     /* a second checksum, if the dialect has one; else 0 */
    bool ours;        /* a fetch put it there; else it was there, and right */
    bool link;
    bool generated; /* an index that clients make: no content */
    uint64_t size;
    int64_t modified, changed; /* Unix nanoseconds: st_mtim, st_ctim. changed 0: not known */
    uint64_t inode;
};

/* What the server said about the list that the files were fetched by; for a conditional request. */
struct fetch_validators {
    char etag[200];    /* "" for none */
    char modified[64]; /* the text of Last-Modified; "" for none */
    bool unchanged;    /* of a reply: what is known is right still */
};

struct file_records {
    int fd;              /* of the file; -1: there is no record. Not owned */
    uint64_t head, size; /* of the file; bytes */
    bool trusted;        /* unless the user wants every byte to be looked at */
    char source[600];    /* that the list came from */
    struct fetch_validators validators;
    struct file_record *list; /* after file_records_load: in order of their paths */
    size_t n;
    struct arena arena;
};

/* Reads the head of the record. A file that makes no sense is as none. */
void file_records_open(struct file_records *r, int fd, bool trusted);
void file_records_close(struct file_records *r);

/* Reads all of it. Lines that make no sense are left out. PB_NO_MEMORY. */
PB_MUST_USE int file_records_load(struct file_records *r, struct pb_error *err);

/* Calls fn for each record, in order, without loading them. A return value other than 0 of fn ends the walk
 * and is its result. */
typedef int file_record_fn(void *arg, const struct file_record *f, struct pb_error *err);
PB_MUST_USE int file_records_each(const struct file_records *r, file_record_fn *fn, void *arg,
                                  struct pb_error *err);
/* The same for the i-th of n shares of about the same size, which several threads may walk through at once.
 */
PB_MUST_USE int file_records_share(const struct file_records *r, unsigned i, unsigned n, file_record_fn *fn,
                                   void *arg, struct pb_error *err);

/* After file_records_load. NULL: there is none of this path. */
const struct file_record *file_records_find(const struct file_records *r, const char *path);
/* Has a fetch put these bytes there? */
bool file_records_ours(const struct file_records *r, const char *path, const struct md5 *md5);
/* The record of a file that still looks the same, so that its bytes need not be read; NULL: read them. */
const struct file_record *file_records_same(const struct file_records *r, const char *path,
                                            const struct stat *st);
bool file_record_same(const struct file_record *f, const struct stat *st);

static inline int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
