/*
 * Fetching: content comes from a server, ours or an original one, into the player's folder. It is verified
 * before it appears there; a fetch that fails, is cancelled or is killed leaves what is installed as it was,
 * and the next one continues with what had arrived.
 */
#ifndef PATCHBAY_FETCH_H
#define PATCHBAY_FETCH_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What will become, or has become, of one path of the folder; valid during the callback. */
struct pb_fetch_step {
    const char
        *action;      /* "download", "keep", "place", "move", "link", "attic", "remove", "folder", "prune" */
    const char *path; /* in the folder; of a "download", what it is */
    const char *from; /* of a move: where it was; of a link: what it leads to; else NULL */
    unsigned long long bytes; /* of a download or a file, where it is known */
};
typedef void pb_fetch_step_fn(void *arg, const struct pb_fetch_step *step);

struct pb_fetch_result;
typedef void pb_fetch_result_fn(void *arg, const struct pb_fetch_result *result);

/* One option of a protocol's own, such as {"subscribe", "official"}. */
struct pb_fetch_option {
    const char *key;
    const char *value; /* "" for a flag */
};

/* Zero-initialise, then set what is wanted. Everything is only read, during the call. */
struct pb_fetch_options {
    const char *url; /* opensauce://HOST[:PORT]/NAME; escape://HOST[:PORT]/PLATFORM/UPGRADE, /COLLECTION or /;
                                  playonline://HOST[:PORT]/APP@HW */
    const char *folder;   /* the game's own folder; made if it is not there. State is kept in its .patchbay */
    unsigned connections; /* at once; 0: as many as suit the content */
    const char *const *mirrors; /* further sources in order, such as "http://maps.example.org/map_download" */
    size_t mirror_count;
    const char *password;                  /* opensauce; NULL: none */
    const char *installed_version;         /* escape: of the game; NULL: what the folder's record says */
    const struct pb_fetch_option *options; /* that only the URL's protocol has: see pb_fetch_option_keys */
    size_t option_count;
    int dry_run;            /* 1: change nothing; `step` is told what would be done */
    pb_fetch_step_fn *step; /* may be NULL; without dry_run it is told what was done */
    /* For a URL that names several titles (escape://HOST/): called after each. May be NULL. */
    pb_fetch_result_fn *each;
    void *arg; /* for step and each */
};

/* Of a URL that names several titles: sums, and the texts of the last. */
struct pb_fetch_result {
    char title[256];
    char version[64];    /* "" when the protocol has none */
    char host[256];      /* of the URL, with the brackets of an IPv6 address */
    unsigned port;       /* of the URL, or the protocol's default */
    unsigned game_port;  /* where the game's own server is: for opensauce one below `port`, else `port` */
    char source[512];    /* where it came from */
    char note[256];      /* the publisher's free text */
    char advice[32];     /* "recommended", "optional", or "" */
    char others[512];    /* titles there that are not fetched, for people */
    int unchanged;       /* 1: everything was there already, and right */
    unsigned titles;     /* that were fetched */
    unsigned pieces;     /* that had to be downloaded */
    unsigned downloaded; /* of these, in this call */
    unsigned present;    /* of these, left by an earlier, broken off call */
    uint64_t bytes;      /* that came over the network */
    /* files of the folder */
    unsigned kept, placed, moved, linked, removed;
    unsigned attic; /* set aside */
    /* of a title that is one file */
    char file[256]; /* in the folder; "" for other titles */
    uint64_t size;
    char md5[33];
    uint32_t crc32;
};

/* An option that a protocol has of its own. Static text. */
struct pb_fetch_option_key {
    const char *protocol; /* "escape" */
    const char *key;      /* "subscribe" */
    const char *argument; /* "NAME"; NULL: a flag */
    const char *help;
    int repeatable;
};
typedef void pb_fetch_option_fn(void *arg, const struct pb_fetch_option_key *key);
/* Calls fn for every option that there is. */
PB_API void pb_fetch_option_keys(pb_fetch_option_fn *fn, void *arg);

/*
 * Fetches. progress may be NULL; it is called often, from the calling thread, with stages "ask", "download",
 * "unpack", "copy", "wait". Failures: PB_INVALID (URL, an option that its protocol has not got, or a server's
 * list that makes no sense; something in the folder stands in the way), PB_NOT_FOUND, PB_NETWORK, PB_DENIED
 * (password missing or wrong; a version too old to be upgraded), PB_DAMAGED (bytes are not those promised, an
 * archive that unpacks to more), PB_NO_SPACE, PB_BUSY (the same is being fetched into the same folder),
 * PB_FAILED (the folder was changed by somebody meanwhile, or can't be written), PB_CANCELLED. Whatever
 * fails, files in the folder are as they were; what was subscribed to stays so.
 */
PB_API PB_MUST_USE int pb_fetch(const struct pb_fetch_options *options, pb_progress_fn *progress, void *arg,
                                struct pb_fetch_result *result, struct pb_error *err);

/* Finishes an install that was broken off in this folder, as the next fetch would: *found is 1 when there was
 * one. */
PB_API PB_MUST_USE int pb_recover(const char *folder, int *found, struct pb_error *err);

/* What a folder has, as fetching recorded it. Valid only during the callback; anything but 0 from it ends the
 * listing, which then fails with PB_CANCELLED. */
struct pb_installed {
    const char *title;
    const char *version; /* "" when the protocol has none */
    const char *source;
    uint64_t files;
    const char *file; /* of a title that is one file; else "" */
    uint64_t size;
    const char *md5;
    uint32_t crc32;
    int64_t installed; /* Unix seconds */
};
typedef int pb_installed_fn(void *arg, const struct pb_installed *record);
PB_API PB_MUST_USE int pb_installed_list(const char *folder, pb_installed_fn *fn, void *arg,
                                         struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
