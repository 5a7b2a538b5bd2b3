/* A map becomes a release: compressed, cut, perhaps encrypted, and kept raw beside. One pass over the file.
 */
#include "dialect/opensauce/publish.h"

#include "base/file.h"
#include "base/path.h"
#include "depot/stored.h"
#include "dialect/opensauce/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    LEVEL_DEFAULT = 9,
    READ_STEP = 256 * 1024,
    MAP_HEADER = 2048,
    PASSWORD_GAME_MAX = 8,
    PASSWORD_MAX = 255
};

/* One publish under way. */
struct work {
    struct depot *depot;
    const struct pb_map_options *options;
    pb_progress_fn *progress;
    void *arg;
    int given; /* a descriptor of the file; -1: it is opened by its path */
    int fd;
    uint64_t size;
    char stem[OS_NAME_MAX + 1];      /* the title's name */
    char part_stem[OS_NAME_MAX + 1]; /* the same in the map's own spelling, for names of parts */
    char name[OS_NAME_MAX + 1];      /* of the map */
    struct os_attributes attributes;
    struct md5 key;
    struct pb_publish_result *result;
};

/* An archive_progress_fn. */
static int progress_report(void *arg, uint64_t done, struct pb_error *err)
{
    struct work *w = arg;
    struct pb_progress p = {"compressing", done, w->size, NULL};
    if (w->progress != NULL && w->progress(w->arg, &p) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

static int password_check(const struct pb_map_options *o, struct pb_error *err)
{
    size_t n = strlen(o->password);
    size_t most = o->long_password ? PASSWORD_MAX : PASSWORD_GAME_MAX;
    if (n == 0)
        return error_set(err, PB_INVALID, "the password is empty");
    if (n > most)
        return error_set(err, PB_INVALID, "the password has %zu characters; the game allows %d%s", n,
                         PASSWORD_GAME_MAX,
                         o->long_password ? ", and patchbay 255" : " (--long-password allows more)");
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)o->password[i] < 0x20 || (unsigned char)o->password[i] > 0x7e)
            return error_set(err, PB_INVALID, "the password has a character that is not printable ASCII");
    }
    return PB_OK;
}

/* Adds to the result's warning. */
static void warn(struct work *w, const char *text)
{
    char *all = w->result->warning;
    size_t used = strlen(all);
    snprintf(all + used, sizeof w->result->warning - used, "%s%s", used > 0 ? "; " : "", text);
}

/* The map's name as players get it: with its ending in lower case. */
static int name_make(struct work *w, const char *file, struct pb_error *err)
{
    enum { CHIMERA_MAX = 31 };
    int rc = os_map_name_check(file, err);
    if (rc == PB_OK)
        rc = os_original_name_check(file, err);
    if (rc < 0)
        return rc;
    os_stem(slice_of(file), w->stem);
    size_t n = strlen(w->stem);
    snprintf(w->name, sizeof w->name, "%s", file);
    for (char *c = w->name + n; *c != '\0'; c++)
        *c = ascii_lower(*c);
    w->attributes.map.name = w->name;
    snprintf(w->part_stem, sizeof w->part_stem, "%.*s", (int)n, file);
    if (n > CHIMERA_MAX)
        warn(w, "the name has more than 31 characters, which Chimera can't load");
    return PB_OK;
}

