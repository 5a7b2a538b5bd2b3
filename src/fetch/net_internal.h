/* What net.c shares with the carriers. */
#ifndef PB_FETCH_NET_INTERNAL_H
#define PB_FETCH_NET_INTERNAL_H

#include "fetch/net.h"

#include <curl/curl.h>

struct net {
    struct net_options options;
    CURLM *multi;
    const char *ca_file, *ca_folder; /* NULL: libcurl's own */
    struct pb_progress last;         /* what the progress function was told */
    int64_t debt;  /* bytes received that the rate has not allowed yet; below 0: allowed ones */
    uint64_t paid; /* when the debt was last lessened; monotonic ms */
};

/* A libcurl handle with the options that all requests share. The caller frees it with curl_easy_cleanup. NULL
 * when memory is out. */
CURL *net_easy(const struct net *t, const char *url);
/* Turns the fault of a request that ended with `code` into an error: PB_NOT_FOUND, PB_NETWORK or PB_INVALID.
 */
int net_fault(const struct net *t, CURL *e, CURLcode code, struct pb_error *err);
/* How long the server of a request that has failed asks to be left alone; ms. 0: it does not say; NET_NEVER:
 * another attempt is of no use. */
uint32_t net_wait_asked(CURL *e, CURLcode code);

#endif
