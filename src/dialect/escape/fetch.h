/* The client's way, in three files: fetch.c (which title, where from), fetch_upgrade.c and fetch_levels.c
 * (the plans). */
#ifndef PB_ESCAPE_FETCH_H
#define PB_ESCAPE_FETCH_H

#include "base/tree.h"
#include "codec/unpacker.h"
#include "dialect/dialect.h"
#include "dialect/escape/format.h"

/* Splits "PLATFORM/UPGRADE" or "COLLECTION"; false when it is neither. */
bool es_request_parse(struct slice path, struct slice *name, bool *upgrade);

/* The option by which the user says which version of the game there is. */
#define ES_INSTALLED_VERSION "installed_version"

/* The game's version, as the user says or as an upgrade's record does; false when it is not known. */
bool es_game_version(const struct fetch_request *q, uint64_t *version);

/* A step that places bytes which have to be downloaded. */
struct es_want {
    const struct es_file *file;
    size_t step;
};

/* The plan's dialect value: how its files are made once all pieces are there. */
struct es_making {
    const char
        *from; /* copied to the step's staged name; NULL: `length` bytes of `made` are, from `offset` on */
    bool from_folder; /* `from` is a path in the user's folder, else a name in staging */
    uint32_t step;
    uint64_t offset;
    uint32_t length;
};
struct es_fetch {
    struct es_making *making;
    size_t making_count, making_room;
    int made; /* a file without a name, with the bytes of files that we make ourselves; -1: none yet */
    uint64_t made_size;
    /* of a collection, for its pieces */
    const char *collection;
    const char *const *sources; /* the first is the one that was asked for the list */
    size_t source_count;
    uint32_t *piece_steps; /* for each piece the step that places it */
    struct unpacker unpacker;
    /* of an upgrade, for its pieces */
    const char *source, *platform;
    const struct es_want *wants;
};
PB_MUST_USE int es_making_add(struct fetch_plan *plan, struct es_making making, struct pb_error *err);
/* Keeps the bytes of a file that we make ourselves, for the step. `staging` is -1 in a dry run, which makes
 * none.
 */
PB_MUST_USE int es_made_add(struct fetch_plan *plan, int staging, struct slice bytes, size_t step,
                            struct pb_error *err);

/* Makes plan->piece_count: one piece for each MD5 of the wants, which are sorted; wants[i] is then piece i's.
 * Further steps with the same bytes get copies. */
PB_MUST_USE int es_pieces_plan(struct fetch_plan *plan, struct es_want *wants, size_t n,
                               struct pb_error *err);

/* Gets a document from source/path. */
PB_MUST_USE int es_document(const struct fetch_net *net, const char *source, const char *path,
                            struct buffer *out, struct pb_error *err);
/* source/path with what an address can't hold encoded. NULL when memory is out, or it is too long. */
const char *es_url(struct arena *a, const char *source, const char *path);

PB_MUST_USE int es_upgrade_plan(const struct fetch_request *q, const struct fetch_net *net,
                                const char *source, const char *platform, struct fetch_plan *plan,
                                struct pb_error *err);
PB_MUST_USE int es_levels_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                               const char *collection, struct fetch_plan *plan, struct pb_error *err);

#endif
