/* Fetching one title. Sources are tried in turn: the dialect plans, the downloader brings the pieces into
 * staging, the dialect makes files of them, and the install step puts these in place. */
#ifndef PB_API_FETCH_JOB_H
#define PB_API_FETCH_JOB_H

#include "fetch/download.h"
#include "install/workspace.h"
#include "patchbay/fetch.h"

struct fetch_job {
    const struct dialect_fetch *dialect;
    const struct pb_fetch_options *options;
    struct fetch_request request;
    const char *title;
    struct workspace *workspace;
    struct net *net;
    struct fetch_net documents; /* `net`, as the dialect sees it */
    pb_progress_fn *progress;
    void *arg;
    struct pb_fetch_result *result;
    /* set by fetch_job_run */
    struct arena arena;
    bool changing; /* the content of the source has changed during the fetch */
    int rounds;    /* attempts of the same plan at the same source */
    const char *tried[FETCH_ROUNDS * FETCH_SOURCES_MAX];
    size_t tried_count;
    bool final;             /* the install has begun: its result is final, and no other source is tried */
    bool endless;           /* the source sent more than makes sense: it is not asked again */
    struct pb_error faults; /* the texts of all sources that failed, one after the other */
};

/* Fetches the title; in a dry run reports what would be done. Errors as for pb_fetch. */
PB_MUST_USE int fetch_job_run(struct fetch_job *job, struct pb_error *err);

#endif
