/* What a server tells its operator: Prometheus's text format, and JSON for `patchbay status`. */
#ifndef PB_SERVE_REPORT_H
#define PB_SERVE_REPORT_H

#include "serve/protocol.h"
#include "serve/shared.h"

/* About 700 bytes a title. */
enum { REPORT_MAX = 256 * 1024 * 1024 };

/* docs/operations.md explains each metric. */
void report_metrics(const struct exchange *x, struct buffer *out);
void report_status(const struct exchange *x, struct buffer *out);

#endif
