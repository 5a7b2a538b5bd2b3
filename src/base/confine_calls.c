/* seccomp, by libseccomp. Lists of what is allowed: a call that nobody thought of is refused. */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

/* Names that this machine's libseccomp does not know are passed over. Between two names is a space. */
static const char everyone[] =
    "read write readv writev pread64 pwrite64 preadv preadv2 pwritev lseek _llseek ftruncate "
    "ftruncate64 memfd_create fstat fstat64 close dup dup2 dup3 fcntl fcntl64 poll ppoll ppoll_time64 "
    "recvmsg sendmsg recvfrom sendto recv send futex futex_time64 munmap mremap madvise brk exit "
    "exit_group rt_sigprocmask rt_sigreturn rt_sigaction sigreturn sigaltstack set_robust_list rseq "
    "membarrier sched_yield sched_getaffinity clock_gettime clock_gettime64 clock_nanosleep "
    "clock_nanosleep_time64 nanosleep gettimeofday getrandom gettid getpid restart_syscall shutdown";

static const char server[] =
    "open openat stat lstat stat64 fstatat64 newfstatat statx access faccessat faccessat2 readlink "
    "readlinkat getdents getdents64 getcwd fstatfs fstatfs64 statfs statfs64 fsync fdatasync syncfs "
    "fallocate fadvise64 fadvise64_64 sync_file_range mincore msync flock rename renameat renameat2 "
    "unlink unlinkat mkdir mkdirat rmdir link linkat fchmod fchmodat chmod fchown chown utimensat "
    "umask sendfile sendfile64 splice copy_file_range accept accept4 getsockopt setsockopt "
    "getsockname getpeername recvmmsg sendmmsg epoll_wait epoll_pwait epoll_pwait2 epoll_ctl "
    "epoll_create epoll_create1 eventfd eventfd2 pipe pipe2 select pselect6 _newselect "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_sigpending timerfd_create timerfd_settime clock_getres "
    "times getrusage sysinfo uname getuid geteuid getgid getegid getppid getpgrp getresuid getresgid "
    "sched_setscheduler sched_getscheduler sched_getparam sched_get_priority_max "
    "sched_get_priority_min setpriority getpriority ioprio_set connect socketpair";

/* What the sanitizers of the test builds need besides: LeakSanitizer looks at its process from a child. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const char sanitizers[] =
    "clone ptrace wait4 prctl process_vm_readv kill readlink readlinkat mprotect mmap openat "
    "getdents64 personality mincore";
#else
static const char sanitizers[] = "";
#endif

static int names_allow(scmp_filter_ctx f, const char *names)
{
    enum { NAME_MAX_SIZE = 32 };
    int rc = 0;
    for (size_t n; *names != '\0' && rc >= 0; names += n + (names[n] == ' ')) {
        char name[NAME_MAX_SIZE];
        n = strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, names);
        int call = seccomp_syscall_resolve_name(name);
        if (call != __NR_SCMP_ERROR)
            rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0);
        if (rc == -EDOM || rc == -EEXIST || rc == -EINVAL) /* not on this architecture */
            rc = 0;
    }
    return rc;
}

/* Calls that are allowed with some arguments only. */
static int shared_rules(scmp_filter_ctx f)
{
    const struct scmp_arg_cmp no_program = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_program);
    if (rc >= 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_program);
    if (rc >= 0) /* threads, no processes */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (rc >= 0) /* its flags are in memory: the C library then uses clone */
        rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc >= 0) /* fstat(), as newer C libraries make it */
        rc =
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
    if (rc >= 0) /* abort() */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (rc >= 0) /* reading a limit, not setting one */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
                              SCMP_A2(SCMP_CMP_EQ, 0));
    return rc;
}

/* Sockets: for telling the service manager, and for other servers where there are some. */
static int socket_rules(scmp_filter_ctx f, bool connect)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < (connect ? sizeof families / sizeof families[0] : 1); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    if (rc >= 0) /* how much a peer has not taken yet */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCOUTQ));
    if (rc >= 0 && connect) /* the resolver binds a netlink socket; nobody can listen */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
    return rc;
}

/* ---- telling what was refused ---- */

/* One for the process, as signal handlers are. */
static confine_refused_fn *told;

static void on_refused(int signal, siginfo_t *info, void *context)
{
    enum { TOLD_MAX = 16 };
    static int count;
    ucontext_t *at = context;
    int before = errno;
    (void)signal;
    if (told != NULL && __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED) < TOLD_MAX)
        told(info->si_syscall);
    errno = before;
#if defined(__x86_64__)
    at->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    at->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
    (void)at;
#endif
}

/* A signal lets us tell; its handler has to know the machine's registers. */
static uint32_t refusal(confine_refused_fn *refused)
{
#if defined(__x86_64__) || defined(__aarch64__)
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
    told = refused;
    if (refused != NULL && sigaction(SIGSYS, &action, NULL) == 0)
        return SCMP_ACT_TRAP;
#else
    (void)refused, (void)on_refused;
#endif
    return SCMP_ACT_ERRNO(EPERM);
}

/* ---- the interface ---- */

int confine_calls(enum confine_role role, bool connect, confine_refused_fn *refused, bool *enforced,
                  struct pb_error *err)
{
    *enforced = false;
    scmp_filter_ctx f = seccomp_init(refusal(refused));
    if (f == NULL)
        return error_memory(err);
    int rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a search tree, not a list */
    if (rc >= 0)
        rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc >= 0)
        rc = names_allow(f, everyone);
    if (rc >= 0 && role == CONFINE_SERVER)
        rc = names_allow(f, server);
    if (rc >= 0)
        rc = names_allow(f, sanitizers);
    if (rc >= 0)
        rc = shared_rules(f);
    if (rc >= 0 && role == CONFINE_SERVER)
        rc = socket_rules(f, connect);
    if (rc >= 0) {
        rc = seccomp_load(f);
        *enforced = rc >= 0;
        if (rc == -EINVAL || rc == -ENOSYS || rc == -EOPNOTSUPP || rc == -ECANCELED || rc == -EPERM)
            rc = 0; /* a kernel, or a container, without seccomp */
    }
    seccomp_release(f);
    return rc < 0 ? error_errno(err, -rc, "seccomp") : PB_OK;
}
