/* Lines, tokens and white space of HTTP/1 heads, for requests and responses alike. */
#ifndef PB_WIRE_HTTP_LINE_H
#define PB_WIRE_HTTP_LINE_H

#include "base/bytes.h"

/* A token of RFC 9110, 5.6.2: at least one tchar. */
bool http_is_token(struct slice s);

/* Without spaces and tabs at both ends. */
struct slice http_trim(struct slice s);

/* Takes a line off `rest`; false when its end has not come yet. CR LF, or LF alone as RFC 9112, 2.2 permits.
 */
bool http_line_take(struct slice *rest, struct slice *line);

/* Splits "NAME: VALUE". False when the line is no field. */
bool http_field_split(struct slice line, struct slice *name, struct slice *value);

#endif
