/* Runs a command and writes what it and all that it waited for cost: its exit status, seconds, seconds of CPU
 * in user and kernel, and the largest process's peak of memory in bytes.
 *
 * A program of its own, because the kernel counts the memory of whoever starts a process as that process's,
 * until it executes its program: of a Python that would be more than some clients need. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct rusage use;
    int status, rc;
    double began;
    pid_t pid;
    FILE *f;

    if (argc < 3) {
        fprintf(stderr, "usage: spend FILE COMMAND...\n");
        return 2;
    }
    began = now();
    rc = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
    if (rc != 0) {
        fprintf(stderr, "spend: %s: %s\n", argv[2], strerror(rc));
        return 2;
    }
    while (wait4(pid, &status, 0, &use) < 0)
        if (errno != EINTR)
            return 2;
    began = now() - began;
    f = fopen(argv[1], "w");
    if (f == NULL)
        return 2;
    fprintf(f, "%d %.6f %.6f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), began,
            seconds(use.ru_utime) + seconds(use.ru_stime), use.ru_maxrss * 1024);
    return fclose(f) == 0 ? 0 : 2;
}
