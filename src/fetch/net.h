/* The network side of a fetch: its options, and small documents over HTTP and POLP. download.h has pieces. */
#ifndef PB_FETCH_NET_H
#define PB_FETCH_NET_H

#include "dialect/dialect.h"

struct net; /* keeps connections alive between downloads; one thread at a time */

struct net_options {
    const char *user_agent;
    bool packed;              /* ask for documents packed with gzip, where the server can */
    bool direct;              /* no proxy, no redirect */
    unsigned seconds;         /* that a document may take; 0: as many as a slow line needs */
    unsigned connections;     /* at once, for pieces; 0: as many as suits them */
    pb_progress_fn *progress; /* may be NULL */
    void *arg;
};

/* A transfer below NET_SLOW_BYTES a second for NET_SLOW_S seconds counts as broken off: a server
 * that drips must not hold us for days. Four connections over a modem are faster. */
enum { NET_ATTEMPTS = 3, NET_RETRY_MS = 1000, NET_CONNECT_MS = 2000, NET_SLOW_BYTES = 1000, NET_SLOW_S = 20 };

PB_MUST_USE int net_new(const struct net_options *o, struct net **out, struct pb_error *err);
void net_free(struct net *n); /* NULL does no harm */

/* Calls the progress function. PB_CANCELLED when it says so. */
PB_MUST_USE int net_progress(const struct net *n, const struct pb_progress *p, struct pb_error *err);
/* Connections at once, as the options say; 0: as many as suits. */
unsigned net_connections(const struct net *n);

/* Waits, asking the progress function whether to go on: PB_CANCELLED when not. */
PB_MUST_USE int net_pause(const struct net *n, unsigned ms, struct pb_error *err);

/* One document, one try. */
PB_MUST_USE int net_try(struct net *n, const char *url, struct buffer *out, struct pb_error *err);

/* A struct fetch_net's get: tries NET_ATTEMPTS times, unless the server itself refuses. */
int net_get(void *net, const char *url, struct buffer *out, struct pb_error *err);

/* A struct fetch_net's polp: likewise, over POLP. */
int net_polp(void *net, const char *address, const struct polp_request *r, struct buffer *out,
             struct pb_error *err);

#endif
