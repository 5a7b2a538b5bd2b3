/* Shared by transport.c and pieces.c. */
#ifndef PB_FETCH_TRANSPORT_INTERNAL_H
#define PB_FETCH_TRANSPORT_INTERNAL_H

#include "fetch/transport.h"

#include <curl/curl.h>

struct transport {
    struct transport_options options;
    CURLM *multi;
};

/* A handle with everything set that all requests share; NULL when memory is out. */
CURL *transport_easy(const struct transport *t, const char *url);
/* Says what went wrong with a request that ended with `code`. */
int transport_fault(CURL *e, CURLcode code, struct pb_error *err);

#endif
