/* What net.c shares with the carriers. */
#ifndef PB_FETCH_NET_INTERNAL_H
#define PB_FETCH_NET_INTERNAL_H

#include "fetch/net.h"

#include <curl/curl.h>
#include <sys/socket.h>

enum { NET_PEERS_MAX = 64 };

/* A server that libcurl has reached directly, without a proxy or a redirect, in HTTP/1.1. */
struct net_peer {
    char name[300]; /* "http://HOST:PORT", as URLs begin */
    struct sockaddr_storage address;
    bool unfit; /* it answers in a way that http_pipeline.c leaves to libcurl */
};

struct net {
    struct net_options options;
    CURLM *multi;
    struct net_peer peers[NET_PEERS_MAX];
    size_t peer_count;
    const char *ca_file, *ca_folder; /* NULL: libcurl's own */
    struct pb_progress last;         /* what the progress function was told */
    int64_t debt;  /* bytes received that the rate has not allowed yet; below 0: allowed ones */
    uint64_t paid; /* when the debt was last lessened; monotonic ms */
};

/* A libcurl handle with the options that all requests share. `heads` begins as 0, and lives as long as the
 * handle. The caller frees it with curl_easy_cleanup. NULL when memory is out. */
CURL *net_easy(const struct net *t, const char *url, size_t *heads);
/* Moves one request on until it has ended. PB_OK: *code says how. */
PB_MUST_USE int net_run(struct net *t, CURL *e, CURLcode *code, struct pb_error *err);
/* Remembers the server of a request that has succeeded. */
void net_peer_note(struct net *t, CURL *e, const char *url);
/* The server of this URL; NULL: it is not known yet. */
struct net_peer *net_peer(struct net *t, const char *url);
/* An HTTP status from 300 up, and the seconds of its Retry-After, as an error: PB_NOT_FOUND or PB_NETWORK; */
int net_status_fault(long status, uint64_t retry_seconds, struct pb_error *err);
/* and how long to wait, as net_wait_asked. */
uint32_t net_status_wait(long status, uint64_t retry_seconds);
/* Turns the fault of a request that ended with `code` into an error: PB_NOT_FOUND, PB_NETWORK or PB_INVALID.
 */
int net_fault(const struct net *t, CURL *e, CURLcode code, struct pb_error *err);
/* How long the server of a request that has failed asks to be left alone; ms. 0: it does not say; NET_NEVER:
 * another attempt is of no use. */
uint32_t net_wait_asked(CURL *e, CURLcode code);

#endif
