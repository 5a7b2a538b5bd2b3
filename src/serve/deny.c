/* Address ranges, compared as IPv6. */
#include "serve/deny.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { MAPPED_BITS = 96 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool range_parse(const char *text, struct deny_range *out)
{
    char address[64];
    const char *slash = strchr(text, '/');
    size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    unsigned most = 128;
    if (inet_pton(AF_INET6, address, out->address) != 1) {
        memcpy(out->address, mapped, sizeof mapped);
        if (inet_pton(AF_INET, address, out->address + sizeof mapped) != 1)
            return false;
        most = 32;
    }
    uint64_t bits = most;
    if (slash != NULL && !slice_to_u64(slice_of(slash + 1), most, &bits))
        return false;
    out->bits = (unsigned)bits + (most == 32 ? MAPPED_BITS : 0);
    return true;
}

int deny_add(struct deny_list *list, struct arena *a, const char *text, struct pb_error *err)
{
    struct deny_range range;
    if (!range_parse(text, &range))
        return error_set(err, PB_INVALID, "%s is not an address or a range such as 192.0.2.0/24", text);
    if ((list->n & (list->n - 1)) == 0) { /* the room is always a power of two */
        struct deny_range *ranges = arena_zero(a, (list->n == 0 ? 1 : list->n * 2) * sizeof *ranges);
        if (ranges == NULL)
            return error_memory(err);
        if (list->n > 0)
            memcpy(ranges, list->ranges, list->n * sizeof *ranges);
        list->ranges = ranges;
    }
    list->ranges[list->n++] = range;
    return PB_OK;
}

static bool range_has(const struct deny_range *r, const uint8_t address[16])
{
    size_t bytes = r->bits / 8;
    if (memcmp(r->address, address, bytes) != 0)
        return false;
    unsigned rest = r->bits % 8;
    return rest == 0 || ((r->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

bool deny_has(const struct deny_list *list, const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (list->n == 0)
        return false;
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof bytes);
    } else {
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
    for (size_t i = 0; i < list->n; i++) {
        if (range_has(&list->ranges[i], bytes))
            return true;
    }
    return false;
}
