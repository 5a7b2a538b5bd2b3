/*
 * Importing what the original tools made: definitions (*.xml) and folders of parts. Every part is read once,
 * checked against size and MD5 and stored; then the archive is unpacked from there, to check the map and to
 * keep it raw.
 */
#include "dialect/opensauce/publish.h"

#include "base/file.h"
#include "base/path.h"
#include "dialect/opensauce/joined.h"
#include "dialect/opensauce/release.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

struct import {
    struct depot *depot;
    const struct pb_import_options *options;
    pb_import_fn *fn;
    void *arg;
    struct pb_import_report *report;
};

/* One map under way. */
struct map_import {
    struct import *import;
    struct os_definition definition;
    char stem[OS_NAME_MAX + 1];
    struct publication *publication;
    unsigned faults;
    const char *file; /* of the definition */
};

static int report_line(struct import *im, const char *file, const char *fault,
                       const struct pb_publish_result *result, struct pb_error *err)
{
    if (im->fn != NULL && im->fn(im->arg, file, fault, result) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

/* Where a part may lie: in the folder that the definition names, in one named as the map, or beside all
 * others. */
static int part_open(const struct map_import *m, const char *name, char path[PATH_MAX], int *fd,
                     uint64_t *size, struct pb_error *err)
{
    const char *parts = m->import->options->parts;
    char spelled[OS_NAME_MAX + 1];
    snprintf(spelled, sizeof spelled, "%.*s", (int)strlen(m->stem), m->definition.name);
    const char *const folders[] = {m->definition.host_directory, spelled, m->stem, "."};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (folders[i] == NULL || snprintf(path, PATH_MAX, "%s/%s/%s", parts, folders[i], name) >= PATH_MAX)
            continue;
        int rc = file_open_regular(AT_FDCWD, path, true, fd, size, err);
        if (rc != PB_NOT_FOUND)
            return rc;
    }
    return error_set(err, PB_NOT_FOUND, "not found in %s", parts);
}

/* Reads, checks and stores one part. */
static int part_import(struct map_import *m, const struct os_part *part, struct pb_error *err)
{
    char path[PATH_MAX];
    uint64_t size;
    struct object object;
    _cleanup_fd_ int fd = -1;
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    int rc = part_open(m, part->name, path, &fd, &size, err);
    if (rc < 0)
        return rc;
    if (size != part->size)
        return error_set(err, PB_DAMAGED, "has %llu bytes, the definition says %u", (unsigned long long)size,
                         part->size);
    _cleanup_free_ char *bytes = malloc(part->size);
    if (bytes == NULL)
        return error_memory(err);
    rc = file_read_at(fd, bytes, part->size, 0, err);
    if (rc == PB_OK)
        rc = object_writer_open(m->import->depot, &w, err);
    if (rc == PB_OK)
        rc = object_writer_add(&w, bytes, part->size, err);
    if (rc == PB_OK)
        rc = object_writer_finish(&w, &object, err);
    if (rc < 0)
        return rc;
    if (!md5_equal(&object.md5, &part->md5))
        return error_set(err, PB_DAMAGED, "its MD5 is not the one in the definition");
    struct slice extra = {(const char *)part->unencrypted.bytes,
                          part->encrypted ? sizeof part->unencrypted : 0};
    return publication_add(m->publication, slice_of(part->name), OS_PART, &object, extra, err);
}

/* All parts, each fault reported by file and part. */
static int parts_import(struct map_import *m, struct pb_error *err)
{
    for (size_t i = 0; i < m->definition.part_count; i++) {
        const struct os_part *part = &m->definition.parts[i];
        char fault[PB_ERROR_TEXT_MAX + 64];
        int rc = part_import(m, part, err);
        if (rc == PB_OK)
            continue;
        if (rc == PB_NO_SPACE || rc == PB_NO_MEMORY)
            return rc;
        m->faults++;
        snprintf(fault, sizeof fault, "part %s: %s", part->name, err->text);
        if ((rc = report_line(m->import, m->file, fault, NULL, err)) < 0)
            return rc;
    }
    return PB_OK;
}

/* Where the unpacked map goes: into its digest, and into the depot when it is kept raw. */
struct raw_sink {
    struct digest digest;
    struct object_writer *writer; /* NULL: not kept */
};

static int raw_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct raw_sink *s = arg;
    digest_add(&s->digest, p, n);
    return s->writer != NULL ? object_writer_add(s->writer, p, n, err) : PB_OK;
}

