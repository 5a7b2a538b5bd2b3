/* Parsing and emitting the lists of upgrades and collections. check.c has what is refused as a whole. */
#include "dialect/escape/format.h"

#include "base/path.h"
#include "dialect/escape/check.h"

#include <stdio.h>

/* ---- lines and words ---- */

bool es_line(struct es_lines *l, struct slice *line)
{
    if (l->rest.n == 0)
        return false;
    const char *end = memchr(l->rest.p, '\n', l->rest.n);
    size_t n = end != NULL ? (size_t)(end - l->rest.p) : l->rest.n;
    *line = (struct slice){l->rest.p, n};
    l->rest.p += n + (end != NULL);
    l->rest.n -= n + (end != NULL);
    while (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    l->number++;
    return true;
}

struct slice es_word(struct slice *line)
{
    while (line->n > 0 && *line->p == ' ')
        line->p++, line->n--;
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ')
        n++;
    struct slice word = {line->p, n};
    line->p += n;
    line->n -= n;
    return word;
}

/* What is left of a line behind its first words. */
static struct slice rest_of(struct slice line)
{
    while (line.n > 0 && *line.p == ' ')
        line.p++, line.n--;
    /* A CR, too: at the end of a line that is written again, it would be part of the line's end. */
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\r'))
        line.n--;
    return line;
}

/* ---- names ---- */

bool es_name_ok(struct slice name, const char **why)
{
    const char *fault = name.n == 0 ? "is empty" : name.n > ES_NAME_MAX ? "is longer than 64 bytes" : NULL;
    for (size_t i = 0; i < name.n && fault == NULL; i++) {
        char c = name.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_';
        if (!good)
            fault = "has something other than letters, digits, - and _";
    }
    if (fault == NULL &&
        (slice_equal_nocase(name, slice_of(ES_ATTIC)) || slice_equal_nocase(name, slice_of(ES_COLLECTIONS))))
        fault = "means something else in this protocol";
    if (fault == NULL && slice_equal_nocase(name, slice_of(ES_MYLEVELS)))
        fault = "is that of the player's own folder, which the game makes at every start";
    if (why != NULL)
        *why = fault;
    return fault == NULL;
}

bool es_level_path_ok(struct slice path, const char **why)
{
    const char *unused;
    if (why == NULL)
        why = &unused;
    if (path_relative_portable(path, why) && memchr(path.p, ' ', path.n) != NULL)
        *why = "has a space, which the list can't express";
    return *why == NULL;
}

bool es_path_ok(struct slice path, const char **why)
{
    const char *unused;
    if (why == NULL)
        why = &unused;
    if (es_level_path_ok(path, why) &&
        (memchr(path.p, '%', path.n) != NULL || memchr(path.p, '#', path.n) != NULL))
        *why = "has a % or #, which means something else in an address";
    return *why == NULL;
}

bool es_text_ok(struct slice text, const char **why)
{
    const char *fault = text.n > ES_TEXT_MAX ? "is longer than 1000 bytes" : NULL;
    for (size_t i = 0; i < text.n && fault == NULL; i++) {
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            fault = "has a control character";
    }
    if (fault == NULL && !utf8_valid(text))
        fault = "is not UTF-8";
    if (why != NULL)
        *why = fault;
    return fault == NULL;
}

const char *es_flatten(struct arena *a, const char *path)
{
    char *out = arena_text(a, path), *to = out;
    if (out == NULL)
        return NULL;
    for (const char *p = path; *p != '\0'; p++) {
        bool up = p[0] == '.' && p[1] == '.';
        *to++ = up ? '@' : *p == '/' ? '_' : *p;
        p += up;
    }
    *to = '\0';
    return out;
}

void es_level_path(const struct md5 *md5, char out[ES_LEVEL_PATH])
{
    char hex[MD5_HEX + 1];
    hex_encode(md5->bytes, sizeof md5->bytes, hex);
    snprintf(out, ES_LEVEL_PATH, "%.2s/%s", hex, hex + 2);
}

/* ---- what all lists share ---- */

/* A list under way. */
struct reading {
    struct es_lines lines;
    struct arena *arena;
    struct pb_error *err;
};

static int fault_at(struct reading *r, const char *what)
{
    return error_set(r->err, PB_INVALID, "line %zu: %s", r->lines.number, what);
}

static int line_next(struct reading *r, const char *what, struct slice *line)
{
    if (es_line(&r->lines, line)) /* texts would end at a zero byte */
        return memchr(line->p, '\0', line->n) == NULL ? PB_OK : fault_at(r, "there is a zero byte in it");
    return error_set(r->err, PB_INVALID, "the list ends after %zu lines, where %s should be", r->lines.number,
                     what);
}

static int text_copy(struct reading *r, struct slice text, const char **out)
{
    if (text.n > ES_TEXT_MAX)
        return fault_at(r, "the text is longer than 1000 bytes");
    *out = arena_copy(r->arena, text.p, text.n);
    return *out == NULL ? error_memory(r->err) : PB_OK;
}

static int line_text(struct reading *r, const char *what, const char **out)
{
    struct slice line = {0};
    int rc = line_next(r, what, &line);
    return rc < 0 ? rc : text_copy(r, line, out);
}

static int line_number(struct reading *r, const char *what, uint64_t max, uint64_t *out)
{
    struct slice line = {0};
    int rc = line_next(r, what, &line);
    if (rc < 0)
        return rc;
    if (!slice_to_u64(es_word(&line), UINT64_MAX, out))
        return error_set(r->err, PB_INVALID, "line %zu: %s should be here, a number", r->lines.number, what);
    if (*out > max)
        return error_set(r->err, PB_INVALID, "line %zu: %s is more than %llu", r->lines.number, what,
                         (unsigned long long)max);
    return PB_OK;
}

/* A path that we could write to. */
static int path_copy(struct reading *r, struct slice path, const char **out)
{
    const char *why;
    if (!path_relative_safe(path, &why))
        return error_set(r->err, PB_INVALID, "line %zu: the path \"%.*s\" %s", r->lines.number,
                         (int)(path.n < 200 ? path.n : 200), path.p, why);
    *out = arena_copy(r->arena, path.p, path.n);
    return *out == NULL ? error_memory(r->err) : PB_OK;
}

static int md5_read(struct reading *r, struct slice word, struct md5 *out)
{
    return hex_decode(word, out->bytes, sizeof out->bytes)
               ? PB_OK
               : fault_at(r, "an MD5 of 32 digits should be here");
}

/* ---- UPGRADE ---- */

static int flags_read(struct reading *r, struct slice flags, struct es_file *f)
{
    f->plain = memchr(flags.p, 'u', flags.n) != NULL;
    f->gzip = memchr(flags.p, 'z', flags.n) != NULL;
    return f->plain || f->gzip ? PB_OK : fault_at(r, "the flags have neither u nor z");
}

static int file_read(struct reading *r, struct es_file *f)
{
    struct slice line = {0};
    int rc = line_next(r, "a file", &line);
    if (rc < 0)
        return rc;
    struct slice path = es_word(&line), flags = es_word(&line), what = es_word(&line);
    if ((rc = path_copy(r, path, &f->path)) < 0)
        return rc;
    if (slice_equal(what, slice_of("*"))) {
        f->kind = ES_DELETE;
        return PB_OK;
    }
    if (slice_begins(what, slice_of("->"))) {
        f->kind = ES_LINK;
        f->target = arena_copy(r->arena, what.p + 2, what.n - 2);
        const char *why;
        if (f->target == NULL)
            return error_memory(r->err);
        return es_link_ok(f->path, f->target, &why)
                   ? PB_OK
                   : error_set(r->err, PB_INVALID, "line %zu: the link %s -> %s %s", r->lines.number, f->path,
                               f->target, why);
    }
    rc = flags_read(r, flags, f);
    return rc < 0 ? rc : md5_read(r, what, &f->md5);
}

int es_upgrade_parse(struct slice text, struct arena *a, struct es_upgrade *out, struct pb_error *err)
{
    struct reading r = {{text, 0}, a, err};
    uint64_t count = 0;
    *out = (struct es_upgrade){0};
    int rc = line_number(&r, "the number of files", ES_FILES_MAX, &count);
    if (rc == PB_OK)
        rc = line_number(&r, "the oldest version", ES_NUMBER_MAX, &out->oldest);
    if (rc == PB_OK)
        rc = line_number(&r, "the recommended version", ES_NUMBER_MAX, &out->recommended);
    if (rc == PB_OK)
        rc = line_number(&r, "the version", ES_NUMBER_MAX, &out->version);
    if (rc == PB_OK)
        rc = line_text(&r, "a note", &out->note);
    if (rc < 0)
        return rc;
    out->files = arena_zero(a, (count + 1) * sizeof *out->files);
    if (out->files == NULL)
        return error_memory(err);
    for (; rc == PB_OK && out->n < count; out->n++)
        rc = file_read(&r, &out->files[out->n]);
    return rc < 0 ? rc : es_upgrade_check(out, a, err);
}

void es_upgrade_emit(const struct es_upgrade *u, struct buffer *out)
{
    buffer_format(out, "%zu\n%llu\n%llu\n%llu\n%s\n", u->n, (unsigned long long)u->oldest,
                  (unsigned long long)u->recommended, (unsigned long long)u->version, u->note);
    for (size_t i = 0; i < u->n; i++) {
        const struct es_file *f = &u->files[i];
        char hex[MD5_HEX + 1];
        hex_encode(f->md5.bytes, sizeof f->md5.bytes, hex);
        buffer_text(out, f->path);
        if (f->kind == ES_LINK)
            buffer_format(out, " ? ->%s\n", f->target);
        else if (f->kind == ES_DELETE)
            buffer_text(out, " ? *\n");
        else
            buffer_format(out, " %s%s %s\n", f->plain ? "u" : "", f->gzip ? "z" : "", hex);
    }
}

/* ---- COLLECTIONS ---- */

static int collection_read(struct reading *r, struct es_collection *c)
{
    struct slice line = {0};
    const char *why;
    int rc = line_next(r, "a collection", &line);
    if (rc < 0)
        return rc;
    struct slice name = es_word(&line);
    if (!es_name_ok(name, &why))
        return error_set(r->err, PB_INVALID, "line %zu: the collection's name \"%.*s\" %s", r->lines.number,
                         (int)(name.n < 100 ? name.n : 100), name.p, why);
    c->name = arena_copy(r->arena, name.p, name.n);
    if (c->name == NULL)
        return error_memory(r->err);
    if (!slice_to_u64(es_word(&line), ES_NUMBER_MAX, &c->version))
        return fault_at(r, "a version should be behind the collection's name, a number");
    return text_copy(r, rest_of(line), &c->title);
}

int es_collections_parse(struct slice text, struct arena *a, struct es_collections *out, struct pb_error *err)
{
    struct reading r = {{text, 0}, a, err};
    uint64_t count = 0;
    *out = (struct es_collections){0};
    int rc = line_number(&r, "the number of collections", ES_COLLECTIONS_MAX, &count);
    if (rc < 0)
        return rc;
    out->list = arena_zero(a, (count + 1) * sizeof *out->list);
    if (out->list == NULL)
        return error_memory(err);
    for (; rc == PB_OK && out->n < count; out->n++) {
        rc = collection_read(&r, &out->list[out->n]);
        for (size_t i = 0; rc == PB_OK && i < out->n; i++) {
            if (path_compare_nocase(out->list[i].name, out->list[out->n].name) == 0)
                rc = error_set(err, PB_INVALID, "line %zu: the collection %s is there twice", r.lines.number,
                               out->list[i].name);
        }
    }
    return rc;
}

void es_collections_emit(const struct es_collections *c, struct buffer *out)
{
    buffer_format(out, "%zu\n", c->n);
    for (size_t i = 0; i < c->n; i++)
        buffer_format(out, "%s %llu %s\n", c->list[i].name, (unsigned long long)c->list[i].version,
                      c->list[i].title);
}

/* ---- NAME.txt ---- */

static int folder_read(struct reading *r, struct es_folder *f)
{
    struct slice line = {0};
    int rc = line_next(r, "a folder", &line);
    if (rc < 0)
        return rc;
    rc = path_copy(r, es_word(&line), &f->path);
    return rc < 0 ? rc : text_copy(r, rest_of(line), &f->description);
}

/* A whole word that is a number, perhaps a negative one. */
static bool integer_read(struct slice word, int64_t *out)
{
    uint64_t value;
    bool negative = word.n > 0 && word.p[0] == '-';
    if (negative)
        word.p++, word.n--;
    if (!slice_to_u64(word, INT64_MAX, &value))
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool has_only_digits(struct slice word)
{
    size_t n = 0;
    while (n < word.n && word.p[n] >= '0' && word.p[n] <= '9')
        n++;
    return word.n > 0 && n == word.n;
}

size_t es_ratings_parse(struct slice text, int64_t out[ES_RATINGS], bool *wraps)
{
    size_t n = 0;
    int64_t value;
    memset(out, 0, ES_RATINGS * sizeof *out);
    while (n < ES_RATINGS) {
        struct slice word = es_word(&text);
        bool number = integer_read(word, &value);
        if (number ? value > ES_NUMBER_MAX || value < -ES_NUMBER_MAX : has_only_digits(word))
            *wraps = true;
        else if (number)
            out[n++] = value;
        if (!number || *wraps)
            break;
    }
    return n;
}

/* `wraps` becomes the line's number where a number wraps. */
static int ratings_copy(struct arena *a, struct slice text, size_t line, const int64_t **out, size_t *wraps,
                        struct pb_error *err)
{
    int64_t ratings[ES_RATINGS];
    bool too_large = false;
    size_t n = es_ratings_parse(text, ratings, &too_large);
    if (too_large && *wraps == 0)
        *wraps = line;
    if (n == 0)
        return PB_OK;
    int64_t *copy = arena_zero(a, sizeof ratings);
    if (copy == NULL)
        return error_memory(err);
    memcpy(copy, ratings, sizeof ratings);
    *out = copy;
    return PB_OK;
}

static int level_read(struct reading *r, struct es_level *l, size_t *wraps)
{
    struct slice line = {0};
    int rc = line_next(r, "a level", &line);
    if (rc == PB_OK)
        rc = path_copy(r, es_word(&line), &l->path);
    if (rc == PB_OK)
        rc = md5_read(r, es_word(&line), &l->md5);
    return rc < 0 ? rc : ratings_copy(r->arena, line, r->lines.number, &l->ratings, wraps, r->err);
}

static int levels_room(struct es_levels *l, uint64_t folders, uint64_t levels, struct arena *a,
                       struct pb_error *err)
{
    l->folders = arena_zero(a, (folders + 1) * sizeof *l->folders);
    l->levels = arena_zero(a, (levels + 1) * sizeof *l->levels);
    return l->folders == NULL || l->levels == NULL ? error_memory(err) : PB_OK;
}

int es_levels_parse(struct slice text, struct arena *a, struct es_levels *out, struct pb_error *err)
{
    struct reading r = {{text, 0}, a, err};
    uint64_t folders = 0, levels = 0;
    *out = (struct es_levels){0};
    int rc = line_text(&r, "the collection's title", &out->title);
    if (rc == PB_OK)
        rc = line_number(&r, "the version", ES_NUMBER_MAX, &out->version);
    if (rc == PB_OK)
        rc = line_number(&r, "the number of folders", ES_FOLDERS_MAX, &folders);
    if (rc == PB_OK)
        rc = line_number(&r, "the number of levels", ES_LEVELS_MAX, &levels);
    if (rc == PB_OK)
        rc = line_text(&r, "a note", &out->note);
    if (rc == PB_OK)
        rc = levels_room(out, folders, levels, a, err);
    for (; rc == PB_OK && out->folder_count < folders; out->folder_count++)
        rc = folder_read(&r, &out->folders[out->folder_count]);
    for (; rc == PB_OK && out->level_count < levels; out->level_count++)
        rc = level_read(&r, &out->levels[out->level_count], &out->wraps);
    return rc < 0 ? rc : es_levels_check(out, a, err);
}

static void ratings_emit(const int64_t *ratings, struct buffer *out)
{
    for (size_t i = 0; i < ES_RATINGS; i++)
        buffer_format(out, " %lld", ratings != NULL ? (long long)ratings[i] : 0);
}

void es_levels_emit(const struct es_levels *l, struct buffer *out)
{
    buffer_format(out, "%s\n%llu\n%zu\n%zu\n%s\n", l->title, (unsigned long long)l->version, l->folder_count,
                  l->level_count, l->note);
    for (size_t i = 0; i < l->folder_count; i++)
        buffer_format(out, "%s %s\n", l->folders[i].path, l->folders[i].description);
    for (size_t i = 0; i < l->level_count; i++) {
        char hex[MD5_HEX + 1];
        hex_encode(l->levels[i].md5.bytes, sizeof l->levels[i].md5.bytes, hex);
        buffer_format(out, "%s %s", l->levels[i].path, hex);
        if (l->levels[i].ratings != NULL)
            ratings_emit(l->levels[i].ratings, out);
        buffer_text(out, "\n");
    }
}

/* ---- index files ---- */

bool es_is_index(const void *p, size_t n)
{
    return n >= 4 && (memcmp(p, "ESXI", 4) == 0 || memcmp(p, "ESX!", 4) == 0);
}

enum { INDEX_HEAD = 8 }; /* the mark, the description, six empty lines */

int es_index_parse(struct slice text, struct arena *a, struct es_index *out, struct pb_error *err)
{
    struct es_lines lines = {text, 0};
    struct slice line;
    size_t room = 0;
    *out = (struct es_index){.description = ""};
    for (const char *p = text.p; p < text.p + text.n; p++)
        room += *p == '\n';
    if (room > ES_LEVELS_MAX)
        room = ES_LEVELS_MAX;
    out->ratings = arena_zero(a, (room + 1) * sizeof *out->ratings);
    if (out->ratings == NULL)
        return error_memory(err);
    while (es_line(&lines, &line)) {
        if (lines.number == 2 && es_text_ok(line, NULL) &&
            (out->description = arena_copy(a, line.p, line.n)) == NULL)
            return error_memory(err);
        struct slice name = es_word(&line);
        if (lines.number <= INDEX_HEAD || name.n == 0 || out->n > room)
            continue;
        struct es_level *l = &out->ratings[out->n++];
        l->path = arena_copy(a, name.p, name.n);
        if (l->path == NULL || ratings_copy(a, line, lines.number, &l->ratings, &out->wraps, err) < 0)
            return error_memory(err);
    }
    return PB_OK;
}

void es_index_emit(const char *description, const struct es_level *const *levels, size_t n,
                   struct buffer *out)
{
    buffer_format(out, "ESX!\n%s\n\n\n\n\n\n\n", description);
    for (size_t i = 0; i < n; i++) {
        struct slice base = path_base(slice_of(levels[i]->path));
        buffer_append(out, base.p, base.n);
        ratings_emit(levels[i]->ratings, out);
        buffer_text(out, "\n");
    }
}
