/* Reading OpenSauce's XML. Hostile input: depth, count and sizes are bounded; unknown elements and attributes
 * are passed over, as the real client does. expat works in a child process, and this on the events that it
 * tells. */
#include "codec/xml.h"
#include "base/child.h"
#include "base/path.h"
#include "dialect/opensauce/format.h"

enum { TEXT_MAX = 1024, SPLITTER_LEAST = 256 };

struct reading {
    uint32_t line;
    struct arena *arena;
    struct pb_error *err;
    int status;
    int depth;
    const char *root; /* of the element that we read: "map_download" or "map_download_server" */
    bool found;       /* definition: a root element was there; masters: we are in one */
    struct os_definition *definition;
    size_t part_room;
    struct os_masters *masters;
    struct buffer text; /* of <address> and <description> */
};

static void fail(struct reading *r, const char *what, const char *value)
{
    if (r->status < 0)
        return;
    r->status = error_set(r->err, PB_INVALID, "line %u: %s%s%s", r->line, what, value != NULL ? ": " : "",
                          value != NULL ? value : "");
}

static void fail_memory(struct reading *r)
{
    r->status = error_memory(r->err);
}

static const char *attribute(const char *const *attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

static const char *text_of(struct reading *r, const char *const *attributes, const char *name)
{
    const char *value = attribute(attributes, name);
    if (value == NULL) {
        fail(r, "an attribute is missing", name);
        return "";
    }
    char *copy = arena_text(r->arena, value);
    if (copy == NULL)
        fail_memory(r);
    return copy != NULL ? copy : "";
}

static uint32_t size_of(struct reading *r, const char *const *attributes, const char *name)
{
    uint64_t v = 0;
    if (!slice_to_u64(slice_of(text_of(r, attributes, name)), UINT32_MAX, &v))
        fail(r, "not a size of 32 bits", name);
    return (uint32_t)v;
}

static struct md5 md5_of(struct reading *r, const char *const *attributes, const char *name)
{
    struct md5 md5 = {0};
    if (!hex_decode(slice_of(text_of(r, attributes, name)), md5.bytes, sizeof md5.bytes))
        fail(r, "not an MD5 in hexadecimal", name);
    return md5;
}

static void map_start(struct reading *r, const char *const *attributes)
{
    struct os_definition *d = r->definition;
    struct pb_error why;
    const char *algorithm = text_of(r, attributes, "algorithm");
    if (r->found) {
        fail(r, "a second map_download element", NULL);
        return;
    }
    r->found = true;
    if (!os_algorithm_parse(algorithm, &d->algorithm))
        fail(r, "algorithm is neither 7zip nor zip", algorithm);
    d->name = text_of(r, attributes, "name");
    if (r->status == PB_OK && os_map_name_check(d->name, &why) < 0)
        fail(r, why.text, NULL);
    d->md5 = md5_of(r, attributes, "md5");
    d->uncompressed_size = size_of(r, attributes, "uncompressed_size");
    d->compressed_size = size_of(r, attributes, "compressed_size");
    const char *directory = attribute(attributes, "host_directory");
    if (directory != NULL && directory[0] != '\0') {
        d->host_directory = arena_text(r->arena, directory);
        if (d->host_directory == NULL)
            fail_memory(r);
        else if (!path_relative_portable(slice_of(directory), NULL))
            fail(r, "host_directory is not a path of folders", directory);
    }
}

static void encryption_read(struct reading *r, const char *const *attributes, struct os_part *part)
{
    const char *encrypted = attribute(attributes, "encrypted");
    bool digest = attribute(attributes, "unencrypted_md5") != NULL;
    part->encrypted = encrypted != NULL && (strcmp(encrypted, "true") == 0 || strcmp(encrypted, "1") == 0);
    if (part->encrypted && !digest)
        fail(r, "unencrypted_md5 is missing in the encrypted part", part->name);
    else if (part->encrypted)
        part->unencrypted = md5_of(r, attributes, "unencrypted_md5");
    if (part->encrypted && part->size < 256)
        fail(r, "an encrypted part has fewer than 256 bytes", part->name);
}

static void part_start(struct reading *r, const char *const *attributes)
{
    struct os_definition *d = r->definition;
    if (d->part_count == OS_PARTS_MAX) {
        fail(r, "too many parts", NULL);
        return;
    }
    if (d->part_count == r->part_room) {
        size_t room = r->part_room == 0 ? 64 : r->part_room * 2;
        struct os_part *parts = arena_zero(r->arena, room * sizeof *parts);
        if (parts == NULL) {
            fail_memory(r);
            return;
        }
        if (d->part_count > 0)
            memcpy(parts, d->parts, d->part_count * sizeof *parts);
        d->parts = parts;
        r->part_room = room;
    }
    struct os_part *part = &d->parts[d->part_count++];
    part->name = text_of(r, attributes, "name");
    if (r->status == PB_OK && !path_name_ok(slice_of(part->name), NULL))
        fail(r, "a part's name is not a file name", part->name);
    part->md5 = md5_of(r, attributes, "md5");
    part->size = size_of(r, attributes, "size");
    if (part->size == 0 || part->size > OS_PART_SIZE)
        fail(r, "a part is empty or larger than 1,048,576 bytes", part->name);
    encryption_read(r, attributes, part);
}

static void master_start(struct reading *r, const char *const *attributes)
{
    if (r->masters->n == OS_MASTERS_MAX) {
        fail(r, "too many master servers", NULL);
        return;
    }
    const char *name = attribute(attributes, "name");
    char *copy = arena_text(r->arena, name != NULL ? name : "");
    if (copy == NULL)
        fail_memory(r);
    r->found = true;
    r->masters->list[r->masters->n++] = (struct os_master){copy, "", ""};
}

static void on_start(struct reading *r, const char *element, const char *const *attributes)
{
    r->depth++;
    r->text.n = 0;
    if (r->depth == 1 && strcmp(element, "osHTTPServer") != 0)
        fail(r, "the outer element is not osHTTPServer", element);
    else if (r->depth == 2 && strcmp(element, r->root) == 0)
        r->definition != NULL ? map_start(r, attributes) : master_start(r, attributes);
    else if (r->depth == 3 && r->definition != NULL && r->found && strcmp(element, "part") == 0)
        part_start(r, attributes);
}

static void on_end(struct reading *r, const char *element)
{
    if (r->depth == 3 && r->masters != NULL && r->found) {
        struct os_master *m = &r->masters->list[r->masters->n - 1];
        char *text = arena_copy(r->arena, r->text.p, r->text.n);
        if (text == NULL)
            fail_memory(r);
        else if (strcmp(element, "address") == 0)
            m->address = text;
        else if (strcmp(element, "description") == 0)
            m->description = text;
    }
    if (r->depth == 2 && r->masters != NULL)
        r->found = false;
    r->depth--;
}

static void on_text(struct reading *r, struct slice text)
{
    if (r->masters != NULL && r->depth == 3 && !buffer_append(&r->text, text.p, text.n))
        fail(r, "an address or description is too long", NULL);
}

static int events_read(struct reading *r, struct slice events)
{
    struct xml_event event;
    int more = 0;
    buffer_init(&r->text, TEXT_MAX);
    while (r->status == PB_OK && (more = xml_event_next(&events, &event)) > 0) {
        r->line = event.line;
        if (event.kind == XML_START)
            on_start(r, event.name, event.attributes);
        else if (event.kind == XML_TEXT)
            on_text(r, event.text);
        else if (r->depth > 0)
            on_end(r, event.name);
    }
    buffer_free(&r->text);
    return r->status < 0 ? r->status
           : more < 0    ? error_set(r->err, PB_DAMAGED, "the document's events make no sense")
                         : PB_OK;
}

/* The events of a document, which may be anybody's. */
static int document_read(struct slice xml, struct buffer *events, struct pb_error *err)
{
    if (xml.n > OS_DOCUMENT_MAX)
        return error_set(err, PB_INVALID, "the document is larger than %d bytes", OS_DOCUMENT_MAX);
    buffer_init(events, xml_events_most(xml.n));
    return child_convert(xml_events, xml, events, err);
}

/* What no single element shows. */
static int definition_check(const struct os_definition *d, struct pb_error *err)
{
    uint64_t sum = 0;
    if (d->part_count == 0)
        return error_set(err, PB_INVALID, "the definition has no parts");
    if (d->uncompressed_size == 0)
        return error_set(err, PB_INVALID, "the definition says that the map is empty");
    /* No archiver makes that of a map; a server that wants to fill a disk might. */
    if (d->compressed_size > (uint64_t)d->uncompressed_size + d->uncompressed_size / 16 + OS_PART_SIZE)
        return error_set(err, PB_INVALID,
                         "the definition makes no sense: %u bytes of map in %u bytes of archive",
                         d->uncompressed_size, d->compressed_size);
    for (size_t i = 0; i < d->part_count; i++)
        sum += d->parts[i].size;
    /* It takes a remainder below 256 bytes for one that can't be encrypted, and loses bytes as it moves it.
     */
    if (sum < d->compressed_size && d->compressed_size % OS_PART_SIZE < SPLITTER_LEAST)
        return error_set(
            err, PB_INVALID,
            "the original splitter broke this part set: it loses bytes of archives whose size modulo "
            "1,048,576 is below 256 (%llu of %u are there); publish the map itself",
            (unsigned long long)sum, d->compressed_size);
    if (sum != d->compressed_size)
        return error_set(
            err, PB_INVALID,
            "the definition contradicts itself: its parts have %llu bytes, compressed_size says %u",
            (unsigned long long)sum, d->compressed_size);
    return PB_OK;
}

int os_definition_take(struct slice events, struct arena *a, struct os_definition *out, struct pb_error *err)
{
    *out = (struct os_definition){0};
    struct reading r = {.arena = a, .err = err, .root = "map_download", .definition = out};
    int rc = events_read(&r, events);
    if (rc == PB_OK && !r.found)
        rc = error_set(err, PB_INVALID, "no map_download element in the document");
    return rc < 0 ? rc : definition_check(out, err);
}

int os_masters_take(struct slice events, struct arena *a, struct os_masters *out, struct pb_error *err)
{
    *out = (struct os_masters){0};
    struct reading r = {.arena = a, .err = err, .root = "map_download_server", .masters = out};
    return events_read(&r, events);
}

int os_definition_parse(struct slice xml, struct arena *a, struct os_definition *out, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer events = {0};
    int rc = document_read(xml, &events, err);
    return rc < 0 ? rc : os_definition_take((struct slice){events.p, events.n}, a, out, err);
}

int os_masters_parse(struct slice xml, struct arena *a, struct os_masters *out, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer events = {0};
    int rc = document_read(xml, &events, err);
    return rc < 0 ? rc : os_masters_take((struct slice){events.p, events.n}, a, out, err);
}