static int archive_unpack(struct map_import *m, struct raw_sink *sink, struct pb_error *err)
{
    struct os_joined joined;
    int rc = os_joined_open(&m->definition, m->import->options->password, os_joined_objects, m->publication,
                            &joined, err);
    if (rc == PB_OK)
        rc = os_joined_extract(&joined, raw_add, sink, err);
    os_joined_close(&joined);
    return rc;
}

/* Unpacks the stored parts: is the map what the definition says? Keeps it raw, if wanted. */
static int map_unpack(struct map_import *m, struct pb_error *err)
{
    const struct os_definition *d = &m->definition;
    struct object object;
    struct digest_result result;
    _cleanup_object_writer_ struct object_writer raw = {.fd = -1};
    struct raw_sink sink = {.writer = m->import->options->no_raw ? NULL : &raw};
    int rc = digest_start(&sink.digest, DIGEST_MD5, err);
    if (rc == PB_OK && sink.writer != NULL)
        rc = object_writer_open(m->import->depot, &raw, err);
    if (rc == PB_OK)
        rc = archive_unpack(m, &sink, err);
    digest_finish(&sink.digest, &result);
    if (rc == PB_OK && (result.size != d->uncompressed_size || !md5_equal(&result.md5, &d->md5)))
        rc = error_set(err, PB_DAMAGED,
                       "the map in the archive is not the one in the definition (size or MD5)");
    if (rc < 0 || sink.writer == NULL)
        return rc;
    rc = object_writer_finish(&raw, &object, err);
    return rc < 0
               ? rc
               : publication_add(m->publication, slice_of(d->name), OS_RAW, &object, (struct slice){0}, err);
}

static int attributes_make(struct map_import *m, char **text, struct pb_error *err)
{
    const char *password = m->import->options->password;
    struct os_attributes a = {
        .map = m->definition, .level = -1, .redirect_root = m->import->options->redirect_root};
    a.encrypted = m->definition.parts[0].encrypted;
    a.proof_known = a.encrypted && password != NULL;
    if (a.map.host_directory == NULL)
        a.map.host_directory = "";
    int rc = PB_OK;
    if (a.proof_known)
        rc = os_password_proof(password, strlen(password), &m->definition.md5, &a.proof, err);
    *text = rc < 0 ? NULL : os_attributes_emit(&a);
    return *text == NULL && rc == PB_OK ? error_memory(err) : rc;
}

static int map_commit(struct map_import *m, struct pb_error *err)
{
    struct publication_result made;
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    _cleanup_free_ char *attributes = NULL;
    int rc = attributes_make(m, &attributes, err);
    if (rc == PB_OK)
        rc = publication_commit(m->publication, NULL, attributes, &made, err);
    if (rc < 0)
        return rc;
    snprintf(result.title, sizeof result.title, OS_DIALECT "/%s", m->stem);
    snprintf(result.version, sizeof result.version, "%s", made.version);
    result.unchanged = made.unchanged;
    result.parts = (unsigned)m->definition.part_count;
    result.source_bytes = m->definition.uncompressed_size;
    result.packed = m->definition.compressed_size;
    result.stored = made.stored;
    bool unchecked = m->definition.parts[0].encrypted && m->import->options->password == NULL;
    const char *ending = strrchr(m->definition.name, '.');
    bool loads = strcmp(ending, ".map") == 0 || strcmp(ending, ".yelo") == 0;
    snprintf(
        result.warning, sizeof result.warning, "%s%s%s",
        unchecked
            ? "encrypted, and no password was given: imported without a check of the map and without its "
              "raw form"
            : "",
        unchecked && !loads ? "; " : "",
        loads ? "" : "the original game refuses an ending in upper case: publish the map itself");
    m->import->report->imported++;
    return report_line(m->import, m->file, NULL, &result, err);
}

