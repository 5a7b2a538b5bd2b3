/* The fields and forms of uploads: bytes in, values out. No I/O. docs/formats/upload.md. */
#ifndef PB_WIRE_HTTP_UPLOAD_H
#define PB_WIRE_HTTP_UPLOAD_H

#include "wire/http_request.h"

/* Where in a file of `size` bytes the request's body belongs: Upload-Offset, or Content-Range, else the
 * beginning. Returns 0, or the HTTP status to refuse it with: 400 for what can't be read or contradicts
 * itself, 413 for what goes beyond the end. */
int http_upload_place(const struct http_request *request, uint64_t size, uint64_t *from);

/* The value of `key` in a query or a form (application/x-www-form-urlencoded), decoded, with a NUL. Returns
 * 1; 0 when there is none; -1 when it is malformed, has a zero byte or needs more than `room` bytes. */
int http_form_value(struct slice form, const char *key, char *out, size_t room);

#endif
