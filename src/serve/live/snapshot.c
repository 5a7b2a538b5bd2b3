/* Reference counting of snapshots and settings. */
#include "serve/live/snapshot.h"

void settings_hold(struct serve_settings *s)
{
    __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
}

void settings_release(struct serve_settings *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    struct arena arena = s->arena; /* which holds *s itself */
    arena_free(&arena);
}

struct bans *bans_new(void)
{
    struct bans *b = calloc(1, sizeof *b);
    if (b != NULL)
        b->references = 1;
    return b;
}

void bans_hold(struct bans *b)
{
    __atomic_add_fetch(&b->references, 1, __ATOMIC_RELAXED);
}

void bans_release(struct bans *b)
{
    if (b == NULL || __atomic_sub_fetch(&b->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_free(&b->arena);
    free(b);
}

struct snapshot *snapshot_new(struct site *site, struct serve_settings *settings, struct bans *bans)
{
    struct snapshot *s = calloc(1, sizeof *s);
    struct page_texts *pages = calloc(1, sizeof *pages);
    if (s == NULL || pages == NULL) {
        free(s);
        free(pages);
        site_release(site);
        settings_release(settings);
        bans_release(bans);
        return NULL;
    }
    *s = (struct snapshot){.references = 1,
                           .site = site,
                           .settings = settings,
                           .bans = bans,
                           .pages = pages,
                           .rules = {&settings->limits, &settings->deny, &bans->set, &settings->trusted}};
    return s;
}

void snapshot_hold(struct snapshot *s)
{
    __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
}

void snapshot_release(struct snapshot *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    site_release(s->site);
    settings_release(s->settings);
    bans_release(s->bans);
    damaged_release(s->damaged);
    tokens_release(s->tokens);
    page_texts_free(s->pages);
    free(s->pages);
    free(s);
}
