/* The part cutter: an archive comes in as a stream, parts go out as objects of a publication. */
#ifndef PB_OPENSAUCE_PARTS_H
#define PB_OPENSAUCE_PARTS_H

#include "dialect/opensauce/release.h"

struct part_cutter {
    struct publication *publication;
    const char *stem; /* parts are called STEM.ENDING.001 */
    const char *ending;
    const uint8_t *key; /* NULL: not encrypted */
    unsigned count;
    uint64_t total; /* bytes cut off so far */
    size_t n;       /* bytes held back */
    uint8_t held[OS_PART_SIZE + 256];
};

/* An archive_sink_fn. */
int part_cutter_add(void *cutter, const void *p, size_t n, struct pb_error *err);
/* The rest. PB_INVALID when the archive is too short to be encrypted. */
PB_MUST_USE int part_cutter_finish(struct part_cutter *c, struct pb_error *err);

#endif
