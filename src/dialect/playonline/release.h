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
};
char *po_attributes_emit(const struct po_attributes *a); /* as for other dialects: the caller frees it */
PB_MUST_USE int po_attributes_parse(const char *json, struct arena *arena, struct po_attributes *out,
                                    struct pb_error *err);

/* How many standard chunks has a file of this size? */
static inline size_t po_chunks(uint64_t size)
{
    return (size_t)((size + PO_CHUNK - 1) / PO_CHUNK);
}

/* Hashes the replies to all standard chunks of an object that is in the depot. *hashes is malloc'd. */
PB_MUST_USE int po_hashes_make(const struct depot *d, const struct object *o, struct slice name,
                               uint8_t **hashes, struct pb_error *err);
/* Adds patch.cfg, given with its mode byte. */
PB_MUST_USE int po_status_add(struct publication *p, struct slice bytes, struct pb_error *err);
/* The same, from its text: packed where that is smaller. */
PB_MUST_USE int po_config_store(struct publication *p, const struct po_config *c, struct pb_error *err);

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
