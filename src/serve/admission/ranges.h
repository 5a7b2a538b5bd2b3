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

/* Parses "192.0.2.7", "192.0.2.0/24", "2001:db8::/32". Bits behind the prefix are cleared. An IPv6 range that
 * would include IPv4 addresses, and anything else, is PB_INVALID. */
PB_MUST_USE int range_parse(const char *text, struct range *out, struct pb_error *err);
/* The canonical text. A single address has no "/BITS". */
void range_text(const struct range *r, char out[ADDRESS_TEXT]);
bool range_has(const struct range *r, const struct address *a);

/* A set of ranges in an arena. First all ranges are added, then range_set_sort is called once, then
 * range_set_has answers in logarithmic time and is thread-safe. */
struct range_set {
    struct range *list;
    size_t n, room;
};
PB_MUST_USE int range_set_add(struct range_set *s, struct arena *a, const struct range *r,
                              struct pb_error *err);
void range_set_sort(struct range_set *s);
bool range_set_has(const struct range_set *s, const struct address *a);

#endif