/* The definition is read; are its parts told apart by name, and from the raw map? */
static int names_check(const struct os_definition *d, struct pb_error *err)
{
    for (size_t i = 0; i < d->part_count; i++) {
        if (strcmp(d->parts[i].name, d->name) == 0)
            return error_set(err, PB_INVALID, "a part has the name of the map");
        if (d->parts[i].encrypted != d->parts[0].encrypted)
            return error_set(err, PB_INVALID, "some parts are encrypted and some are not");
        for (size_t k = 0; k < i; k++) {
            if (strcmp(d->parts[i].name, d->parts[k].name) == 0)
                return error_set(err, PB_INVALID, "two parts have the name %s", d->parts[i].name);
        }
    }
    return PB_OK;
}

static int map_import(struct import *im, const char *file, struct slice xml, struct pb_error *err)
{
    struct map_import m = {.import = im, .file = file};
    _cleanup_arena_ struct arena arena;
    _cleanup_publication_ struct publication p = {0};
    arena_init(&arena, OS_ARENA_MAX);
    int rc = os_definition_parse(xml, &arena, &m.definition, err);
    if (rc == PB_OK)
        rc = os_original_name_check(m.definition.name, err);
    if (rc == PB_OK)
        rc = names_check(&m.definition, err);
    if (rc < 0)
        return rc;
    os_stem(slice_of(m.definition.name), m.stem);
    rc = publication_begin(im->depot, OS_DIALECT, slice_of(m.stem), &p, err);
    m.publication = &p;
    if (rc == PB_OK)
        rc = parts_import(&m, err);
    if (rc == PB_OK && m.faults > 0)
        return error_set(err, PB_DAMAGED, "not imported: %u of %zu parts are missing or damaged", m.faults,
                         m.definition.part_count);
    if (rc == PB_OK && (!m.definition.parts[0].encrypted || im->options->password != NULL))
        rc = map_unpack(&m, err);
    return rc < 0 ? rc : map_commit(&m, err);
}

int os_import(struct depot *d, const struct pb_import_options *options, pb_import_fn *fn, void *arg,
              struct pb_import_report *report, struct pb_error *err)
{
    struct import im = {d, options, fn, arg, report};
    struct names names = {0};
    _cleanup_fd_ int folder = -1;
    *report = (struct pb_import_report){0};
    int rc = options->redirect_root != NULL ? os_redirect_check(options->redirect_root, err) : PB_OK;
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, options->definitions, &folder, err);
    if (rc == PB_OK)
        rc = folder_names(AT_FDCWD, options->definitions, &names, err);
    if (rc < 0)
        return error_context(err, "import");
    for (size_t i = 0; i < names.n && rc == PB_OK; i++) {
        if (!slice_ends_nocase(slice_of(names.list[i]), slice_of(".xml")))
            continue;
        _cleanup_buffer_ struct buffer xml;
        buffer_init(&xml, OS_DOCUMENT_MAX);
        rc = file_read_all(folder, names.list[i], &xml, err);
        if (rc == PB_OK)
            rc = map_import(&im, names.list[i], (struct slice){xml.p, xml.n}, err);
        if (rc < 0 && rc != PB_CANCELLED && rc != PB_NO_SPACE && rc != PB_NO_MEMORY) {
            report->refused++;
            char fault[PB_ERROR_TEXT_MAX];
            snprintf(fault, sizeof fault, "%s", err->text);
            rc = report_line(&im, names.list[i], fault, NULL, err);
        }
    }
    names_free(&names);
    if (rc == PB_OK && report->imported + report->refused == 0)
        rc = error_set(err, PB_NOT_FOUND, "import: there is no *.xml in %s", options->definitions);
    return rc;
}
