/* The PROXY protocol's header. Strict: only a proxy that is trusted is asked for it, and whatever else begins
 * like one is a fault of the configuration. */
#include "wire/proxy_header.h"

#include "base/bytes.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const char first_signature[] = "PROXY ";
static const char second_signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    FIRST_MAX = 107,
    FIRST_SIGNATURE = sizeof first_signature - 1,
    SECOND_SIGNATURE = sizeof second_signature - 1,
    SECOND_FIXED = 16,
    /* Of version 2: the high half of byte 12 is the version, the low half the command. */
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
    OVER_TCP4 = 0x11,
    OVER_TCP6 = 0x21,
    OVER_UNIX = 0x31,
    OVER_UNKNOWN = 0x00,
};

static void address_put(struct sockaddr_storage *out, int family, const void *bytes, uint16_t port_net)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (family == AF_INET) {
        *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port_net};
        memcpy(&four->sin_addr, bytes, sizeof four->sin_addr);
    } else {
        *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port_net};
        memcpy(&six->sin6_addr, bytes, sizeof six->sin6_addr);
    }
}

/* ---- version 1: a line of text ---- */

/* Takes what stands before the next space, or the rest. */
static struct slice word_take(struct slice *rest)
{
    const char *space = rest->n > 0 ? memchr(rest->p, ' ', rest->n) : NULL;
    struct slice word = {rest->p, space != NULL ? (size_t)(space - rest->p) : rest->n};
    size_t used = word.n + (space != NULL);
    *rest = (struct slice){rest->p + used, rest->n - used};
    return word;
}

static bool address_read(int family, struct slice text, struct slice port, struct sockaddr_storage *out)
{
    char copy[INET6_ADDRSTRLEN], bytes[sizeof(struct in6_addr)];
    uint64_t number;
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n) != NULL ||
        !slice_to_u64(port, UINT16_MAX, &number))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(family, copy, bytes) != 1)
        return false;
    address_put(out, family, bytes, htons((uint16_t)number));
    return true;
}

/* What stands between the signature and CR LF. */
static bool first_read(struct slice line, struct proxy_header *out)
{
    struct slice kind = word_take(&line);
    if (slice_equal(kind, slice_of("UNKNOWN")))
        return true; /* what follows is to be ignored */
    bool four = slice_equal(kind, slice_of("TCP4"));
    if (!four && !slice_equal(kind, slice_of("TCP6")))
        return false;
    int family = four ? AF_INET : AF_INET6;
    struct slice client = word_take(&line), reached = word_take(&line), port = word_take(&line);
    out->named = address_read(family, client, port, &out->client) &&
                 address_read(family, reached, line, &out->reached);
    return out->named;
}

static int first_parse(const char *p, size_t n, struct proxy_header *out)
{
    size_t most = n < FIRST_MAX ? n : FIRST_MAX;
    const char *end = memchr(p, '\n', most);
    if (end == NULL)
        return n < FIRST_MAX ? 0 : -1;
    if (end[-1] != '\r')
        return -1;
    struct slice line = {p + FIRST_SIGNATURE, (size_t)(end - p) - FIRST_SIGNATURE - 1};
    return first_read(line, out) ? (int)(end + 1 - p) : -1;
}

/* ---- version 2: binary ---- */

/* Both addresses, then both ports; what follows (TLVs) is not read. */
static bool second_addresses(int family, const char *p, size_t n, struct proxy_header *out)
{
    size_t each = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    uint16_t ports[2];
    if (n < 2 * each + sizeof ports)
        return false;
    memcpy(ports, p + 2 * each, sizeof ports);
    address_put(&out->client, family, p, ports[0]);
    address_put(&out->reached, family, p + each, ports[1]);
    out->named = true;
    return true;
}

static int second_parse(const char *p, size_t n, struct proxy_header *out)
{
    if (n < SECOND_FIXED)
        return 0;
    unsigned command = (unsigned char)p[12], over = (unsigned char)p[13];
    size_t length = (size_t)(unsigned char)p[14] << 8 | (unsigned char)p[15];
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || SECOND_FIXED + length > PROXY_HEADER_MAX)
        return -1;
    if (n < SECOND_FIXED + length)
        return 0;
    bool good = true;
    if (command == COMMAND_PROXY && (over == OVER_TCP4 || over == OVER_TCP6))
        good = second_addresses(over == OVER_TCP4 ? AF_INET : AF_INET6, p + SECOND_FIXED, length, out);
    else if (command == COMMAND_PROXY)
        good = over == OVER_UNKNOWN || over == OVER_UNIX;
    return good ? (int)(SECOND_FIXED + length) : -1;
}

int proxy_header_parse(const char *p, size_t n, struct proxy_header *out)
{
    size_t first = n < FIRST_SIGNATURE ? n : FIRST_SIGNATURE;
    size_t second = n < SECOND_SIGNATURE ? n : SECOND_SIGNATURE;
    *out = (struct proxy_header){0};
    if (n == 0)
        return 0;
    if (memcmp(p, first_signature, first) == 0)
        return n > FIRST_SIGNATURE ? first_parse(p, n, out) : 0;
    if (memcmp(p, second_signature, second) == 0)
        return second_parse(p, n, out);
    return -1;
}
