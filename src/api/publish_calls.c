/* Maps from afar: the form that comes with one becomes the options of pb_publish_map. docs/formats/upload.md.
 */
#include "api/publish_calls.h"

#include "depot/open.h"
#include "dialect/opensauce/publish.h"
#include "wire/http_upload.h"

#include <jansson.h>

enum { VALUE_MAX = 512 };

/* The form's values; a password is among them. */
struct map_form {
    char kind[16], algorithm[16], level[8], password[VALUE_MAX], long_password[8], no_raw[8];
    char redirect_root[VALUE_MAX], host_directory[VALUE_MAX];
};

static const struct {
    const char *key;
    size_t offset, room;
} keys[] = {
#define KEY(name)                                                                                            \
    {                                                                                                        \
#name, offsetof(struct map_form, name), sizeof((struct map_form *)0)->name                           \
    }
    KEY(kind),          KEY(algorithm), KEY(level),         KEY(password),
    KEY(long_password), KEY(no_raw),    KEY(redirect_root), KEY(host_directory),
#undef KEY
};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* What nobody would heed is refused: a password under a wrong key must not make a map without one. */
static int keys_check(struct slice form, struct pb_error *err)
{
    while (form.n > 0) {
        const char *end = memchr(form.p, '&', form.n);
        size_t n = end != NULL ? (size_t)(end - form.p) : form.n;
        const char *equals = memchr(form.p, '=', n);
        struct slice key = {form.p, equals != NULL ? (size_t)(equals - form.p) : n};
        bool known = n == 0;
        for (size_t i = 0; i < KEYS; i++)
            known |= equals != NULL && slice_equal(key, slice_of(keys[i].key));
        if (!known)
            return error_set(err, PB_INVALID, "publishing a map has no option \"%.*s\"",
                             key.n < 40 ? (int)key.n : 40, key.p);
        form.p += n + (end != NULL);
        form.n -= n + (end != NULL);
    }
    return PB_OK;
}

static int form_read(struct slice form, struct map_form *out, struct pb_error *err)
{
    int rc = keys_check(form, err);
    for (size_t i = 0; rc == PB_OK && i < KEYS; i++) {
        if (http_form_value(form, keys[i].key, (char *)out + keys[i].offset, keys[i].room) < 0)
            rc = error_set(err, PB_INVALID, "the option %s is malformed or too long", keys[i].key);
    }
    return rc;
}

/* "1" or "", which is no. */
static int flag_read(const char *key, const char *text, int *out, struct pb_error *err)
{
    *out = strcmp(text, "1") == 0;
    return *out || text[0] == '\0' || strcmp(text, "0") == 0
               ? PB_OK
               : error_set(err, PB_INVALID, "the option %s is 0 or 1", key);
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static int options_make(const struct map_form *f, const char *file, struct pb_map_options *o,
                        struct pb_error *err)
{
    uint64_t level = 9;
    if (f->kind[0] != '\0' && strcmp(f->kind, "map") != 0)
        return error_set(err, PB_UNSUPPORTED, "only maps can be published from afar");
    if (f->level[0] != '\0' && !slice_to_u64(slice_of(f->level), 9, &level))
        return error_set(err, PB_INVALID, "the option level is a number from 0 to 9");
    *o = (struct pb_map_options){.file = file,
                                 .algorithm = or_null(f->algorithm),
                                 .level = level == 0 ? -1 : (int)level,
                                 .password = or_null(f->password),
                                 .redirect_root = or_null(f->redirect_root),
                                 .host_directory = or_null(f->host_directory)};
    int rc = flag_read("long_password", f->long_password, &o->long_password, err);
    return rc < 0 ? rc : flag_read("no_raw", f->no_raw, &o->no_raw, err);
}

static int result_write(const struct pb_publish_result *r, struct buffer *out, struct pb_error *err)
{
    json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:i, s:I, s:I, s:I, s:s}", "title", r->title, "version",
                          r->version, "unchanged", r->unchanged, "mended", r->mended, "parts", (int)r->parts,
                          "size", (json_int_t)r->source_bytes, "packed", (json_int_t)r->packed, "stored",
                          (json_int_t)r->stored, "warning", r->warning);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    bool written = text != NULL && buffer_text(out, text);
    free(text);
    return written ? PB_OK : error_memory(err);
}

static int map_publish(const char *depot, const struct publish_order *order, const struct map_form *form,
                       pb_progress_fn *progress, void *arg, struct buffer *result, struct pb_error *err)
{
    struct depot *d = NULL;
    struct pb_map_options o;
    struct pb_publish_result made = {0};
    int rc = options_make(form, order->file, &o, err);
    if (rc == PB_OK)
        rc = depot_open(depot, &d, err);
    if (rc == PB_OK)
        rc = os_publish_map(d, &o, order->fd, progress, arg, &made, err);
    depot_close(d);
    return rc < 0 ? rc : result_write(&made, result, err);
}

static int publish(const char *depot, const struct publish_order *order, pb_progress_fn *progress, void *arg,
                   struct buffer *result, struct pb_error *err)
{
    struct map_form form = {0};
    int rc = form_read(order->options, &form, err);
    if (rc == PB_OK)
        rc = map_publish(depot, order, &form, progress, arg, result, err);
    explicit_bzero(&form, sizeof form);
    return rc;
}

static int accepts(const char *name, uint64_t size, struct pb_error *err)
{
    const struct pb_map_options o = {.file = name};
    if (strchr(name, '/') != NULL)
        return error_set(err, PB_INVALID, "publish map %s: the name of a file, not a path", name);
    return os_publish_check(&o, size, err);
}

const struct publish_calls publish_calls = {accepts, publish};
