/* A mean of samples, each of which counts for less the older it is; and the mean of these means, so that
 * bytes that come in bursts of a second do not show. */
#include "cli/pace.h"

#include <stddef.h>
#include <string.h>

enum {
    SAMPLE_MS = 250,
    FIRST_MS = 1500, /* the first estimate; what comes in the first moment says little */
    MEMORY_MS = 3000,
    LEFT_MAX = 100 * 3600, /* nobody believes more */
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool pace_add(struct pace *p, const struct pb_progress *progress, uint64_t now)
{
    if (p->stage == NULL || !same(p->stage, progress->stage) || !same(p->unit, progress->unit)) {
        *p = (struct pace){progress->stage, progress->unit, now, now, progress->done, 0, 0, 0, 0};
        return true;
    }
    uint64_t passed = now - p->sampled;
    if (passed < SAMPLE_MS)
        return false;
    /* A piece that is begun anew takes back what it had brought: that is no progress, and no debt. */
    double brought = progress->done > p->done ? (double)(progress->done - p->done) : 0;
    double share = (double)passed / (double)(passed + MEMORY_MS);
    p->sum += (brought * 1000 / (double)passed - p->sum) * share;
    p->weight += (1 - p->weight) * share;
    p->sum2 += (p->sum / p->weight - p->sum2) * share;
    p->weight2 += (1 - p->weight2) * share;
    p->sampled = now;
    p->done = progress->done;
    return false;
}

double pace_rate(const struct pace *p)
{
    return p->sampled - p->started >= FIRST_MS && p->weight2 > 0 ? p->sum2 / p->weight2 : 0;
}

bool pace_left(const struct pace *p, const struct pb_progress *progress, unsigned long *seconds)
{
    double rate = pace_rate(p);
    if (progress->total == 0 || progress->done > progress->total || rate <= 0)
        return false;
    double left = (double)(progress->total - progress->done) / rate;
    if (left >= LEFT_MAX)
        return false;
    *seconds = (unsigned long)(left + 0.5);
    return true;
}
