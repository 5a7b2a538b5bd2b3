/* A table of a fixed size: a client and title may be in one of a few slots, and the one that was quiet for
 * longest makes room. */
#include "dialect/escape/followers.h"

#include <netinet/in.h>
#include <pthread.h>

enum { SETS = 1024, WAYS = 4 };

struct follower {
    uint8_t address[16];
    uint32_t title; /* hash of its name */
    int64_t release;
    uint64_t seen_ms; /* 0: the slot is free */
};

struct followers {
    pthread_mutex_t mutex;
    struct follower slots[SETS][WAYS];
};

struct followers *followers_new(struct arena *a)
{
    struct followers *f = arena_zero(a, sizeof *f);
    if (f != NULL)
        pthread_mutex_init(&f->mutex, NULL);
    return f;
}

static struct follower key_of(const struct sockaddr *client, const char *title)
{
    struct follower key = {.title = hash_more(HASH_START, slice_of(title))};
    if (client->sa_family == AF_INET)
        memcpy(key.address, &((const struct sockaddr_in *)client)->sin_addr, 4);
    else if (client->sa_family == AF_INET6)
        memcpy(key.address, &((const struct sockaddr_in6 *)client)->sin6_addr, 16);
    return key;
}

/* The slot that has the key; else NULL, and *free is the one to be used for it. */
static struct follower *slot_of(struct followers *f, const struct follower *key, struct follower **free)
{
    uint32_t h = hash_more(key->title, (struct slice){(const char *)key->address, sizeof key->address});
    struct follower *set = f->slots[h % SETS];
    *free = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].seen_ms != 0 && set[i].title == key->title &&
            memcmp(set[i].address, key->address, sizeof key->address) == 0)
            return &set[i];
        if (set[i].seen_ms < (*free)->seen_ms)
            *free = &set[i];
    }
    return NULL;
}

void followers_note(struct followers *f, const struct sockaddr *client, const char *title, int64_t release,
                    uint64_t now_ms)
{
    struct follower key = key_of(client, title);
    key.release = release;
    key.seen_ms = now_ms + 1;
    struct follower *free;
    pthread_mutex_lock(&f->mutex);
    struct follower *s = slot_of(f, &key, &free);
    *(s != NULL ? s : free) = key;
    pthread_mutex_unlock(&f->mutex);
}

int64_t followers_find(struct followers *f, const struct sockaddr *client, const char *title, uint64_t now_ms)
{
    const struct follower key = key_of(client, title);
    struct follower *free;
    int64_t release = 0;
    pthread_mutex_lock(&f->mutex);
    struct follower *s = slot_of(f, &key, &free);
    if (s != NULL && now_ms + 1 - s->seen_ms <= FOLLOWER_MS) {
        release = s->release;
        s->seen_ms = now_ms + 1;
    }
    pthread_mutex_unlock(&f->mutex);
    return release;
}
