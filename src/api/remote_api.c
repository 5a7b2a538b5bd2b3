/*
 * patchbay/remote.h. The upload is found again by what it is (name, size and SHA-256), so nothing is written
 * down here. What the server answers is foreign: texts are cleaned, numbers are checked.
 */
#include "patchbay/remote.h"

#include "api/sized.h"
#include "base/file.h"
#include "base/path.h"
#include "fetch/exchange.h"
#include "fetch/url.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

enum {
    RETRIES = 5,
    ANSWER_MAX = 64 * 1024,
    FORM_MAX = 8192,
    PIECE =
        16 * 1024 * 1024, /* bytes of a request: a proxy that keeps whole requests loses no more with one */
    PAUSE_MS = 500,       /* before another attempt; twice as long each time */
    PAUSE_MAX_MS = 15000,
    POLL_MS = 50, /* between questions how publishing goes; growing */
    POLL_MAX_MS = 500,
};

struct session {
    struct net *net;
    char base[600]; /* "https://HOST:PORT" */
    unsigned retries;
    int fd;
    uint64_t size;
    const char *name;
    char digest[SHA256_HEX + 1];
    char place[EXCHANGE_LOCATION_MAX]; /* "/uploads/ID" */
    uint64_t offset;                   /* of what the server has */
    struct buffer text;                /* of the last answer */
};

/* ---- where to ---- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static int base_make(const struct pb_remote_options *remote, char out[600], struct pb_error *err)
{
    struct url url;
    char port[8] = "";
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    int rc = url_parse(remote->url, &arena, &url, err);
    if (rc < 0)
        return rc;
    bool secure = strcmp(url.scheme, "https") == 0;
    if ((!secure && strcmp(url.scheme, "http") != 0) || url.path[0] != '\0')
        return error_set(err, PB_INVALID, "%.200s: not of the form https://HOST[:PORT]", remote->url);
    if (!secure && !is_loopback(url.host) && !remote->insecure)
        return error_set(err, PB_INVALID,
                         "%.200s: with http all on the way can read the token; use https, or allow it",
                         remote->url);
    if (url.port != 0)
        snprintf(port, sizeof port, ":%u", url.port);
    if (snprintf(out, 600, "%s://%s%s", url.scheme, url.host, port) >= 600)
        return error_set(err, PB_INVALID, "the address is too long");
    return PB_OK;
}

/* ---- questions ---- */

/* One line of what the server says. */
static void words_of(struct session *s, char out[300])
{
    snprintf(out, 300, "%.*s", (int)(s->text.n < 280 ? s->text.n : 280), s->text.n > 0 ? s->text.p : "");
    out[strcspn(out, "\r\n")] = '\0';
    text_clean(out);
}

static int status_fault(struct session *s, long status, struct pb_error *err)
{
    char words[300];
    words_of(s, words);
    switch (status) {
    case 401:
        return error_set(err, PB_DENIED, "the server does not accept the token");
    case 403:
        return error_set(err, PB_DENIED, "the token has no right to publish");
    case 404:
        return error_set(err, PB_NOT_FOUND, "the server takes no maps from afar (publish = yes)");
    case 413:
        return error_set(
            err, PB_INVALID, "%s",
            words[0] != '\0' && words[0] != '<'
                ? words
                : "too large for the server, or for a proxy before it (client_max_body_size of nginx)");
    case 421:
        return error_set(err, PB_DENIED, "the server does not go by this name (admin_hosts)");
    case 422:
        return error_set(err, PB_INVALID, "%s", words);
    case 429:
        return error_set(err, PB_BUSY, "the server has too many uploads at once");
    case 507:
        return error_set(err, PB_NO_SPACE, "the server's disk has no room for it");
    default:
        return error_set(err, status >= 500 ? PB_NETWORK : PB_FAILED, "the server answered with status %ld",
                         status);
    }
}

/* PB_OK: an answer with a status of success. */
static int ask_once(struct session *s, const char *method, const char *path, struct exchange_request *r,
                    struct exchange_answer *a, struct pb_error *err)
{
    char url[1200];
    if (snprintf(url, sizeof url, "%s%s", s->base, path) >= (int)sizeof url)
        return error_set(err, PB_INVALID, "the address is too long");
    r->method = method;
    r->url = url;
    *a = (struct exchange_answer){.text = &s->text};
    int rc = net_exchange(s->net, r, a, err);
    r->url = NULL;
    if (rc == PB_OK && (a->status < 200 || a->status >= 300))
        rc = status_fault(s, a->status, err);
    return rc;
}

