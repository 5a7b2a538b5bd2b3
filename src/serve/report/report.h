/* What a server tells its operator: Prometheus's text format, and JSON for `patchbay status`. */
#ifndef PB_SERVE_REPORT_REPORT_H
#define PB_SERVE_REPORT_REPORT_H

#include "base/bytes.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

/* About 700 bytes a title. */
enum { REPORT_MAX = 256 * 1024 * 1024 };

/* docs/operations.md explains each metric. */
void report_metrics(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out);
void report_status(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out);

#endif
