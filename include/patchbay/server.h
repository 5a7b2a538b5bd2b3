/*
 * Serving: a depot's live releases, to every client in its own protocol. In threads of the library's own, or
 * turned by the caller's poll loop. A server holds no global state; a process may run several.
 */
#ifndef PATCHBAY_SERVER_H
#define PATCHBAY_SERVER_H

#include "patchbay/status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_config;
struct pb_server;

/* ---- configuration: the same for a file and for a program (docs/configuration.md) ---- */

/* An empty configuration: all defaults. NULL when memory is out. Owned by the caller: pb_config_free. */
PB_API struct pb_config *pb_config_new(void);
PB_API void pb_config_free(struct pb_config *config); /* NULL does no harm */

/*
 * Sets one value, as a line of the file would: pb_config_set(c, "server", "http", "127.0.0.1:2303", "--http",
 * &err). `where` says in errors where the value comes from. A repeatable key adds a value; values from a file
 * are dropped once the program sets the same key. PB_INVALID: unknown section or key, or a value that can't
 * be.
 */
PB_API PB_MUST_USE int pb_config_set(struct pb_config *config, const char *section, const char *key,
                                     const char *value, const char *where, struct pb_error *err);

/* As pb_config_set, for what holds when neither the program nor a file says anything. */
PB_API PB_MUST_USE int pb_config_default(struct pb_config *config, const char *section, const char *key,
                                         const char *value, struct pb_error *err);

/* Reads an INI file. What the program sets, before or after, goes before what the file says. Errors name the
 * line. */
PB_API PB_MUST_USE int pb_config_read(struct pb_config *config, const char *file, struct pb_error *err);

/* One key that there is, for help and documents. */
struct pb_config_key {
    const char *section;
    const char *key;
    const char *argument; /* "ADDR:PORT" */
    const char *help;
    int repeatable;
};
/* Calls fn for every key; static text. */
PB_API void pb_config_keys(void (*fn)(void *arg, const struct pb_config_key *key), void *arg);

/* ---- running ---- */

/* Told about things that go wrong while serving. One line; from a thread of the library's, or, during a call
 * of these functions, from the caller's. */
typedef void pb_server_report_fn(void *arg, const char *text);

/*
 * Opens the depot and all listening sockets and begins to serve. `own_loop` 0: in the library's threads. 1:
 * no threads (the access log's writer aside); the caller polls pb_server_fd for reading and calls
 * pb_server_step. `config` is only read during the call. PB_BUSY: another program listens on an address.
 */
PB_API PB_MUST_USE int pb_server_start(const char *depot, const struct pb_config *config, int own_loop,
                                       pb_server_report_fn *report, void *arg, struct pb_server **server,
                                       struct pb_error *err);

/* The address that listener n (from 0) got, such as "127.0.0.1:40123" when port 0 was asked for. Returns 0,
 * or PB_NOT_FOUND when there is no such listener. */
PB_API int pb_server_address(const struct pb_server *server, size_t n, char *text, size_t room);

/* The protocol of listener n: "http", "polp", or "admin" (HTTP for the operator). Static; NULL when there is
 * no such listener. */
PB_API const char *pb_server_protocol(const struct pb_server *server, size_t n);

/* Takes a new configuration into use without dropping a connection; listeners and threads stay as they are.
 * Opens the access log anew. On failure the old configuration stays. It
 * holds for all connections a moment after the call (with own_loop: from the next steps on). */
PB_API PB_MUST_USE int pb_server_reload(struct pb_server *server, const struct pb_config *config,
                                        struct pb_error *err);

/* NULL when all its threads turn; else a few words on what is wrong. Static text;
 * from any thread. With own_loop always NULL: the caller knows whether he turns the loop. */
PB_API const char *pb_server_illness(const struct pb_server *server);

/* Begins to stop: no new connections, replies under way are finished (bounded by drain_timeout). Returns at
 * once. */
PB_API void pb_server_stop(struct pb_server *server);

/* Stops, waits for what is under way, and frees. With own_loop nothing turns the loop any more, so what is
 * under way is broken off: call pb_server_stop and step until pb_server_step returns 0 first. NULL does no
 * harm. */
PB_API void pb_server_free(struct pb_server *server);

/* For own_loop: readable when there is something to do. pb_server_step never waits; it returns 1, or 0 once a
 * server told to stop has finished. */
PB_API int pb_server_fd(const struct pb_server *server);
PB_API int pb_server_step(struct pb_server *server);

#ifdef __cplusplus
}
#endif
#endif
