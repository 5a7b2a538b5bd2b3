/* Who is answered at the operator's address. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_GATE_H
#define PB_SERVE_PROTOCOL_ADMIN_GATE_H

#include "serve/protocol/protocol.h"
#include "wire/http_request.h"

/* As enum pb_token_right. */
enum { RIGHT_LOOK = 1, RIGHT_BAN = 2, RIGHT_PUBLISH = 4 };

/* 0: answer it; else the status to refuse it with. `needed`: rights; above RIGHT_LOOK something changes, and
 * the request must not come from another site's page. 0: whoever asks by a name of ours, without a token. */
int admin_refusal(const struct exchange *x, const struct http_request *request, unsigned needed);
/* The id of the caller's token in the record; "" when it has none there. Owned by the snapshot. */
const char *admin_caller(const struct exchange *x, const struct http_request *request);

#endif
