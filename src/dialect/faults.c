/* Gathering faults by kind. */
#include "dialect/faults.h"

#include <stdio.h>

void faults_add(struct faults *f, const char *file, const char *what)
{
    size_t i = 0;
    f->n++;
    while (i < f->kind_count && strcmp(f->kinds[i].what, what) != 0)
        i++;
    if (i == FAULT_KINDS_MAX)
        i--;
    struct fault_kind *k = &f->kinds[i];
    if (i == f->kind_count) {
        f->kind_count++;
        snprintf(k->what, sizeof k->what, "%s", what);
        snprintf(k->example, sizeof k->example, "%s", file);
    }
    k->n++;
}

void fault_text(const struct fault_kind *k, char *out, size_t room)
{
    if (k->n == 1)
        snprintf(out, room, "%s: %s", k->example, k->what);
    else
        snprintf(out, room, "%s and %zu others: %s", k->example, k->n - 1, k->what);
}
