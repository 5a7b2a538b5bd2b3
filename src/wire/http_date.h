/* HTTP dates: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
#ifndef PB_WIRE_HTTP_DATE_H
#define PB_WIRE_HTTP_DATE_H

#include "base/bytes.h"

enum { HTTP_DATE = 30 }; /* with the NUL */

void http_date_format(int64_t unix_seconds, char out[HTTP_DATE]);

/* False for anything but the form above, the two obsolete forms included: a condition with such a date is
 * ignored. */
bool http_date_parse(struct slice text, int64_t *unix_seconds);

#endif
