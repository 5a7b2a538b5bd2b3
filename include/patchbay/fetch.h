/*
 * Fetching: content comes from a server, ours or an original one, into the player's folder. It is verified
 * before it appears there; a fetch that fails, is cancelled or is killed leaves the folder as it was, and the
 * next one continues with what had arrived.
 */
#ifndef PATCHBAY_FETCH_H
#define PATCHBAY_FETCH_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialise, then set what is wanted. Everything is only read, during the call. */
struct pb_fetch_options {
    const char *url;      /* opensauce://HOST[:PORT]/NAME */
    const char *folder;   /* the game's own folder; made if it is not there. State is kept in its .patchbay */
    const char *password; /* NULL: none */
    const char *const *mirrors; /* further sources in order, such as "http://maps.example.org/map_download" */
    size_t mirror_count;
    const char *server_list; /* URL of a master server list; NULL: the server's own */
    unsigned connections;    /* at once; 0: 4 */
};

struct pb_fetch_result {
    char title[256];
    char file[256];   /* in the folder */
    char source[512]; /* where it came from */
    uint64_t size;
    char md5[33];
    uint32_t crc32;
    int unchanged;       /* 1: it was there already, and right */
    unsigned pieces;     /* parts that make the content */
    unsigned downloaded; /* of these, in this call */
    unsigned present;    /* of these, left by an earlier, broken off call */
    uint64_t bytes;      /* that came over the network */
};

/*
 * Fetches. progress may be NULL; it is called often, from the calling thread, with stages "ask", "download",
 * "unpack", "wait". Failures: PB_INVALID (URL, or a server's definition that makes no sense), PB_NOT_FOUND,
 * PB_NETWORK, PB_DENIED (password missing or wrong), PB_DAMAGED (bytes are not those promised, an archive
 * that unpacks to more), PB_NO_SPACE, PB_BUSY (the same is being fetched into the same folder), PB_CANCELLED.
 */
PB_API PB_MUST_USE int pb_fetch(const struct pb_fetch_options *options, pb_progress_fn *progress, void *arg,
                                struct pb_fetch_result *result, struct pb_error *err);

/* What a folder has, as fetching recorded it. Valid only during the callback; anything but 0 from it ends the
 * listing, which then fails with PB_CANCELLED. */
struct pb_installed {
    const char *title;
    const char *file;
    const char *source;
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
