/*
 * The site: an immutable picture of all live releases, in which servers look names up. A change of the
 * catalog makes a new site; titles that have not changed are shared with the one before. Lookups are
 * thread-safe.
 */
#ifndef PB_DEPOT_SITE_H
#define PB_DEPOT_SITE_H

#include "base/arena.h"
#include "depot/depot.h"

/* An entry of a release. Small, as there may be a million. */
struct site_entry {
    const char *name; /* NUL-terminated; the extra bytes follow the NUL */
    uint64_t size;
    struct sha256 object;
    uint32_t extra_length;
    uint16_t name_length;
    uint8_t kind;
};

/* The extra bytes of the entry, extra_length of them; unaligned. */
static inline const uint8_t *site_entry_extra(const struct site_entry *e)
{
    return (const uint8_t *)e->name + e->name_length + 1;
}

/* A lookup table from hashes to positions in an array; open addressing, at most half full. */
struct site_index {
    uint32_t *slots; /* position + 1; 0: free */
    uint32_t mask;
};

/* Entries of releases that are no longer live and are still served, for clients that are half-way through
 * one. Only names that the live release does not have; of several releases with a name the newest one counts.
 */
struct site_older {
    struct site_entry *entries;
    size_t n, room;
    struct site_index index;
};

/* Which entries of a release are still served when it is no longer live: one bit for each kind. by_release:
 * entries that differ from the live entry of their name are kept, too, under site_older_name. */
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
    int64_t release;        /* its id in the catalog; equal ids have equal content */
    int64_t since;          /* when it became live; Unix seconds */
    struct site_entry *entries;
    size_t n;
    struct site_index index;
    struct site_older older;
    int64_t releases; /* the sum of the ids of all its releases; changes when releases are added or removed */
    const char *const *aliases; /* further names, set by the dialect's compile, in `arena`; a title's own name
                                   takes precedence */
    size_t alias_count;
    void *compiled; /* set by the dialect's compile, in `arena` */
    void *meter;    /* the server's counters for the title; NULL until the server sets it */
    struct arena arena;
};

struct page;

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
    struct site_titles withdrawn; /* of these only the names and `older` are set */
    void **compiled;              /* one value for each dialect, set by site_maker.finish, in `arena` */
    const struct page *page;      /* for a browser; set by site_maker.finish, in `arena`; NULL: none */
    struct arena arena;
};

/* Called for each release that is not live, with its attributes. */
typedef struct site_lasting site_lasting_fn(void *arg, const char *dialect, const char *attributes);
/*
 * Called once for each new or changed title. It may allocate in title->arena, and set title->compiled and
 * aliases. `md5` has the MD5 of each entry's object, in order, and is valid during the call only. An error
 * leaves the title out of the site, and `failed` is called.
 */
typedef int site_compile_fn(void *arg, struct site_title *title, const struct md5 *md5, struct pb_error *err);
typedef void site_failed_fn(void *arg, const struct site_title *title, const struct pb_error *err);
/* Called once for each site, after its titles are complete. It may read objects of the depot, allocate in
 * s->arena and set s->compiled. */
typedef int site_finish_fn(void *arg, void *finish_arg, const struct depot *d, struct site *s,
                           struct pb_error *err);

struct site_maker {
    site_compile_fn *compile;
    site_finish_fn *finish;
    site_lasting_fn *lasting; /* NULL: no older entries are served */
    void *arg;                /* argument of these three */
    void *finish_arg;         /* further argument of finish */
    site_failed_fn *failed;
    void *failed_arg;
};

/* Makes a site from the catalog, in one transaction. Unchanged titles are taken from `before`, unless it is
 * NULL or `fresh` is set. The caller owns the one reference. */
PB_MUST_USE int site_make(struct depot *d, const struct site *before, bool fresh,
                          const struct site_maker *maker, struct site **out, struct pb_error *err);
/* Could the releases that are not live be served? Makes each alone, and calls maker->failed for what can't.
 */
PB_MUST_USE int site_check_others(struct depot *d, const struct site_maker *maker, struct pb_error *err);
void site_hold(struct site *s);
void site_release(struct site *s); /* accepts NULL */

/* Lookups. NULL: there is none. Names are compared bytewise. */
const struct site_title *site_title_find(const struct site *s, const char *dialect, struct slice name);
const struct site_entry *site_entry_find(const struct site_title *t, struct slice name);

/* As site_title_find, but also finds withdrawn titles. */
const struct site_title *site_title_known(const struct site *s, const char *dialect, struct slice name);
/* An entry of a release that is no longer live. */
const struct site_entry *site_older_find(const struct site_title *t, struct slice name);
/* The key of an entry that is kept by_release, written to `out`. NULL: it does not fit. */
const char *site_older_name(int64_t release, struct slice name, char *out, size_t room);

#endif
