/*
 * A library to preload: lets memory run out. It counts allocations in $STARVE_CONTROL, a file of four numbers
 * of 64 bits that is shared memory of this process, its child processes and whoever tests them: how many
 * there were; which one fails (none: 0); whether all later ones fail, too; how many have failed. $STARVE_LOG
 * gets the name of the library that asked first for what it did not get.
 *
 * $STARVE_STACKS gets a number of 64 bits for each allocation (0: none), by the functions that asked: the
 * same for the same way there. So whoever tests need not try the thousandth time what he tried before.
 *
 * What other libraries allocate counts as well: they, and what we make of their errors, have to bear it. When
 * the process crashes, $STARVE_CRASH gets the names of the libraries that the stack goes through, the
 * innermost first.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's own, which are there under these names for such as us. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

static struct {
    int64_t count, at, on, failed;
} * control;

static const char *crash_file;

enum { STACKS_MAX = 1 << 20 };
static uint64_t *stacks; /* shared, too: a child process has lost its descriptors */
static pid_t main_process;
static __thread bool inside; /* what backtrace() allocates does not count */

/* The signal comes again when this returns, and ends the process. */
static void crashed(int number)
{
    enum { DEPTH = 24 };
    void *frames[DEPTH];
    Dl_info info;
    (void)number;
    inside = true;
    int n = backtrace(frames, DEPTH);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (int i = 1; i < n; i++) {
        if (dladdr(frames[i], &info) != 0 &&
            syscall(SYS_write, fd, info.dli_fname, strlen(info.dli_fname)) > 0)
            (void)!syscall(SYS_write, fd, "\n", 1);
    }
    syscall(SYS_close, fd);
}

static void *file_map(const char *name, size_t size)
{
    int fd = name != NULL ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR) : -1;
    if (fd < 0)
        return NULL;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    return p != MAP_FAILED ? p : NULL;
}

__attribute__((constructor)) static void starve_start(void)
{
    void *warm[1];
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_RESETHAND};
    crash_file = getenv("STARVE_CRASH");
    main_process = getpid();
    if (backtrace(warm, 1) > 0 && crash_file != NULL)
        sigaction(SIGSEGV, &action, NULL);
    if (getenv("STARVE_STACKS") != NULL)
        stacks = file_map(getenv("STARVE_STACKS"), STACKS_MAX * sizeof *stacks);
    control = file_map(getenv("STARVE_CONTROL"), sizeof *control);
}

static void asker_tell(void *caller)
{
    Dl_info info;
    const char *name = getenv("STARVE_LOG");
    int fd = name != NULL ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0)
        return;
    if (dladdr(caller, &info) != 0 && syscall(SYS_write, fd, info.dli_fname, strlen(info.dli_fname)) > 0 &&
        info.dli_sname != NULL && syscall(SYS_write, fd, " ", 1) == 1)
        (void)!syscall(SYS_write, fd, info.dli_sname, strlen(info.dli_sname));
    syscall(SYS_close, fd);
}

/* In a child process only the caller: the unwinder would need locks that nobody gives back there. */
static void stack_tell(int64_t number, void *caller)
{
    enum { DEPTH = 10 };
    void *frames[DEPTH] = {NULL, NULL, caller};
    uint64_t hash = 14695981039346656037u;
    int n = 3;
    if (getpid() == main_process) {
        inside = true;
        n = backtrace(frames, DEPTH);
        inside = false;
    }
    for (int i = 2; i < n; i++)
        hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
    if (number <= STACKS_MAX)
        stacks[number - 1] = hash;
}

static bool refused(void *caller)
{
    if (control == NULL || inside)
        return false;
    int64_t n = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (stacks != NULL)
        stack_tell(n, caller);
    int64_t at = __atomic_load_n(&control->at, __ATOMIC_SEQ_CST);
    if (at == 0 || n < at || (n > at && !control->on))
        return false;
    if (__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST) == 1)
        asker_tell(caller);
    errno = ENOMEM;
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t n)
{
    return refused(CALLER) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return refused(CALLER) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return refused(CALLER) ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || refused(CALLER)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(p, bytes);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return refused(CALLER) ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    if (refused(CALLER))
        return ENOMEM;
    *p = __libc_memalign(alignment, n);
    return *p != NULL ? 0 : ENOMEM;
}
