/* What the kernel says of this process. Its files in /proc are opened once, as a sandbox may forbid that
 * later. */
#ifndef PB_BASE_PROCESS_H
#define PB_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process {
    int stat; /* descriptors of files in /proc/self; -1: not to be had */
    int fds;
    double started; /* Unix seconds; 0: not known */
};

struct process_facts {
    double cpu_seconds;
    uint64_t descriptors_max;
    bool memory_known, descriptors_known;
    uint64_t resident_bytes, virtual_bytes;
    uint64_t descriptors; /* open; the one that counts them included */
};

/* What a sandbox must let process_open read; ends with NULL. */
extern const char *const process_files[];

void process_init(struct process *p); /* nothing is open */
void process_open(struct process *p);
void process_close(struct process *p);
/* One thread at a time. */
void process_look(const struct process *p, struct process_facts *out);

#endif
