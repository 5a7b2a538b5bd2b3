/*
 * Publishing: content is stored in the depot and becomes live in one transaction. Running servers serve it
 * within a second. After an error, a crash or a power cut at any point the release that was live is still
 * live.
 *
 * Each function blocks until it is done. The rules of depot.h for errors apply.
 *
 * Threads: as in depot.h. Where the library works with several threads, callbacks come in the thread of the
 * call all the same, except where a function says otherwise.
 */
#ifndef PATCHBAY_PUBLISH_H
#define PATCHBAY_PUBLISH_H

#include "patchbay/depot.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One line for the publisher: a warning, or one of the names that make publishing fail. The text is valid
 * during the call only. */
typedef void pb_notice_fn(void *arg, const char *text);

/* A map, for OpenSauce's map download (docs/formats/opensauce.md). Begin with PB_INIT, then set what differs.
 */
struct pb_map_options {
    size_t size;           /* set by PB_INIT */
    const char *file;      /* the map: its base name must end in .map or .yelo */
    const char *algorithm; /* "7zip" (also when NULL) or "zip" */
    int level;             /* 1 (fast) to 9 (small); 0: 9; negative: the least compression (zip: none) */
    const char *password;  /* NULL: not encrypted. The game accepts 1 to 8 ASCII characters */
    int long_password;     /* 1: accept up to 255 characters, for patchbay's client alone */
    int no_raw;            /* 1: do not keep the uncompressed map for GET /maps/NAME.map */
    const char
        *redirect_root; /* requests for parts are redirected to ROOT/HOST_DIRECTORY/PART; NULL: no redirect */
    const char *host_directory; /* NULL: the map's name without its ending */
};

struct pb_publish_result {
    size_t size;      /* set by PB_INIT */
    char title[256];  /* "opensauce/immure" */
    char version[64]; /* of the release that is live now */
    int unchanged;    /* 1: the same release was live already; no new one was made */
    int mended;       /* 1: unchanged, but damaged or missing objects were stored again */
    unsigned parts;   /* pieces that players download */
    uint64_t source_bytes;
    uint64_t packed;   /* bytes that a player downloads */
    uint64_t stored;   /* bytes that were new to the depot */
    char warning[256]; /* "" when there is none */
};

/*
 * Publishes a map. `progress` may be NULL; it is called from the caller's thread. 7z is compressed with one
 * thread for each core, at most 16. Each needs up to 380 MB of memory at level 9 and 170 MB at level 5; there
 * are fewer, where all would need more than 1.6 GB. PB_INVALID: the name or an option is not allowed; the
 * file is empty or has 4 GiB or more; the archive is to be encrypted and has less than 256 bytes.
 */
PB_API PB_MUST_USE int pb_publish_map(struct pb_depot *depot, const struct pb_map_options *options,
                                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                                      struct pb_error *err);

