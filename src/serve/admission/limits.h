/* What an operator limits: rates, connections, requests, bans for too many connections, bytes a day. Values
 * only: admission.c applies them, and live/account.c sets the states of the caps. */
#ifndef PB_SERVE_ADMISSION_LIMITS_H
#define PB_SERVE_ADMISSION_LIMITS_H

#include "serve/admission/meters.h"
#include "serve/admission/peers.h"

/* A value for one title, or for each (title NULL). */
struct title_value {
    const char *title; /* "opensauce/immure" */
    uint64_t value;
};
struct title_values {
    struct title_value *list;
    size_t n, room;
};
/* The title's own, else that for each, else 0. */
uint64_t title_value_of(const struct title_values *v, const char *title);

struct address_rate {
    struct range range;
    uint64_t rate;
};

/* Bytes a second; more than any machine of ours sends, and it keeps the arithmetic of buckets in 64 bits. */
#define RATE_MAX (8ull << 30)

struct limits {
    bool rates;                         /* is there any, on bytes or requests? */
    uint64_t rate;                      /* of the whole server; bytes a second; 0: none */
    struct address_rate *address_rates; /* the narrower range first */
    size_t address_rate_count, address_rate_room;
    struct title_values title_rates;
    unsigned address_requests; /* a second; 0: no limit */
    uint64_t least_rate;       /* bytes a second that a client must take while it is being sent to; 0: any */
    struct peer_limits peer;
    struct day_caps caps; /* of the whole server */
    struct title_values soft_caps, hard_caps;
};

/* The rate of an address: 0 when it has none. */
uint64_t limits_address_rate(const struct limits *l, const struct address *a);

#endif
