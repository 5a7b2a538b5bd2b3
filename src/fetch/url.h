/* Taking SCHEME://HOST[:PORT]/PATH apart (libcurl's URL parser). */
#ifndef PB_FETCH_URL_H
#define PB_FETCH_URL_H

#include "base/arena.h"

struct url {
    const char *scheme;
    const char *host; /* with the brackets of an IPv6 address */
    uint16_t port;    /* 0: none */
    const char *path; /* behind the first '/', decoded */
};

PB_MUST_USE int url_parse(const char *text, struct arena *a, struct url *out, struct pb_error *err);

#endif
