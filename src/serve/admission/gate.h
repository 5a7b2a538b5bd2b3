/* What admission works on: the state that all threads share, the rules in force, one thread's gate and one
 * connection's visitor. Types only; admission.h says what is done with them. */
#ifndef PB_SERVE_ADMISSION_GATE_H
#define PB_SERVE_ADMISSION_GATE_H

#include "serve/admission/limits.h"

#include <pthread.h>

enum { BAN_QUEUE_MAX = 256 };

/* What all threads of a server share. */
struct admission {
    struct peers *peers;
    struct meters meters;
    struct bucket bucket; /* of the whole server's rate */
    struct day_use day;   /* of the whole server */
    pthread_mutex_t mutex;
    /* Addresses that the connection ban caught, until the watcher records them; under `mutex`. When the queue
     * is full a ban is in force, but not recorded. */
    struct address banned[BAN_QUEUE_MAX];
    size_t banned_count;
};

/* The rules in force. They belong to a snapshot. */
struct rules {
    const struct limits *limits;
    const struct range_set *deny;    /* configured */
    const struct range_set *bans;    /* of the operator's record */
    const struct range_set *trusted; /* proxies: neither denied, banned nor limited by address_connections */
};

/* One thread's way to admission: shared state, the rules in force, and the time of this turn. */
struct gate {
    struct admission *admission; /* not owned */
    struct rules rules;
    uint64_t now; /* monotonic ms */
};

/* One connection as admission knows it. Zeroed, it is the operator's: everything is admitted. */
struct visitor {
    struct peer *peer;   /* held from admit_connection to visitor_leave; NULL: the operator's */
    uint64_t due;        /* when what was taken from the buckets may be used; monotonic ms */
    uint32_t granted;    /* bytes taken from the buckets and not sent yet */
    bool asked;          /* the next request has been taken from its bucket */
    bool denied;         /* the address is on the deny list, or banned */
    bool trusted;        /* the address is a trusted proxy's */
    bool valid;          /* has brought a valid request: the connection ban does not count it */
    uint64_t pace;       /* bytes a second of the reply under way, from its plan; 0: no pace */
    struct bucket paced; /* of `pace` */
};

#endif
