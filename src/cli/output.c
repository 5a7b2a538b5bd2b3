/* Errors, JSON, passwords. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASSWORD_WAIT_MS = 3000 };

int fail(const struct pb_error *err)
{
    fprintf(stderr, "patchbay: %s\n", err->text);
    return exit_of(err->status);
}

int open_depot(const struct args *a, struct pb_depot **out)
{
    struct pb_error err;
    return pb_depot_open(args_depot(a), out, &err) < 0 ? fail(&err) : EXIT_DONE;
}

int print_end(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno != EPIPE) /* a reader who has read enough */
            fprintf(stderr, "patchbay: standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int print_json(json_t *o)
{
    if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "patchbay: the JSON could not be written\n");
        json_decref(o);
        return EXIT_FAILED;
    }
    json_decref(o);
    putchar('\n');
    return print_end();
}

/* Anything but a FIFO that nobody writes: that would hold us for good. A shell's <(...) is read to its end.
 */
static FILE *password_open(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return NULL;
    if (poll(&ready, 1, PASSWORD_WAIT_MS) != 1) {
        close(fd);
        errno = ETIMEDOUT;
        return NULL;
    }
    fcntl(fd, F_SETFL, 0);
    return fdopen(fd, "r");
}

bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password)
{
    const char *file = args_value(a, "password-file");
    *password = NULL;
    if (file == NULL)
        return true;
    FILE *f = strcmp(file, "-") == 0 ? stdin : password_open(file);
    if (f == NULL) {
        fprintf(stderr, "patchbay: password file %s: %s\n", file, strerror(errno));
        return false;
    }
    bool good = fgets(room, PASSWORD_SIZE, f) != NULL;
    if (f != stdin)
        fclose(f);
    if (!good || strlen(room) == PASSWORD_SIZE - 1) {
        fprintf(stderr, "patchbay: password file %s: its first line is %s\n", file,
                good ? "too long" : "missing");
        return false;
    }
    room[strcspn(room, "\r\n")] = '\0';
    *password = room;
    return true;
}
