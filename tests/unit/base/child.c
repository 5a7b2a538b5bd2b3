/* Children for bytes from outside: what they hand back, what they can't do, and what becomes of those that
 * fail. */
#include "test.h"

#include "base/child.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LARGE = 5 << 20 };

static int repeated(struct slice in, struct buffer *out, struct pb_error *err)
{
    while (out->n < LARGE) {
        if (!buffer_append(out, in.p, in.n))
            return error_set(err, PB_INVALID, "no room");
    }
    return PB_OK;
}

static void results_come_back(void **state)
{
    struct pb_error err;
    struct buffer out;
    (void)state;
    buffer_init(&out, LARGE + 100);
    assert_int_equal(child_convert(repeated, slice_of("seven12"), &out, &err), PB_OK);
    assert_true(out.n >= LARGE);
    for (size_t i = 0; i < out.n; i++)
        assert_int_equal(out.p[i], "seven12"[i % 7]);
    buffer_free(&out);
    buffer_init(&out, 1000); /* the child's own ceiling, too */
    assert_int_equal(child_convert(repeated, slice_of("seven12"), &out, &err), PB_INVALID);
    assert_string_equal(err.text, "no room");
    buffer_free(&out);
}

static int crashing(struct slice in, struct buffer *out, struct pb_error *err)
{
    (void)in, (void)out, (void)err;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return PB_OK;
}

static int leaving(struct slice in, struct buffer *out, struct pb_error *err)
{
    (void)in, (void)out, (void)err;
    _exit(0);
}

static int out_of_range(struct slice in, struct buffer *out, struct pb_error *err)
{
    (void)in, (void)out, (void)err;
    return 12345;
}

static void failures_are_errors(void **state)
{
    static child_convert_fn *const bad[] = {crashing, leaving, out_of_range};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pb_error err;
        struct buffer out;
        buffer_init(&out, 1000);
        assert_int_equal(child_convert(bad[i], slice_of("x"), &out, &err), PB_DAMAGED);
        buffer_free(&out);
    }
}

#ifndef __SANITIZE_ADDRESS__
static int attacking(struct slice in, struct buffer *out, struct pb_error *err)
{
    char program[] = "/bin/true", *const argv[] = {program, NULL};
    (void)in, (void)err;
    buffer_format(out, "open %d\n", open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
    buffer_format(out, "create %d\n", open("made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0);
    buffer_format(out, "socket %d\n", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0);
    buffer_format(out, "fork %d\n", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? errno : 0);
    buffer_format(out, "kill %d\n", kill(getppid(), SIGKILL) != 0 ? errno : 0);
    buffer_format(out, "trace %d\n", syscall(SYS_ptrace, 16, getppid(), 0, 0) < 0 ? errno : 0);
    buffer_format(out, "execute %d\n", execv(argv[0], argv) < 0 ? errno : 0);
    return PB_OK;
}

static void a_child_can_do_nothing_else(void **state)
{
    struct pb_error err;
    struct buffer out;
    (void)state;
    buffer_init(&out, 1000);
    assert_int_equal(child_convert(attacking, slice_of("x"), &out, &err), PB_OK);
    assert_string_equal(out.p, "open 1\ncreate 1\nsocket 1\nfork 1\nkill 1\ntrace 1\nexecute 1\n");
    buffer_free(&out);
}
#endif

/* Answers each file with its first byte. */
static void first_bytes(void *arg, int socket)
{
    int fds[CHILD_FDS];
    char message[8];
    (void)arg;
    while (child_receive(socket, message, sizeof message, fds, -1) == CHILD_MESSAGE) {
        memset(message, 0, sizeof message);
        if (pread(fds[0], message, 1, 0) != 1 || fds[1] != -1 ||
            child_send(socket, message, sizeof message, NULL, 0, NULL) < 0)
            return;
        close(fds[0]);
    }
}

static void descriptors_arrive(void **state)
{
    struct pb_error err;
    struct child c;
    char message[8] = "", other[4];
    (void)state;
    assert_int_equal(child_start(&c, first_bytes, NULL, &err), PB_OK);
    assert_int_equal(child_receive(c.socket, message, sizeof message, NULL, 1), CHILD_SILENT);
    for (int i = 0; i < 2000; i++) { /* none is left behind: the limit would be reached */
        char byte = (char)('a' + i % 26);
        int fd = memfd_create("test", MFD_CLOEXEC);
        assert_int_equal(write(fd, &byte, 1), 1);
        assert_int_equal(child_send(c.socket, message, sizeof message, &fd, 1, &err), PB_OK);
        close(fd);
        assert_int_equal(child_receive(c.socket, message, sizeof message, NULL, 60000), CHILD_MESSAGE);
        assert_int_equal(message[0], byte);
    }
    assert_int_equal(child_send(c.socket, other, sizeof other, NULL, 0, &err),
                     PB_OK); /* of another size: it leaves */
    assert_int_equal(child_receive(c.socket, message, sizeof message, NULL, 60000), CHILD_GONE);
    assert_int_equal(child_fallen(&c, &err), PB_DAMAGED);
    child_end(&c);
    child_end(&c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_come_back),
    cmocka_unit_test(failures_are_errors),
#ifndef __SANITIZE_ADDRESS__
    cmocka_unit_test(a_child_can_do_nothing_else),
#endif
    cmocka_unit_test(descriptors_arrive),
};
TEST_MAIN(tests)
