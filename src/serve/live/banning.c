/* Checking and writing bans. */
#include "serve/live/banning.h"

#include "base/clock.h"
#include "base/path.h"

#include <stdio.h>

/* One line of text: it is shown on terminals. */
static int reason_check(const char *reason, char cleaned[STATE_REASON_MAX + 1], struct pb_error *err)
{
    if (snprintf(cleaned, STATE_REASON_MAX + 1, "%s", reason) > STATE_REASON_MAX)
        return error_set(err, PB_INVALID, "the reason is longer than %d bytes", STATE_REASON_MAX);
    text_clean(cleaned);
    return strcmp(cleaned, reason) == 0 ? PB_OK
                                        : error_set(err, PB_INVALID, "the reason must be one line of text");
}

static int range_canonical(const char *text, char out[ADDRESS_TEXT], struct pb_error *err)
{
    struct range range;
    int rc = range_parse(text, &range, err);
    if (rc == PB_OK)
        range_text(&range, out);
    return rc;
}

int banning_make(const char *range, const char *reason, int64_t expires, struct banning *out,
                 struct pb_error *err)
{
    *out = (struct banning){.added = clock_unix(), .expires = expires};
    int rc = range_canonical(range, out->range, err);
    if (rc == PB_OK && expires != 0 && expires <= out->added)
        rc = error_set(err, PB_INVALID, "the ban would have ended already");
    return rc == PB_OK ? reason_check(reason, out->reason, err) : rc;
}

int banning_put(const char *depot, unsigned patience_ms, const struct banning *ban, struct pb_error *err)
{
    struct state *state = NULL;
    int rc = state_open_within(depot, patience_ms, &state, err);
    if (rc < 0)
        return rc;
    rc = state_ban(state, &(struct state_ban){ban->range, ban->reason, ban->added, ban->expires}, false, err);
    state_close(state);
    return rc;
}

int banning_lift(const char *depot, unsigned patience_ms, const char *range, struct pb_error *err)
{
    char text[ADDRESS_TEXT];
    struct state *state = NULL;
    int rc = range_canonical(range, text, err);
    if (rc == PB_OK)
        rc = state_open_within(depot, patience_ms, &state, err);
    if (rc < 0)
        return rc;
    rc = state_unban(state, text, err);
    state_close(state);
    return rc;
}
