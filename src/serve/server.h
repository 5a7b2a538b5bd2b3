/* The server: sockets, one loop a thread, the watcher and the access log. It names no dialect and no file
 * format. */
#ifndef PB_SERVE_SERVER_H
#define PB_SERVE_SERVER_H

#include "serve/engine/listener.h"
#include "serve/live/publisher.h"
#include "serve/live/watcher.h"
#include "serve/protocol/protocol.h"

enum { SERVER_THREADS_MAX = 256, SERVER_ADDRESSES_MAX = LISTENERS_MAX };

struct server_listen {
    struct listen_address address;
    const struct protocol *protocol;
    bool proxy_header; /* trusted proxies begin with a PROXY header there */
    bool tls;
};

struct server_options {
    const char *depot;
    const struct server_listen *listen;
    size_t listen_count;
    unsigned threads;       /* 0: none; the caller drives the one loop with server_step */
    const char *access_log; /* NULL: none */
    const struct publish_calls
        *publish;             /* for uploads at the operator's address; NULL: none. Needs threads */
    server_report_fn *report; /* may be NULL */
    void *report_arg;
    struct damage_listener damage; /* not told without threads */
};

struct server;

/* Opens the depot and all sockets, makes the first snapshot, starts the threads. Takes over the reference of
 * `settings`, also when it fails. The caller frees *out with server_free. */
PB_MUST_USE int server_start(const struct server_options *o, struct serve_settings *settings,
                             struct server **out, struct pb_error *err);
/* May the protocol be spoken there? What the operator sees is not everybody's: an address that others reach
 * needs a token, that of the settings or one of the depot's (`tokens`: it has some). PB_INVALID. */
PB_MUST_USE int server_address_check(const struct server_listen *l, const struct serve_settings *settings,
                                     bool tokens, struct pb_error *err);
/* Puts new settings into force, and reopens the access log. Takes over the reference, also when it fails.
 * Thread-safe. */
PB_MUST_USE int server_reload(struct server *s, struct serve_settings *settings, struct pb_error *err);
/* The address of listener n, its port resolved: "127.0.0.1:40123". */
void server_address(const struct server *s, size_t n, char *out, size_t room);
/* The name of the protocol of listener n; with TLS a name of its own, such as "https". */
const char *server_protocol(const struct server *s, size_t n);
/* How many connections at once there are descriptors for. */
unsigned server_room(const struct server *s);
/* NULL when all threads turn, or there are none; else a text that says which one hangs. Thread-safe. */
const char *server_illness(const struct server *s);
/* Begins to stop, as loop_stop says, and returns at once. Thread-safe. */
void server_stop(struct server *s);
/* Stops, waits for the threads, and frees. Accepts NULL. */
void server_free(struct server *s);

/* For threads == 0: server_fd is readable when server_step has work to do. server_step never blocks; it
 * returns false once the server has stopped. */
int server_fd(const struct server *s);
bool server_step(struct server *s);

#endif
