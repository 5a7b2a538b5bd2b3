/* The limits that an operator sets: rates, connections, requests, the connection ban, bytes a day. Values
 * only: admission.c applies them, and live/account.c sets the states of the caps. */
#ifndef PB_SERVE_ADMISSION_LIMITS_H
#define PB_SERVE_ADMISSION_LIMITS_H

#include "serve/admission/meters.h"
#include "serve/admission/peers.h"

/* A value for one title; with title NULL, for each title. */
struct title_value {
    const char *title; /* "opensauce/immure" */
    uint64_t value;
};
struct title_values {
    struct title_value *list;
    size_t n, room;
};
/* The title's own value; else the value for each title; else 0. */
uint64_t title_value_of(const struct title_values *v, const char *title);

struct address_rate {
    struct range range;
    uint64_t rate;
};

/* The highest rate that can be set, in bytes a second. It keeps the arithmetic of buckets within 64 bits. */
#define RATE_MAX (8ull << 30)

struct limits {
    bool rates;                         /* some rate is set, of bytes or requests */
    uint64_t rate;                      /* of the whole server; bytes a second; 0: unlimited */
    struct address_rate *address_rates; /* narrower ranges first */
    size_t address_rate_count, address_rate_room;
    struct title_values title_rates;
    unsigned address_requests; /* a second; 0: no limit */
    uint64_t least_rate;       /* bytes a second that a client must take during a reply; 0: no minimum */
    struct peer_limits peer;
    struct day_caps caps; /* of the whole server */
    struct title_values soft_caps, hard_caps;
};

/* The rate of an address, in bytes a second; 0: unlimited. */
uint64_t limits_address_rate(const struct limits *l, const struct address *a);

#endif
