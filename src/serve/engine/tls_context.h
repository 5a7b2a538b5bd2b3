/* What all TLS connections of a server have in common: certificate, ciphers, and the keys that seal session
 * tickets. tls.h has the connections. */
#ifndef PB_SERVE_ENGINE_TLS_CONTEXT_H
#define PB_SERVE_ENGINE_TLS_CONTEXT_H

#include "base/error.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct tls_ticket_key {
    unsigned char name[16], cipher[32], mac[32];
};

/* Shared by all threads, and kept when the certificate changes: a session goes on with any of them. */
struct tls_tickets {
    pthread_mutex_t mutex;
    struct tls_ticket_key keys[2]; /* the one that seals, and the one before it */
    uint64_t renewed;              /* when keys[0] was made; monotonic ms; 0: never */
};

/* Files of PEM. */
struct tls_files {
    const char *certificate; /* with the chain behind it */
    const char *key;         /* may be the same file */
};

typedef void tls_warn_fn(void *arg, const char *text);

/* Reads the files. What is doubtful but works, such as a certificate that has expired, is told to `warn`,
 * which may be NULL. PB_INVALID, or the error of reading a file. SSL_CTX_free(*out); `tickets` must outlive
 * it. */
PB_MUST_USE int tls_context_new(const struct tls_files *files, struct tls_tickets *tickets, tls_warn_fn *warn,
                                void *arg, SSL_CTX **out, struct pb_error *err);

#endif
