/* Parsing and emitting patch.cfg. */
#include "dialect/playonline/format.h"

#include "base/path.h"

/* ---- versions ---- */

enum { DATE = 8 };

#define DIRECT_END   ".slc"
#define INDIRECT_END ".olc"

static bool all_in(struct slice text, char low, char high)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = high == '9' ? text.p[i] : ascii_lower(text.p[i]);
        if (c < low || c > high)
            return false;
    }
    return text.n > 0;
}

bool po_version_ok(struct slice v)
{
    if (v.n < DATE + 2 || v.n > PO_VERSION_MAX || v.p[DATE] != '_' ||
        !all_in((struct slice){v.p, DATE}, '0', '9'))
        return false;
    struct slice rest = {v.p + DATE + 1, v.n - DATE - 1};
    return all_in(rest, '0', '9') ? rest.n <= 18 : all_in(rest, 'a', 'z');
}

int po_version_compare(const char *a, const char *b)
{
    return strcasecmp(a, b);
}

static size_t digits_count(struct slice text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    return n;
}

/* The rule was found by probing the live services; docs/formats/playonline.md has it in words. */
const char *po_status_of(struct slice version, const char *oldest)
{
    enum { LEAST = 10, YEAR = 4, DIGITS_LEAST = 7 };
    static const char registered[] = "registered", unknown[] = "unknown";
    if (version.n == 0)
        return "empty";
    size_t digits = digits_count(version);
    if (version.n < LEAST || digits < YEAR || version.p[0] == '0')
        return unknown;
    if (memchr(version.p, '_', version.n) == NULL)
        return registered;
    if (digits < DIGITS_LEAST)
        return unknown;
    if (oldest == NULL)
        return registered;
    size_t n = strnlen(oldest, DATE), common = digits < n ? digits : n;
    int order = memcmp(version.p, oldest, common);
    return order > 0 || (order == 0 && digits >= n) ? registered : unknown;
}

/* ---- names ---- */

bool po_path_ok(struct slice path, const char **why)
{
    static const char *const ends[] = {" {", DIRECT_END " ", INDIRECT_END " "};
    const char *unused;
    if (why == NULL)
        why = &unused;
    if (!path_relative_portable(path, why))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (memmem(path.p, path.n, ends[i], strlen(ends[i])) != NULL)
            *why = "has \" {\", \".slc \" or \".olc \" in it, where a path ends in " PO_CONFIG;
    }
    return *why == NULL;
}

bool po_title_parse(struct slice name, struct polp_id *application, struct polp_id *hardware)
{
    const char *at = memchr(name.p, '@', name.n);
    if (at == NULL)
        return false;
    size_t n = (size_t)(at - name.p);
    return polp_id_parse((struct slice){name.p, n}, application) &&
           polp_id_parse((struct slice){at + 1, name.n - n - 1}, hardware);
}

/* Eight sums of 16 bits: so many bytes at once are added up with the instructions that every machine has. */
typedef uint16_t lanes __attribute__((vector_size(16)));
enum { LANES = 8, LANE_ADDS = 128 /* of two bytes each, without overflow */ };

/* The sum of bytes taken as unsigned after their highest bit was turned: each is 128 more than as signed. */
static uint32_t lanes_sum(const char *p, size_t n)
{
    lanes sums = {0};
    uint32_t sum = 0;
    for (size_t at = 0; at < n; at += sizeof sums) {
        lanes bytes;
        memcpy(&bytes, p + at, sizeof bytes);
        bytes ^= 0x8080;
        sums += (bytes & 0xff) + (bytes >> 8);
    }
    for (int i = 0; i < LANES; i++)
        sum += sums[i];
    return sum;
}

uint32_t po_sum_a(uint32_t sum, const void *p, size_t n)
{
    enum { BLOCK = LANE_ADDS * (int)sizeof(lanes) };
    const int8_t *bytes = p;
    for (; n >= sizeof(lanes);) {
        size_t block = n < BLOCK ? n - n % sizeof(lanes) : BLOCK;
        sum += lanes_sum((const char *)bytes, block) - 128 * (uint32_t)block;
        bytes += block;
        n -= block;
    }
    for (size_t i = 0; i < n; i++)
        sum += (uint32_t)(int32_t)bytes[i];
    return sum;
}

