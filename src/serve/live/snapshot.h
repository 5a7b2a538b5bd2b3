/* What serving works from at one moment: site, settings and bans. Replaced as a whole, counted by
 * reference. */
#ifndef PB_SERVE_LIVE_SNAPSHOT_H
#define PB_SERVE_LIVE_SNAPSHOT_H

#include "dialect/page.h"
#include "serve/admission/admission.h"
#include "serve/live/damaged.h"
#include "serve/live/tokens.h"

enum log_format { LOG_COMBINED, LOG_JSON };

/* Who is answered at the operator's address, besides who asks a loopback address by its usual names. */
struct admin_access {
    const char **hosts; /* further names that the address is asked by */
    size_t host_count;
    const char *token; /* that opens everything; NULL: none */
};

/* Files of PEM; NULL: none. */
struct certificate_files {
    const char *certificate, *key;
};

struct serve_settings {
    unsigned references; /* atomic */
    struct arena arena;
    const struct dialect *const *dialects; /* ends with NULL; static */
    void **dialect_settings;               /* one for each dialect */
    struct range_set deny;
    struct range_set trusted; /* proxies that are believed whom they ask for */
    struct limits limits;
    /* Deadlines. */
    unsigned idle_ms;       /* a connection without a request */
    unsigned short_idle_ms; /* the same, where protocol->short_idle */
    unsigned head_ms;       /* from the first byte of a request to its last */
    unsigned send_ms;       /* a reply without progress */
    unsigned drain_ms;      /* when the server stops: for replies under way */
    unsigned head_max;      /* bytes of an HTTP request's head */
    enum log_format log_format;
    struct admin_access admin;
    bool publish;        /* maps may be uploaded at the operator's address */
    uint64_t upload_max; /* bytes of a map */
    bool index;          /* answer GET / with a page for people */
    struct certificate_files tls;
    bool verify;          /* check objects in the background */
    uint64_t verify_rate; /* bytes a second; 0: no limit */
};

/* A ban, for the operator's page. No byte behind the texts is set, so that lines compare as memory. */
enum { BANS_SHOWN = 100, BAN_REASON = 208 };
struct ban_line {
    char range[ADDRESS_TEXT];
    char reason[BAN_REASON];
    int64_t added, expires; /* Unix seconds; expires 0: never */
};

/* The bans of the depot's record that have not expired. */
struct bans {
    unsigned references; /* atomic */
    struct arena arena;
    struct range_set set;
    size_t n;               /* bans in the record; the set may have joined some */
    struct ban_line *shown; /* the newest of them, newest first; NULL: there is none */
    size_t shown_n;
    int64_t next_end; /* when the next ban expires; Unix seconds; 0: none expires */
};

struct snapshot {
    unsigned references; /* atomic */
    uint64_t number;     /* of the watcher's snapshots */
    struct site *site;
    struct serve_settings *settings;
    struct bans *bans;
    struct damaged *damaged;  /* these objects are not served; NULL: none */
    struct tokens *tokens;    /* of the record; NULL: none */
    struct page_texts *pages; /* for browsers; used from several threads */
    struct rules rules;       /* of `settings` and `bans` */
};

void settings_hold(struct serve_settings *s);
void settings_release(struct serve_settings *s); /* NULL does no harm */

/* An empty set with one reference. NULL when memory is out. */
struct bans *bans_new(void);
void bans_hold(struct bans *b);
void bans_release(struct bans *b); /* NULL does no harm */

/* Takes over one reference of each argument, also when it fails. NULL when memory is out. */
struct snapshot *snapshot_new(struct site *site, struct serve_settings *settings, struct bans *bans);
void snapshot_hold(struct snapshot *s);
void snapshot_release(struct snapshot *s); /* NULL does no harm */

/* Where loops get the snapshot from. */
struct snapshot_source {
    void *arg;
    const uint64_t *generation; /* atomic; grows with each new snapshot */
    /* Returns the newest snapshot, held for the caller, and its generation. */
    struct snapshot *(*take)(void *arg, uint64_t *generation);
};

#endif
