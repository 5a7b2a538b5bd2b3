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
    *fd = openat(objects, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        return error_errno(err, errno, "object %s", path);
    int number = fstat(*fd, &st) != 0 ? errno : 0;
    if (number == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
        return PB_OK;
    fd_close(fd);
    return number != 0 ? error_errno(err, number, "object %s", path)
                       : error_set(err, PB_DAMAGED, "object %s: not a file of %llu bytes", path,
                                   (unsigned long long)size);
}

bool object_sound(int objects, const struct object *o)
{
    struct digest_result found;
    _cleanup_fd_ int fd = -1;
    return object_open(objects, &o->name, o->size, &fd, NULL) == PB_OK &&
           digest_file(DIGEST_SHA256, fd, &found, NULL) == PB_OK &&
           memcmp(&found.sha256, &o->name, sizeof o->name) == 0;
}

/* Has the depot just these bytes under this name? */
static bool object_same(const struct depot *d, const struct object *o, const char *p)
{
    char step[16 * 1024];
    _cleanup_fd_ int fd = -1;
    if (object_open(d->objects, &o->name, o->size, &fd, NULL) < 0)
        return false;
    for (uint64_t at = 0; at < o->size;) {
        size_t n = o->size - at < sizeof step ? (size_t)(o->size - at) : sizeof step;
        if (file_read_at(fd, step, n, at, NULL) < 0 || memcmp(step, p + at, n) != 0)
            return false;
        at += n;
    }
    return true;
}

/* `kinds`: digests that are made of what is added. */
static int writer_open(const struct depot *d, unsigned kinds, struct object_writer *w, struct pb_error *err)
{
    uint8_t random[16];
    *w = (struct object_writer){.depot = d, .fd = -1};
    int rc = bytes_random(random, sizeof random, err);
    if (rc == PB_OK)
        rc = digest_start(&w->digest, kinds, err);
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

static int writer_place(struct object_writer *w, const struct object *object, struct pb_error *err)
{
    char path[OBJECT_PATH];
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

/* Writes an object of few bytes under its own name, if nothing has that name. 1: done; 0: something is there.
 * What a crash leaves half written has no release that refers to it; whoever stores the same bytes then finds
 * them wrong and replaces them (object_store). */
static int object_create(const struct depot *d, const void *p, const struct object *o, struct pb_error *err)
{
    enum { HOW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    char path[OBJECT_PATH];
    object_path(&o->name, path);
    _cleanup_fd_ int fd = openat(d->objects, path, HOW, 0444);
    if (fd < 0 && errno == ENOENT) {
        path[2] = '\0';
        int rc = folder_make(d->objects, path, err);
        if (rc < 0)
            return rc;
        path[2] = '/';
        fd = openat(d->objects, path, HOW, 0444);
    }
    if (fd < 0)
        return errno == EEXIST ? 0 : error_errno(err, errno, "depot: make object %s", path);
    int rc = file_write(fd, p, (size_t)o->size, err);
    if (rc < 0)
        unlinkat(d->objects, path, 0);
    return rc < 0 ? error_context(err, "depot: object %s", path) : 1;
}

int object_store(const struct depot *d, const void *p, size_t n, struct object *out, struct pb_error *err)
{
    enum { FEW = 64 * 1024 };
    struct digest_result r;
    int rc = digest_bytes(DIGEST_MD5 | DIGEST_SHA256, p, n, &r, err);
    if (rc < 0)
        return rc;
    *out = (struct object){r.sha256, r.md5, n};
    if (n <= FEW && (rc = object_create(d, p, out, err)) != 0)
        return rc < 0 ? rc : PB_OK;
    if (object_same(d, out, p))
        return PB_OK;
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    rc = writer_open(d, 0, &w, err);
    if (rc == PB_OK)
        rc = object_writer_add(&w, p, n, err);
    return rc < 0 ? rc : writer_place(&w, out, err);
}

/* Copies a file into a new object. */
static int file_store(const struct depot *d, int fd, struct object *out, struct pb_error *err)
{
    enum { STEP = 256 * 1024 };
    ssize_t n = 0;
    _cleanup_free_ char *step = malloc(STEP);
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    int rc = step == NULL ? error_memory(err) : object_writer_open(d, &w, err);
    for (off_t at = 0; rc == PB_OK && (n = pread(fd, step, STEP, at)) != 0; at += n) {
        if (n < 0)
            return error_errno(err, errno, "read");
        rc = object_writer_add(&w, step, (size_t)n, err);
    }
    return rc < 0 ? rc : object_writer_finish(&w, out, err);
}

int object_store_file(const struct depot *d, int fd, struct object *out, struct pb_error *err)
{
    struct digest_result r;
    int rc = digest_file(DIGEST_MD5 | DIGEST_SHA256, fd, &r, err);
    if (rc < 0)
        return rc;
    *out = (struct object){r.sha256, r.md5, r.size};
    return object_sound(d->objects, out) ? PB_OK : file_store(d, fd, out, err);
}

int object_writer_open(const struct depot *d, struct object_writer *w, struct pb_error *err)
{
    return writer_open(d, DIGEST_MD5 | DIGEST_SHA256, w, err);
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
    digest_finish(&w->digest, &result);
    *object = (struct object){result.sha256, result.md5, result.size};
    return writer_place(w, object, err);
}

void object_writer_drop(struct object_writer *w)
{
    if (w->fd >= 0) {
        unlinkat(w->depot->tmp, w->tmp, 0);
        fd_close(&w->fd);
    }
    digest_free(&w->digest);
}
