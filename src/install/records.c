/* The list of what is installed. */
#include "install/records.h"

#include "base/clock.h"
#include "base/file.h"
#include "install/files.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define INSTALLED "installed.json"

enum { DOCUMENT_MAX = 64 * 1024 * 1024 };

static void json_drop(json_t **o)
{
    json_decref(*o);
    *o = NULL;
}
#define _cleanup_json_ __attribute__((cleanup(json_drop)))

/* The list; *out is NULL when there is none. */
static int list_read(int home, json_t **out, struct pb_error *err)
{
    json_error_t fault;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, DOCUMENT_MAX);
    *out = NULL;
    int rc = file_read_here(home, INSTALLED, &text, err);
    if (rc == PB_NOT_FOUND)
        return PB_OK;
    if (rc < 0)
        return rc;
    *out = json_loadb(text.p, text.n, 0, &fault);
    if (*out == NULL || !json_is_object(*out)) {
        json_drop(out);
        return error_set(err, PB_DAMAGED, INSTALLED " line %d: %s", fault.line, fault.text);
    }
    return PB_OK;
}

/* The one file that a plan is about, if it is about one. */
static const struct fetch_step *only_file(const struct fetch_plan *plan)
{
    return plan->one_file && plan->step_count == 1 ? &plan->steps[0] : NULL;
}

char *records_make(const struct fetch_plan *plan)
{
    const struct fetch_step *file = only_file(plan);
    size_t files = fetch_plan_count(plan, FETCH_KEEP) + fetch_plan_count(plan, FETCH_PLACE) +
                   fetch_plan_count(plan, FETCH_MOVE) + fetch_plan_count(plan, FETCH_LINK);
    _cleanup_json_ json_t *o =
        json_pack("{s:s, s:s, s:I, s:I}", "version", plan->version != NULL ? plan->version : "", "source",
                  plan->source, "files", (json_int_t)files, "installed", (json_int_t)clock_unix());
    if (o != NULL && file != NULL) {
        char md5[MD5_HEX + 1], crc[16];
        hex_encode(file->md5.bytes, sizeof file->md5.bytes, md5);
        snprintf(crc, sizeof crc, "%08x", file->crc32);
        _cleanup_json_ json_t *more = json_pack("{s:s, s:I, s:s, s:s}", "file", file->path, "size",
                                                (json_int_t)file->size, "md5", md5, "crc32", crc);
        if (more == NULL || json_object_update(o, more) != 0)
            return NULL;
    }
    return o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

bool records_known(int home, const char *title, const char *record)
{
    _cleanup_json_ json_t *list = NULL, *wanted = json_loads(record, 0, NULL);
    if (wanted == NULL || list_read(home, &list, NULL) < 0 || list == NULL)
        return false;
    json_t *known = json_object_get(list, title);
    if (json_object_set(wanted, "installed", json_object_get(known, "installed")) != 0)
        return false;
    return json_equal(known, wanted) == 1;
}

int records_save(int home, const char *title, const char *record, struct pb_error *err)
{
    _cleanup_json_ json_t *list = NULL, *o = json_loads(record, 0, NULL);
    if (!json_is_object(o))
        return error_set(err, PB_DAMAGED, "the journal's record is not ours");
    int rc = list_read(home, &list, err);
    /* A list that can't be read is a record lost; it must not stand in the way of installing. */
    if (rc == PB_DAMAGED && renameat(home, INSTALLED, home, INSTALLED ".damaged") == 0)
        rc = PB_OK;
    if (rc < 0)
        return rc;
    if (list == NULL)
        list = json_object();
    if (list == NULL || json_object_set(list, title, o) != 0)
        return error_memory(err);
    _cleanup_free_ char *text = json_dumps(list, JSON_INDENT(2) | JSON_SORT_KEYS);
    return text == NULL ? error_memory(err) : file_replace(home, INSTALLED, text, strlen(text), err);
}

int records_forget(int home, const char *title, const char *stage, struct pb_error *err)
{
    _cleanup_json_ json_t *list = NULL;
    int rc = list_read(home, &list, err);
    if (rc == PB_OK)
        rc = files_forget(home, stage, err);
    if (rc < 0 || json_object_get(list, title) == NULL)
        return rc;
    json_object_del(list, title);
    _cleanup_free_ char *text = json_dumps(list, JSON_INDENT(2) | JSON_SORT_KEYS);
    return text == NULL ? error_memory(err) : file_replace(home, INSTALLED, text, strlen(text), err);
}

static const char *text_of(json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

int installed_each(int home, installed_fn *fn, void *arg, struct pb_error *err)
{
    _cleanup_json_ json_t *list = NULL;
    const char *title;
    json_t *record;
    int rc = list_read(home, &list, err);
    if (rc < 0)
        return rc;
    json_object_foreach(list, title, record)
    {
        struct installed i = {.title = title,
                              .version = text_of(record, "version"),
                              .source = text_of(record, "source"),
                              .files = (uint64_t)json_integer_value(json_object_get(record, "files")),
                              .file = text_of(record, "file"),
                              .size = (uint64_t)json_integer_value(json_object_get(record, "size")),
                              .crc32 = (uint32_t)strtoul(text_of(record, "crc32"), NULL, 16),
                              .when = json_integer_value(json_object_get(record, "installed"))};
        snprintf(i.md5, sizeof i.md5, "%s", text_of(record, "md5"));
        if (fn(arg, &i) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
    }
    return PB_OK;
}
