/* Whom a proxy asks for: X-Forwarded-For, and Forwarded (RFC 7239), in the head of a request. Bytes in,
 * values out; whom to believe is the caller's part. */
#ifndef PB_WIRE_FORWARDED_H
#define PB_WIRE_FORWARDED_H

#include "wire/http_request.h"

#include <sys/socket.h>

/* The list that the proxies on the way have written, each at its end. All slices are borrowed from the head.
 */
struct forwarded {
    struct slice lines[HTTP_FIELDS_MAX];
    size_t n;
    bool standard; /* Forwarded, not X-Forwarded-For */
};

/*
 * Finds the list in the head at the start of [p, p + n). Where both fields are there X-Forwarded-For counts:
 * it is what most proxies write, and one that does not know Forwarded passes a client's own on. False: the
 * head is not complete.
 */
bool forwarded_find(const char *p, size_t n, struct forwarded *out);

enum forwarded_name {
    FORWARDED_END,     /* the list is empty */
    FORWARDED_UNKNOWN, /* no address: "unknown", "_hidden", or nothing that can be read */
    FORWARDED_ADDRESS, /* *out is set; the port, too, where one is there and is a number */
};
/* Takes the last name off the list. */
enum forwarded_name forwarded_take(struct forwarded *f, struct sockaddr_storage *out);

#endif
