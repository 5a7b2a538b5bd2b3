/*
 * Publishing: content goes into the depot and becomes live in one step. Servers that have the depot open show
 * it within a second. A failure, a crash or a power cut at any point leaves what was live as it was.
 */
#ifndef PATCHBAY_PUBLISH_H
#define PATCHBAY_PUBLISH_H

#include "patchbay/depot.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One line for the publisher: a warning, or one of the names that make a publish fail. The text is valid
 * during the call. */
typedef void pb_notice_fn(void *arg, const char *text);

/* A map, for OpenSauce's map download (docs/formats/opensauce.md). Zero-initialise, then set what differs. */
struct pb_map_options {
    const char *file;      /* the map: its base name must end in .map or .yelo */
    const char *algorithm; /* "7zip" (also when NULL) or "zip" */
    int level;             /* 1 (fast) to 9 (small); 0: the default, 9; negative: hardly (zip: not at all) */
    const char *password;  /* NULL: not encrypted. The game's limit is 1 to 8 ASCII characters */
    int long_password;     /* 1: allow more, for patchbay's own client */
    int no_raw;            /* 1: do not keep the uncompressed map for GET /maps/NAME.map */
    const char
        *redirect_root; /* part requests are redirected to ROOT/HOST_DIRECTORY/PART; NULL: served from here */
    const char *host_directory; /* NULL: the map's name without its ending */
};

struct pb_publish_result {
    char title[256];   /* "opensauce/immure" */
    char version[64];  /* of the release that is live now */
    int unchanged;     /* 1: it was live already: nothing was made live */
    int mended;        /* 1: unchanged, but stored bytes were damaged or missing and were written anew */
    unsigned parts;    /* pieces that players download */
    uint64_t size;     /* bytes of the source */
    uint64_t packed;   /* bytes of the pieces */
    uint64_t stored;   /* bytes that the depot did not have yet */
    char warning[256]; /* "" when there is none */
};

/*
 * Publishes a map. `progress` may be NULL. Memory is that of the compressor (about 700 MB at level 9, 100 MB
 * at level 5), whatever the map's size. PB_INVALID: the name, the file (empty, 4 GiB or more), an option, or
 * an encrypted archive below 256 bytes.
 */
PB_API PB_MUST_USE int pb_publish_map(struct pb_depot *depot, const struct pb_map_options *options,
                                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                                      struct pb_error *err);

