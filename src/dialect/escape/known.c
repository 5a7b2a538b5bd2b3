/* The record between fetches. */
#include "dialect/escape/known.h"

#include "dialect/escape/format.h"

static int known_compare(const void *a, const void *b)
{
    return strcmp(((const struct es_known_file *)a)->path, ((const struct es_known_file *)b)->path);
}

int es_known_parse(struct slice record, struct arena *a, struct es_known *out, struct pb_error *err)
{
    struct es_lines lines = {record, 0};
    struct slice line;
    size_t room = 0;
    *out = (struct es_known){0};
    while (es_line(&lines, &line)) {
        struct es_known_file f;
        struct slice md5 = es_word(&line), path = es_word(&line);
        if (path.n == 0 || !hex_decode(md5, f.md5.bytes, sizeof f.md5.bytes))
            continue;
        out->files = arena_grow(a, out->files, out->n, &room, sizeof f);
        f.path = arena_copy(a, path.p, path.n);
        if (out->files == NULL || f.path == NULL)
            return error_memory(err);
        out->files[out->n++] = f;
    }
    if (out->n > 1)
        qsort(out->files, out->n, sizeof *out->files, known_compare);
    return PB_OK;
}

bool es_known_has(const struct es_known *k, const char *path, const struct md5 *md5)
{
    struct es_known_file key = {.path = path};
    const struct es_known_file *found =
        k->n > 0 ? bsearch(&key, k->files, k->n, sizeof key, known_compare) : NULL;
    return found != NULL && md5_equal(&found->md5, md5);
}

int es_known_record(struct fetch_plan *plan, const struct es_known *before, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, 2 * ES_DOCUMENT_MAX);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fetch_step *s = &plan->steps[i];
        char hex[MD5_HEX + 1];
        bool ours = s->action == FETCH_PLACE || s->action == FETCH_MOVE ||
                    (s->action == FETCH_KEEP && es_known_has(before, s->path, &s->md5));
        if (!ours || s->generated)
            continue;
        hex_encode(s->md5.bytes, sizeof s->md5.bytes, hex);
        buffer_format(&text, "%s %s\n", hex, s->path);
    }
    plan->record = (struct slice){
        text.failed ? NULL : arena_copy(&plan->arena, text.n > 0 ? text.p : "", text.n), text.n};
    return plan->record.p == NULL ? error_memory(err) : PB_OK;
}
