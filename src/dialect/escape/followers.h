/*
 * Remembers which release of an upgrade each client is downloading. The game asks for UPGRADE once, then for
 * one file after the other on separate connections, and verifies nothing: files of two releases would make a
 * broken game. A client is known by its address alone, so players behind one address share the release that
 * was asked for last.
 *
 * Memory is bounded. Thread-safe.
 */
#ifndef PB_ESCAPE_FOLLOWERS_H
#define PB_ESCAPE_FOLLOWERS_H

#include "base/arena.h"

#include <sys/socket.h>

struct followers;

/* Allocated in the arena. NULL: out of memory. */
struct followers *followers_new(struct arena *a);

/* The client received the list of this release. `title`: the platform's name. */
void followers_note(struct followers *f, const struct sockaddr *client, const char *title, int64_t release,
                    uint64_t now_ms);
/* The release whose list the client received last; 0: none, or its last request is older than FOLLOWER_MS. */
enum { FOLLOWER_MS = 10 * 60 * 1000 };
int64_t followers_find(struct followers *f, const struct sockaddr *client, const char *title,
                       uint64_t now_ms);

#endif
