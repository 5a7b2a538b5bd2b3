/* Options, handles of libcurl, its faults, and documents over HTTP. */
#include "fetch/net.h"

#include "base/clock.h"
#include "base/text.h"
#include "fetch/net_internal.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <strings.h>

enum { DOCUMENT_SECONDS = 120 /* a list of many levels, over a slow line */ };
#define RATE_MOST (1ull << 40) /* nothing is faster: no limit */

/* As the curl program does it, which is where users know these names from; libcurl itself reads none of them.
 */
static void certificates_choose(struct net *t)
{
    const char *bundle = getenv("CURL_CA_BUNDLE"), *folder = getenv("SSL_CERT_DIR");
    const char *file = getenv("SSL_CERT_FILE");
    if (t->options.ca_file != NULL) {
        t->ca_file = t->options.ca_file;
    } else if (bundle != NULL && bundle[0] != '\0') {
        t->ca_file = bundle;
    } else {
        t->ca_file = file != NULL && file[0] != '\0' ? file : NULL;
        t->ca_folder = folder != NULL && folder[0] != '\0' ? folder : NULL;
    }
}

int net_new(const struct net_options *o, struct net **out, struct pb_error *err)
{
    struct net *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    t->options = *o;
    if (o->rate > RATE_MOST)
        t->options.rate = 0;
    t->last.stage = "checking";
    t->paid = clock_monotonic_ms();
    certificates_choose(t);
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

unsigned net_connections(const struct net *n)
{
    return n->options.connections;
}

unsigned net_attempts(const struct net *n)
{
    return n->options.attempts > 0 ? n->options.attempts : NET_ATTEMPTS;
}

unsigned net_slow_seconds(const struct net *n)
{
    return n->options.patience > 0 ? n->options.patience : NET_SLOW_S;
}

/* A handshake takes some round trips more, and arithmetic on both sides. */
static long connect_ms(bool secure)
{
    return secure ? 5L * NET_CONNECT_MS : (long)NET_CONNECT_MS;
}

static bool is_secure(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

/* Before each request, those of redirects as well: what was asked for in secret once is not asked for in the
 * open because a server says so. */
static int redirects_narrow(void *easy, char *to, char *from, int to_port, int from_port)
{
    char *url = NULL;
    (void)to, (void)from, (void)to_port, (void)from_port;
    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    if (url == NULL || !is_secure(url))
        return CURL_PREREQFUNC_OK;
    return curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK ? CURL_PREREQFUNC_OK
                                                                                    : CURL_PREREQFUNC_ABORT;
}

/* libcurl has a limit of its own for heads, but keeps every trailer of a chunked body, of which there may be
 * no end. */
static size_t head_count(char *line, size_t size, size_t n, void *arg)
{
    enum { HEADS_MAX = 256 * 1024 /* bytes, of all redirects and trailers of a request together */ };
    size_t *heads = arg;
    (void)line;
    *heads += size * n;
    return *heads <= HEADS_MAX ? size * n : 0;
}

CURL *net_easy(const struct net *t, const char *url, size_t *heads)
{
    CURL *e = curl_easy_init();
    if (e == NULL)
        return NULL;
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_USERAGENT, t->options.user_agent);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, head_count);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, heads);
    curl_easy_setopt(e, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, t->options.direct ? 0L : 1L);
    if (t->options.direct || t->options.proxy != NULL)
        curl_easy_setopt(e, CURLOPT_PROXY, t->options.direct ? "" : t->options.proxy);
    if (t->options.token != NULL && t->options.token[0] != '\0') {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, t->options.token);
    }
    if (t->ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, t->ca_file);
    if (t->ca_folder != NULL)
        curl_easy_setopt(e, CURLOPT_CAPATH, t->ca_folder);
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, redirects_narrow);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, e);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect_ms(is_secure(url)));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)net_slow_bytes(t));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)net_slow_seconds(t));
    if (t->options.rate > 0)
        curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)net_step(t, CURL_MAX_WRITE_SIZE));
    return e;
}

