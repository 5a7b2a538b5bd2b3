/* Who is answered at the operator's address. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_GATE_H
#define PB_SERVE_PROTOCOL_ADMIN_GATE_H

#include "serve/protocol/protocol.h"
#include "wire/http_request.h"

/* 0: answer it; else the status to refuse it with. */
int admin_refusal(const struct exchange *x, const struct http_request *request);

#endif
