/*
 * Serving: a server answers clients from a depot's live releases, each in its own protocol. It runs in
 * threads of the library, or in the caller's event loop. There is no global state: a process may run several
 * servers.
 *
 * Threads: a struct pb_config is for one thread at a time. Of a struct pb_server, pb_server_stop and
 * pb_server_illness may be called from any thread between pb_server_start and pb_server_free, and
 * pb_server_stop from a signal handler, too; all else by one thread at a time. The library's threads have all
 * signals blocked. After a fork() the child must not use a server of its parent's.
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

/* Creates a configuration with all defaults. The caller owns it and frees it with pb_config_free. NULL: out
 * of memory. A configuration may be used by one thread at a time. */
PB_API struct pb_config *pb_config_new(void);
PB_API void pb_config_free(struct pb_config *config); /* accepts NULL */

/*
 * Sets a value, as a line of a configuration file does: pb_config_set(c, "server", "http", "127.0.0.1:2303",
 * "--http", &err). `where` is the origin that errors name. For a repeatable key the value is added. Values
 * that were read from a file are dropped when the program sets the same key. Strings are copied. PB_INVALID:
 * unknown section or key, or not an allowed value.
 */
PB_API PB_MUST_USE int pb_config_set(struct pb_config *config, const char *section, const char *key,
                                     const char *value, const char *where, struct pb_error *err);

/* As pb_config_set, for a value that applies when neither the program nor a file sets the key. */
PB_API PB_MUST_USE int pb_config_default(struct pb_config *config, const char *section, const char *key,
                                         const char *value, struct pb_error *err);

/* Reads an INI file. Values that the program sets, before or after, take precedence. Errors name the line.
 * PB_NOT_FOUND: there is no such file. PB_INVALID: as for pb_config_set. */
PB_API PB_MUST_USE int pb_config_read(struct pb_config *config, const char *file, struct pb_error *err);

/* Called with one line of text that says what is wrong with a configuration, and where. The text is valid
 * during the call only. */
typedef void pb_config_fault_fn(void *arg, const char *text);

/* For checking, so that all that is wrong is told at once: from now on a line or a value that is wrong is
 * told to fn and left out, where the function that finds it would end with PB_INVALID. fn NULL ends this. */
PB_API void pb_config_faults(struct pb_config *config, pb_config_fault_fn *fn, void *arg);

/* The description of a key. Texts are static. */
struct pb_config_key {
    const char *section;
    const char *key;
    const char *argument; /* "ADDR:PORT" */
    const char *help;
    int repeatable;
};
/* Calls fn for every key of every section. */
PB_API void pb_config_keys(void (*fn)(void *arg, const struct pb_config_key *key), void *arg);

/* ---- running ---- */

/* Called with one line of text when something goes wrong while serving: in a thread of the library, or,
 * during a call of one of these functions, in the caller's thread; possibly in several at once. Of the
 * server's functions it may call pb_server_stop alone. The text is valid during the call only. */
typedef void pb_server_report_fn(void *arg, const char *text);

/*
 * Opens the depot and all listening sockets, and begins to serve. With own_loop 0 the server runs in threads
 * of the library. With own_loop 1 it has no thread but the access log's writer: the caller polls pb_server_fd
 * for reading and calls pb_server_step; nothing then looks in the background for damaged objects or mends
 * them (`verify`, `repair_from`): pb_depot_fsck does, when the caller has time for it. Nothing can be
 * published from afar then. `config` is only read during the call; `report` may be NULL. On success the
 * caller owns *server and frees it with pb_server_free. PB_NOT_FOUND: there is no depot. PB_BUSY: another
 * program listens on an address. PB_INVALID: the configuration contradicts itself.
 */
PB_API PB_MUST_USE int pb_server_start(const char *depot, const struct pb_config *config, int own_loop,
                                       pb_server_report_fn *report, void *arg, struct pb_server **server,
                                       struct pb_error *err);

/*
 * Checks all that pb_server_start and pb_server_reload check, without listening and without changing
 * anything: the configuration, its files, the depot and each live title. `warn`, which may be NULL, is called
 * for what keeps nobody from serving: a title that is damaged, a rate of a title that the depot does not
 * have. Errors are those of pb_server_start; with pb_config_faults all are told, and PB_OK is returned.
 */
PB_API PB_MUST_USE int pb_server_check(const char *depot, const struct pb_config *config,
                                       pb_server_report_fn *warn, void *arg, struct pb_error *err);

/* Writes the address of listener n (from 0) to `text` (room bytes), with the port that was chosen where port
 * 0 was asked for: "127.0.0.1:40123". PB_NOT_FOUND: there is no such listener. */
PB_API int pb_server_address(const struct pb_server *server, size_t n, char *text, size_t room);

/* The protocol of listener n: "http", "https", "polp", "admin" or "admin_https" (for the operator). Static
 * text. NULL: there is no such listener. */
PB_API const char *pb_server_protocol(const struct pb_server *server, size_t n);

/* How many connections at once the process's limit of descriptors (RLIMIT_NOFILE, as it was when the server
 * was started) leaves room for; each is counted with two of them. Further ones wait until one is free; idle
 * ones give way. */
PB_API unsigned pb_server_room(const struct pb_server *server);

/* Applies a new configuration without dropping a connection, and reopens the access log. Changed addresses,
 * threads and the log's path apply from the next start on; a report says so. The rest applies to all
 * connections within a second (with own_loop: from the next steps on). After an error the old one stays in
 * force. */
PB_API PB_MUST_USE int pb_server_reload(struct pb_server *server, const struct pb_config *config,
                                        struct pb_error *err);

/* NULL when all threads of the server are running; else a static text that says which one hangs. Always NULL
 * with own_loop. Thread-safe. */
PB_API const char *pb_server_illness(const struct pb_server *server);

/* Begins to stop: no new connections are accepted, and replies under way are finished within drain_timeout.
 * Returns at once. Thread-safe. */
PB_API void pb_server_stop(struct pb_server *server);

/* Stops, waits for replies under way, and frees. With own_loop replies under way are broken off, unless the
 * caller has called pb_server_stop and then pb_server_step until it returned 0. Accepts NULL. */
PB_API void pb_server_free(struct pb_server *server);

/* For own_loop: the descriptor is readable when there is work to do. pb_server_step never blocks. It returns
 * 1; 0 when the server has stopped. */
PB_API int pb_server_fd(const struct pb_server *server);
PB_API int pb_server_step(struct pb_server *server);

#ifdef __cplusplus
}
#endif
#endif
