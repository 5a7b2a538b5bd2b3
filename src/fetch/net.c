/* Options, handles of libcurl, and documents over HTTP. */
#include "fetch/net.h"

#include "base/clock.h"
#include "base/text.h"
#include "fetch/net_internal.h"

#include <poll.h>
#include <stdio.h>

enum { DOCUMENT_SECONDS = 120 /* a list of many levels, over a slow line */ };

int net_new(const struct net_options *o, struct net **out, struct pb_error *err)
{
    struct net *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    t->options = *o;
    t->multi = curl_multi_init();
    if (t->multi == NULL) {
        free(t);
        return error_memory(err);
    }
    *out = t;
    return PB_OK;
}

void net_free(struct net *t)
{
    if (t == NULL)
        return;
    curl_multi_cleanup(t->multi);
    free(t);
}

CURL *net_easy(const struct net *t, const char *url)
{
    CURL *e = curl_easy_init();
    if (e == NULL)
        return NULL;
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_USERAGENT, t->options.user_agent);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, t->options.direct ? 0L : 1L);
    if (t->options.direct)
        curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)NET_CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)NET_SLOW_BYTES);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)NET_SLOW_S);
    return e;
}

int net_status_fault(long status, struct pb_error *err)
{
    if (status == 404)
        return error_set(err, PB_NOT_FOUND, "the server has no such file (404)");
    if (status == 401 || status == 403)
        return error_set(err, PB_NOT_FOUND, "the server refuses us (%ld)", status);
    /* 5xx and 429 may pass; other refusals stay what they are. */
    return error_set(err, status >= 500 || status == 429 ? PB_NETWORK : PB_NOT_FOUND,
                     "the server answered with status %ld", status);
}

static int fault_of(CURL *e, CURLcode code, struct pb_error *err)
{
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_TOO_MANY_REDIRECTS || code == CURLE_URL_MALFORMAT)
        return error_set(err, PB_INVALID, "%s", curl_easy_strerror(code)); /* it will not pass */
    if (code != CURLE_HTTP_RETURNED_ERROR)
        return error_set(err, PB_NETWORK, "%s", curl_easy_strerror(code));
    return net_status_fault(status, err);
}

int net_fault(CURL *e, CURLcode code, struct pb_error *err)
{
    long redirects = 0;
    char *url = NULL;
    int rc = fault_of(e, code, err);
    curl_easy_getinfo(e, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(e, CURLINFO_EFFECTIVE_URL, &url);
    return redirects > 0 && url != NULL ? error_context(err, "redirected to %.200s", url) : rc;
}

int net_progress(const struct net *n, const struct pb_progress *p, struct pb_error *err)
{
    const struct net_options *o = &n->options;
    return o->progress != NULL && o->progress(o->arg, p) != 0 ? error_set(err, PB_CANCELLED, "cancelled")
                                                              : PB_OK;
}

unsigned net_connections(const struct net *n)
{
    return n->options.connections;
}

int net_pause(const struct net *t, unsigned ms, struct pb_error *err)
{
    enum { STEP_MS = 50 };
    uint64_t until = clock_monotonic_ms() + ms;
    for (uint64_t now = clock_monotonic_ms(); now < until; now = clock_monotonic_ms()) {
        struct pb_progress p = {"wait", 0, 0, NULL};
        int rc = net_progress(t, &p, err);
        if (rc < 0)
            return rc;
        poll(NULL, 0, until - now < STEP_MS ? (int)(until - now) : STEP_MS);
    }
    return PB_OK;
}

static size_t document_write(char *p, size_t size, size_t n, void *arg)
{
    return buffer_append(arg, p, size * n) ? size * n : 0;
}

static int document_progress(void *arg, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up)
{
    const struct net *t = arg;
    struct pb_progress p = {"ask", 0, 0, NULL};
    (void)total, (void)done, (void)up_total, (void)up;
    return t->options.progress != NULL && t->options.progress(t->options.arg, &p) != 0;
}

/* The fields of a conditional request. NULL: there is no copy, or memory is out. */
static struct curl_slist *condition_make(const struct fetch_validators *v)
{
    char field[sizeof v->etag + 32];
    if (v == NULL || (v->etag[0] == '\0' && v->modified[0] == '\0'))
        return NULL;
    snprintf(field, sizeof field, v->etag[0] != '\0' ? "If-None-Match: %s" : "If-Modified-Since: %s",
             v->etag[0] != '\0' ? v->etag : v->modified);
    return curl_slist_append(NULL, field);
}

static void validator_read(CURL *e, const char *field, char *out, size_t room)
{
    struct curl_header *h;
    bool fits = curl_easy_header(e, field, 0, CURLH_HEADER, -1, &h) == CURLHE_OK && strlen(h->value) < room;
    snprintf(out, room, "%s", fits ? h->value : "");
    text_clean(out);
}

static void validators_read(CURL *e, struct fetch_validators *v)
{
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    v->unchanged = status == 304;
    if (v->unchanged)
        return;
    validator_read(e, "ETag", v->etag, sizeof v->etag);
    validator_read(e, "Last-Modified", v->modified, sizeof v->modified);
}

int net_try(struct net *t, const char *url, struct fetch_validators *v, struct buffer *out,
            struct pb_error *err)
{
    CURL *e = net_easy(t, url);
    if (e == NULL)
        return error_memory(err);
    struct curl_slist *condition = condition_make(v);
    if (condition != NULL)
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, condition);
    out->n = 0;
    if (t->options.packed)
        curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(e, CURLOPT_TIMEOUT,
                     t->options.seconds > 0 ? (long)t->options.seconds : (long)DOCUMENT_SECONDS);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, document_write);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, document_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, t);
    CURLcode code = curl_easy_perform(e);
    int rc = PB_OK;
    if (out->failed)
        rc = error_set(err, PB_INVALID, "the document is larger than %zu bytes", out->ceiling);
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        rc = error_set(err, PB_CANCELLED, "cancelled");
    else if (code != CURLE_OK)
        rc = net_fault(e, code, err);
    else if (!buffer_append(out, "", 0))
        rc = error_memory(err);
    if (rc == PB_OK)
        net_peer_note(t, e, url);
    if (rc == PB_OK && v != NULL)
        validators_read(e, v);
    curl_slist_free_all(condition);
    curl_easy_cleanup(e);
    return rc;
}

int net_get(void *net, const char *url, struct buffer *out, struct pb_error *err)
{
    return net_get_changed(net, url, NULL, out, err);
}

int net_get_changed(void *net, const char *url, struct fetch_validators *v, struct buffer *out,
                    struct pb_error *err)
{
    for (int attempt = 1;; attempt++) {
        int rc = net_try(net, url, v, out, err);
        if (rc != PB_NETWORK || attempt == NET_ATTEMPTS)
            return rc;
        struct pb_error cancelled;
        if (net_pause(net, NET_RETRY_MS, &cancelled) < 0) {
            *err = cancelled;
            return cancelled.status;
        }
    }
}
