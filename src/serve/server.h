/* The server: snapshots, listeners and threads around loops. Names no dialect and no file format. */
#ifndef PB_SERVE_SERVER_H
#define PB_SERVE_SERVER_H

#include "serve/engine/listener.h"
#include "serve/live/watcher.h"
#include "serve/protocol/protocol.h"

enum { SERVER_THREADS_MAX = 256, SERVER_ADDRESSES_MAX = LISTENERS_MAX };

struct server_listen {
    struct listen_address address;
    const struct protocol *protocol;
};

struct server_options {
    const char *depot;
    const struct server_listen *listen;
    size_t listen_count;
    unsigned threads;         /* 0: none; the caller turns the one loop itself with server_step */
    const char *access_log;   /* NULL: none */
    server_report_fn *report; /* may be NULL */
    void *report_arg;
};

struct server;

/* Opens the depot and all sockets, makes the first site, starts the threads. Takes over the reference of
 * `settings`, also when it fails. */
PB_MUST_USE int server_start(const struct server_options *o, struct serve_settings *settings,
                             struct server **out, struct pb_error *err);
/* New settings, from now on; takes over the reference. Opens the access log anew. From any thread. */
PB_MUST_USE int server_reload(struct server *s, struct serve_settings *settings, struct pb_error *err);
/* The address of listener n as it came to be ("127.0.0.1:40123"). */
void server_address(const struct server *s, size_t n, char *out, size_t room);
/* Its protocol's name. */
const char *server_protocol(const struct server *s, size_t n);
/* NULL when all its threads turn, or it has none; else what is wrong. From any thread. */
const char *server_illness(const struct server *s);
/* Begins to stop: see loop_stop. Does not wait. Safe from any thread. */
void server_stop(struct server *s);
/* Stops, waits for the threads and frees. NULL does no harm. */
void server_free(struct server *s);

/* For threads == 0: a descriptor that is readable when server_step has something to do; server_step never
 * waits and returns false once it has stopped. */
int server_fd(const struct server *s);
bool server_step(struct server *s);

#endif
