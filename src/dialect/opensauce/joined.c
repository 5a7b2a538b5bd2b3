/* Parts as one archive. */
#include "dialect/opensauce/joined.h"

#include "base/file.h"
#include "codec/xxtea.h"
#include "dialect/opensauce/release.h"

int os_joined_open(const struct os_definition *d, const char *password, os_part_open_fn *open, void *arg,
                   struct os_joined *out, struct pb_error *err)
{
    *out = (struct os_joined){.definition = d, .open = open, .arg = arg, .loaded = d->part_count};
    out->starts = calloc(d->part_count + 1, sizeof *out->starts);
    out->bytes = malloc(OS_PART_SIZE);
    if (out->starts == NULL || out->bytes == NULL)
        return error_memory(err);
    for (size_t i = 0; i < d->part_count; i++)
        out->starts[i + 1] = out->starts[i] + d->parts[i].size;
    out->has_key = password != NULL;
    return password != NULL ? os_password_key(password, &out->key, err) : PB_OK;
}

void os_joined_close(struct os_joined *j)
{
    free(j->starts);
    free(j->bytes);
    explicit_bzero(&j->key, sizeof j->key);
    j->starts = NULL;
    j->bytes = NULL;
}

static int part_decrypt(struct os_joined *j, const struct os_part *part, struct pb_error *err)
{
    struct digest_result r;
    if (!j->has_key)
        return error_set(err, PB_DENIED, "the map is encrypted: its password is needed (--password-file)");
    xxtea_decrypt(j->bytes, part->size, j->key.bytes);
    int rc = digest_bytes(DIGEST_MD5, j->bytes, part->size, &r, err);
    if (rc == PB_OK && !md5_equal(&r.md5, &part->unencrypted))
        rc = error_set(err, PB_DENIED, "wrong password (the parts are whole, but it does not open them)");
    return rc;
}

int os_joined_load(struct os_joined *j, size_t index, struct pb_error *err)
{
    const struct os_part *part = &j->definition->parts[index];
    _cleanup_fd_ int fd = -1;
    j->loaded = j->definition->part_count;
    int rc = j->open(j->arg, j->definition, index, &fd, err);
    if (rc == PB_OK)
        rc = file_read_at(fd, j->bytes, part->size, 0, err);
    if (rc < 0)
        return error_context(err, "part %s", part->name);
    if (part->encrypted && (rc = part_decrypt(j, part, err)) < 0)
        return rc;
    j->loaded = index;
    return PB_OK;
}

/* The part that has the byte at `offset`. */
static size_t part_at(const struct os_joined *j, uint64_t offset)
{
    size_t low = 0, high = j->definition->part_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (j->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int joined_source(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    struct os_joined *j = arg;
    size_t part = part_at(j, offset);
    if (part != j->loaded) {
        int rc = os_joined_load(j, part, err);
        if (rc < 0)
            return rc;
    }
    size_t within = (size_t)(offset - j->starts[part]);
    *p = j->bytes + within;
    *n = j->definition->parts[part].size - within;
    return PB_OK;
}

int os_joined_extract(struct os_joined *j, archive_sink_fn *sink, void *arg, struct pb_error *err)
{
    const struct os_definition *d = j->definition;
    struct archive_input input = {joined_source, j, j->starts[d->part_count]};
    return archive_extract(d->algorithm, &input, d->name, d->uncompressed_size, sink, arg, err);
}

static int opener_open(void *arg, struct archive_input *out, struct pb_error *err)
{
    const struct os_parts *parts = arg;
    struct os_joined *j = calloc(1, sizeof *j);
    if (j == NULL)
        return error_memory(err);
    int rc = os_joined_open(parts->definition, parts->password, parts->open, parts->arg, j, err);
    if (rc < 0) {
        os_joined_close(j);
        free(j);
        return rc;
    }
    *out = (struct archive_input){joined_source, j, j->starts[parts->definition->part_count]};
    return PB_OK;
}

static void opener_close(void *arg, struct archive_input *in)
{
    (void)arg;
    os_joined_close(in->arg);
    free(in->arg);
}

struct archive_opener os_joined_opener(const struct os_parts *parts)
{
    return (struct archive_opener){opener_open, opener_close, (void *)parts};
}

int os_joined_objects(void *publication, const struct os_definition *d, size_t part, int *fd,
                      struct pb_error *err)
{
    const struct publication *p = publication;
    (void)d;
    const struct object *o = &p->entries[part].object;
    return object_open(p->depot->objects, &o->name, o->size, fd, err);
}
