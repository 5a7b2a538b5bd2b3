/* Object files. */
#include "depot/object.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void object_path(const struct sha256 *name, char path[OBJECT_PATH])
{
    char hex[SHA256_HEX + 1];
    hex_encode(name->bytes, sizeof name->bytes, hex);
    snprintf(path, OBJECT_PATH, "%.2s/%s", hex, hex + 2);
}

int object_open(int objects, const struct sha256 *name, uint64_t size, int *fd, struct pb_error *err)
{
    char path[OBJECT_PATH];
    struct stat st;
    object_path(name, path);
    *fd = openat(objects, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return error_errno(err, errno, "object %s", path);
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
        fd_close(fd);
        return error_set(err, PB_DAMAGED, "object %s: not a file of %llu bytes", path,
                         (unsigned long long)size);
    }
    return PB_OK;
}

int object_writer_open(const struct depot *d, struct object_writer *w, struct pb_error *err)
{
    uint8_t random[16];
    *w = (struct object_writer){.depot = d, .fd = -1};
    int rc = bytes_random(random, sizeof random, err);
    if (rc == PB_OK)
        rc = digest_start(&w->digest, DIGEST_MD5 | DIGEST_SHA256, err);
    if (rc < 0)
        return rc;
    hex_encode(random, sizeof random, w->tmp);
    w->fd = openat(d->tmp, w->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (w->fd < 0) {
        rc = error_errno(err, errno, "depot: make tmp/%s", w->tmp);
        digest_free(&w->digest);
    }
    return rc;
}

int object_writer_add(struct object_writer *w, const void *p, size_t n, struct pb_error *err)
{
    digest_add(&w->digest, p, n);
    int rc = file_write(w->fd, p, n, err);
    return rc < 0 ? error_context(err, "depot: tmp/%s", w->tmp) : PB_OK;
}

int object_writer_finish(struct object_writer *w, struct object *object, struct pb_error *err)
{
    struct digest_result result;
    char path[OBJECT_PATH];
    digest_finish(&w->digest, &result);
    *object = (struct object){result.sha256, result.md5, result.size};
    object_path(&object->name, path);
    int rc = renameat(w->depot->tmp, w->tmp, w->depot->objects, path);
    if (rc != 0 && errno == ENOENT) {
        path[2] = '\0';
        if ((rc = folder_make(w->depot->objects, path, err)) < 0)
            return rc;
        path[2] = '/';
        rc = renameat(w->depot->tmp, w->tmp, w->depot->objects, path);
    }
    if (rc != 0)
        return error_errno(err, errno, "depot: put object %s in place", path);
    fd_close(&w->fd);
    return PB_OK;
}

void object_writer_drop(struct object_writer *w)
{
    if (w->fd >= 0) {
        unlinkat(w->depot->tmp, w->tmp, 0);
        fd_close(&w->fd);
    }
    digest_free(&w->digest);
}
