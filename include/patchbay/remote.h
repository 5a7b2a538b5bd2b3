/*
 * Publishing from afar: over the admin address of a server with `publish = yes` (docs/formats/upload.md).
 *
 * Threads: as in fetch.h: from several at once, for different files. It blocks until all is done.
 */
#ifndef PATCHBAY_REMOTE_H
#define PATCHBAY_REMOTE_H

#include "patchbay/publish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start from PB_INIT(pb_remote_options), then set what differs. */
struct pb_remote_options {
    size_t size;         /* set by PB_INIT */
    const char *url;     /* "https://HOST[:PORT]"; http only to this machine, unless `insecure` */
    const char *token;   /* that `patchbay token add` printed, or that of the server's admin_token_file */
    const char *ca_file; /* certificates to trust for https; NULL: as curl has it */
    int insecure;        /* 1: http to other machines as well, where all on the way can read token and map */
    int retries;         /* further attempts after the connection broke; 0: 5; negative: none */
};

/*
 * Publishes a map there, as pb_publish_map does here: the server makes the same checks and gives the same
 * result. A connection that breaks is made again, and the upload goes on where it stopped; so it does when
 * this is called again within an hour, unless the server was started anew. After PB_CANCELLED nothing is
 * published, unless all was done. Stages of `progress` are "checking", "uploading", "waiting", and the
 * server's. PB_NETWORK: the server can't be reached. PB_DENIED: it does not accept the token, or the token
 * has no right to publish. PB_NOT_FOUND: it takes no maps from afar. PB_NO_SPACE: its disk is full. PB_BUSY:
 * it has too many uploads. Others: as pb_publish_map.
 */
PB_API PB_MUST_USE int pb_publish_map_to(const struct pb_remote_options *remote,
                                         const struct pb_map_options *options, pb_progress_fn *progress,
                                         void *arg, struct pb_publish_result *result, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
