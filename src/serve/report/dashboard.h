/*
 * What the operator's page is told, as JSON in server-sent events: the first event has everything, the
 * further ones have the present figures and what is new. dashboard.html shows it.
 */
#ifndef PB_SERVE_REPORT_DASHBOARD_H
#define PB_SERVE_REPORT_DASHBOARD_H

#include "base/bytes.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

/* What a page has been told. All zero: nothing. */
struct dashboard_told {
    bool begun;
    uint64_t points;   /* of the history */
    uint64_t notes;    /* the last one's number */
    uint64_t snapshot; /* its number */
};

/* Bytes. The history is the largest: 73 series of 720 points. */
enum { DASHBOARD_EVENT_MAX = 4 * 1024 * 1024 };

/* Appends one event with what the page does not know yet, and the present figures. out->failed is set when
 * memory is out. Needs shared->history and shared->notes. */
void dashboard_event(const struct snapshot *snapshot, const struct shared *shared,
                     struct dashboard_told *told, struct buffer *out);

/* The page, and the sources that its Content-Security-Policy names; scripts/embed-page makes both. */
struct embedded {
    const unsigned char *bytes;
    size_t n;
    const char *policy; /* "script-src …; style-src …" */
};
extern const struct embedded dashboard_page, publish_form;

#endif
