/* /proc/self/stat and /proc/self/fd, getrusage and getrlimit. */
#include "base/process.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STAT_FILE "/proc/self/stat"
#define FDS_FILE  "/proc/self/fd"

const char *const process_files[] = {STAT_FILE, FDS_FILE, NULL};

/* Of the fields of /proc/self/stat, which are numbered from 1 (proc(5)), those that we want. */
enum { FIELD_BEHIND_COMMAND = 3, FIELD_START = 22, FIELD_VIRTUAL, FIELD_RESIDENT, FIELDS };

struct stat_fields {
    uint64_t start_ticks; /* since the machine was booted */
    uint64_t virtual_bytes, resident_pages;
};

static bool stat_parse(const char *text, struct stat_fields *out)
{
    *out = (struct stat_fields){0};
    uint64_t *const wanted[] = {&out->start_ticks, &out->virtual_bytes, &out->resident_pages};
    const char *at = strrchr(text, ')'); /* the command may have spaces and brackets itself */
    if (at == NULL || at[1] != ' ')
        return false;
    at += 2;
    for (int field = FIELD_BEHIND_COMMAND; field < FIELDS; field++) {
        size_t n = strcspn(at, " ");
        if (at[n] == '\0' || (field >= FIELD_START &&
                              !slice_to_u64((struct slice){at, n}, UINT64_MAX, wanted[field - FIELD_START])))
            return false;
        at += n + 1;
    }
    return true;
}

static bool stat_read(int fd, struct stat_fields *out)
{
    char text[1024];
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return stat_parse(text, out);
}

static double seconds_of(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double start_time(uint64_t ticks)
{
    struct timespec now, up;
    long hertz = sysconf(_SC_CLK_TCK);
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || clock_gettime(CLOCK_BOOTTIME, &up) != 0 || hertz <= 0)
        return 0;
    return seconds_of(now) - seconds_of(up) + (double)ticks / (double)hertz;
}

void process_init(struct process *p)
{
    *p = (struct process){-1, -1, 0};
}

void process_open(struct process *p)
{
    struct stat_fields fields;
    p->stat = open(STAT_FILE, O_RDONLY | O_CLOEXEC);
    p->fds = open(FDS_FILE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    p->started = stat_read(p->stat, &fields) ? start_time(fields.start_ticks) : 0;
}

void process_close(struct process *p)
{
    fd_close(&p->stat);
    fd_close(&p->fds);
}

/* The names in an open folder, without "." and "..". */
static bool names_count(int folder, uint64_t *out)
{
    int fd = folder < 0 ? -1 : fcntl(folder, F_DUPFD_CLOEXEC, 3);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t n = 0;
    if (dir == NULL) {
        fd_close(&fd);
        return false;
    }
    rewinddir(dir); /* the duplicate stands where the last look ended */
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    *out = n - 1; /* without the duplicate */
    return true;
}

void process_look(const struct process *p, struct process_facts *out)
{
    struct rusage used = {0};
    struct rlimit limit = {0};
    struct stat_fields fields;
    long page = sysconf(_SC_PAGESIZE);
    *out = (struct process_facts){0};
    if (getrusage(RUSAGE_SELF, &used) == 0)
        out->cpu_seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out->descriptors_max = limit.rlim_cur;
    out->memory_known = page > 0 && stat_read(p->stat, &fields);
    if (out->memory_known) {
        out->virtual_bytes = fields.virtual_bytes;
        out->resident_bytes = fields.resident_pages * (uint64_t)page;
    }
    out->descriptors_known = names_count(p->fds, &out->descriptors);
}
