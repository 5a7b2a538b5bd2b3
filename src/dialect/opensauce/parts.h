/* The part cutter: an archive comes in as a stream, parts go out as objects of a publication. A part's name
 * has the first digits of the SHA-256 of all parts as they are sent: so it means the same bytes in whatever
 * release it is. */
#ifndef PB_OPENSAUCE_PARTS_H
#define PB_OPENSAUCE_PARTS_H

#include "dialect/opensauce/release.h"

struct part_cut {
    struct object object;
    struct md5 plain; /* before encryption */
};

struct part_cutter {
    struct publication *publication;
    const char *stem; /* parts are called STEM-1a2b3c4d.ENDING.001 */
    const char *ending;
    const uint8_t *key;     /* NULL: not encrypted */
    struct part_cut *parts; /* in the publication's arena */
    size_t count, room;
    struct digest digest; /* of what was cut off so far, as it is sent */
    uint64_t total;       /* bytes of it */
    size_t n;             /* bytes held back */
    uint8_t held[OS_PART_SIZE + 256];
};

/* All but the publication, stem, ending and key are zero before; part_cutter_end in any case. */
PB_MUST_USE int part_cutter_start(struct part_cutter *c, struct pb_error *err);
void part_cutter_end(struct part_cutter *c);
/* An archive_sink_fn. */
int part_cutter_add(void *cutter, const void *p, size_t n, struct pb_error *err);
/* The rest; then the publication has all parts. PB_INVALID when the archive is too short to be encrypted. */
PB_MUST_USE int part_cutter_finish(struct part_cutter *c, struct pb_error *err);

#endif
