/* Files in staging. */
#include "fetch/part.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/path.h"
#include "fetch/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PART_NAME = FILE_NAME_MAX + 1, HELD_MAX = 64 * 1024 /* bytes of a piece in memory */ };

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

int piece_present(int staging, const struct fetch_piece *p, uint64_t *size, struct pb_error *err)
{
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    if (beneath_own(staging, p->staged, O_RDONLY, &fd, size, err) < 0 || *size > piece_most(p) ||
        (size_known(p) && *size != p->size))
        return 0;
    if (!p->verified)
        return 1;
    int rc = digest_file(DIGEST_MD5, fd, &r, err);
    return rc < 0 ? rc : md5_equal(&r.md5, &p->md5);
}

/* ---- the file ---- */

/* Cuts the file to `size` bytes, and starts the digest anew. */
static int part_cut(struct part *part, const struct fetch_piece *p, uint64_t size, struct pb_error *err)
{
    if (ftruncate(part->fd, (off_t)size) != 0 || lseek(part->fd, 0, SEEK_SET) != 0)
        return error_errno(err, errno, "staging");
    digest_free(&part->digest);
    part->size = 0;
    return p->verified ? digest_start(&part->digest, DIGEST_MD5, err) : PB_OK;
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

/* NAME.part, if it is a file and no one else's: a link that was planted there leads elsewhere. */
static int part_find(struct part *part, const struct fetch_piece *p)
{
    char name[PART_NAME];
    uint64_t size;
    part_name(p, name);
    return beneath_own(part->staging, name, O_RDWR, &part->fd, &size, NULL);
}

/* ---- memory ---- */

/* From memory into NAME.part: it is not small, or has to wait. */
static int part_spill(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    char name[PART_NAME];
    size_t n = (size_t)part->size;
    part_name(p, name);
    int rc = staged_make(part->staging, name, &part->fd, err);
    if (rc == PB_OK)
        rc = part_cut(part, p, 0, err);
    if (rc == PB_OK)
        rc = file_write(part->fd, part->held, n, err);
    if (rc < 0)
        return rc;
    if (p->verified)
        digest_add(&part->digest, part->held, n);
    part->size = n;
    return PB_OK;
}

static int held_add(struct part *part, const char *bytes, size_t n, struct pb_error *err)
{
    size_t needed = (size_t)part->size + n;
    if (needed > part->held_room) {
        size_t room = needed * 2 < HELD_MAX ? needed * 2 : HELD_MAX;
        char *held = realloc(part->held, room);
        if (held == NULL)
            return error_memory(err);
        part->held = held;
        part->held_room = room;
    }
    memcpy(part->held + part->size, bytes, n);
    part->size += n;
    return PB_OK;
}

/* ---- both ---- */

void part_close(struct part *part, const struct fetch_piece *p)
{
    struct pb_error ignored;
    if (part->fd < 0 && part->size > 0 && part_spill(part, p, &ignored) < 0)
        part->size = 0; /* it is asked for again */
    fd_close(&part->fd);
    digest_free(&part->digest);
    part->size = 0;
}

void part_free(struct part *part)
{
    fd_close(&part->fd);
    digest_free(&part->digest);
    free(part->held);
    *part = PART_NONE;
}

int part_restart(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    part->size = 0;
    return part->fd >= 0 ? part_cut(part, p, 0, err) : PB_OK;
}

int part_open(struct part *part, int staging, const struct fetch_piece *p, bool look, uint32_t step,
              struct pb_error *err)
{
    part->staging = staging;
    part->fd = -1;
    part->size = 0;
    if (!look || part_find(part, p) < 0)
        return PB_OK;
    off_t end = lseek(part->fd, 0, SEEK_END);
    if (end < 0)
        return error_errno(err, errno, "staging: %s", p->staged);
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
    if (part->fd < 0 && n <= HELD_MAX - part->size)
        return held_add(part, bytes, n, err);
    int rc = part->fd < 0 ? part_spill(part, p, err) : PB_OK;
    if (rc == PB_OK)
        rc = file_write(part->fd, bytes, n, err);
    if (rc < 0)
        return rc;
    if (p->verified)
        digest_add(&part->digest, bytes, n);
    part->size += n;
    return PB_OK;
}

/* Are the bytes that are there those of the piece's MD5? */
static bool bytes_right(const struct part *part, const struct fetch_piece *p)
{
    struct digest_result r = {0};
    if (part->fd < 0)
        return md5_bytes(part->held, (size_t)part->size, &r.md5) && md5_equal(&r.md5, &p->md5);
    return digest_file(DIGEST_MD5, part->fd, &r, NULL) == PB_OK && md5_equal(&r.md5, &p->md5);
}

bool part_is_whole(const struct part *part, const struct fetch_piece *p)
{
    if (size_known(p) ? part->size != p->size : part->size == 0)
        return false;
    return p->verified ? bytes_right(part, p) : size_known(p);
}

int part_check(struct part *part, const struct fetch_piece *p, struct pb_error *err)
{
    struct digest_result r = {0};
    uint64_t size = part->size;
    bool size_right = !size_known(p) || size == p->size;
    bool right = !p->verified;
    if (p->verified && part->fd >= 0) {
        digest_finish(&part->digest, &r);
        right = md5_equal(&r.md5, &p->md5);
    } else if (p->verified) {
        right = bytes_right(part, p);
    }
    if (size_right && right)
        return PB_OK;
    int rc = part_restart(part, p, err);
    if (rc < 0)
        return rc;
    if (!size_right)
        return error_set(err, PB_DAMAGED, "the server sent %llu bytes of the %llu announced",
                         (unsigned long long)size, (unsigned long long)p->size);
    return error_set(err, PB_DAMAGED, "its MD5 is not the one announced");
}

int part_keep(struct part *part, const struct fetch_piece *p, struct writer *writer, struct pb_error *err)
{
    char name[PART_NAME];
    size_t n = (size_t)part->size;
    if (part->fd < 0) {
        part->size = 0;
        return writer != NULL ? writer_put(writer, p->staged, part->held, n, err)
                              : staged_write(part->staging, p->staged, part->held, n, err);
    }
    part_name(p, name);
    part_close(part, p);
    bool kept = renameat(part->staging, name, part->staging, p->staged) == 0;
    if (!kept && errno == EISDIR && beneath_clear(part->staging, p->staged, err) == PB_OK)
        kept = renameat(part->staging, name, part->staging, p->staged) == 0;
    return kept ? PB_OK : error_errno(err, errno, "staging: %s", p->staged);
}
