/* The parts of the reports that are about the depot's disk and the process, and not about what is served. */
#ifndef PB_SERVE_REPORT_MACHINE_H
#define PB_SERVE_REPORT_MACHINE_H

#include "base/bytes.h"
#include "serve/live/shared.h"

#include <jansson.h>

/* Appends the value of a label. */
void label_escape(struct buffer *out, const char *text);
/* Append to `out`, in Prometheus' text format. */
void machine_metrics(const struct shared *shared, struct buffer *out);
/* The object "depot" of /status. */
json_t *machine_depot_json(const struct shared *shared);
/* What a title costs, added to its object. */
void machine_title_json(const struct meter *m, json_t *title);

#endif
