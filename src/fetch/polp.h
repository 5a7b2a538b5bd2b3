/* POLP over TCP, for fetching: addresses, connecting, and one request with its reply (net_polp). */
#ifndef PB_FETCH_POLP_H
#define PB_FETCH_POLP_H

#include "fetch/net_internal.h"

#define POLP_SCHEME "polp://"

/* "polp://HOST:PORT/APP@HW/NAME", the host with the brackets of an IPv6 address. */
struct polp_place {
    char host[256];
    char port[8];
    struct polp_id application, hardware;
    struct slice name; /* within the text; empty when there is none */
};
bool polp_place_parse(const char *text, struct polp_place *out);

/* Connects, waiting at most NET_CONNECT_MS for each address; the socket does not block. */
PB_MUST_USE int polp_connect(const struct net *t, const char *host, const char *port, int *fd,
                             struct pb_error *err);

#endif