/* A platform's upgrade, for Escape (docs/formats/escape.md). Begin with PB_INIT, then set what is wanted. */
struct pb_upgrade_options {
    size_t size;          /* set by PB_INIT */
    const char *tree;     /* folder with the files as the player's folder should have them */
    const char *platform; /* "linux" */
    const char
        *note; /* one line of free text; NULL: the date, or the live note when nothing else has changed */
    unsigned long long version;     /* the version that this upgrade brings */
    unsigned long long oldest;      /* the oldest version that can upgrade itself */
    unsigned long long recommended; /* below it the upgrade is recommended, else optional */
    const char *const *symlinks;    /* "NAME=TARGET"; symbolic links in the tree are added to these */
    size_t symlink_count;
    const char *const *deletes; /* names that the upgrade removes */
    size_t delete_count;
    const char *const *aliases; /* other names of the platform */
    size_t alias_count;
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* Publishes an upgrade. In the result `parts` is the number of files, and `packed` what a player downloads
 * who has none of them. Needs memory of up to twice the largest file; files above 1 GiB are not compressed.
 * PB_INVALID: the protocol can't express a name; another title or protocol has it; the versions are out of
 * order. */
PB_API PB_MUST_USE int pb_publish_upgrade(struct pb_depot *depot, const struct pb_upgrade_options *options,
                                          pb_progress_fn *progress, void *arg,
                                          struct pb_publish_result *result, struct pb_error *err);

/* A collection of levels, for Escape. */
struct pb_levels_options {
    size_t size; /* set by PB_INIT */
    const char *tree;
    const char *collection; /* the name of the player's folder: "official" */
    const char
        *title; /* the name that players see; NULL: that of the index file at the top, else `collection` */
    unsigned long long min_version;
    /* The collection's line in COLLECTIONS. A value that is not set is kept from the live release; a first
     * release derives it from the fields above. */
    const char *list_title;          /* the long name; NULL: not set */
    unsigned long long list_version; /* the version; 0: not set */
    unsigned position; /* from 1; 0: not set. Collections without a position come last, sorted by name */
    const char *note;  /* as in pb_upgrade_options */
    const char *descriptions; /* file of lines "FOLDER DESCRIPTION"; NULL: none */
    const char *ratings;  /* file of lines "LEVEL n n n n n n n n n", LEVEL a path or an MD5; NULL: none */
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* Publishes a collection. A folder's description is taken from the file of descriptions, else from the
 * folder's index file, else from the folder's name; ratings are taken from the file of ratings, else from
 * index files. Files whose names are not those of levels (.txt, README, hidden files) are left out, with a
 * notice. In the result `parts` is the number of levels. Stores with one thread for each core; progress is
 * called from any of these, by one at a time. Needs about 500 bytes of memory for each level. PB_INVALID: the
 * protocol can't express a name (a notice names each); a file is empty; a number is above 2,147,483,647,
 * which the game can't read. */
PB_API PB_MUST_USE int pb_publish_levels(struct pb_depot *depot, const struct pb_levels_options *options,
                                         pb_progress_fn *progress, void *arg,
                                         struct pb_publish_result *result, struct pb_error *err);

/* A version of an application for one kind of hardware, for PlayOnline (docs/formats/playonline.md). */
struct pb_app_options {
    size_t size;                /* set by PB_INIT */
    const char *tree;           /* folder with all files of this version */
    const char *app;            /* "1000": one to four letters or digits */
    const char *hardware;       /* "W2U": one to four letters or digits */
    const char *version;        /* "20061212_3": eight digits, _, a number or letters */
    const char *const *aliases; /* further hardware names under which it is served */
    size_t alias_count;
    int force; /* 1: accept a version that sorts before the live one; lines of newer versions are left out */
    pb_notice_fn *notice; /* may be NULL */
    void *notice_arg;
};

/* Publishes a version. In the result `parts` is the number of new and changed files. Compresses with one
 * thread for each core; each needs about 20 MB of memory, independent of file sizes. progress is called from
 * any of these threads, by one at a time. PB_INVALID: a name or the version is not allowed; a file has 4 GiB
 * or more. */
PB_API PB_MUST_USE int pb_publish_app(struct pb_depot *depot, const struct pb_app_options *options,
                                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                                      struct pb_error *err);

/* One result of an import: of a title that was imported (fault is NULL, `result` is set), or a fault of
 * `file` (`result` is then without meaning). Valid during the callback only. A return value other than 0 ends
 * the import, which then returns PB_CANCELLED. */
typedef int pb_import_fn(void *arg, const char *file, const char *fault,
                         const struct pb_publish_result *result);

struct pb_import_options {
    size_t size;             /* set by PB_INIT */
    const char *definitions; /* folder with *.xml */
    const char *parts;       /* folder with a folder of parts for each map */
    const char *password;    /* of encrypted maps; NULL: these are imported without their raw maps */
    int no_raw;
    const char *redirect_root;
};

struct pb_import_report {
    size_t size; /* set by PB_INIT */
    unsigned imported;
    unsigned refused;
};

/*
 * Imports maps that the original tools have split. Each part is compared with its size and MD5, and each map
 * that can be unpacked with its own. A map with a fault is left out and reported; the others are imported. fn
 * may be NULL.
 */
PB_API PB_MUST_USE int pb_import_opensauce(struct pb_depot *depot, const struct pb_import_options *options,
                                           pb_import_fn *fn, void *arg, struct pb_import_report *report,
                                           struct pb_error *err);

/* Imports the static tree of an Escape server: COLLECTIONS, NAME.txt with NAME/aa/bbb…, PLATFORM/UPGRADE with
 * its files. Lists are kept byte for byte. Every MD5 is checked; a title with a fault is left out and
 * reported. fn may be NULL. */
PB_API PB_MUST_USE int pb_import_escape(struct pb_depot *depot, const char *tree, pb_import_fn *fn, void *arg,
                                        struct pb_import_report *report, struct pb_error *err);

struct pb_import_app_options {
    size_t size;        /* set by PB_INIT */
    const char *config; /* patch.cfg: as text, or as captured (any mode, with its mode byte) */
    const char *tree;   /* the files that it names, with their mode bytes */
    const char *app, *hardware;
    const char *version;        /* NULL: the highest in patch.cfg */
    const char *const *aliases; /* hardware names under which the same is served */
    size_t alias_count;
};
/* Imports a captured tree. It is served byte for byte; a patch.cfg that is text is served in mode 2. Files
 * that are missing or have another size are left out: report->refused counts them, and fn, which may be NULL,
 * is called once for each kind of fault. */
PB_API PB_MUST_USE int pb_import_playonline(struct pb_depot *depot,
                                            const struct pb_import_app_options *options, pb_import_fn *fn,
                                            void *arg, struct pb_import_report *report, struct pb_error *err);

struct pb_export_report {
    size_t size; /* set by PB_INIT */
    unsigned titles;
    unsigned long long files;   /* of the tree */
    unsigned long long written; /* of these, written by this call */
    unsigned long long bytes;   /* written by this call */
    unsigned long long removed; /* by pb_export_prune */
    unsigned long long kept;    /* no longer named, but changed since an export wrote them */
};

/* Exports live releases as static files to `folder`, for any web server: Escape's whole tree, and OpenSauce's
 * parts and maps as the target of a redirect. Files that are right already are not written again. Lists are
 * written last. Nothing is removed. The folder's file .patchbay-export lists what exports wrote. PB_INVALID:
 * something that is no regular file or folder is in the way. PB_BUSY: another export to the folder is under
 * way. */
PB_API PB_MUST_USE int pb_export(struct pb_depot *depot, const char *folder, pb_progress_fn *progress,
                                 void *arg, struct pb_export_report *report, struct pb_error *err);

/* The same, and then removes what earlier exports to the folder wrote and is no longer named, with folders
 * that this leaves empty. Files that somebody has changed since stay, and so does all that no export wrote.
 * Nothing is removed when a title can't be exported. PB_INVALID: the folder is not empty and has no list of
 * what an export wrote, or that list is damaged; nothing is written then. */
PB_API PB_MUST_USE int pb_export_prune(struct pb_depot *depot, const char *folder, pb_progress_fn *progress,
                                       void *arg, struct pb_export_report *report, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
