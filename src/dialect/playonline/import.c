/* Importing a captured tree: patch.cfg as it is, and the files that it names, verbatim. */
#include "base/file.h"
#include "base/tree.h"
#include "codec/slc.h"
#include "dialect/faults.h"
#include "dialect/playonline/release.h"

#include <fcntl.h>
#include <stdio.h>
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
    struct faults *faults;
    struct pb_publish_result result;
};

static int report_line(struct import *im, const char *file, const char *fault, struct pb_error *err)
{
    if (im->fn != NULL && im->fn(im->arg, file, fault, &im->result) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

/* ---- patch.cfg ---- */

/* A captured one begins with its mode byte; no text does. */
static bool is_captured(struct slice bytes)
{
    return bytes.n > 0 && (unsigned char)bytes.p[0] <= SLC_ZLIB;
}

/* Adds it to the publication, and parses it. Text is packed as servers send it. */
static int config_import(struct import *im, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer given, other;
    buffer_init(&given, PO_CONFIG_MAX);
    buffer_init(&other, PO_CONFIG_MAX);
    int rc = file_read_all(AT_FDCWD, im->options->config, &given, err);
    if (rc < 0)
        return rc;
    bool captured = is_captured((struct slice){given.p, given.n});
    rc = captured ? slc_unpack_bytes((struct slice){given.p, given.n}, &other, err)
                  : slc_list_pack((struct slice){given.p, given.n}, &other, err);
    const struct buffer *text = captured ? &other : &given, *bytes = captured ? &given : &other;
    if (rc == PB_OK)
        rc = po_config_parse((struct slice){text->p, text->n}, &im->publication->arena, &im->config, err);
    return rc < 0 ? rc : po_status_add(im->publication, (struct slice){bytes->p, bytes->n}, err);
}

/* ---- files ---- */

static int file_check(const char *name, uint64_t size, uint64_t listed, struct pb_error *err)
{
    if (size != listed)
        return error_set(err, PB_DAMAGED, "another size than " PO_CONFIG " says");
    if (size == 0 || size > PO_STORED_MAX)
        return error_set(err, PB_INVALID, "empty, or too large for the protocol");
    if (strcmp(name, PO_CONFIG) == 0)
        return error_set(err, PB_INVALID, "the list's own name is taken");
    if (strlen(name) >= POLP_NAME_MAX)
        return error_set(err, PB_INVALID, "the name is too long for the protocol");
    return PB_OK;
}

static int file_add(struct import *im, const char *name, uint64_t listed, struct pb_error *err)
{
    uint64_t size;
    struct object object;
    uint8_t *hashes = NULL;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open(&im->tree, name, &fd, &size, err);
    if (rc == PB_NOT_FOUND)
        return error_set(err, rc, "missing");
    if (rc == PB_OK)
        rc = file_check(name, size, listed, err);
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
        im->result.source_bytes += object.size;
    }
    return rc;
}

/* A file with a fault is left out. Trouble of our own, such as a disk that does not read, ends everything:
 * else a version without this file went live. */
static int file_import(struct import *im, const char *name, uint64_t listed, struct pb_error *err)
{
    int rc = file_add(im, name, listed, err);
    if (rc != PB_NOT_FOUND && rc != PB_INVALID && rc != PB_DAMAGED)
        return rc < 0 ? error_context(err, "%s", name) : PB_OK;
    faults_add(im->faults, name, err->text);
    return PB_OK;
}

static int faults_report(struct import *im, struct pb_error *err)
{
    char text[PB_ERROR_TEXT_MAX + FAULT_EXAMPLE_MAX + 64];
    int rc = PB_OK;
    im->report->refused = (unsigned)im->faults->n;
    for (size_t i = 0; rc == PB_OK && i < im->faults->kind_count; i++) {
        fault_text(&im->faults->kinds[i], text, sizeof text);
        rc = report_line(im, im->options->tree, text, err);
    }
    return rc;
}

static int files_import(struct import *im, struct pb_error *err)
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
    return rc < 0 ? rc : faults_report(im, err);
}

static int everything_import(struct import *im, struct po_attributes *attributes, struct pb_error *err)
{
    struct publication_result made;
    int rc = config_import(im, err);
    if (rc < 0)
        return error_context(err, "%s", im->options->config);
    rc = files_import(im, err);
    const char *version = im->options->version != NULL ? im->options->version : im->version;
    if (rc == PB_OK && version == NULL)
        rc = error_set(err, PB_INVALID, "no version is known: --version must say");
    if (rc == PB_OK && !po_version_ok(slice_of(version)))
        rc = error_set(err, PB_INVALID, "version %s: must be such as 20061212_3", version);
    if (rc < 0)
        return rc;
    attributes->oldest = po_config_oldest(&im->config);
    _cleanup_free_ char *text = po_attributes_emit(attributes);
    rc = text == NULL ? error_memory(err) : publication_commit(im->publication, version, text, &made, err);
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
    _cleanup_publication_ struct publication p = {0};
    _cleanup_free_ struct faults *faults = calloc(1, sizeof *faults);
    struct import im = {.depot = d,
                        .options = options,
                        .fn = fn,
                        .arg = arg,
                        .report = report,
                        .publication = &p,
                        .faults = faults,
                        .result = PB_INIT(pb_publish_result)};
    arena_init(&arena, 0);
    *report = (struct pb_import_report){0};
    if (faults == NULL)
        return error_memory(err);
    int rc = po_names_make(d, options->app, options->hardware, options->aliases, options->alias_count, &arena,
                           &title, &attributes, err);
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
