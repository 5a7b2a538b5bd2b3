/* Addresses that are refused: single ones and CIDR ranges, IPv4 and IPv6. */
#ifndef PB_SERVE_DENY_H
#define PB_SERVE_DENY_H

#include "base/arena.h"

#include <sys/socket.h>

struct deny_range {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct deny_list {
    struct deny_range *ranges;
    size_t n;
};

/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32"; the list grows in the arena. PB_INVALID for anything else. */
PB_MUST_USE int deny_add(struct deny_list *list, struct arena *a, const char *text, struct pb_error *err);
bool deny_has(const struct deny_list *list, const struct sockaddr *address);

#endif
