/* The network side of a fetch: its options, and small documents over HTTP and POLP. download.h downloads
 * pieces. A struct net keeps connections alive between requests; it belongs to one thread at a time. */
#ifndef PB_FETCH_NET_H
#define PB_FETCH_NET_H

#include "dialect/dialect.h"

struct net;

struct net_options {
    const char *user_agent;
    bool packed;              /* documents may come packed with gzip */
    bool direct;              /* no proxy, no redirects */
    unsigned seconds;         /* deadline of a document; 0: two minutes */
    unsigned connections;     /* at once, for pieces; 0: chosen by the downloader */
    unsigned attempts;        /* of a document or a piece where the network fails; 0: NET_ATTEMPTS */
    unsigned patience;        /* seconds; 0: NET_SLOW_S */
    uint64_t rate;            /* bytes a second of all connections together; 0: unlimited */
    const char *token;        /* goes along as "Authorization: Bearer"; NULL or "": none */
    const char *ca_file;      /* the certificates to trust; NULL: as the environment says */
    const char *proxy;        /* NULL: as the environment says; "": none */
    pb_progress_fn *progress; /* may be NULL */
    void *arg;
};

/* A transfer that brings fewer than NET_SLOW_BYTES a second for NET_SLOW_S seconds (or the user's own) counts
 * as broken. So a server that sends byte by byte can't hold the client for days; four connections over a
 * modem are faster. */
enum { NET_ATTEMPTS = 3, NET_RETRY_MS = 1000, NET_CONNECT_MS = 2000, NET_SLOW_BYTES = 1000, NET_SLOW_S = 20 };

/* A server that is too busy may say when to come back. So long it is waited for; one that wants more time has
 * failed. */
enum { NET_PATIENCE_S = 120 };
#define NET_NEVER UINT32_MAX

/* Strings of *o must outlive the net. Certificates are those of o->ca_file, else of CURL_CA_BUNDLE, else of
 * SSL_CERT_FILE and SSL_CERT_DIR, else the system's. PB_NO_MEMORY. */
PB_MUST_USE int net_new(const struct net_options *o, struct net **out, struct pb_error *err);
void net_free(struct net *n); /* accepts NULL */

/* Calls the progress function. PB_CANCELLED when it returns other than 0. */
PB_MUST_USE int net_progress(struct net *n, const struct pb_progress *p, struct pb_error *err);
/* Calls it with what it was told last: for whatever waits, so that the user can end that. */
PB_MUST_USE int net_tick(const struct net *n, struct pb_error *err);
/* As in the options. */
unsigned net_connections(const struct net *n);
unsigned net_attempts(const struct net *n);
unsigned net_slow_seconds(const struct net *n);
/* A transfer is broken that brings fewer bytes a second: NET_SLOW_BYTES, or what the rate leaves to each. */
unsigned net_slow_bytes(const struct net *n);
bool net_is_paced(const struct net *n); /* has it a rate? */
/* How many bytes to read at once, at most `most`: fewer under a rate, so that they come evenly. */
size_t net_step(const struct net *n, size_t most);

/* Waits, and calls the progress function meanwhile. PB_CANCELLED. */
PB_MUST_USE int net_pause(const struct net *n, unsigned ms, struct pb_error *err);

/* Whoever receives bytes counts them here. */
void net_received(struct net *n, uint64_t bytes);
/* Waits until the rate allows more than what was received, and calls the progress function meanwhile.
 * PB_CANCELLED. */
PB_MUST_USE int net_throttle(struct net *n, struct pb_error *err);

/* Gets one document, with one attempt. `v`: as in fetch_net.get_changed, or NULL. `out` gets its bytes; its
 * ceiling is the limit. PB_NOT_FOUND: the server has no such document, or refuses; PB_NETWORK: another
 * attempt may help; PB_INVALID: too large, or no URL; PB_CANCELLED. */
PB_MUST_USE int net_try(struct net *n, const char *url, struct fetch_validators *v, struct buffer *out,
                        struct pb_error *err);

/* fetch_net.get_changed: as net_get, but only if the document has changed. */
int net_get_changed(void *net, const char *url, struct fetch_validators *v, struct buffer *out,
                    struct pb_error *err);

/* fetch_net.get: as net_try, with net_attempts attempts on PB_NETWORK; waits as long as the server asks. */
int net_get(void *net, const char *url, struct buffer *out, struct pb_error *err);

/* fetch_net.polp: one request over POLP, on a connection of its own, with as many attempts. */
int net_polp(void *net, const char *address, const struct polp_request *r, struct buffer *out,
             struct pb_error *err);

#endif
