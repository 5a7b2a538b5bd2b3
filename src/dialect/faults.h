/* Collects the faults of an import's files, to report each kind once, with the number of files. */
#ifndef PB_DIALECT_FAULTS_H
#define PB_DIALECT_FAULTS_H

#include "base/arena.h"

enum { FAULT_KINDS_MAX = 16, FAULT_EXAMPLE_MAX = 256 };

struct fault_kind {
    char what[PB_ERROR_TEXT_MAX];    /* "missing" */
    char example[FAULT_EXAMPLE_MAX]; /* the first file that has it */
    size_t n;
};
/* Zero-initialise. */
struct faults {
    struct fault_kind kinds[FAULT_KINDS_MAX];
    size_t kind_count;
    size_t n; /* files */
};

/* `what`: "missing". Kinds beyond FAULT_KINDS_MAX are counted with the last kind. */
void faults_add(struct faults *f, const char *file, const char *what);
/* Writes "a/b: missing", or "a/b and 2 others: missing". */
void fault_text(const struct fault_kind *k, char *out, size_t room);

#endif
