/*
 * The site: the read-only picture of all live releases that servers look names up in. It is replaced as a
 * whole and never edited; titles that did not change are shared between one site and the next.
 */
#ifndef PB_DEPOT_SITE_H
#define PB_DEPOT_SITE_H

#include "base/arena.h"
#include "depot/depot.h"

/* There may be a million of them. */
struct site_entry {
    const char *name; /* with a zero byte behind, and behind that: site_entry_extra */
    uint64_t size;
    struct sha256 object;
    uint32_t extra_length;
    uint16_t name_length;
    uint8_t kind;
};

/* The dialect's own bytes, extra_length of them; not aligned. */
static inline const uint8_t *site_entry_extra(const struct site_entry *e)
{
    return (const uint8_t *)e->name + e->name_length + 1;
}

/* A lookup table from hashes to positions in an array; open addressing, at most half full. */
struct site_index {
    uint32_t *slots; /* position + 1; 0 is free */
    uint32_t mask;
};

/* What releases that are not live any more still answer for, so that a client that is half-way through one
 * goes on. Names are those that the live release does not have; of several releases the newest has the name.
 */
struct site_older {
    struct site_entry *entries;
    size_t n, room;
    struct site_index index;
};

/* What of a release stays answerable: a bit for each kind of entry. by_release: an entry that differs from
 * the live one of its name stays, too, and is found by its release's id (site_older_name). */
struct site_lasting {
    unsigned kinds;
    bool by_release;
};

struct site_title {
    unsigned references; /* atomic */
    const char *dialect;
    const char *name;
    const char *version;
    const char *attributes; /* JSON, as published */
    int64_t release;        /* the catalog's id: the same id is the same content */
    int64_t since;          /* Unix seconds: when it became what is served */
    struct site_entry *entries;
    size_t n;
    struct site_index index;
    struct site_older older;
    int64_t releases;           /* the sum of all its releases' ids: another sum, other releases */
    const char *const *aliases; /* other names to find it by, set when it is compiled, in `arena`. A title's
                                   own name goes before another's alias */
    size_t alias_count;
    void *compiled; /* what the dialect made of it, in `arena` */
    void *meter;    /* where a server counts what it serves of it; NULL until the server sets it */
    struct arena arena;
};

struct site_titles {
    struct site_title **list;
    size_t n, room;
    struct site_index index;
};

struct site {
    unsigned references;        /* atomic */
    struct site_title **titles; /* live */
    size_t n, room;
    struct site_index index;
    struct site_titles withdrawn; /* only `older` and names of these are set; they are not compiled */
    void **compiled; /* what each dialect made of all its titles together, in `arena`: the maker's business */
    struct arena arena;
};

/*
 * Called once for each title that is new or changed. It may allocate in title->arena and set title->compiled.
 * `md5` has the MD5 of each entry's object, in order, and goes away after the call. A failure leaves the
 * title out of the site; `failed` is told why.
 */
/* Called for each release that is not live, with its attributes. */
typedef struct site_lasting site_lasting_fn(void *arg, const char *dialect, const char *attributes);
typedef int site_compile_fn(void *arg, struct site_title *title, const struct md5 *md5, struct pb_error *err);
typedef void site_failed_fn(void *arg, const struct site_title *title, const struct pb_error *err);
/* Called once for each site, when all its titles are there. It may read objects of the depot, allocate in
 * s->arena and set s->compiled. */
typedef int site_finish_fn(void *arg, void *finish_arg, const struct depot *d, struct site *s,
                           struct pb_error *err);

struct site_maker {
    site_compile_fn *compile;
    site_finish_fn *finish;
    site_lasting_fn *lasting; /* NULL: nothing stays */
    void *arg;                /* for these three */
    void *finish_arg;         /* for finish alone */
    site_failed_fn *failed;
    void *failed_arg;
};

/* Reads the catalog in one transaction. `before` may be NULL; with `fresh` nothing is taken over from it. The
 * new site has one reference, the caller's. */
PB_MUST_USE int site_make(struct depot *d, const struct site *before, bool fresh,
                          const struct site_maker *maker, struct site **out, struct pb_error *err);
void site_hold(struct site *s);
void site_release(struct site *s); /* NULL does no harm */

/* Lookups; NULL when there is none. Names compare bytewise. */
const struct site_title *site_title_find(const struct site *s, const char *dialect, struct slice name);
const struct site_entry *site_entry_find(const struct site_title *t, struct slice name);

/* The title where it is live, else where it is withdrawn. */
const struct site_title *site_title_known(const struct site *s, const char *dialect, struct slice name);
/* The same for an entry of a release that is not live any more. */
const struct site_entry *site_older_find(const struct site_title *t, struct slice name);
/* The name under which an entry of a release is kept where `by_release` holds. NULL: it does not fit. */
const char *site_older_name(int64_t release, struct slice name, char *out, size_t room);

#endif