static int pause_before(struct session *s, unsigned attempt, struct pb_error *err)
{
    unsigned ms = PAUSE_MS << (attempt < 8 ? attempt : 8);
    return net_pause(s->net, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS, err);
}

/* For what may be asked twice. */
static int ask(struct session *s, const char *method, const char *path, struct slice body,
               struct exchange_answer *a, struct pb_error *err)
{
    static const char *const form[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    int rc = PB_OK;
    for (unsigned i = 0; i <= s->retries; i++) {
        struct pb_error stop;
        struct exchange_request r = {.fields = body.n > 0 ? form : NULL, .body = body};
        rc = ask_once(s, method, path, &r, a, err);
        if (rc != PB_NETWORK || i == s->retries)
            break;
        if (pause_before(s, i, &stop) < 0) {
            *err = stop;
            return stop.status;
        }
    }
    return rc;
}

/* ---- sending ---- */

static int upload_begin(struct session *s, struct pb_error *err)
{
    struct exchange_answer a = {0};
    _cleanup_buffer_ struct buffer path;
    buffer_init(&path, 1024);
    buffer_text(&path, "/uploads?name=");
    percent_encode(&path, slice_of(s->name), false);
    buffer_format(&path, "&size=%llu&sha256=%s", (unsigned long long)s->size, s->digest);
    if (path.failed)
        return error_set(err, PB_INVALID, "the name is too long");
    int rc = ask(s, "POST", path.p, (struct slice){0}, &a, err);
    if (rc < 0)
        return rc;
    if (!a.has_offset || a.offset > s->size || strncmp(a.location, "/uploads/", 9) != 0)
        return error_set(err, PB_FAILED, "the server's answer is not that of patchbay");
    memcpy(s->place, a.location, sizeof s->place);
    s->offset = a.offset;
    return PB_OK;
}

static int piece_send(struct session *s, struct exchange_answer *a, struct pb_error *err)
{
    char offset[64];
    const char *const fields[] = {offset, "Content-Type: application/partial-upload", NULL};
    uint64_t left = s->size - s->offset;
    struct exchange_request r = {
        .fields = fields, .fd = s->fd, .from = s->offset, .length = left < PIECE ? left : PIECE};
    snprintf(offset, sizeof offset, "Upload-Offset: %llu", (unsigned long long)s->offset);
    return ask_once(s, "PATCH", s->place, &r, a, err);
}

/* After a piece that did not arrive: how much has? *broken counts the breaks without any progress. */
static int offset_ask(struct session *s, unsigned *broken, struct pb_error *err)
{
    struct exchange_answer a = {0};
    struct pb_error fault = *err;
    if (++*broken > s->retries)
        return fault.status;
    int rc = pause_before(s, *broken - 1, err);
    if (rc == PB_OK)
        rc = ask(s, "HEAD", s->place, (struct slice){0}, &a, err);
    if (rc < 0)
        return rc;
    if (!a.has_offset || a.offset > s->size)
        return error_set(err, PB_FAILED, "the server's answer is not that of patchbay");
    if (a.offset > s->offset)
        *broken = 0;
    s->offset = a.offset;
    return PB_OK;
}

static int upload_send(struct session *s, struct pb_error *err)
{
    unsigned broken = 0;
    while (s->offset < s->size) {
        struct exchange_answer a = {0};
        struct pb_progress p = {"uploading", s->offset, s->size, NULL};
        int rc = net_progress(s->net, &p, err);
        if (rc == PB_OK)
            rc = piece_send(s, &a, err);
        if (rc == PB_OK && (!a.has_offset || a.offset <= s->offset || a.offset > s->size))
            rc = error_set(err, PB_FAILED, "the server's answer is not that of patchbay");
        if (rc == PB_OK)
            s->offset = a.offset;
        else if (rc == PB_NETWORK || (rc == PB_FAILED && a.status == 409))
            rc = offset_ask(s, &broken, err);
        if (rc < 0)
            return rc;
    }
    return PB_OK;
}

/* A server that was started anew has lost what was sent: then all begins anew, as often as it may. */
static int upload_all(struct session *s, struct pb_error *err)
{
    for (unsigned i = 0;; i++) {
        int rc = upload_begin(s, err);
        if (rc < 0)
            return rc;
        rc = upload_send(s, err);
        if (rc != PB_NOT_FOUND || i == s->retries)
            return rc;
    }
}

/* ---- publishing ---- */

static void form_add(struct buffer *form, const char *key, const char *value)
{
    if (value == NULL)
        return;
    buffer_format(form, "&%s=", key);
    percent_encode(form, slice_of(value), false);
}

static int form_make(const struct pb_map_options *o, struct buffer *form, struct pb_error *err)
{
    buffer_init(form, FORM_MAX);
    form->secret = true;
    buffer_text(form, "kind=map");
    if (o->level != 0)
        buffer_format(form, "&level=%d", o->level < 0 ? 0 : o->level);
    form_add(form, "algorithm", o->algorithm);
    form_add(form, "password", o->password);
    form_add(form, "redirect_root", o->redirect_root);
    form_add(form, "host_directory", o->host_directory);
    form_add(form, "long_password", o->long_password ? "1" : NULL);
    form_add(form, "no_raw", o->no_raw ? "1" : NULL);
    return form->failed ? error_set(err, PB_INVALID, "the options are too long") : PB_OK;
}

static void text_copy(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text != NULL ? text : "");
    text_clean(out);
}

