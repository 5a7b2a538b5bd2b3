/* Uploads and publishing at the operator's address. docs/formats/upload.md. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_UPLOAD_H
#define PB_SERVE_PROTOCOL_ADMIN_UPLOAD_H

#include "serve/protocol/protocol.h"
#include "wire/http_request.h"

/* Is the path one of these? Not where the server is not to be published to. */
bool upload_owns(const struct exchange *x, struct slice path);
/* Plans the answer, or what takes the request's body. For a path that upload_owns. */
enum verdict upload_next(const struct exchange *x, const struct http_request *request,
                         struct reply_plan *plan);

#endif
