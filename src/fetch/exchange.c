/* With libcurl. */
#include "fetch/exchange.h"

#include "fetch/net_internal.h"
#include "wire/http_line.h"

#include <unistd.h>

struct exchange_work {
    struct net *net;
    const struct exchange_request *request;
    struct exchange_answer *answer;
    uint64_t sent;   /* of the file */
    size_t heads;    /* bytes of the answer's head, so far */
    bool unreadable; /* the file */
};

static size_t file_send(char *out, size_t size, size_t n, void *arg)
{
    struct exchange_work *w = arg;
    uint64_t left = w->request->length - w->sent;
    size_t most = size * n < left ? size * n : (size_t)left;
    ssize_t got = most > 0 ? pread(w->request->fd, out, most, (off_t)(w->request->from + w->sent)) : 0;
    if (got < 0 || (got == 0 && most > 0)) {
        w->unreadable = true;
        return CURL_READFUNC_ABORT;
    }
    w->sent += (uint64_t)got;
    w->net->last.done = w->request->from + w->sent; /* net_tick tells it */
    return (size_t)got;
}

/* libcurl sends again where a connection that it had kept turned out to be dead. */
static int file_seek(void *arg, curl_off_t offset, int origin)
{
    struct exchange_work *w = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > w->request->length)
        return CURL_SEEKFUNC_FAIL;
    w->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t head_take(char *line, size_t size, size_t n, void *arg)
{
    enum { HEADS_MAX = 64 * 1024 };
    struct exchange_work *w = arg;
    struct exchange_answer *a = w->answer;
    struct slice name, value, rest = {line, size * n};
    w->heads += rest.n;
    while (rest.n > 0 && (rest.p[rest.n - 1] == '\n' || rest.p[rest.n - 1] == '\r'))
        rest.n--;
    if (slice_begins(rest, slice_of("HTTP/"))) { /* what a 100 said counts for nothing */
        a->location[0] = '\0';
        a->has_offset = false;
    } else if (http_field_split(rest, &name, &value)) {
        if (slice_equal_nocase(name, slice_of("location")) && value.n < sizeof a->location) {
            memcpy(a->location, value.p, value.n);
            a->location[value.n] = '\0';
        } else if (slice_equal_nocase(name, slice_of("upload-offset"))) {
            a->has_offset = slice_to_u64(value, INT64_MAX, &a->offset);
        }
    }
    return w->heads <= HEADS_MAX ? size * n : 0;
}

static size_t text_take(char *p, size_t size, size_t n, void *arg)
{
    struct exchange_work *w = arg;
    return buffer_append(w->answer->text, p, size * n) ? size * n : 0;
}

static void request_set(CURL *e, struct exchange_work *w)
{
    const struct exchange_request *r = w->request;
    curl_easy_setopt(e, CURLOPT_FAILONERROR, 0L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L); /* the token is for this server */
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, head_take);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, text_take);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
    if (r->length > 0) {
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->length);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, file_send);
        curl_easy_setopt(e, CURLOPT_READDATA, w);
        curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, file_seek);
        curl_easy_setopt(e, CURLOPT_SEEKDATA, w);
    } else if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    } else if (strcmp(r->method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.n > 0 ? r->body.p : "");
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static struct curl_slist *fields_make(const char *const *fields, bool *failed)
{
    struct curl_slist *list = NULL;
    *failed = false;
    for (; fields != NULL && *fields != NULL && !*failed; fields++) {
        struct curl_slist *longer = curl_slist_append(list, *fields);
        *failed = longer == NULL;
        list = longer != NULL ? longer : list;
    }
    return list;
}

int net_exchange(struct net *n, const struct exchange_request *request, struct exchange_answer *answer,
                 struct pb_error *err)
{
    struct exchange_work w = {.net = n, .request = request, .answer = answer};
    size_t heads = 0;
    bool failed;
    CURLcode code = CURLE_OK;
    CURL *e = net_easy(n, request->url, &heads);
    struct curl_slist *fields = fields_make(request->fields, &failed);
    answer->status = 0;
    answer->text->n = 0;
    if (e == NULL || failed) {
        curl_easy_cleanup(e);
        curl_slist_free_all(fields);
        return error_memory(err);
    }
    request_set(e, &w);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, fields);
    int rc = net_run(n, e, &code, err);
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &answer->status);
    if (rc == PB_OK && w.unreadable)
        rc = error_set(err, PB_FAILED, "the file can't be read, or shrank");
    else if (rc == PB_OK && answer->text->failed)
        rc = error_set(err, PB_INVALID, "the server's answer is too long");
    else if (rc == PB_OK && code != CURLE_OK &&
             answer->status < 300) /* a refusal may come before all is sent */
        rc = net_fault(n, e, code, err);
    curl_easy_cleanup(e);
    curl_slist_free_all(fields);
    return rc;
}
