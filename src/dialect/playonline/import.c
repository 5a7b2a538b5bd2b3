/* Importing a captured tree: patch.cfg as it is, and the files that it names, verbatim. */
#include "base/file.h"
#include "base/tree.h"
#include "codec/slc.h"
#include "dialect/playonline/release.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct import {
    struct depot *depot;
    const struct pb_import_app_options *options;
    pb_import_fn *fn;
    void *arg;
    struct pb_import_report *report;
    struct publication *publication;
    struct tree tree;
    struct po_config config;
    const char *version; /* the highest in patch.cfg */
    struct pb_publish_result result;
};

static int report_line(struct import *im, const char *file, const char *fault, struct pb_error *err)
{
    if (fault != NULL)
        im->report->refused++;
    if (im->fn != NULL && im->fn(im->arg, file, fault, &im->result) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

/* ---- patch.cfg ---- */

static int text_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    return buffer_append(arg, p, n) ? PB_OK : error_set(err, PB_INVALID, PO_CONFIG " is too large");
}

/* A captured one begins with its mode byte; no text does. */
static bool is_captured(struct slice bytes)
{
    return bytes.n > 0 && (unsigned char)bytes.p[0] <= SLC_ZLIB;
}

static int captured_unpack(struct slice bytes, struct buffer *text, struct pb_error *err)
{
    _cleanup_fd_ int fd = memfd_create(PO_CONFIG, MFD_CLOEXEC);
    if (fd < 0)
        return error_set(err, PB_FAILED, "no memory file for " PO_CONFIG);
    int rc = file_write(fd, bytes.p, bytes.n, err);
    return rc < 0 ? rc : slc_unpack(fd, text_add, text, err);
}

/* Adds it to the publication, and parses it; one that can't be unpacked is kept verbatim all the same. */
static int config_import(struct import *im, bool *understood, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer bytes, text;
    buffer_init(&bytes, PO_CONFIG_MAX);
    buffer_init(&text, PO_CONFIG_MAX);
    int rc = file_read_all(AT_FDCWD, im->options->config, &bytes, err);
    struct slice raw = {bytes.p, bytes.n};
    if (rc < 0)
        return rc;
    bool captured = is_captured(raw);
    rc = captured ? captured_unpack(raw, &text, err) : text_add(&text, raw.p, raw.n, err);
    *understood = rc == PB_OK;
    if (rc == PB_UNSUPPORTED)
        return po_status_add(im->publication, raw, err);
    if (rc == PB_OK)
        rc = po_config_parse((struct slice){text.p, text.n}, &im->publication->arena, &im->config, err);
    if (rc < 0)
        return rc;
    if (captured)
        return po_status_add(im->publication, raw, err);
    char mode = SLC_RAW; /* as it is */
    text.n = 0;
    buffer_append(&text, &mode, 1);
    buffer_append(&text, raw.p, raw.n);
    return text.failed ? error_memory(err)
                       : po_status_add(im->publication, (struct slice){text.p, text.n}, err);
}

/* ---- files ---- */

static int file_add(struct import *im, const char *name, uint64_t wanted, struct pb_error *err)
{
    uint64_t size;
    struct object object;
    uint8_t *hashes = NULL;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open(&im->tree, name, &fd, &size, err);
    if (rc == PB_OK && wanted != UINT64_MAX && size != wanted)
        rc = error_set(err, PB_DAMAGED, "has %llu bytes, " PO_CONFIG " says %llu", (unsigned long long)size,
                       (unsigned long long)wanted);
    if (rc == PB_OK && (size == 0 || size > PO_STORED_MAX))
        rc = error_set(err, PB_INVALID, "is empty, or too large for the protocol");
    if (rc == PB_OK && strcmp(name, PO_CONFIG) == 0)
        rc = error_set(err, PB_INVALID, "this name is taken");
    if (rc == PB_OK && strlen(name) >= POLP_NAME_MAX)
        rc = error_set(err, PB_INVALID, "its name is too long for the protocol");
    if (rc == PB_OK)
        rc = object_store_file(im->depot, fd, &object, err);
    if (rc == PB_OK)
        rc = po_hashes_make(im->depot, &object, slice_of(name), &hashes, err);
    if (rc == PB_OK)
        rc = publication_add(im->publication, slice_of(name), PO_FILE, &object,
                             (struct slice){(const char *)hashes, 4 * po_chunks(object.size)}, err);
    free(hashes);
    if (rc == PB_OK) {
        im->result.parts++;
        im->result.size += object.size;
    }
    return rc;
}

/* A file with a fault is reported and left out; trouble of our own ends everything. */
static int file_import(struct import *im, const char *name, uint64_t wanted, struct pb_error *err)
{
    int rc = file_add(im, name, wanted, err);
    if (rc == PB_OK || rc == PB_NO_SPACE || rc == PB_NO_MEMORY)
        return rc;
    char fault[PB_ERROR_TEXT_MAX];
    snprintf(fault, sizeof fault, "%s", err->text);
    return report_line(im, name, fault, err);
}

static int listed_import(struct import *im, struct pb_error *err)
{
    struct po_name *names;
    size_t n;
    for (size_t i = 0; i < im->config.n; i++) {
        const struct po_line *l =
            im->config.files[i].path != NULL ? po_file_winner(&im->config.files[i]) : NULL;
        if (l != NULL && (im->version == NULL || po_version_compare(l->version, im->version) > 0))
            im->version = l->version;
    }
    int rc = po_names_of(&im->config, NULL, &names, &n, err);
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = file_import(im, names[i].text, names[i].size, err);
    return rc;
}

/* A tree_fn: without a patch.cfg that we can read, everything is served. */
static int item_import(void *arg, const struct tree_item *item, struct pb_error *err)
{
    return S_ISREG(item->st->st_mode) ? file_import(arg, item->path, UINT64_MAX, err) : PB_OK;
}

static int everything_import(struct import *im, struct po_attributes *attributes, struct pb_error *err)
{
    struct publication_result made;
    bool understood = false;
    _cleanup_free_ char *text = po_attributes_emit(attributes);
    int rc = text == NULL ? error_memory(err) : config_import(im, &understood, err);
    if (rc < 0)
        return error_context(err, "%s", im->options->config);
    rc = understood ? listed_import(im, err) : tree_walk(im->tree.root, "", item_import, im, err);
    const char *version = im->options->version != NULL ? im->options->version : im->version;
    if (rc == PB_OK && version == NULL)
        rc = error_set(err, PB_INVALID, "no version is known: --version must say");
    if (rc == PB_OK && !po_version_ok(slice_of(version)))
        rc = error_set(err, PB_INVALID, "version %s: must be such as 20061212_3", version);
    if (rc == PB_OK)
        rc = publication_commit(im->publication, version, text, &made, err);
    if (rc < 0)
        return rc;
    im->result.unchanged = made.unchanged;
    im->result.stored = made.stored;
    snprintf(im->result.version, sizeof im->result.version, "%s", made.version);
    im->report->imported = 1;
    return report_line(im, im->options->config, NULL, err);
}

int po_import(struct depot *d, const struct pb_import_app_options *options, pb_import_fn *fn, void *arg,
              struct pb_import_report *report, struct pb_error *err)
{
    const char *title = "";
    struct po_attributes attributes;
    _cleanup_fd_ int folder = -1;
    _cleanup_arena_ struct arena arena;
    _cleanup_publication_ struct publication p = {.lock = -1};
    struct import im = {
        .depot = d, .options = options, .fn = fn, .arg = arg, .report = report, .publication = &p};
    arena_init(&arena, 0);
    *report = (struct pb_import_report){0};
    int rc = po_names_make(d, options->app, options->hardware, NULL, 0, &arena, &title, &attributes, err);
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, options->tree, &folder, err);
    if (rc == PB_OK)
        rc = publication_begin(d, PO_DIALECT, slice_of(title), &p, err);
    snprintf(im.result.title, sizeof im.result.title, PO_DIALECT "/%s", title);
    tree_start(&im.tree, folder);
    if (rc == PB_OK)
        rc = everything_import(&im, &attributes, err);
    tree_end(&im.tree);
    return rc < 0 ? error_context(err, "import") : PB_OK;
}
