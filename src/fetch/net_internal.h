/* What net.c shares with the carriers. */
#ifndef PB_FETCH_NET_INTERNAL_H
#define PB_FETCH_NET_INTERNAL_H

#include "fetch/net.h"

#include <curl/curl.h>

struct net {
    struct net_options options;
    CURLM *multi;
};

/* A handle with everything set that all requests share; NULL when memory is out. */
CURL *net_easy(const struct net *t, const char *url);
/* Says what went wrong with a request that ended with `code`. */
int net_fault(CURL *e, CURLcode code, struct pb_error *err);

#endif
