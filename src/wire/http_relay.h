/* Relaying HTTP: the head of the request for the upstream server, and the check of its answer. No I/O. */
#ifndef PB_WIRE_HTTP_RELAY_H
#define PB_WIRE_HTTP_RELAY_H

#include "plan/relay.h"
#include "wire/http_request.h"

enum { HTTP_RELAY_BODY_MAX = 16 * 1024 * 1024 }; /* bytes; a level of the game has a few kB */

/* 0, or the HTTP status to refuse the request with: its body is too long, or of unknown length. */
int http_relay_refusal(const struct http_request *request);

/* Makes the same request in HTTP/1.0 for `target`, on behalf of the address `client`. The caller owns it;
 * free(). NULL: out of memory. */
struct relay_request *http_relay_request(const struct http_request *request,
                                         const struct relay_target *target, const char *client);

/* For relay_request.accept: a complete head with status 200 is accepted. */
int http_relay_accept(const char *p, size_t n);

#endif
