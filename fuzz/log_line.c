/* Lines of the access log, whose fields a client chooses: method, target, referer and agent, a line each. One
 * line of text comes out, of printable ASCII; as JSON it is an object. */
#include "serve/report/access_log.h"

#include "fuzz.h"

#include <jansson.h>
#include <netinet/in.h>

static struct slice field_take(struct slice *rest)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct slice field = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};
    size_t used = field.n + (end != NULL);
    if (used > 0)
        rest->p += used;
    rest->n -= used;
    return field;
}

static void line_check(const struct access *a, enum log_format format)
{
    static const struct sockaddr_in peer = {.sin_family = AF_INET};
    struct log_line line;
    struct log_batch *batch = NULL;
    log_line_start(&line, format, 784111777, (const struct sockaddr *)&peer, a, 200);
    log_line_finish(NULL, &batch, &line, INT64_MAX);
    CLAIM(batch != NULL && batch->n > 0 && batch->text[batch->n - 1] == '\n');
    for (size_t i = 0; i + 1 < batch->n; i++)
        CLAIM(batch->text[i] >= 0x20 && batch->text[i] < 0x7f);
    if (format == LOG_JSON) {
        json_t *o = json_loadb(batch->text, batch->n, JSON_ALLOW_NUL, NULL);
        CLAIM(json_is_object(o) && json_object_size(o) == 8);
        json_decref(o);
    }
    free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct access a = {.minor = 1};
    a.method = field_take(&rest);
    a.target = field_take(&rest);
    a.referer = field_take(&rest);
    a.agent = rest;
    line_check(&a, LOG_COMBINED);
    line_check(&a, LOG_JSON);
    return 0;
}
