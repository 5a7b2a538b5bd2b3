/* The servers that a download uses, and what it thinks of each. A source is a URL's scheme, host and port. */
#ifndef PB_FETCH_SOURCES_H
#define PB_FETCH_SOURCES_H

#include "fetch/carrier.h"

enum { SOURCES_MAX = 64, CARRIERS_MAX = 8, SOURCE_NAME = 300 };

struct source {
    char name[SOURCE_NAME]; /* "http://HOST:PORT", as its URLs begin */
    const struct carrier_kind *kind;
    struct carrier *carrier;
    unsigned running; /* errands */
    unsigned faults;  /* of the network, since it last brought something */
    bool dropped;     /* it sent wrong bytes, and others are left */
};

struct sources {
    struct net *net;
    const struct carrier_kind *const *kinds; /* ends with NULL */
    const struct carrier_events *events;
    unsigned most;                      /* errands at once */
    struct carrier *open[CARRIERS_MAX]; /* of kinds[i]; NULL until it is needed */
    struct source list[SOURCES_MAX];
    size_t n;
};

/* The source of a URL, its carrier open. PB_INVALID: no carrier knows the URL, or there are too many sources.
 */
PB_MUST_USE int source_of(struct sources *s, const char *url, struct source **out, struct pb_error *err);
/* Is `a` to be asked rather than `b`? */
bool source_is_better(const struct source *a, const struct source *b);
/* Moves all open carriers on, and waits at most `wait_ms` for them. */
PB_MUST_USE int sources_turn(struct sources *s, int wait_ms, struct pb_error *err);
void sources_close(struct sources *s);

#endif
