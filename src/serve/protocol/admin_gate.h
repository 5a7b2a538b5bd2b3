/* Who is answered at the operator's address. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_GATE_H
#define PB_SERVE_PROTOCOL_ADMIN_GATE_H

#include "serve/protocol/protocol.h"
#include "wire/http_request.h"

/* What a request needs. RIGHT_LOOK: to read; the others change something. */
enum { RIGHT_LOOK = 1, RIGHT_BAN = 2, RIGHT_PUBLISH = 4 };

/* 0: answer it; else the status to refuse it with: 421 for a host that is not ours, 401 without the token,
 * 403 for what would change something and comes from another site's page. `needed` 0: what everybody may have
 * who asks by a name of ours. */
int admin_refusal(const struct exchange *x, const struct http_request *request, unsigned needed);

#endif
