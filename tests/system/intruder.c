/* Preloaded into a server: as a connection is accepted it tries, from within, what an attacker would who has
 * taken the process over, and says what came of it in the file that INTRUDER names, which is open before. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int report = -1;

__attribute__((constructor)) static void intruder_load(void)
{
    const char *name = getenv("INTRUDER");
    if (name != NULL)
        report = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void told(const char *what, long got)
{
    dprintf(report, "%s: %s\n", what, got >= 0 ? "done" : strerror(errno));
}

static void all_try(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    char program[] = "/nonexistent", *const argv[] = {program, NULL};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    told("read /etc/passwd", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    told("list /", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    told("write to /tmp", open("/tmp/patchbay-intruder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    told("read the catalog", open("depot/catalog.sqlite", O_RDONLY | O_CLOEXEC));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    told("socket", fd);
    if (fd >= 0)
        told("connect", connect(fd, (const struct sockaddr *)&to, sizeof to));
    long child = syscall(SYS_fork);
    if (child == 0)
        _exit(0);
    told("fork", child);
    told("execute", execv(argv[0], argv));
    told("trace", syscall(SYS_ptrace, 0, 0, 0, 0));
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    static int once;
    int (*real)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
    int got = real(fd, address, length, flags);
    if (got >= 0 && report >= 0 && __atomic_exchange_n(&once, 1, __ATOMIC_RELAXED) == 0)
        all_try();
    return got;
}
