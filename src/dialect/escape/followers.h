/*
 * Which release of an upgrade a client is half-way through. The game asks for UPGRADE once and then for one
 * file after the other, on a connection each, and verifies nothing: files of two releases would be a broken
 * game. All that tells one client from another is its address, so players behind one address share what the
 * last of them asked for.
 *
 * Bounded memory; from any thread.
 */
#ifndef PB_ESCAPE_FOLLOWERS_H
#define PB_ESCAPE_FOLLOWERS_H

#include "base/arena.h"

#include <sys/socket.h>

struct followers;

/* In the arena. NULL when memory is out. */
struct followers *followers_new(struct arena *a);

/* The client was given the list of this release. `title` is the platform's name. */
void followers_note(struct followers *f, const struct sockaddr *client, const char *title, int64_t release,
                    uint64_t now_ms);
/* The release whose list it was given last; 0: it was given none in the last FOLLOWER_MS, and asked for no
 * file since. */
enum { FOLLOWER_MS = 10 * 60 * 1000 };
int64_t followers_find(struct followers *f, const struct sockaddr *client, const char *title,
                       uint64_t now_ms);

#endif
