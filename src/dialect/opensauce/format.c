/* Definitions and master lists: emitting, names, and the checks that parsing shares with publishing. The XML
 * is read in xml.c. */
#include "dialect/opensauce/format.h"

#include "base/path.h"

static const struct algorithm {
    enum archive_format format;
    const char *name, *ending;
} algorithms[] = {
    {ARCHIVE_7Z, "7zip", "7z"},
    {ARCHIVE_ZIP, "zip", "zip"},
};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

const char *os_algorithm_name(enum archive_format algorithm)
{
    return algorithms[algorithm].name;
}

const char *os_archive_ending(enum archive_format algorithm)
{
    return algorithms[algorithm].ending;
}

bool os_algorithm_parse(const char *text, enum archive_format *algorithm)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcmp(text, algorithms[i].name) == 0) {
            *algorithm = algorithms[i].format;
            return true;
        }
    }
    return false;
}

/* The length of the name without a map's ending; the whole length when it has none. */
static size_t stem_length(struct slice name)
{
    if (slice_ends_nocase(name, slice_of(".map")))
        return name.n - 4;
    if (slice_ends_nocase(name, slice_of(".yelo")))
        return name.n - 5;
    return name.n;
}

int os_map_name_check(const char *name, struct pb_error *err)
{
    const char *why;
    struct slice n = slice_of(name);
    if (stem_length(n) == n.n)
        return error_set(err, PB_INVALID, "%s: a map's name must end in .map or .yelo", name);
    if (!path_name_ok(n, &why))
        return error_set(err, PB_INVALID, "%s: the name %s", name, why);
    if (stem_length(n) == 0 || n.n > OS_NAME_MAX)
        return error_set(err, PB_INVALID, "%s: the name is empty or longer than %d bytes", name, OS_NAME_MAX);
    return PB_OK;
}

int os_original_name_check(const char *name, struct pb_error *err)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c > 0x7e)
            return error_set(
                err, PB_INVALID,
                "%s: the name has a character that is not ASCII, which the game's downloaders can't ask for",
                name);
    }
    return PB_OK;
}

bool os_stem(struct slice name, char out[OS_NAME_MAX + 1])
{
    size_t n = stem_length(name);
    if (n == 0 || n > OS_NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = ascii_lower(name.p[i]);
    out[n] = '\0';
    return true;
}

int os_redirect_check(const char *root, struct pb_error *err)
{
    for (const char *c = root; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            return error_set(err, PB_INVALID,
                             "redirect root %s: has a space or a character that is not ASCII", root);
    }
    if (strncmp(root, "http://", 7) != 0 && strncmp(root, "https://", 8) != 0)
        return error_set(err, PB_INVALID, "redirect root %s: must begin with http:// or https://", root);
    return strlen(root) > 1024 ? error_set(err, PB_INVALID, "redirect root: longer than 1,024 bytes") : PB_OK;
}

static void xml_attribute(struct buffer *b, const char *name, const char *value)
{
    buffer_format(b, " %s=\"", name);
    buffer_markup(b, value);
    buffer_text(b, "\"");
}

static void xml_md5(struct buffer *b, const char *name, const struct md5 *md5)
{
    char hex[MD5_HEX + 1];
    hex_encode(md5->bytes, sizeof md5->bytes, hex);
    xml_attribute(b, name, hex);
}

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<osHTTPServer>\n"
#define XML_TAIL "</osHTTPServer>\n"

void os_definition_emit(const struct os_definition *d, struct buffer *b)
{
    buffer_text(b, XML_HEAD "    <map_download");
    xml_attribute(b, "algorithm", os_algorithm_name(d->algorithm));
    xml_attribute(b, "name", d->name);
    xml_md5(b, "md5", &d->md5);
    buffer_format(b, " uncompressed_size=\"%u\" compressed_size=\"%u\">\n", d->uncompressed_size,
                  d->compressed_size);
    for (size_t i = 0; i < d->part_count; i++) {
        const struct os_part *part = &d->parts[i];
        buffer_text(b, "        <part");
        xml_attribute(b, "name", part->name);
        buffer_format(b, " index=\"%zu\"", i);
        xml_md5(b, "md5", &part->md5);
        buffer_format(b, " size=\"%u\"", part->size);
        if (part->encrypted) {
            xml_attribute(b, "encrypted", "true");
            xml_md5(b, "unencrypted_md5", &part->unencrypted);
        }
        buffer_text(b, "/>\n");
    }
    buffer_text(b, "    </map_download>\n" XML_TAIL);
}

void os_masters_emit(const struct os_masters *m, struct buffer *b)
{
    buffer_text(b, XML_HEAD);
    for (size_t i = 0; i < m->n; i++) {
        buffer_text(b, "    <map_download_server");
        xml_attribute(b, "name", m->list[i].name);
        buffer_text(b, ">\n        <address>");
        buffer_markup(b, m->list[i].address);
        buffer_text(b, "</address>\n        <description>");
        buffer_markup(b, m->list[i].description);
        buffer_text(b, "</description>\n    </map_download_server>\n");
    }
    buffer_text(b, XML_TAIL);
}