int net_status_fault(long status, uint64_t retry_seconds, struct pb_error *err)
{
    if (status == 407)
        return error_set(err, PB_NETWORK, "the proxy answered with status %ld", status);
    if (status == 404)
        return error_set(err, PB_NOT_FOUND, "the server has no such file (404)");
    if (status == 401 || status == 403)
        return error_set(err, PB_NOT_FOUND, "the server refuses us (%ld)", status);
    if ((status == 429 || status == 503) && retry_seconds > NET_PATIENCE_S)
        return error_set(err, PB_NETWORK, "the server answered with status %ld: come back in %llu seconds",
                         status, (unsigned long long)retry_seconds);
    /* 5xx and 429 may pass; other refusals stay what they are. */
    return error_set(err, status >= 500 || status == 429 ? PB_NETWORK : PB_NOT_FOUND,
                     "the server answered with status %ld", status);
}

uint32_t net_status_wait(long status, uint64_t retry_seconds)
{
    if (status != 429 && status != 503)
        return 0;
    return retry_seconds > NET_PATIENCE_S ? NET_NEVER : (uint32_t)retry_seconds * 1000;
}

/* ---- faults of libcurl ---- */

/* libcurl compares names itself, and then openssl has no fault to tell, or what libcurl begins with. */
static int certificate_fault(CURL *e, struct pb_error *err)
{
    long why = X509_V_OK;
    curl_easy_getinfo(e, CURLINFO_SSL_VERIFYRESULT, &why);
    return error_set(err, PB_NETWORK, "the server's certificate is not accepted: %s",
                     why == X509_V_OK || why == X509_V_ERR_UNSPECIFIED ? "it is for another name"
                                                                       : X509_verify_cert_error_string(why));
}

static long status_of(CURL *e, uint64_t *retry_seconds)
{
    long status = 0;
    curl_off_t seconds = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &seconds);
    *retry_seconds = seconds > 0 ? (uint64_t)seconds : 0;
    return status;
}

