/* Landlock, by its system calls: the C library has no functions for them, and older headers not all of its
 * rights. */
#include "base/confine.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h of Linux 6.12; `handled` rights are refused but where a rule grants them. */
struct ruleset {
    uint64_t files;
    uint64_t net;
    uint64_t scoped;
};

enum {
    RIGHT_REFER = 1 << 13,     /* version 2: rename from one folder into another */
    RIGHT_TRUNCATE = 1 << 14,  /* version 3 */
    RIGHT_IOCTL_DEV = 1 << 15, /* version 5 */
    NET_BIND = 1 << 0,         /* version 4 */
    NET_CONNECT = 1 << 1,
    SCOPE_ABSTRACT = 1 << 0, /* version 6: abstract Unix sockets of other processes */
    SCOPE_SIGNAL = 1 << 1,
    LEAST_VERSION = 2, /* before, no rename could go from one folder into another */
};

static uint64_t rights_known(int version)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    return all | RIGHT_REFER | (version >= 3 ? RIGHT_TRUNCATE : 0) | (version >= 5 ? RIGHT_IOCTL_DEV : 0);
}

static uint64_t rights_of(unsigned rights, bool folder)
{
    uint64_t r = 0;
    if (rights & CONFINE_READ)
        r |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    if (rights & CONFINE_APPEND)
        r |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
    if (rights & CONFINE_WRITE)
        r |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
             LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
             RIGHT_REFER | RIGHT_TRUNCATE;
    return folder ? r : r & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE);
}

static int rule_add(int rules, const struct confine_path *p, uint64_t known, struct pb_error *err)
{
    struct stat st;
    _cleanup_fd_ int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES
                   ? PB_OK
                   : error_errno(err, errno, "%s", p->path);
    if (fstat(fd, &st) != 0)
        return error_errno(err, errno, "%s", p->path);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = rights_of(p->rights, S_ISDIR(st.st_mode)) & known, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return error_errno(err, errno, "Landlock: %s", p->path);
    return PB_OK;
}

int confine_files(const struct confine_files *f, int *version, struct pb_error *err)
{
    long has = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *version = has >= LEAST_VERSION ? (int)has : 0;
    if (*version == 0)
        return PB_OK;
    struct ruleset set = {.files = rights_known(*version)};
    size_t size = *version >= 6 ? sizeof set : *version >= 4 ? 16 : 8;
    if (*version >= 4)
        set.net = (f->bind ? 0u : NET_BIND) | (f->connect ? 0u : NET_CONNECT);
    if (*version >= 6)
        set.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
    _cleanup_fd_ int rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
    if (rules < 0)
        return error_errno(err, errno, "Landlock");
    for (size_t i = 0; i < f->n; i++) {
        int rc = rule_add(rules, &f->paths[i], set.files, err);
        if (rc < 0)
            return rc;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        return error_errno(err, errno, "Landlock");
    return PB_OK;
}
