/* What serving works from at one moment: site, settings and bans. Replaced as a whole, counted by
 * reference. */
#ifndef PB_SERVE_LIVE_SNAPSHOT_H
#define PB_SERVE_LIVE_SNAPSHOT_H

#include "dialect/dialect.h"
#include "serve/admission/admission.h"

enum log_format { LOG_COMBINED, LOG_JSON };

struct serve_settings {
    unsigned references; /* atomic */
    struct arena arena;
    const struct dialect *const *dialects; /* ends with NULL; static */
    void **dialect_settings;               /* one for each dialect */
    struct range_set deny;
    struct limits limits;
    unsigned idle_ms;       /* a connection without a request */
    unsigned short_idle_ms; /* the same, where protocol->short_idle */
    unsigned head_ms;       /* from the first byte of a request to its last */
    unsigned send_ms;       /* without any progress in sending a reply */
    unsigned drain_ms;      /* for replies under way when the server is to stop */
    unsigned head_max;      /* bytes of an HTTP request's head */
    enum log_format log_format;
};

/* The bans of the depot's record that have not expired. */
struct bans {
    unsigned references; /* atomic */
    struct arena arena;
    struct range_set set;
    size_t n;         /* as many as the record has: the set may join some */
    int64_t next_end; /* Unix seconds: when the first of them expires; 0: none does */
};

struct snapshot {
    unsigned references; /* atomic */
    struct site *site;
    struct serve_settings *settings;
    struct bans *bans;
    struct rules rules; /* of `settings` and `bans` */
};

void settings_hold(struct serve_settings *s);
void settings_release(struct serve_settings *s); /* NULL does no harm */

/* An empty set with one reference; NULL when memory is out. */
struct bans *bans_new(void);
void bans_hold(struct bans *b);
void bans_release(struct bans *b); /* NULL does no harm */

/* Takes over one reference of each. NULL when memory is out (the references are given back). */
struct snapshot *snapshot_new(struct site *site, struct serve_settings *settings, struct bans *bans);
void snapshot_hold(struct snapshot *s);
void snapshot_release(struct snapshot *s); /* NULL does no harm */

/* Where loops get the snapshot from. */
struct snapshot_source {
    void *arg;
    /* Grows with each new snapshot; read without a lock. */
    const uint64_t *generation;
    /* The newest, held for the caller, and its generation. */
    struct snapshot *(*take)(void *arg, uint64_t *generation);
};

#endif
