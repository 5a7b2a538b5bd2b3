/* Addresses and CIDR ranges, IPv4 and IPv6, and sets of them. */
#ifndef PB_SERVE_ADMISSION_RANGES_H
#define PB_SERVE_ADMISSION_RANGES_H

#include "base/arena.h"

#include <sys/socket.h>

/* An address; IPv4 as ::ffff:a.b.c.d, so that both kinds compare alike. */
struct address {
    uint8_t bytes[16];
};
struct address address_of(const struct sockaddr *a);
bool address_is_v4(const struct address *a);

enum { ADDRESS_TEXT = 64 };
void address_text(const struct address *a, char out[ADDRESS_TEXT]);

struct range {
    struct address first;
    unsigned bits; /* of 128: an IPv4 /24 is 120 */
};

/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32". A range is of one kind: none of IPv6 has an IPv4 address.
 * Bits behind the prefix are cleared. PB_INVALID for anything else. */
PB_MUST_USE int range_parse(const char *text, struct range *out, struct pb_error *err);
/* The one way to write it: an address goes without its bits. */
void range_text(const struct range *r, char out[ADDRESS_TEXT]);
bool range_has(const struct range *r, const struct address *a);

/* A set, made once and then only asked: ranges are added, then range_set_sort, then range_set_has in
 * logarithmic time. All in the arena. */
struct range_set {
    struct range *list;
    size_t n, room;
};
PB_MUST_USE int range_set_add(struct range_set *s, struct arena *a, const struct range *r,
                              struct pb_error *err);
void range_set_sort(struct range_set *s);
bool range_set_has(const struct range_set *s, const struct address *a);

#endif
