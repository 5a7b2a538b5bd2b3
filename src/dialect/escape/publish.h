/* Publishing and importing upgrades and collections. The public functions of patchbay/publish.h document
 * arguments and failures; `all` is the list of all dialects, whose paths a title may not take. */
#ifndef PB_ESCAPE_PUBLISH_H
#define PB_ESCAPE_PUBLISH_H

#include "depot/publication.h"
#include "dialect/dialect.h"
#include "dialect/escape/release.h"
#include "patchbay/publish.h"

PB_MUST_USE int es_publish_upgrade(struct depot *d, const struct dialect *const *all,
                                   const struct pb_upgrade_options *options, pb_progress_fn *progress,
                                   void *arg, struct pb_publish_result *result, struct pb_error *err);
PB_MUST_USE int es_publish_levels(struct depot *d, const struct dialect *const *all,
                                  const struct pb_levels_options *options, pb_progress_fn *progress,
                                  void *arg, struct pb_publish_result *result, struct pb_error *err);
PB_MUST_USE int es_import(struct depot *d, const struct dialect *const *all, const char *tree,
                          pb_import_fn *fn, void *arg, struct pb_import_report *report, struct pb_error *err);

/* ---- what they share (store.c) ---- */

/* May a title, with these aliases, have its names? Not where a path of another dialect, another title's name
 * or alias is the same without regard to case, or where it is live as the other kind. */
PB_MUST_USE int es_names_check(struct depot *d, const struct dialect *const *all, const char *name,
                               const struct es_attributes *a, struct pb_error *err);

/* Stores a list, and packed where that is smaller, as the entries `name` and NAME.gz. */
PB_MUST_USE int es_list_store(struct publication *p, const char *name, struct slice text, bool pack,
                              struct pb_error *err);

/* Adds an upgrade's file under its path and, where that is another name, as the game asks for it. */
PB_MUST_USE int es_file_add(struct publication *p, const char *path, int kind, const struct object *object,
                            struct pb_error *err);

/* Adds a collection's levels, each once, in order of their MD5s (`levels` is sorted). PB_INVALID where two
 * with one MD5 have different bytes. */
PB_MUST_USE int es_levels_add(struct publication *p, struct object *levels, size_t n, struct pb_error *err);

/* All names under which an upgrade's files are served, its list's own among them. */
struct es_served {
    const char **names; /* in the order of path_compare_nocase */
    size_t n;
};
/* Gathers them: each file under its path and flattened, with `packed` also those of its packed form where it
 * has one. PB_INVALID where two files would have one name, or one would be a folder of another's. */
PB_MUST_USE int es_served_make(const struct es_upgrade *list, bool packed, struct arena *a,
                               struct es_served *out, struct pb_error *err);
/* Is the name neither among them nor a folder of one? */
bool es_served_free(const struct es_served *s, const char *name);

/* Packs an object that is in the depot. *smaller is false when there is nothing to gain, or it is too large
 * to be tried (ES_PACK_MAX). */
enum { ES_PACK_MAX = 1024 * 1024 * 1024 };
PB_MUST_USE int es_pack(const struct depot *d, const struct object *plain, struct object *packed,
                        bool *smaller, struct pb_error *err);

/* Makes the release live and fills in the result. */
PB_MUST_USE int es_commit(struct publication *p, const char *version, const struct es_attributes *a,
                          struct pb_publish_result *result, struct pb_error *err);

/* Renders a list with the note that was given, or else with that of the list before, if nothing else has
 * changed, or else with the day. `before` is its entry in the live release, or NULL. */
typedef void es_render_fn(void *list, const char *note, struct buffer *out);
PB_MUST_USE int es_render(struct publication *p, const struct publication_entry *before, const char *note,
                          es_render_fn *render, void *list, struct buffer *out, struct pb_error *err);

#endif
