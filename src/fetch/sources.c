/* The table of sources. It is short: looked up from its start. */
#include "fetch/sources.h"

#include <poll.h>
#include <stdio.h>

/* How long one of several carriers may keep the others waiting. */
enum { SHARED_WAIT_MS = 5 };

static bool scheme_is(const struct carrier_kind *kind, const char *url)
{
    for (size_t i = 0; kind->schemes[i] != NULL; i++) {
        if (strncmp(url, kind->schemes[i], strlen(kind->schemes[i])) == 0)
            return true;
    }
    return false;
}

/* "SCHEME://HOST:PORT", up to the path. */
static struct slice name_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    return (struct slice){url, path != NULL ? (size_t)(path - url) : strlen(url)};
}

static int carrier_for(struct sources *s, struct source *source, const char *url, struct pb_error *err)
{
    for (size_t i = 0; i < CARRIERS_MAX && s->kinds[i] != NULL; i++) {
        if (!scheme_is(s->kinds[i], url))
            continue;
        int rc = s->open[i] != NULL ? PB_OK : s->kinds[i]->open(s->net, s->most, s->events, &s->open[i], err);
        source->kind = s->kinds[i];
        source->carrier = s->open[i];
        return rc;
    }
    return error_set(err, PB_INVALID, "%s: no way to fetch from such an address", url);
}

int source_of(struct sources *s, const char *url, struct source **out, struct pb_error *err)
{
    struct slice name = name_of(url);
    for (size_t i = 0; i < s->n; i++) {
        if (slice_equal(slice_of(s->list[i].name), name)) {
            *out = &s->list[i];
            return PB_OK;
        }
    }
    if (s->n == SOURCES_MAX)
        return error_set(err, PB_INVALID, "the content is spread over more than %d servers", SOURCES_MAX);
    if (name.n >= SOURCE_NAME)
        return error_set(err, PB_INVALID, "%.100s…: the server's name is too long", url);
    struct source *source = &s->list[s->n];
    *source = (struct source){0};
    snprintf(source->name, sizeof source->name, "%.*s", (int)name.n, name.p);
    int rc = carrier_for(s, source, url, err);
    if (rc < 0)
        return rc;
    s->n++;
    *out = source;
    return PB_OK;
}

bool source_is_better(const struct source *a, const struct source *b)
{
    return a->faults != b->faults ? a->faults < b->faults : a->running < b->running;
}

int sources_turn(struct sources *s, int wait_ms, struct pb_error *err)
{
    int open = 0, rc = PB_OK;
    for (size_t i = 0; i < CARRIERS_MAX && s->kinds[i] != NULL; i++)
        open += s->open[i] != NULL;
    if (open == 0)
        poll(NULL, 0, wait_ms);
    for (size_t i = 0; rc == PB_OK && i < CARRIERS_MAX && s->kinds[i] != NULL; i++) {
        if (s->open[i] != NULL)
            rc = s->kinds[i]->turn(s->open[i], open > 1 ? SHARED_WAIT_MS : wait_ms, err);
    }
    return rc;
}

void sources_close(struct sources *s)
{
    for (size_t i = 0; i < CARRIERS_MAX && s->kinds[i] != NULL; i++)
        s->kinds[i]->close(s->open[i]);
}
