/* What net.c shares with the carriers. */
#ifndef PB_FETCH_NET_INTERNAL_H
#define PB_FETCH_NET_INTERNAL_H

#include "fetch/net.h"

#include <curl/curl.h>

struct net {
    struct net_options options;
    CURLM *multi;
};

/* A libcurl handle with the options that all requests share. The caller frees it with curl_easy_cleanup. NULL
 * when memory is out. */
CURL *net_easy(const struct net *t, const char *url);
/* Turns the fault of a request that ended with `code` into an error: PB_NOT_FOUND, PB_NETWORK or PB_INVALID.
 */
int net_fault(CURL *e, CURLcode code, struct pb_error *err);

#endif