static int result_read(const json_t *job, struct pb_publish_result *out, struct pb_error *err)
{
    const json_t *r = json_object_get(job, "result");
    *out =
        (struct pb_publish_result){.unchanged = json_is_true(json_object_get(r, "unchanged")),
                                   .mended = json_is_true(json_object_get(r, "mended")),
                                   .parts = (unsigned)json_integer_value(json_object_get(r, "parts")),
                                   .source_bytes = (uint64_t)json_integer_value(json_object_get(r, "size")),
                                   .packed = (uint64_t)json_integer_value(json_object_get(r, "packed")),
                                   .stored = (uint64_t)json_integer_value(json_object_get(r, "stored"))};
    text_copy(out->title, sizeof out->title, json_string_value(json_object_get(r, "title")));
    text_copy(out->version, sizeof out->version, json_string_value(json_object_get(r, "version")));
    text_copy(out->warning, sizeof out->warning, json_string_value(json_object_get(r, "warning")));
    return out->title[0] != '\0' ? PB_OK
                                 : error_set(err, PB_FAILED, "the server does not say what it has published");
}

static int job_fault(const json_t *job, struct pb_error *err)
{
    char words[PB_ERROR_TEXT_MAX];
    json_int_t status = json_integer_value(json_object_get(job, "status"));
    text_copy(words, sizeof words, json_string_value(json_object_get(job, "error")));
    return error_set(err, status >= PB_UNSUPPORTED && status < 0 ? (int)status : PB_FAILED, "%s",
                     words[0] != '\0' ? words : "the server does not say why");
}

/* A stage's text must be static. */
static const char *stage_of(const json_t *job)
{
    static const char *const known[] = {"verifying", "compressing", "storing"};
    const char *state = json_string_value(json_object_get(job, "state"));
    const char *stage = json_string_value(json_object_get(job, "stage"));
    if (state != NULL && strcmp(state, "waiting") == 0)
        return "waiting";
    for (size_t i = 0; stage != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(stage, known[i]) == 0)
            return known[i];
    }
    return "publishing";
}

/* 1: it is published; 0: not yet. */
static int job_look(struct session *s, const char *path, struct pb_publish_result *result,
                    struct pb_error *err)
{
    struct exchange_answer a = {0};
    int rc = ask(s, "GET", path, (struct slice){0}, &a, err);
    if (rc < 0)
        return rc == PB_NOT_FOUND
                   ? error_set(err, PB_FAILED, "the server has forgotten it: was it restarted?")
                   : rc;
    json_t *job = json_loadb(s->text.p != NULL ? s->text.p : "", s->text.n, 0, NULL);
    const char *state = json_string_value(json_object_get(job, "state"));
    if (state == NULL) {
        rc = error_set(err, PB_FAILED, "the server's answer is not that of patchbay");
    } else if (strcmp(state, "failed") == 0) {
        rc = job_fault(job, err);
    } else if (strcmp(state, "done") == 0) {
        rc = result_read(job, result, err);
        rc = rc == PB_OK ? 1 : rc;
    } else {
        struct pb_progress p = {stage_of(job),
                                (unsigned long long)json_integer_value(json_object_get(job, "done")),
                                (unsigned long long)json_integer_value(json_object_get(job, "total")), NULL};
        rc = net_progress(s->net, &p, err);
    }
    json_decref(job);
    return rc;
}