/* A platform's upgrade, for Escape (docs/formats/escape.md). Zero-initialise, then set what is wanted. */
struct pb_upgrade_options {
    const char *tree;               /* folder with the files, as they are to be in the player's */
    const char *platform;           /* "linux" */
    unsigned long long version;     /* that this upgrade brings */
    unsigned long long oldest;      /* that can upgrade itself */
    unsigned long long recommended; /* below it the upgrade is recommended, else optional */
    const char *note; /* one line of free text; NULL: the day, or the note before if nothing else changed */
    const char *const *symlinks; /* "NAME=TARGET"; links in the tree become such, too */
    size_t symlink_count;
    const char *const *deletes; /* names that the upgrade removes */
    size_t delete_count;
    const char *const *aliases; /* other names of the platform */
    size_t alias_count;
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* PB_INVALID: a name that the protocol can't express, or that another title or protocol has; versions out of
 * order. The result's `parts` are the tree's files, `packed` is what a player with none of them downloads.
 * Memory is up to twice the largest file (files above 1 GiB are not packed). */
PB_API PB_MUST_USE int pb_publish_upgrade(struct pb_depot *depot, const struct pb_upgrade_options *options,
                                          pb_progress_fn *progress, void *arg,
                                          struct pb_publish_result *result, struct pb_error *err);

/* A collection of levels, for Escape. */
struct pb_levels_options {
    const char *tree;
    const char *collection; /* the name of the player's folder: "official" */
    const char
        *title; /* the name that players see; NULL: from the index file at the top, else `collection` */
    unsigned long long min_version;
    /* The collection's line in COLLECTIONS. What is not set stays as the live release has it, else it follows
     * from the above. */
    const char *list_title;          /* the long name there; NULL: not set */
    unsigned long long list_version; /* the version there; 0: not set */
    unsigned position; /* from 1; 0: not set. Collections without one come last, in order of their names */
    const char *note;  /* as in pb_upgrade_options */
    const char *descriptions; /* file of lines "FOLDER DESCRIPTION"; NULL: none */
    const char *ratings;  /* file of lines "LEVEL n n n n n n n n n", LEVEL a path or an MD5; NULL: none */
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* A folder's description comes from the file of descriptions, else from the folder's index file, else it is
 * the folder's name; ratings likewise. Files that are no levels by their names (.txt, README, hidden ones)
 * are left out, with a notice. PB_INVALID: names that the protocol can't express, each with a notice; an
 * empty file; a number above 2,147,483,647, which wraps in the game. The result's `parts` are the levels.
 * Memory grows with their number (some 500 bytes each) and not with their size. */
PB_API PB_MUST_USE int pb_publish_levels(struct pb_depot *depot, const struct pb_levels_options *options,
                                         pb_progress_fn *progress, void *arg,
                                         struct pb_publish_result *result, struct pb_error *err);

/* A version of an application on a hardware, for PlayOnline (docs/formats/playonline.md). */
struct pb_app_options {
    const char *tree;           /* folder with all files of this version */
    const char *app;            /* "1000": one to four letters or digits */
    const char *hardware;       /* "W2U", likewise */
    const char *version;        /* "20061212_3": eight digits, _, a number or letters */
    const char *const *aliases; /* hardware names under which the same is served */
    size_t alias_count;
    int force; /* 1: also a version that sorts before the live one; newer lines are left out then */
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* The result's `parts` are the files that are new or changed. Packs with as many threads as there are cores;
 * memory is some 70 MB for each, whatever the files' sizes. progress is called from any of them, one at a
 * time. PB_INVALID: a name, the version, a file of 4 GiB or more. */
PB_API PB_MUST_USE int pb_publish_app(struct pb_depot *depot, const struct pb_app_options *options,
                                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                                      struct pb_error *err);

/* One line of an import's report: fault is NULL for a title that was imported, else what is wrong with
 * `file`. */
typedef int pb_import_fn(void *arg, const char *file, const char *fault,
                         const struct pb_publish_result *result);

struct pb_import_options {
    const char *definitions; /* folder with *.xml */
    const char *parts;       /* folder with a folder of parts for each map */
    const char *password;    /* of encrypted maps; NULL: they are imported without their raw map */
    const char *redirect_root;
    int no_raw;
};

struct pb_import_report {
    unsigned imported;
    unsigned refused;
};

/*
 * Imports what the original tools made. Each part is checked against its size and MD5, and each map that can
 * be unpacked against its own. A map with a fault is left out and reported; the others are imported. fn may
 * be NULL; anything but 0 from it ends the import with PB_CANCELLED.
 */
PB_API PB_MUST_USE int pb_import_opensauce(struct pb_depot *depot, const struct pb_import_options *options,
                                           pb_import_fn *fn, void *arg, struct pb_import_report *report,
                                           struct pb_error *err);

/* Imports a static tree, as an Escape server has it: COLLECTIONS, NAME.txt with NAME/aa/bbb…,
 * PLATFORM/UPGRADE with its files. Lists are kept as they are; every MD5 is checked; a title with a fault is
 * left out and reported. */
PB_API PB_MUST_USE int pb_import_escape(struct pb_depot *depot, const char *tree, pb_import_fn *fn, void *arg,
                                        struct pb_import_report *report, struct pb_error *err);

struct pb_import_app_options {
    const char *config; /* patch.cfg, as text or as captured (in any mode, mode byte first) */
    const char *tree;   /* the files that it names, mode bytes and all */
    const char *app, *hardware;
    const char *version;        /* NULL: the highest in patch.cfg */
    const char *const *aliases; /* hardware names under which the same is served */
    size_t alias_count;
};
/* Imports a captured tree. It is served as it is; a patch.cfg that is text is served in mode 2. Files that
 * are missing or have another size are left out; each kind of fault is reported once, and report->refused
 * counts the files. */
PB_API PB_MUST_USE int pb_import_playonline(struct pb_depot *depot,
                                            const struct pb_import_app_options *options, pb_import_fn *fn,
                                            void *arg, struct pb_import_report *report, struct pb_error *err);

struct pb_export_report {
    unsigned titles;
    unsigned long long files;   /* of the tree */
    unsigned long long written; /* of these, that were not there already */
    unsigned long long bytes;   /* written */
};

/* Writes all live releases whose protocol is static files to `folder`, for any web server or file host:
 * Escape's whole tree, and OpenSauce's parts and maps as a redirect target. Files that are there and right
 * stay; lists are written last; nothing is removed. PB_INVALID when something stands in the way. */
PB_API PB_MUST_USE int pb_export(struct pb_depot *depot, const char *folder, pb_progress_fn *progress,
                                 void *arg, struct pb_export_report *report, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
