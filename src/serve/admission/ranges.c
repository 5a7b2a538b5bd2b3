/* Address ranges, compared as IPv6. */
#include "serve/admission/ranges.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { MAPPED_BITS = 96, ALL_BITS = 128 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address address_of(const struct sockaddr *a)
{
    struct address out;
    if (a->sa_family == AF_INET6) {
        memcpy(out.bytes, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, sizeof out.bytes);
    } else {
        memcpy(out.bytes, mapped, sizeof mapped);
        memcpy(out.bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    }
    return out;
}

bool address_is_v4(const struct address *a)
{
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

void address_text(const struct address *a, char out[ADDRESS_TEXT])
{
    bool v4 = address_is_v4(a);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + sizeof mapped : a->bytes, out, ADDRESS_TEXT);
}

/* The first byte in which a prefix of `bits` may differ, and the bits of it that count. */
static size_t prefix_end(unsigned bits, uint8_t *mask)
{
    *mask = (uint8_t)(0xff00 >> (bits % 8));
    return bits / 8;
}

static void prefix_clear(struct range *r)
{
    uint8_t mask;
    size_t at = prefix_end(r->bits, &mask);
    if (at == sizeof r->first.bytes)
        return;
    r->first.bytes[at] &= mask;
    memset(r->first.bytes + at + 1, 0, sizeof r->first.bytes - at - 1);
}

int range_parse(const char *text, struct range *out, struct pb_error *err)
{
    char address[ADDRESS_TEXT] = "";
    const char *slash = strchr(text, '/');
    size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
    uint64_t bits, most = ALL_BITS;
    bool good = n < sizeof address;
    if (good)
        memcpy(address, text, n);
    if (good && inet_pton(AF_INET6, address, out->first.bytes) != 1) {
        memcpy(out->first.bytes, mapped, sizeof mapped);
        most = 32;
        good = inet_pton(AF_INET, address, out->first.bytes + sizeof mapped) == 1;
    }
    bits = most;
    if (!good || (slash != NULL && !slice_to_u64(slice_of(slash + 1), most, &bits)))
        return error_set(err, PB_INVALID, "%s is not an address or a range such as 192.0.2.0/24", text);
    out->bits = (unsigned)bits + (most == 32 ? MAPPED_BITS : 0);
    prefix_clear(out);
    return PB_OK;
}

static bool range_is_v4(const struct range *r)
{
    return r->bits >= MAPPED_BITS && address_is_v4(&r->first);
}

void range_text(const struct range *r, char out[ADDRESS_TEXT])
{
    bool v4 = range_is_v4(r);
    address_text(&r->first, out);
    size_t n = strlen(out);
    if (r->bits < ALL_BITS)
        snprintf(out + n, ADDRESS_TEXT - n, "/%u", v4 ? r->bits - MAPPED_BITS : r->bits);
}

/* A range of IPv6 has no IPv4 address, though ::/64, say, would contain the form in which we keep them. */
bool range_has(const struct range *r, const struct address *a)
{
    uint8_t mask;
    if (range_is_v4(r) != address_is_v4(a))
        return false;
    size_t at = prefix_end(r->bits, &mask);
    return memcmp(r->first.bytes, a->bytes, at) == 0 &&
           (at == sizeof a->bytes || ((r->first.bytes[at] ^ a->bytes[at]) & mask) == 0);
}

int range_set_add(struct range_set *s, struct arena *a, const struct range *r, struct pb_error *err)
{
    struct range *list = arena_grow(a, s->list, s->n, &s->room, sizeof *list);
    if (list == NULL)
        return error_memory(err);
    s->list = list;
    s->list[s->n++] = *r;
    return PB_OK;
}

/* IPv6 before IPv4, then by the bytes. */
static int address_order(const struct address *a, bool a_v4, const struct address *b, bool b_v4)
{
    return a_v4 != b_v4 ? a_v4 - b_v4 : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* By address, and the wider one first. */
static int range_compare(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    int order = address_order(&x->first, range_is_v4(x), &y->first, range_is_v4(y));
    return order != 0 ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

/* Ranges are apart or one within the other: what is within the one before it goes. */
void range_set_sort(struct range_set *s)
{
    size_t kept = 0;
    if (s->n > 1)
        qsort(s->list, s->n, sizeof *s->list, range_compare);
    for (size_t i = 0; i < s->n; i++) {
        if (kept == 0 || !range_has(&s->list[kept - 1], &s->list[i].first))
            s->list[kept++] = s->list[i];
    }
    s->n = kept;
}

bool range_set_has(const struct range_set *s, const struct address *a)
{
    size_t low = 0, high = s->n;
    bool v4 = address_is_v4(a);
    while (low < high) { /* the last range that begins at or before the address */
        size_t middle = (low + high) / 2;
        const struct range *r = &s->list[middle];
        if (address_order(&r->first, range_is_v4(r), a, v4) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && range_has(&s->list[low - 1], a);
}
