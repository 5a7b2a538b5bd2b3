/* The reports of a server to its operator. docs/operations.md explains each value. */
#ifndef PB_SERVE_REPORT_REPORT_H
#define PB_SERVE_REPORT_REPORT_H

#include "base/bytes.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

/* Bytes; a title takes about 700. */
enum { REPORT_MAX = 256 * 1024 * 1024 };

/* Append to `out`: report_metrics in Prometheus' text format, report_status as JSON. out->failed is set when
 * memory or the buffer's ceiling is reached. */
void report_metrics(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out);
void report_status(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out);

#endif
