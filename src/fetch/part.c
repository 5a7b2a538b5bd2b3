/* Files in staging. */
#include "fetch/part.h"

#include "base/file.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PART_NAME = FILE_NAME_MAX + 1 };

static void part_name(const struct fetch_piece *p, char name[PART_NAME])
{
    snprintf(name, PART_NAME, "%s" PART_ENDING, p->staged);
}

static bool size_known(const struct fetch_piece *p)
{
    return p->size != FETCH_SIZE_UNKNOWN;
}

uint64_t piece_most(const struct fetch_piece *p)
{
    return size_known(p) ? p->size : p->ceiling;
}

int piece_present(int staging, const struct fetch_piece *p, struct pb_error *err)
{
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    if (file_open_regular(staging, p->staged, false, &fd, &size, err) < 0 || size > piece_most(p) ||
        (size_known(p) && size != p->size))
        return 0;
    if (!p->verified)
        return 1;
    int rc = digest_file(DIGEST_MD5, fd, &r, err);
    return rc < 0 ? rc : md5_equal(&r.md5, &p->md5);
}

void part_close(struct part *part)
{
    fd_close(&part->fd);
    digest_free(&part->digest);
    part->size = 0;
}

/* Cuts the file to `size` bytes, and starts the digest anew. */
static int part_cut(struct part *part, const struct fetch_piece *p, uint64_t size, struct pb_error *err)
{
    if (ftruncate(part->fd, (off_t)size) != 0 || lseek(part->fd, 0, SEEK_SET) != 0)
        return error_errno(err, errno, "staging");
    digest_free(&part->digest);
    part->size = 0;
    return p->verified ? digest_start(&part->digest, DIGEST_MD5, err) : PB_OK;
}

int part_restart(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    return part_cut(part, p, 0, err);
}

/* Hashes what is there, and goes to its end. */
static int part_read(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    enum { STEP = 64 * 1024 };
    char step[STEP];
    ssize_t n;
    while (p->verified && (n = read(part->fd, step, sizeof step)) > 0)
        digest_add(&part->digest, step, (size_t)n);
    off_t end = lseek(part->fd, 0, SEEK_END);
    if (end < 0 || (p->verified && part->digest.size != (uint64_t)end))
        return error_errno(err, errno, "staging");
    part->size = (uint64_t)end;
    return PB_OK;
}

int part_open(struct part *part, int staging, const struct fetch_piece *p, uint32_t step,
              struct pb_error *err)
{
    char name[PART_NAME];
    part_name(p, name);
    part->fd = openat(staging, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    off_t end = part->fd >= 0 ? lseek(part->fd, 0, SEEK_END) : -1;
    if (end < 0)
        return error_errno(err, errno, "staging: %s", name);
    uint64_t there = (uint64_t)end;
    if (there > piece_most(p) || (!p->verified && !size_known(p)))
        there = 0;
    else if (there != p->size)
        there -= there % step;
    int rc = part_cut(part, p, there, err);
    return rc == PB_OK ? part_read(part, p, err) : rc;
}

int part_add(struct part *part, const struct fetch_piece *p, const char *bytes, size_t n,
             struct pb_error *err)
{
    if (n > piece_most(p) - part->size)
        return error_set(err, PB_DAMAGED, "the server sends more than the %llu bytes %s",
                         (unsigned long long)piece_most(p), size_known(p) ? "announced" : "that make sense");
    int rc = file_write(part->fd, bytes, n, err);
    if (rc < 0)
        return rc;
    if (p->verified)
        digest_add(&part->digest, bytes, n);
    part->size += n;
    return PB_OK;
}

bool part_is_whole(const struct part *part, const struct fetch_piece *p)
{
    struct digest_result r;
    if (size_known(p) ? part->size != p->size : part->size == 0)
        return false;
    if (!p->verified)
        return size_known(p);
    return digest_file(DIGEST_MD5, part->fd, &r, NULL) == PB_OK && md5_equal(&r.md5, &p->md5);
}

int part_check(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    struct digest_result r = {0};
    uint64_t size = part->size;
    bool size_right = !size_known(p) || size == p->size;
    if (p->verified)
        digest_finish(&part->digest, &r);
    if (size_right && (!p->verified || md5_equal(&r.md5, &p->md5)))
        return PB_OK;
    int rc = part_restart(part, p, err);
    if (rc < 0)
        return rc;
    if (!size_right)
        return error_set(err, PB_DAMAGED, "the server sent %llu bytes of the %llu announced",
                         (unsigned long long)size, (unsigned long long)p->size);
    return error_set(err, PB_DAMAGED, "its MD5 is not the one announced");
}

int part_keep(struct part *part, int staging, const struct fetch_piece *p, struct pb_error *err)
{
    char name[PART_NAME];
    part_name(p, name);
    part_close(part);
    return renameat(staging, name, staging, p->staged) == 0
               ? PB_OK
               : error_errno(err, errno, "staging: %s", p->staged);
}
