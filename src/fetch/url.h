/* Parses SCHEME://HOST[:PORT]/PATH, with libcurl's URL parser. */
#ifndef PB_FETCH_URL_H
#define PB_FETCH_URL_H

#include "base/arena.h"

struct url {
    const char *scheme;
    const char *host; /* with the brackets of an IPv6 address */
    uint16_t port;    /* 0: the URL has none */
    const char *path; /* what follows the first '/', percent-decoded */
};

/* Strings of *out are in the arena. PB_INVALID: no such URL, or control characters in it; PB_NO_MEMORY. */
PB_MUST_USE int url_parse(const char *text, struct arena *a, struct url *out, struct pb_error *err);

#endif
