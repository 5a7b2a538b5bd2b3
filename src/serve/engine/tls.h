/* TLS as a transport. One for all of a server's addresses that speak it. */
#ifndef PB_SERVE_ENGINE_TLS_H
#define PB_SERVE_ENGINE_TLS_H

#include "serve/admission/counts.h"
#include "serve/engine/tls_context.h"
#include "serve/engine/transport.h"

struct tls {
    struct transport transport; /* given to listeners */
    struct tls_counts *counts;  /* not owned */
    BIO_METHOD *method;
    struct tls_tickets tickets;
    pthread_mutex_t mutex; /* of `context` */
    SSL_CTX *context;      /* of the connections that come */
};

/* Reads certificate and key: tls_context_new says what may be wrong. tls_free(*out), once no connection is
 * left. */
PB_MUST_USE int tls_new(const struct tls_files *files, struct tls_counts *counts, tls_warn_fn *warn,
                        void *arg, struct tls **out, struct pb_error *err);
/* Reads them again, for connections that come from now on. When it fails the old ones stay. Thread-safe. */
PB_MUST_USE int tls_reload(struct tls *t, const struct tls_files *files, tls_warn_fn *warn, void *arg,
                           struct pb_error *err);
/* Accepts NULL. */
void tls_free(struct tls *t);

#endif
