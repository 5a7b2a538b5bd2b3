/* Fetching one title: sources are asked in turn; the dialect plans, the downloader brings pieces into
 * staging, the dialect makes files of them, and the install step puts them in place. */
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
    bool changing; /* the source's content has changed while we fetched */
    int rounds;    /* of the same plan at the same source */
    const char *tried[FETCH_ROUNDS * FETCH_SOURCES_MAX];
    size_t tried_count;
    bool final;             /* the install was begun: whatever comes of it is the result */
    struct pb_error faults; /* of all sources that failed, in a row */
};

/* Fetches the title, or, in a dry run, tells what would be done. */
PB_MUST_USE int fetch_job_run(struct fetch_job *job, struct pb_error *err);

#endif