static int options_check(struct work *w, struct pb_error *err)
{
    const struct pb_map_options *o = w->options;
    const char *why;
    struct os_definition *map = &w->attributes.map;
    int rc = name_make(w, path_base(slice_of(o->file)).p, err);
    if (rc < 0)
        return rc;
    map->host_directory = o->host_directory != NULL ? o->host_directory : w->part_stem;
    if (!path_relative_portable(slice_of(map->host_directory), &why))
        return error_set(err, PB_INVALID, "host directory %s: the path %s", map->host_directory, why);
    const char *algorithm = o->algorithm != NULL ? o->algorithm : "7zip";
    if (!os_algorithm_parse(algorithm, &map->algorithm))
        return error_set(err, PB_INVALID, "algorithm %s: must be 7zip or zip", algorithm);
    if (o->level > 9)
        return error_set(err, PB_INVALID, "level %d: more than 9", o->level);
    w->attributes.level = o->level == 0 ? LEVEL_DEFAULT : o->level < 0 ? 0 : o->level;
    if (o->redirect_root != NULL && (rc = os_redirect_check(o->redirect_root, err)) < 0)
        return rc;
    w->attributes.redirect_root = o->redirect_root;
    w->attributes.encrypted = w->attributes.proof_known = o->password != NULL;
    return o->password != NULL ? password_check(o, err) : PB_OK;
}

static int size_check(uint64_t size, struct pb_error *err)
{
    if (size == 0)
        return error_set(err, PB_INVALID, "the file is empty");
    if (size > UINT32_MAX)
        return error_set(err, PB_INVALID, "the file has 4 GiB or more; the protocol's sizes have 32 bits");
    return PB_OK;
}

static int given_open(struct work *w, struct pb_error *err)
{
    struct stat st;
    w->fd = fcntl(w->given, F_DUPFD_CLOEXEC, 0);
    if (w->fd < 0 || fstat(w->fd, &st) != 0)
        return error_errno(err, errno, "the file");
    w->size = (uint64_t)st.st_size;
    return PB_OK;
}

static int source_open(struct work *w, struct pb_error *err)
{
    int rc = w->given >= 0 ? given_open(w, err)
                           : file_open_regular(AT_FDCWD, w->options->file, true, &w->fd, &w->size, err);
    return rc < 0 ? rc : size_check(w->size, err);
}

/* Halo's own header: 2,048 bytes between two marks. Test files may be without; the operator is told. */
static void header_check(const uint8_t *p, size_t n, struct work *w)
{
    bool custom = n >= MAP_HEADER && memcmp(p, "daeh", 4) == 0 && memcmp(p + 0x7fc, "toof", 4) == 0;
    bool trial = n >= MAP_HEADER && memcmp(p + 0x2c0, "dehE", 4) == 0 && memcmp(p + 0x5f0, "tofG", 4) == 0;
    if (!custom && !trial && slice_ends_nocase(slice_of(w->attributes.map.name), slice_of(".map")))
        warn(w, "no Halo map header, games will refuse it");
}

/* The one pass: each step of the file goes to the compressor, the raw object and the digest. */
static int source_pump(struct work *w, struct archive_writer *archive, struct object_writer *raw,
                       struct digest *digest, struct pb_error *err)
{
    _cleanup_free_ uint8_t *step = malloc(READ_STEP);
    if (step == NULL)
        return error_memory(err);
    for (uint64_t done = 0; done < w->size;) {
        size_t n = w->size - done < READ_STEP ? (size_t)(w->size - done) : READ_STEP;
        int rc = file_read_at(w->fd, step, n, done, err);
        if (rc < 0)
            return rc == PB_DAMAGED ? error_set(err, PB_INVALID, "the file shrank while it was read") : rc;
        if (done == 0)
            header_check(step, n, w);
        digest_add(digest, step, n);
        if (raw != NULL && (rc = object_writer_add(raw, step, n, err)) < 0)
            return rc;
        if ((rc = archive_writer_add(archive, step, n, err)) < 0)
            return rc;
        done += n;
    }
    return PB_OK;
}