/* Until it is done, however long that takes: the caller can cancel it. */
static int job_await(struct session *s, const char *path, struct pb_publish_result *result,
                     struct pb_error *err)
{
    for (unsigned ms = POLL_MS;; ms = ms * 2 < POLL_MAX_MS ? ms * 2 : POLL_MAX_MS) {
        int rc = job_look(s, path, result, err);
        if (rc != 0)
            return rc < 0 ? rc : PB_OK;
        rc = net_pause(s->net, ms, err);
        if (rc < 0)
            return rc;
    }
}

static int job_run(struct session *s, struct slice form, struct pb_publish_result *result,
                   struct pb_error *err)
{
    char path[EXCHANGE_LOCATION_MAX + 16];
    struct exchange_answer a = {0};
    snprintf(path, sizeof path, "%s/publish", s->place);
    int rc = ask(s, "POST", path, form, &a, err);
    if (rc < 0)
        return rc;
    if (strncmp(a.location, "/jobs/", 6) != 0)
        return error_set(err, PB_FAILED, "the server's answer is not that of patchbay");
    memcpy(path, a.location, sizeof a.location);
    rc = job_await(s, path, result, err);
    if (rc == PB_CANCELLED) { /* there, too; without asking the caller again */
        struct exchange_request r = {0};
        struct exchange_answer gone;
        struct pb_error ignored;
        (void)!ask_once(s, "DELETE", s->place, &r, &gone, &ignored);
    }
    return rc;
}

/* ---- all of it ---- */

static int source_read(struct session *s, const char *file, struct pb_error *err)
{
    struct digest_result digest = {0};
    struct pb_progress p = {"checking", 0, 0, NULL};
    int rc = file_open_regular(AT_FDCWD, file, true, &s->fd, &s->size, err);
    if (rc == PB_OK)
        rc = net_progress(s->net, &p, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_SHA256, s->fd, &digest, err);
    if (rc < 0)
        return rc;
    s->size = digest.size;
    hex_encode(digest.sha256.bytes, sizeof digest.sha256.bytes, s->digest);
    return PB_OK;
}

/* The caller's structs are our own by now. */
static int map_publish_to(const struct pb_remote_options *remote, const struct pb_map_options *options,
                          pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                          struct pb_error *err)
{
    struct session s = {.fd = -1,
                        .retries = remote->retries == 0  ? RETRIES
                                   : remote->retries < 0 ? 0
                                                         : (unsigned)remote->retries,
                        .name = path_base(slice_of(options->file)).p};
    struct net_options net = {.user_agent = "patchbay",
                              .token = remote->token,
                              .ca_file = remote->ca_file,
                              .progress = progress,
                              .arg = arg};
    _cleanup_buffer_ struct buffer form;
    buffer_init(&s.text, ANSWER_MAX);
    int rc = form_make(options, &form, err);
    if (rc == PB_OK)
        rc = base_make(remote, s.base, err);
    if (rc == PB_OK)
        rc = net_new(&net, &s.net, err);
    if (rc == PB_OK)
        rc = source_read(&s, options->file, err);
    if (rc == PB_OK)
        rc = upload_all(&s, err);
    if (rc == PB_OK)
        rc = job_run(&s, (struct slice){form.p, form.n}, result, err);
    net_free(s.net);
    fd_close(&s.fd);
    buffer_free(&s.text);
    if (rc < 0 && strncmp(err->text, "publish map ", 12) != 0) /* the server's own errors have it */
        return error_context(err, "publish map %s", options->file);
    return rc;
}

int pb_publish_map_to(const struct pb_remote_options *remote, const struct pb_map_options *options,
                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                      struct pb_error *err)
{
    static const struct sized remote_sized = SIZED(pb_remote_options, retries, retries);
    static const struct sized map_sized = SIZED(pb_map_options, host_directory, host_directory);
    static const struct sized result_sized = SIZED(pb_publish_result, warning, warning);
    struct pb_remote_options own_remote = {0};
    struct pb_map_options own = {0};
    struct pb_publish_result made = {0};
    int rc = sized_take(&remote_sized, remote, &own_remote, err);
    if (rc == PB_OK)
        rc = sized_take(&map_sized, options, &own, err);
    if (rc == PB_OK)
        rc = sized_check(&result_sized, result, err);
    if (rc == PB_OK && (own.file == NULL || own_remote.url == NULL || own_remote.token == NULL))
        rc = error_set(err, PB_INVALID, "publish map: file, url and token are needed");
    if (rc != PB_OK)
        return rc;
    rc = map_publish_to(&own_remote, &own, progress, arg, &made, err);
    sized_give(&result_sized, &made, result);
    return rc;
}
