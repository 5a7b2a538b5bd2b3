/* HTTP handed on to another server: the request's head as that server gets it, and the look at its answer. No
 * I/O.
 */
#ifndef PB_WIRE_HTTP_RELAY_H
#define PB_WIRE_HTTP_RELAY_H

#include "plan/relay.h"
#include "wire/http_request.h"

enum { HTTP_RELAY_BODY_MAX = 16 * 1024 * 1024 }; /* of a request; a level of the game has a few kB */

/* 0, or the status to refuse the request with: its body is too long, or nobody knows how long. */
int http_relay_refusal(const struct http_request *request);

/* The same request in HTTP/1.0 for `target`, on behalf of the address `client`. NULL when memory is out. */
struct relay_request *http_relay_request(const struct http_request *request,
                                         const struct relay_target *target, const char *client);

/* For relay_request.accept: a whole head with status 200 may pass. */
int http_relay_accept(const char *p, size_t n);

#endif
