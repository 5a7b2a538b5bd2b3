/* POLP over TCP, for fetching: addresses, connecting, and one request with its reply (net_polp). */
#ifndef PB_FETCH_POLP_H
#define PB_FETCH_POLP_H

#include "fetch/net_internal.h"

#define POLP_SCHEME "polp://"

/* An address as the PlayOnline dialect writes it: "polp://HOST:PORT/APP@HW/NAME". An IPv6 host has brackets
 * there, and none in `host`. */
struct polp_place {
    char host[256];
    char port[8];
    struct polp_id application, hardware;
    struct slice name; /* borrowed from the text; empty when there is none */
};
/* False: `text` is no such address. */
bool polp_place_parse(const char *text, struct polp_place *out);

/* Connects to the first address of the host that answers within NET_CONNECT_MS; calls the progress function
 * meanwhile. *fd is non-blocking. PB_NETWORK, PB_CANCELLED. */
PB_MUST_USE int polp_connect(const struct net *t, const char *host, const char *port, int *fd,
                             struct pb_error *err);

#endif