static int fault_of(const struct net *t, CURL *e, CURLcode code, struct pb_error *err)
{
    long proxy = 0, status;
    uint64_t seconds;
    curl_easy_getinfo(e, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (proxy >= 400)
        return error_set(err, PB_NETWORK, "the proxy answered with status %ld", proxy);
    switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
        status = status_of(e, &seconds);
        return net_status_fault(status, seconds, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return certificate_fault(e, err);
    case CURLE_SSL_CACERT_BADFILE:
        return error_set(err, PB_INVALID, "the certificates in %s can't be read",
                         t->ca_file != NULL ? t->ca_file : "the system's file");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_URL_MALFORMAT:
        return error_set(err, PB_INVALID, "%s", curl_easy_strerror(code)); /* it will not pass */
    case CURLE_WRITE_ERROR: /* of head_count; faults of bodies have their own words */
        return error_set(err, PB_NETWORK, "the head of the server's answer is too long");
    case CURLE_OUT_OF_MEMORY: /* which is what libcurl says to a line that has no end, too */
        return error_set(err, PB_NETWORK, "the head of the server's answer is too long, or memory is out");
    default:
        return error_set(err, PB_NETWORK, "%s", curl_easy_strerror(code));
    }
}

int net_fault(const struct net *t, CURL *e, CURLcode code, struct pb_error *err)
{
    long redirects = 0;
    char *url = NULL;
    int rc = fault_of(t, e, code, err);
    curl_easy_getinfo(e, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(e, CURLINFO_EFFECTIVE_URL, &url);
    return redirects > 0 && url != NULL ? error_context(err, "redirected to %.200s", url) : rc;
}

uint32_t net_wait_asked(CURL *e, CURLcode code)
{
    uint64_t seconds;
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return NET_NEVER;
    if (code != CURLE_HTTP_RETURNED_ERROR)
        return 0;
    long status = status_of(e, &seconds);
    return net_status_wait(status, seconds);
}

/* ---- documents ---- */

struct document {
    struct net *net;
    struct buffer *out;
};

static size_t document_write(char *p, size_t size, size_t n, void *arg)
{
    struct document *d = arg;
    net_received(d->net, size * n);
    return buffer_append(d->out, p, size * n) ? size * n : 0;
}

int net_run(struct net *t, CURL *e, CURLcode *code, struct pb_error *err)
{
    enum { TURN_MS = 100 };
    int running = 1, left, rc = PB_OK;
    if (curl_multi_add_handle(t->multi, e) != CURLM_OK)
        return error_memory(err);
    while (rc == PB_OK && running > 0) {
        CURLMcode turn = curl_multi_perform(t->multi, &running);
        if (turn == CURLM_OK && running > 0)
            turn = curl_multi_poll(t->multi, NULL, 0, TURN_MS, NULL);
        rc = turn != CURLM_OK ? error_set(err, PB_FAILED, "%s", curl_multi_strerror(turn)) : net_tick(t, err);
        if (rc == PB_OK)
            rc = net_throttle(t, err);
    }
    const CURLMsg *end = rc == PB_OK ? curl_multi_info_read(t->multi, &left) : NULL;
    if (end != NULL)
        *code = end->data.result;
    curl_multi_remove_handle(t->multi, e);
    return rc;
}

/* The fields of a conditional request. NULL: there is no copy, or memory is out. */
static struct curl_slist *condition_make(const struct fetch_validators *v)
{
    /* cppcheck-suppress ctunullpointer ; sizeof reads nothing */
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

/* The deadline of a document; under a rate it has the time that the largest one takes. */
static long document_seconds(const struct net *t, const struct buffer *out)
{
    const struct net_options *o = &t->options;
    uint64_t seconds = o->seconds > 0 ? o->seconds : DOCUMENT_SECONDS;
    return (long)(seconds + (o->rate > 0 ? out->ceiling / o->rate : 0));
}

/* *wait: how long to wait before the next attempt; ms, or NET_NEVER. */
static int document_get(struct net *t, const char *url, struct fetch_validators *v, struct buffer *out,
                        uint32_t *wait, struct pb_error *err)
{
    CURLcode code = CURLE_OK;
    size_t heads = 0;
    struct document d = {t, out};
    CURL *e = net_easy(t, url, &heads);
    if (e == NULL)
        return error_memory(err);
    struct curl_slist *condition = condition_make(v);
    if (condition != NULL)
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, condition);
    out->n = 0;
    if (t->options.packed)
        curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(e, CURLOPT_TIMEOUT, document_seconds(t, out));
    if (net_is_paced(t))
        curl_easy_setopt(e, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)t->options.rate);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, document_write);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &d);
    int rc = net_run(t, e, &code, err);
    if (rc == PB_OK && out->failed)
        rc = out->starved ? error_memory(err)
                          : error_set(err, PB_INVALID, "the document is larger than %zu bytes", out->ceiling);
    else if (rc == PB_OK && code != CURLE_OK)
        rc = net_fault(t, e, code, err);
    else if (rc == PB_OK && !buffer_append(out, "", 0))
        rc = error_memory(err);
    if (rc == PB_OK)
        net_peer_note(t, e, url);
    if (rc == PB_OK && v != NULL)
        validators_read(e, v);
    curl_slist_free_all(condition);
    *wait = net_wait_asked(e, code);
    curl_easy_cleanup(e);
    return rc;
}

int net_try(struct net *t, const char *url, struct fetch_validators *v, struct buffer *out,
            struct pb_error *err)
{
    uint32_t wait;
    return document_get(t, url, v, out, &wait, err);
}

int net_get(void *net, const char *url, struct buffer *out, struct pb_error *err)
{
    return net_get_changed(net, url, NULL, out, err);
}

int net_get_changed(void *net, const char *url, struct fetch_validators *v, struct buffer *out,
                    struct pb_error *err)
{
    for (unsigned attempt = 1;; attempt++) {
        uint32_t wait;
        int rc = document_get(net, url, v, out, &wait, err);
        if (rc != PB_NETWORK || attempt >= net_attempts(net) || wait == NET_NEVER)
            return rc;
        struct pb_error cancelled;
        if (net_pause(net, wait > NET_RETRY_MS ? wait : NET_RETRY_MS, &cancelled) < 0) {
            *err = cancelled;
            return cancelled.status;
        }
    }
}
