/* How a PlayOnline release is kept in the depot: its entries are the files that the server has, mode byte and
 * all, named as clients ask for them; `extra` holds the hashes of the replies to standard chunks, 4 bytes
 * each. */
#ifndef PB_PLAYONLINE_RELEASE_H
#define PB_PLAYONLINE_RELEASE_H

#include "depot/publication.h"
#include "dialect/dialect.h"
#include "dialect/playonline/format.h"
#include "patchbay/publish.h"

/* entry.kind */
enum po_entry {
    PO_STATUS = 1, /* patch.cfg with its mode byte; `extra`: the hash of the status reply */
    PO_FILE,
};

enum { PO_ALIASES_MAX = 16 };
struct po_attributes {
    const char *aliases[PO_ALIASES_MAX]; /* titles: "1000@W20" */
    size_t alias_count;
    const char *oldest; /* the lowest version in patch.cfg; NULL: it has none. Releases that patchbay made
                           before checksum_b was known have no such attribute: po_mend */
    bool unmended;      /* it has none */
};
char *po_attributes_emit(const struct po_attributes *a); /* as for other dialects: the caller frees it */
PB_MUST_USE int po_attributes_parse(const char *json, struct arena *arena, struct po_attributes *out,
                                    struct pb_error *err);

/* How many standard chunks has a file of this size? */
static inline size_t po_chunks(uint64_t size)
{
    return (size_t)((size + PO_CHUNK - 1) / PO_CHUNK);
}

/* Hashes the replies to all standard chunks of a file that is given step by step, with its mode byte. */
struct po_hasher {
    struct slice name; /* of the file on the server; borrowed */
    char *chunk;       /* what was given of the chunk under way */
    uint32_t n;
    uint8_t *hashes;
    size_t count, room; /* chunks */
};
void po_hasher_start(struct po_hasher *h, struct slice name);
PB_MUST_USE int po_hasher_add(struct po_hasher *h, const void *p, size_t n, struct pb_error *err);
/* *hashes is malloc'd. */
PB_MUST_USE int po_hasher_finish(struct po_hasher *h, uint8_t **hashes, struct pb_error *err);
void po_hasher_free(struct po_hasher *h); /* twice does no harm */

/* The same of an object that is in the depot. *hashes is malloc'd. */
PB_MUST_USE int po_hashes_make(const struct depot *d, const struct object *o, struct slice name,
                               uint8_t **hashes, struct pb_error *err);
/* The hash of the reply to a status request, whose data are patch.cfg with its mode byte. */
PB_MUST_USE int po_status_hash(struct slice bytes, uint8_t hash[4], struct pb_error *err);
/* Adds patch.cfg, given with its mode byte. */
PB_MUST_USE int po_status_add(struct publication *p, struct slice bytes, struct pb_error *err);
/* Appends it as it is served: with its mode byte. */
PB_MUST_USE int po_config_pack(const struct po_config *c, struct buffer *out, struct pb_error *err);
/* Reads the patch.cfg that is the object of an entry; all of *out is in the arena. `objects` is the depot's
 * folder. */
PB_MUST_USE int po_config_read(int objects, const struct sha256 *name, uint64_t size, struct arena *a,
                               struct po_config *out, struct pb_error *err);

/*
 * Earlier versions of patchbay wrote CRC-32 for checksum_b. Mends the lists of all releases that such a
 * version made: the lines whose checksum_b is the CRC-32 of their file get what it should be. Files are
 * unpacked for that, and none is packed. A struct dialect's mend; `tell` gets a line for each release, and
 * may be NULL.
 */
PB_MUST_USE int po_mend(struct depot *d, dialect_tell_fn *tell, void *arg, struct pb_error *err);

/* Titles and aliases from --app, --hardware, --alias; checks that no other live title has them. `a` keeps the
 * texts. */
PB_MUST_USE int po_names_make(struct depot *d, const char *app, const char *hardware,
                              const char *const *aliases, size_t n, struct arena *a, const char **title,
                              struct po_attributes *out, struct pb_error *err);

/* A struct dialect's live_check. */
int po_live_check(struct depot *d, const struct dialect *const *all, const char *name, const char *attributes,
                  struct pb_error *err);

PB_MUST_USE int po_publish(struct depot *d, const struct pb_app_options *options, pb_progress_fn *progress,
                           void *arg, struct pb_publish_result *result, struct pb_error *err);
PB_MUST_USE int po_import(struct depot *d, const struct pb_import_app_options *options, pb_import_fn *fn,
                          void *arg, struct pb_import_report *report, struct pb_error *err);

#endif
