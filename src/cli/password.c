/* Passwords. They are read without a stream, whose buffer would keep them after it is closed. */
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * Not RLIMIT_CORE: the kernel ignores it where core dumps go to a program, as with systemd, and the command
 * of
 * --then would inherit it. This ends with exec, and keeps other processes of the same user from reading our
 * memory, too. It keeps LeakSanitizer from reading it as well, so a build with sanitizers leaves it out.
 */
void memory_guard(void)
{
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void password_wipe(char (*room)[PASSWORD_SIZE])
{
    explicit_bzero(*room, sizeof *room);
}

/* Byte by byte, so that nothing behind the line comes into memory. False: it can't be read, or is not there.
 */
static bool line_read(int fd, char room[PASSWORD_SIZE])
{
    size_t n = 0;
    while (n < PASSWORD_SIZE - 1) {
        ssize_t got = read(fd, room + n, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got == 0 && n == 0))
            return false;
        if (got == 0 || room[n] == '\n')
            break;
        n++;
    }
    room[n] = '\0';
    return true;
}

/* Anything but a FIFO that nobody writes: that would hold us for good. A shell's <(...) is read to its end.
 */
static int password_open(const char *file)
{
    enum { WAIT_MS = 3000 };
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return fd;
    if (poll(&ready, 1, WAIT_MS) != 1) {
        close(fd);
        errno = ETIMEDOUT;
        return -1;
    }
    fcntl(fd, F_SETFL, 0);
    return fd;
}

bool read_secret(const char *file, const char *what, char room[PASSWORD_SIZE])
{
    memory_guard();
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : password_open(file);
    if (fd < 0) {
        fprintf(stderr, "patchbay: %s file %s: %s\n", what, file, strerror(errno));
        return false;
    }
    bool good = line_read(fd, room);
    if (fd != STDIN_FILENO)
        close(fd);
    if (!good || strlen(room) == PASSWORD_SIZE - 1) {
        fprintf(stderr, "patchbay: %s file %s: its first line is %s\n", what, file,
                good ? "too long" : "missing");
        return false;
    }
    room[strcspn(room, "\r")] = '\0';
    return true;
}

bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password)
{
    const char *file = args_value(a, "password-file");
    *password = NULL;
    if (file == NULL)
        return true;
    if (!read_secret(file, "password", room))
        return false;
    *password = room;
    return true;
}