/* Compresses into parts; the publication has them, and the raw map, afterwards. */
static int source_pack(struct work *w, struct publication *p, struct part_cutter *cutter,
                       struct pb_error *err)
{
    struct archive_writer *archive = NULL;
    struct digest_result result;
    struct object object;
    struct os_definition *map = &w->attributes.map;
    _cleanup_digest_ struct digest digest = {0};
    _cleanup_object_writer_ struct object_writer raw = {.fd = -1};
    bool keep_raw = !w->options->no_raw;
    int spool = -1;
    int rc = digest_start(&digest, DIGEST_MD5, err);
    if (rc == PB_OK && w->given >= 0) /* by a server, which may write nowhere else */
        rc = file_nameless(w->depot->tmp, &spool, err);
    if (rc == PB_OK && keep_raw)
        rc = object_writer_open(w->depot, &raw, err);
    if (rc == PB_OK)
        rc = part_cutter_start(cutter, err);
    if (rc == PB_OK)
        rc = archive_writer_open(map->algorithm, w->attributes.level, map->name, w->size, spool,
                                 part_cutter_add, cutter, &archive, err);
    else
        fd_close(&spool);
    if (rc == PB_OK)
        archive_writer_watch(archive, progress_report, w);
    if (rc == PB_OK)
        rc = source_pump(w, archive, keep_raw ? &raw : NULL, &digest, err);
    if (rc == PB_OK)
        rc = archive_writer_finish(archive, err);
    archive_writer_free(archive);
    if (rc == PB_OK)
        rc = part_cutter_finish(cutter, err);
    part_cutter_end(cutter);
    if (rc == PB_OK && keep_raw)
        rc = object_writer_finish(&raw, &object, err);
    if (rc == PB_OK && keep_raw)
        rc = publication_add(p, slice_of(map->name), OS_RAW, &object, (struct slice){0}, err);
    if (rc < 0)
        return rc;
    digest_finish(&digest, &result);
    map->md5 = result.md5;
    map->uncompressed_size = (uint32_t)w->size;
    if (cutter->total > UINT32_MAX)
        return error_set(err, PB_INVALID, "the archive has 4 GiB or more; the protocol's sizes have 32 bits");
    map->compressed_size = (uint32_t)cutter->total;
    w->result->parts = (unsigned)cutter->count;
    w->result->packed = cutter->total;
    return PB_OK;
}

static int release_publish(struct work *w, struct pb_error *err)
{
    struct publication_result made;
    _cleanup_publication_ struct publication p = {0};
    _cleanup_free_ struct part_cutter *cutter = calloc(1, sizeof *cutter);
    if (cutter == NULL)
        return error_memory(err);
    int rc = publication_begin(w->depot, OS_DIALECT, slice_of(w->stem), &p, err);
    if (rc < 0)
        return rc;
    cutter->publication = &p;
    cutter->stem = w->part_stem;
    cutter->ending = os_archive_ending(w->attributes.map.algorithm);
    cutter->key = w->attributes.encrypted ? w->key.bytes : NULL;
    if ((rc = source_pack(w, &p, cutter, err)) < 0)
        return rc;
    const char *password = w->options->password;
    if (password != NULL && (rc = os_password_proof(password, strlen(password), &w->attributes.map.md5,
                                                    &w->attributes.proof, err)) < 0)
        return rc;
    _cleanup_free_ char *attributes = os_attributes_emit(&w->attributes);
    if (attributes == NULL)
        return error_memory(err);
    rc = publication_commit(&p, NULL, attributes, &made, err);
    if (rc < 0)
        return rc;
    w->result->unchanged = made.unchanged;
    w->result->mended &= made.unchanged;
    w->result->stored = made.stored;
    snprintf(w->result->version, sizeof w->result->version, "%s", made.version);
    return PB_OK;
}

/* Which of a release's entries are parts, and how many bytes have they? */
static void parts_count(const struct stored_release *live, struct pb_publish_result *result, bool *has_raw)
{
    *has_raw = false;
    for (size_t i = 0; i < live->n; i++) {
        if (live->entries[i].kind == OS_RAW) {
            *has_raw = true;
            continue;
        }
        result->parts++;
        result->packed += live->entries[i].object.size;
    }
}

