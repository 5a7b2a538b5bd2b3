/* Reading patch.cfg; versions, names and checksums. */
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
static bool version_line(struct slice line, struct po_item *out)
{
    out->version = word_take(&line);
    bool good = po_version_ok(out->version) && u32_read(word_take(&line), &out->local_size) &&
                i32_read(word_take(&line), &out->sum_a) && i32_read(word_take(&line), &out->sum_b);
    out->direct = good ? path_take(&line, DIRECT_END) : (struct slice){0};
    if (!good || !path_relative_safe(out->direct, NULL) || !u32_read(word_take(&line), &out->direct_size))
        return false;
    while (line.n > 0 && *line.p == ' ')
        line.p++, line.n--;
    out->rest = line;
    return true;
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

static int line_outside(struct slice line, size_t number, struct po_item *item, struct pb_error *err)
{
    int rc = block_begins(line, number, &item->text, err);
    if (rc < 0)
        return rc;
    item->kind = rc == 1 ? PO_ITEM_FILE : PO_ITEM_RAW;
    item->in_block = rc == 1;
    if (rc == 0)
        item->text = line;
    return PB_OK;
}

static void line_inside(struct slice line, struct po_item *item)
{
    struct slice words = line;
    if (slice_equal(word_take(&words), slice_of("}"))) {
        item->kind = PO_ITEM_END;
        return;
    }
    item->kind = version_line(line, item) ? PO_ITEM_LINE : PO_ITEM_RAW;
    item->text = line;
}

int po_config_each(struct slice text, po_item_fn *fn, void *arg, struct pb_error *err)
{
    struct slice line, path = {0};
    bool in_block = false;
    size_t number = 0, files = 0;
    int rc = PB_OK;
    if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
        return error_set(err, PB_INVALID, "there is a zero byte in it");
    while (rc == PB_OK && line_take(&text, &line) && (in_block || !slice_equal(line, slice_of(PO_END)))) {
        struct po_item item = {.in_block = in_block};
        number++;
        if (in_block)
            line_inside(line, &item);
        else
            rc = line_outside(line, number, &item, err);
        if (rc == PB_OK && !in_block && ++files > PO_FILES_MAX)
            rc = error_set(err, PB_INVALID, "more than %d files", PO_FILES_MAX);
        if (rc == PB_OK)
            rc = fn(arg, &item, err);
        if (item.kind == PO_ITEM_FILE)
            path = item.text;
        in_block = item.in_block && item.kind != PO_ITEM_END;
    }
    if (rc == PB_OK && in_block)
        rc =
            error_set(err, PB_INVALID, "line %zu: the block of %.*s has no end", number, (int)path.n, path.p);
    return rc;
}

static int path_compare(const void *a, const void *b)
{
    return path_compare_nocase(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that no choice of names makes it slow. */
int po_paths_check(const char **paths, size_t n, struct pb_error *err)
{
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

bool po_line_indirect(const struct po_line *l, struct slice *path, uint32_t *size)
{
    struct slice rest = slice_of(l->rest);
    *path = path_take(&rest, INDIRECT_END);
    return path_relative_safe(*path, NULL) && u32_read(word_take(&rest), size);
}