/* ---- patch.cfg ---- */

static struct slice word_take(struct slice *line)
{
    while (line->n > 0 && (*line->p == ' ' || *line->p == '\t'))
        line->p++, line->n--;
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;
    struct slice word = {line->p, n};
    line->p += n;
    line->n -= n;
    return word;
}

static bool line_take(struct slice *text, struct slice *line)
{
    if (text->n == 0)
        return false;
    const char *end = memchr(text->p, '\n', text->n);
    size_t n = end != NULL ? (size_t)(end - text->p) : text->n;
    *line = (struct slice){text->p, n};
    text->p += n + (end != NULL);
    text->n -= n + (end != NULL);
    while (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool u32_read(struct slice word, uint32_t *out)
{
    uint64_t v;
    if (!slice_to_u64(word, UINT32_MAX, &v))
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool i32_read(struct slice word, int32_t *out)
{
    uint64_t v;
    bool negative = word.n > 0 && word.p[0] == '-';
    if (negative)
        word.p++, word.n--;
    if (!slice_to_u64(word, negative ? 1ull << 31 : INT32_MAX, &v))
        return false;
    *out = negative ? (int32_t) - (int64_t)v : (int32_t)v;
    return true;
}

/* Takes a path that may have spaces: it ends at `end`, else at the first space. */
static struct slice path_take(struct slice *line, const char *end)
{
    while (line->n > 0 && *line->p == ' ')
        line->p++, line->n--;
    size_t n = strlen(end);
    for (const char *at = line->p; (at = memmem(at, line->n - (size_t)(at - line->p), end, n)) != NULL;
         at++) {
        size_t length = (size_t)(at - line->p) + n;
        if (length < line->n && line->p[length] != ' ')
            continue;
        struct slice path = {line->p, length};
        line->p += length;
        line->n -= length;
        return path;
    }
    return word_take(line);
}

/* A line of a block, understood; false when it is to be kept as it is. */
static bool version_line(struct slice line, struct arena *a, struct po_line *out)
{
    struct slice version = word_take(&line);
    bool good = po_version_ok(version) && u32_read(word_take(&line), &out->local_size) &&
                i32_read(word_take(&line), &out->sum_a) && i32_read(word_take(&line), &out->sum_b);
    struct slice direct = good ? path_take(&line, DIRECT_END) : (struct slice){0};
    good = good && path_relative_safe(direct, NULL) && u32_read(word_take(&line), &out->direct_size);
    if (!good)
        return false;
    while (line.n > 0 && *line.p == ' ')
        line.p++, line.n--;
    out->version = arena_copy(a, version.p, version.n);
    out->direct = arena_copy(a, direct.p, direct.n);
    out->rest = arena_copy(a, line.p, line.n);
    return out->version != NULL && out->direct != NULL && out->rest != NULL;
}

struct po_file *po_config_add(struct po_config *c, const char *path)
{
    struct po_file *files = arena_grow(c->arena, c->files, c->n, &c->room, sizeof *files);
    if (files == NULL)
        return NULL;
    c->files = files;
    files[c->n] = (struct po_file){.path = path};
    return &files[c->n++];
}

struct po_line *po_file_add(struct po_config *c, struct po_file *f)
{
    struct po_line *lines = arena_grow(c->arena, f->lines, f->n, &f->room, sizeof *lines);
    if (lines == NULL)
        return NULL;
    f->lines = lines;
    lines[f->n] = (struct po_line){0};
    return &lines[f->n++];
}

/* "file PATH {": 1; something else: 0; a block that begins badly: an error. */
static int block_begins(struct slice line, size_t number, struct slice *path, struct pb_error *err)
{
    static const char end[] = " {";
    const size_t n = sizeof end - 1;
    const char *why;
    if (!slice_equal(word_take(&line), slice_of("file")))
        return 0;
    while (line.n > 0 && line.p[line.n - 1] == ' ')
        line.n--;
    while (line.n > 0 && line.p[0] == ' ')
        line.p++, line.n--;
    if (line.n < n + 1 || memcmp(line.p + line.n - n, end, n) != 0)
        return error_set(err, PB_INVALID, "line %zu: a block begins with \"file PATH {\"", number);
    *path = (struct slice){line.p, line.n - n};
    return path_relative_safe(*path, &why) ? 1
                                           : error_set(err, PB_INVALID, "line %zu: the path %.*s %s", number,
                                                       (int)(path->n < 200 ? path->n : 200), path->p, why);
}

static int block_line(struct po_config *c, struct slice line, struct pb_error *err)
{
    struct po_line *l = po_file_add(c, &c->files[c->n - 1]);
    if (l == NULL)
        return error_memory(err);
    if (!version_line(line, c->arena, l)) {
        *l = (struct po_line){.raw = arena_copy(c->arena, line.p, line.n)};
        return l->raw == NULL ? error_memory(err) : PB_OK;
    }
    return PB_OK;
}

static int config_line(struct po_config *c, struct slice line, size_t number, bool *in_block,
                       struct pb_error *err)
{
    struct slice path, words = line;
    if (*in_block) {
        *in_block = !slice_equal(word_take(&words), slice_of("}"));
        return *in_block ? block_line(c, line, err) : PB_OK;
    }
    int rc = block_begins(line, number, &path, err);
    if (rc < 0)
        return rc;
    const char *text = rc == 1 ? arena_copy(c->arena, path.p, path.n) : arena_copy(c->arena, line.p, line.n);
    struct po_file *f = text != NULL ? po_config_add(c, rc == 1 ? text : NULL) : NULL;
    if (f == NULL)
        return error_memory(err);
    if (rc == 0)
        f->raw = text;
    *in_block = rc == 1;
    return c->n > PO_FILES_MAX ? error_set(err, PB_INVALID, "more than %d files", PO_FILES_MAX) : PB_OK;
}

static int path_compare(const void *a, const void *b)
{
    return path_compare_nocase(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that no choice of names makes it slow. */
static int paths_check(const struct po_config *c, struct pb_error *err)
{
    size_t n = 0;
    const char **paths = arena_zero(c->arena, (c->n + 1) * sizeof *paths);
    if (paths == NULL)
        return error_memory(err);
    for (size_t i = 0; i < c->n; i++) {
        if (c->files[i].path != NULL)
            paths[n++] = c->files[i].path;
    }
    if (n > 1)
        qsort(paths, n, sizeof *paths, path_compare);
    for (size_t i = 1; i < n; i++) {
        size_t length = strlen(paths[i - 1]);
        if (path_compare_nocase(paths[i - 1], paths[i]) == 0)
            return error_set(err, PB_INVALID, "%s and %s: the same file twice", paths[i - 1], paths[i]);
        if (strlen(paths[i]) > length && paths[i][length] == '/' &&
            slice_equal_nocase((struct slice){paths[i], length}, slice_of(paths[i - 1])))
            return error_set(err, PB_INVALID, "%s is a file, and %s needs a folder of that name",
                             paths[i - 1], paths[i]);
    }
    return PB_OK;
}

int po_config_parse(struct slice text, struct arena *a, struct po_config *out, struct pb_error *err)
{
    struct slice line;
    bool in_block = false;
    size_t number = 0;
    int rc = PB_OK;
    *out = (struct po_config){.arena = a};
    if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
        return error_set(err, PB_INVALID, "there is a zero byte in it");
    while (rc == PB_OK && line_take(&text, &line) && (in_block || !slice_equal(line, slice_of(PO_END))))
        rc = config_line(out, line, ++number, &in_block, err);
    if (rc == PB_OK && in_block)
        rc = error_set(err, PB_INVALID, "line %zu: the block of %s has no end", number,
                       out->files[out->n - 1].path);
    return rc < 0 ? rc : paths_check(out, err);
}

void po_config_emit(const struct po_config *c, struct buffer *out)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct po_file *f = &c->files[i];
        if (f->path == NULL) {
            buffer_format(out, "%s\n", f->raw);
            continue;
        }
        buffer_format(out, "file %s {\n", f->path);
        for (size_t k = 0; k < f->n; k++) {
            const struct po_line *l = &f->lines[k];
            if (l->raw != NULL)
                buffer_format(out, "%s\n", l->raw);
            else
                buffer_format(out, "%s %u %d %d %s %u%s%s\n", l->version, l->local_size, l->sum_a, l->sum_b,
                              l->direct, l->direct_size, l->rest[0] != '\0' ? " " : "", l->rest);
        }
        buffer_text(out, "}\n");
    }
    buffer_text(out, PO_END "\n");
}

const char *po_config_oldest(const struct po_config *c)
{
    const char *oldest = NULL;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->files[i].n; k++) {
            const struct po_line *l = &c->files[i].lines[k];
            if (l->raw == NULL && (oldest == NULL || po_version_compare(l->version, oldest) < 0))
                oldest = l->version;
        }
    }
    return oldest;
}

/* Returns whether the block stays. */
static bool file_cut(struct po_file *f, const char *version)
{
    size_t kept = 0, cut = 0, versions = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool above = f->lines[i].raw == NULL && po_version_compare(f->lines[i].version, version) > 0;
        cut += above;
        versions += !above && f->lines[i].raw == NULL;
        if (!above)
            f->lines[kept++] = f->lines[i];
    }
    f->n = kept;
    return cut == 0 || versions > 0;
}

