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
};

/* A libcurl handle with the options that all requests share. The caller frees it with curl_easy_cleanup. NULL
 * when memory is out. */
CURL *net_easy(const struct net *t, const char *url);
/* Remembers the server of a request that has succeeded. */
void net_peer_note(struct net *t, CURL *e, const char *url);
/* The server of this URL; NULL: it is not known yet. */
struct net_peer *net_peer(struct net *t, const char *url);
/* An HTTP status from 300 up as an error: PB_NOT_FOUND or PB_NETWORK. */
int net_status_fault(long status, struct pb_error *err);
/* Turns the fault of a request that ended with `code` into an error: PB_NOT_FOUND, PB_NETWORK or PB_INVALID.
 */
int net_fault(CURL *e, CURLcode code, struct pb_error *err);

#endif
