/* patchbay/operate.h. */
#include "patchbay/operate.h"

#include "base/clock.h"
#include "base/path.h"
#include "depot/depot.h"
#include "depot/state.h"
#include "fetch/transport.h"
#include "serve/ranges.h"

#include <stdio.h>

static int state_of(struct pb_depot *depot, struct state **out, struct pb_error *err)
{
    return state_open(((struct depot *)depot)->path, out, err);
}

/* One line of text: it is shown on terminals. */
static int reason_check(const char *reason, struct pb_error *err)
{
    char cleaned[STATE_REASON_MAX + 1];
    if ((size_t)snprintf(cleaned, sizeof cleaned, "%s", reason) >= sizeof cleaned)
        return error_set(err, PB_INVALID, "the reason is longer than %d bytes", STATE_REASON_MAX);
    text_clean(cleaned);
    return strcmp(cleaned, reason) == 0 ? PB_OK
                                        : error_set(err, PB_INVALID, "the reason must be one line of text");
}

static int range_of(const char *text, char out[ADDRESS_TEXT], struct pb_error *err)
{
    struct range range;
    int rc = range_parse(text, &range, err);
    if (rc == PB_OK)
        range_text(&range, out);
    return rc;
}

int pb_ban(struct pb_depot *depot, const char *range, const char *reason, int64_t expires,
           struct pb_error *err)
{
    char text[ADDRESS_TEXT];
    struct state *state;
    int rc = range_of(range, text, err);
    if (rc == PB_OK && expires != 0 && expires <= clock_unix())
        rc = error_set(err, PB_INVALID, "the ban would have ended already");
    if (rc == PB_OK)
        rc = reason_check(reason != NULL ? reason : "", err);
    if (rc == PB_OK)
        rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    struct state_ban ban = {text, reason != NULL ? reason : "", clock_unix(), expires};
    rc = state_ban(state, &ban, false, err);
    state_close(state);
    return rc;
}

int pb_unban(struct pb_depot *depot, const char *range, struct pb_error *err)
{
    char text[ADDRESS_TEXT];
    struct state *state;
    int rc = range_of(range, text, err);
    if (rc == PB_OK)
        rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_unban(state, text, err);
    state_close(state);
    return rc;
}

struct listing {
    pb_ban_fn *fn;
    void *arg;
};

static int ban_show(void *arg, const struct state_ban *ban, struct pb_error *err)
{
    const struct listing *l = arg;
    struct pb_ban shown = {ban->range, ban->reason, ban->added, ban->expires};
    return l->fn(l->arg, &shown) == 0 ? PB_OK : error_set(err, PB_CANCELLED, "cancelled");
}

int pb_bans(struct pb_depot *depot, pb_ban_fn *fn, void *arg, struct pb_error *err)
{
    struct listing l = {fn, arg};
    struct state *state;
    int rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_bans(state, ban_show, &l, err);
    state_close(state);
    return rc;
}

/* Where the server that started last on this depot answers. */
static int admin_address(struct pb_depot *depot, char *out, size_t room, struct pb_error *err)
{
    struct state *state;
    int rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_admin(state, out, room, err);
    state_close(state);
    return rc;
}

int pb_server_status(struct pb_depot *depot, const char *address, char **json, struct pb_error *err)
{
    enum { STATUS_MAX = 256 * 1024 * 1024 };
    char noted[ADDRESS_TEXT + 16], url[512];
    struct transport_options o = {.user_agent = "patchbay", .direct = true};
    struct transport *t;
    struct buffer text;
    int rc = PB_OK;
    if (address == NULL)
        rc = depot != NULL ? admin_address(depot, noted, sizeof noted, err)
                           : error_set(err, PB_INVALID, "neither a depot nor an address is given");
    if (rc < 0)
        return rc;
    address = address == NULL ? noted : address;
    if (snprintf(url, sizeof url, "http://%s/status", address) >= (int)sizeof url)
        return error_set(err, PB_INVALID, "the address is too long");
    rc = transport_new(&o, &t, err);
    if (rc < 0)
        return rc;
    buffer_init(&text, STATUS_MAX);
    rc = transport_try(t, url, &text, err);
    transport_free(t);
    if (rc == PB_OK && text.n == 0)
        rc = error_set(err, PB_NETWORK, "an empty answer");
    if (rc < 0) {
        buffer_free(&text);
        return error_context(err, "no answer from a server at %s", address);
    }
    *json = text.p;
    return PB_OK;
}