void po_config_cut(struct po_config *c, const char *version)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (file_cut(&c->files[i], version))
            c->files[kept++] = c->files[i];
    }
    c->n = kept;
}

const struct po_line *po_file_winner(const struct po_file *f)
{
    const struct po_line *best = NULL;
    for (size_t i = 0; i < f->n; i++) {
        const struct po_line *l = &f->lines[i];
        if (l->raw == NULL && (best == NULL || po_version_compare(l->version, best->version) >= 0))
            best = l;
    }
    return best;
}

bool po_line_indirect(const struct po_line *l, struct slice *path, uint32_t *size)
{
    struct slice rest = slice_of(l->rest);
    *path = path_take(&rest, INDIRECT_END);
    return path_relative_safe(*path, NULL) && u32_read(word_take(&rest), size);
}

static int name_compare(const void *a, const void *b)
{
    const struct po_name *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* A collection of names under way. */
struct gather {
    const struct po_config *config;
    struct po_name *names;
    size_t n, room;
};

static int name_add(struct gather *g, const char *text, uint32_t size, struct pb_error *err)
{
    struct po_name *names = arena_grow(g->config->arena, g->names, g->n, &g->room, sizeof *names);
    if (names == NULL || text == NULL)
        return error_memory(err);
    g->names = names;
    names[g->n] = (struct po_name){text, size, g->n};
    g->n++;
    return PB_OK;
}

static int file_names(struct gather *g, const struct po_file *f, const char *but, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < f->n; i++) {
        const struct po_line *l = &f->lines[i];
        struct slice indirect;
        uint32_t size;
        if (l->raw != NULL || (but != NULL && strcmp(l->version, but) == 0))
            continue;
        rc = name_add(g, l->direct, l->direct_size, err);
        if (rc == PB_OK && po_line_indirect(l, &indirect, &size))
            rc = name_add(g, arena_copy(g->config->arena, indirect.p, indirect.n), size, err);
    }
    return rc;
}

int po_names_of(const struct po_config *c, const char *but, struct po_name **out, size_t *n,
                struct pb_error *err)
{
    struct gather g = {.config = c};
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < c->n; i++)
        rc = file_names(&g, &c->files[i], but, err);
    if (g.n > 1)
        qsort(g.names, g.n, sizeof *g.names, name_compare);
    size_t kept = 0;
    for (size_t i = 0; i < g.n; i++) {
        if (kept == 0 || strcmp(g.names[kept - 1].text, g.names[i].text) != 0)
            g.names[kept++] = g.names[i];
    }
    *out = g.names;
    *n = kept;
    return rc;
}
