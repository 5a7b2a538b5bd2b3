/* Counters. A loop's own need no locked instruction; a meter is shared by all loops. */
#include "serve/engine/tally.h"

struct tally tally_of(struct loop *l, const struct conn *c)
{
    const struct reply_plan *p = &l->plan;
    size_t dialect = p->dialect < COUNTS_DIALECTS ? p->dialect : COUNTS_DIALECTS - 1;
    return (struct tally){c->protocol->for_operator ? &l->counts.of_operator : &l->counts.dialects[dialect],
                          p->title != NULL ? p->title->meter : NULL, p->ends_download && !p->refused,
                          !c->served};
}

void tally_request(const struct tally *t, bool refused)
{
    count_own(&t->dialect->requests, 1);
    count_own(&t->dialect->errors, refused);
    count_own(&t->dialect->opened, t->opens);
    if (t->meter != NULL) {
        count_shared(&t->meter->counts.requests, 1);
        if (t->opens)
            count_shared(&t->meter->counts.opened, 1);
        if (refused)
            count_shared(&t->meter->counts.errors, 1);
    }
}

void tally_bytes(const struct tally *t, uint64_t n)
{
    count_own(&t->dialect->bytes, n);
    if (t->meter != NULL)
        count_shared(&t->meter->counts.bytes, n);
}

void tally_active(const struct tally *t, int by)
{
    count_own(&t->dialect->active, (uint64_t)by);
    if (t->meter != NULL)
        count_shared(&t->meter->counts.active, (uint64_t)by);
}

void tally_end(const struct tally *t, bool whole)
{
    bool completed = whole && t->ends_download;
    count_own(&t->dialect->completed, completed);
    count_own(&t->dialect->broken_off, !whole);
    if (t->meter != NULL && completed)
        count_shared(&t->meter->counts.completed, 1);
    if (t->meter != NULL && !whole)
        count_shared(&t->meter->counts.broken_off, 1);
}
