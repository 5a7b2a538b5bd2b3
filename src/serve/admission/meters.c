/* The table of meters. */
#include "serve/admission/meters.h"

#include <stdio.h>

static struct meter **slot_of(struct meters *m, const char *title)
{
    return &m->slots[hash_more(HASH_START, slice_of(title)) % METER_SLOTS];
}

static struct meter *meter_add(struct meters *m, struct meter **slot, const char *title)
{
    struct meter *meter = aligned_alloc(METER_LINE, sizeof *meter);
    if (meter == NULL)
        return NULL;
    memset(meter, 0, sizeof *meter);
    meter->title = strdup(title);
    if (meter->title == NULL) {
        free(meter);
        return NULL;
    }
    meter->chain = *slot;
    *slot = meter;
    __atomic_store_n(m->last != NULL ? &m->last->next : &m->first, meter, __ATOMIC_RELEASE);
    m->last = meter;
    return meter;
}

struct meter *meters_find(struct meters *m, const char *title)
{
    struct meter *meter = *slot_of(m, title);
    while (meter != NULL && strcmp(meter->title, title) != 0)
        meter = meter->chain;
    return meter;
}

int meters_assign(struct meters *m, struct site *site, struct pb_error *err)
{
    char title[512];
    for (size_t i = 0; i < site->n; i++) {
        struct site_title *t = site->titles[i];
        if (t->meter != NULL) /* taken over from the site before */
            continue;
        snprintf(title, sizeof title, "%s/%s", t->dialect, t->name);
        struct meter *meter = meters_find(m, title);
        if (meter == NULL)
            meter = meter_add(m, slot_of(m, title), title);
        if (meter == NULL)
            return error_memory(err);
        t->meter = meter;
    }
    return PB_OK;
}

void meters_free(struct meters *m)
{
    for (struct meter *at = m->first; at != NULL;) {
        struct meter *next = at->next;
        free(at->title);
        free(at);
        at = next;
    }
    *m = (struct meters){0};
}

void day_use_look(struct day_use *d, uint64_t counter)
{
    uint64_t today = d->recorded + (counter - d->saved);
    enum cap_state state = d->caps.hard != 0 && today >= d->caps.hard   ? CAP_HARD
                           : d->caps.soft != 0 && today >= d->caps.soft ? CAP_SOFT
                                                                        : CAP_NONE;
    __atomic_store_n(&d->today, today, __ATOMIC_RELAXED);
    __atomic_store_n(&d->state, (uint8_t)state, __ATOMIC_RELAXED);
}
