/* Changing the user, with Linux's capabilities by their system calls. */
#include "cli/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed(int status, const char *what, int number, struct pb_error *err)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "--user: %s: %s", what, strerror(number));
    return status;
}

/* The capabilities of this thread become these. */
static int capabilities_set(unsigned set)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = set, .permitted = set}};
    return (int)syscall(SYS_capset, &head, data);
}

int privileges_user(const char *name, struct pb_error *err)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return failed(PB_NOT_FOUND, name, errno != 0 ? errno : ENOENT, err);
    if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setuid(user->pw_uid) != 0 ||
        capabilities_set(user->pw_uid == 0 ? ~0u : 1u << CAP_NET_BIND_SERVICE) != 0)
        return failed(PB_FAILED, name, errno, err);
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return PB_OK;
}

void privileges_drop(void)
{
    if (geteuid() != 0)
        capabilities_set(0);
}