/* The attributes that publishing this file would give, were it packed as the live release is. */
static int attributes_wanted(struct work *w, uint64_t packed, char **text, struct pb_error *err)
{
    struct digest_result source;
    struct os_attributes wanted = w->attributes;
    const char *password = w->options->password;
    int rc = digest_file(DIGEST_MD5, w->fd, &source, err);
    if (rc < 0)
        return rc;
    wanted.map.md5 = source.md5;
    wanted.map.uncompressed_size = (uint32_t)source.size;
    wanted.map.compressed_size = (uint32_t)packed;
    if (password != NULL)
        rc = os_password_proof(password, strlen(password), &source.md5, &wanted.proof, err);
    if (rc < 0)
        return rc;
    *text = os_attributes_emit(&wanted);
    return *text == NULL ? error_memory(err) : PB_OK;
}

/* What the operator may not have meant: the same title without its password, or under another file name. */
static int live_compare(struct work *w, const struct stored_release *live, struct arena *arena,
                        struct pb_error *err)
{
    struct os_attributes before;
    const char *name = w->attributes.map.name;
    int rc = os_attributes_parse(live->attributes, arena, &before, err);
    if (rc < 0)
        return PB_OK; /* damaged: what comes now takes its place */
    if (before.encrypted && !w->attributes.encrypted)
        warn(w, "the release before had a password, this one has none");
    if (!slice_equal_nocase(slice_of(before.map.name), slice_of(name)))
        warn(w, "it takes the place of a file of another name");
    return PB_OK;
}

/* Is just this live already, with all its objects sound? Then compressing again would change nothing. 1 yes,
 * 0 no. */
static int already_live(struct work *w, struct pb_error *err)
{
    struct stored_release live;
    struct pb_publish_result found = {0};
    uint8_t header[MAP_HEADER];
    bool has_raw;
    _cleanup_free_ char *wanted = NULL;
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    int rc = stored_release_live(w->depot, OS_DIALECT, w->stem, &arena, &live, err);
    if (rc != 1)
        return rc;
    if ((rc = live_compare(w, &live, &arena, err)) < 0)
        return rc;
    parts_count(&live, &found, &has_raw);
    if (has_raw == w->options->no_raw)
        return 0;
    if ((rc = attributes_wanted(w, found.packed, &wanted, err)) < 0)
        return rc;
    if (strcmp(wanted, live.attributes) != 0)
        return 0;
    if (!stored_release_sound(w->depot, &live)) {
        w->result->mended = 1; /* by packing it again */
        return 0;
    }
    w->result->parts = found.parts;
    w->result->packed = found.packed;
    w->result->unchanged = 1;
    snprintf(w->result->version, sizeof w->result->version, "%s", live.version);
    bool whole = w->size >= MAP_HEADER && file_read_at(w->fd, header, sizeof header, 0, err) == PB_OK;
    header_check(header, whole ? sizeof header : 0, w);
    return 1;
}

int os_publish_check(const struct pb_map_options *options, uint64_t size, struct pb_error *err)
{
    struct pb_publish_result result = {0};
    struct work w = {.options = options, .given = -1, .fd = -1, .result = &result};
    int rc = options_check(&w, err);
    if (rc == PB_OK)
        rc = size_check(size, err);
    return rc < 0 ? error_context(err, "publish map %s", options->file) : PB_OK;
}

int os_publish_map(struct depot *d, const struct pb_map_options *options, int fd, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    struct work w = {.depot = d,
                     .options = options,
                     .progress = progress,
                     .arg = arg,
                     .given = fd,
                     .fd = -1,
                     .result = result};
    *result = (struct pb_publish_result){0};
    int rc = options_check(&w, err);
    if (rc == PB_OK)
        rc = source_open(&w, err);
    if (rc == PB_OK && options->password != NULL)
        rc = os_password_key(options->password, &w.key, err);
    if (rc == PB_OK) {
        snprintf(result->title, sizeof result->title, OS_DIALECT "/%s", w.stem);
        result->source_bytes = w.size;
        rc = already_live(&w, err);
    }
    if (rc == 0)
        rc = release_publish(&w, err);
    fd_close(&w.fd);
    explicit_bzero(&w.key, sizeof w.key);
    return rc < 0 ? error_context(err, "publish map %s", options->file) : PB_OK;
}
