/* Children that work on bytes from outside. */
#include "base/child.h"

#include "base/clock.h"
#include "base/confine.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET = 3, SEND_MS = 60000 };

/* ---- in the child ---- */

/* Only standard error and the socket stay. */
static bool descriptors_drop(int socket)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(socket, SOCKET) < 0)
        return false;
    if (null >= 0 && (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0))
        return false;
    return close_range(SOCKET + 1, ~0u, 0) == 0;
}

/* A map's parts are a descriptor each. A child that crashes leaves no image of its memory, which has
 * passwords. */
static void limits_set(void)
{
    struct rlimit files, core = {0, 0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    setrlimit(RLIMIT_CORE, &core);
}

/* The parent's handlers and its mask are no business of the child's. */
static void signals_reset(void)
{
    sigset_t all;
    for (int i = 1; i < SIGRTMIN; i++)
        signal(i, i == SIGPIPE || i == SIGINT || i == SIGQUIT || i == SIGHUP ? SIG_IGN : SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

_Noreturn static void child_main(pid_t parent, int socket, child_run_fn *run, void *arg)
{
    bool enforced;
    signals_reset();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || !descriptors_drop(socket))
        _exit(1);
    limits_set();
    if (confine_calls(CONFINE_UNPACKING, false, NULL, &enforced, NULL) < 0)
        _exit(1);
    run(arg, SOCKET);
    _exit(0);
}

/* ---- in the parent ---- */

int child_start(struct child *c, child_run_fn *run, void *arg, struct pb_error *err)
{
    int ends[2];
    pid_t parent = getpid();
    *c = CHILD_NONE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, errno, "a child process");
    c->pid = fork();
    if (c->pid == 0)
        child_main(parent, ends[1], run, arg);
    int number = errno;
    fd_close(&ends[1]);
    c->socket = ends[0];
    if (c->pid > 0)
        return PB_OK;
    fd_close(&c->socket);
    c->pid = 0;
    return error_errno(err, number, "a child process");
}

void child_end(struct child *c)
{
    fd_close(&c->socket);
    if (c->pid <= 0)
        return;
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
}

int child_fallen(struct child *c, struct pb_error *err)
{
    int status = 0;
    pid_t pid = c->pid;
    fd_close(&c->socket);
    if (pid > 0)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number != 0 && number != SIGKILL)
        return error_set(err, PB_DAMAGED, "the bytes crashed the process that read them (%s)",
                         strsignal(number));
    return error_set(err, PB_DAMAGED, "the process that reads these bytes has ended");
}

/* ---- messages ---- */

int child_send(int socket, const void *p, size_t n, const int *fds, size_t fd_count, struct pb_error *err)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(CHILD_FDS * sizeof(int))];
    } control = {0};
    struct iovec bytes = {(void *)p, n};
    struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd_count > 0) {
        m.msg_control = control.room;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(fd_count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), fds, fd_count * sizeof(int));
    }
    for (;;) {
        struct pollfd ready = {.fd = socket, .events = POLLOUT};
        ssize_t sent = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)n)
            return PB_OK;
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent >= 0 || (errno != EAGAIN && errno != ETOOMANYREFS) || poll(&ready, 1, SEND_MS) == 0)
            return error_set(err, PB_DAMAGED, "the process that reads these bytes has ended");
    }
}

static void descriptors_take(struct msghdr *m, int *fds)
{
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (fds != NULL && n < CHILD_FDS)
                fds[n++] = fd;
            else
                close(fd);
        }
    }
}

enum child_event child_receive(int socket, void *p, size_t n, int *fds, int ms)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(CHILD_FDS * sizeof(int))];
    } control;
    uint64_t end = clock_monotonic_ms() + (ms > 0 ? (uint64_t)ms : 0);
    for (size_t i = 0; fds != NULL && i < CHILD_FDS; i++)
        fds[i] = -1;
    for (;;) {
        struct iovec bytes = {p, n};
        struct msghdr m = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof control};
        ssize_t got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | (ms < 0 ? 0 : MSG_DONTWAIT));
        if (got > 0) {
            descriptors_take(&m, fds);
            return got == (ssize_t)n && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? CHILD_MESSAGE
                                                                                  : CHILD_GONE;
        }
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            return CHILD_GONE;
        uint64_t now = clock_monotonic_ms();
        struct pollfd ready = {.fd = socket, .events = POLLIN};
        if (ms >= 0 && (now > end || poll(&ready, 1, (int)(end - now)) == 0))
            return CHILD_SILENT;
    }
}

/* ---- documents ---- */

/* A piece of the result; the last one has the status. */
struct converted {
    int status;
    bool last;
    uint32_t n;
    char bytes[CHILD_MESSAGE_MAX]; /* of the result; at the end, the error's text */
};

struct conversion {
    child_convert_fn *fn;
    struct slice in;
    size_t ceiling;
};

static void convert_run(void *arg, int socket)
{
    const struct conversion *c = arg;
    struct buffer out;
    struct pb_error err = {0};
    struct converted m = {0};
    buffer_init(&out, c->ceiling);
    m.status = c->fn(c->in, &out, &err);
    for (size_t at = 0; m.status == PB_OK && at < out.n; at += m.n) {
        m.n = out.n - at < sizeof m.bytes ? (uint32_t)(out.n - at) : (uint32_t)sizeof m.bytes;
        memcpy(m.bytes, out.p + at, m.n);
        if (child_send(socket, &m, sizeof m, NULL, 0, &err) < 0)
            return;
    }
    m.last = true;
    m.n = (uint32_t)strnlen(err.text, sizeof err.text);
    memcpy(m.bytes, err.text, m.n);
    if (child_send(socket, &m, sizeof m, NULL, 0, &err) < 0)
        return;
}

int child_status(int status)
{
    return status <= PB_OK && status >= PB_UNSUPPORTED ? status : PB_DAMAGED;
}

int child_convert(child_convert_fn *fn, struct slice in, struct buffer *out, struct pb_error *err)
{
    enum { CONVERT_MS = 60000 };
    struct child child;
    struct conversion conversion = {fn, in, out->ceiling};
    _cleanup_free_ struct converted *m = malloc(sizeof *m);
    if (m == NULL)
        return error_memory(err);
    int rc = child_start(&child, convert_run, &conversion, err);
    if (rc < 0)
        return rc;
    do {
        enum child_event event = child_receive(child.socket, m, sizeof *m, NULL, CONVERT_MS);
        if (event != CHILD_MESSAGE || m->n > sizeof m->bytes)
            return child_fallen(&child, err);
        if (!m->last && !buffer_append(out, m->bytes, m->n))
            rc = out->starved
                     ? error_memory(err)
                     : error_set(err, PB_DAMAGED, "the document is larger than %zu bytes", out->ceiling);
    } while (rc == PB_OK && !m->last);
    child_end(&child);
    if (rc == PB_OK && m->status != PB_OK)
        rc = error_set(err, child_status(m->status), "%.*s", (int)m->n, m->bytes);
    return rc;
}
