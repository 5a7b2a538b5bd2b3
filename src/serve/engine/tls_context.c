/* The context of TLS. Ciphers are those that Mozilla calls intermediate, without finite-field Diffie-Hellman:
 * any client of the last ten years has one of them. */
#include "serve/engine/tls_context.h"

#include "base/clock.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICKET_HOURS = 12, HOUR_MS = 3600 * 1000 };

static const char ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char groups[] = "X25519:P-256:P-384";

/* ---- session tickets ---- */

/* A key seals for TICKET_HOURS and opens for as long again. False: no random bytes. */
static bool tickets_renew(struct tls_tickets *t)
{
    const uint64_t period = (uint64_t)TICKET_HOURS * HOUR_MS;
    uint64_t now = clock_monotonic_ms(), age = now - t->renewed;
    struct tls_ticket_key fresh;
    if (t->renewed != 0 && age < period)
        return true;
    if (RAND_bytes((unsigned char *)&fresh, sizeof fresh) != 1)
        return false;
    /* Where there is none before it, or it is too old, both are the new one. */
    t->keys[1] = t->renewed != 0 && age < 2 * period ? t->keys[0] : fresh;
    t->keys[0] = fresh;
    t->renewed = now;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

/* 0: the key that the ticket names is gone, and there is a full handshake. */
static int ticket_find(struct tls_tickets *t, unsigned char name[16], bool seal, struct tls_ticket_key *out)
{
    int found = 0;
    pthread_mutex_lock(&t->mutex);
    if (!tickets_renew(t)) {
        found = -1;
    } else if (seal) {
        *out = t->keys[0];
        memcpy(name, out->name, sizeof out->name);
        found = 1;
    } else {
        for (int i = 0; i < 2 && found == 0; i++) {
            if (memcmp(t->keys[i].name, name, sizeof t->keys[i].name) != 0)
                continue;
            *out = t->keys[i];
            found = i + 1; /* 2: the client gets a ticket of the new key */
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return found;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int seal)
{
    struct tls_ticket_key key;
    int found = ticket_find(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), name, seal, &key);
    if (found <= 0)
        return found;
    OSSL_PARAM how[] = {OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof key.mac),
                        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 6), OSSL_PARAM_END};
    bool ok = !seal || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1;
    ok = ok && EVP_MAC_CTX_set_params(mac, how) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv, seal) == 1;
    OPENSSL_cleanse(&key, sizeof key);
    return ok ? found : -1;
}

/* ---- what is agreed on ---- */

/* A client that names protocols and not ours has come to the wrong server. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                   unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *chosen = NULL;
    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof ours - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A server has nobody to ask for the password of a key. */
static int on_password(char *out, int room, int write, void *arg)
{
    (void)out, (void)room, (void)write, (void)arg;
    return 0;
}

static bool context_set(SSL_CTX *c, struct tls_tickets *tickets)
{
    static const unsigned char name[] = "patchbay";
    SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c, 1);                          /* one call for a record's header and its body */
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* tickets alone: nothing to keep or to lock */
    SSL_CTX_set_timeout(c, (long)TICKET_HOURS * 3600);
    SSL_CTX_set_app_data(c, tickets);
    SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
    SSL_CTX_set_default_passwd_cb(c, on_password);
    return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(c, 1) == 1 &&
           SSL_CTX_set_max_early_data(c, 0) == 1 && SSL_CTX_set_cipher_list(c, ciphers) == 1 &&
           SSL_CTX_set1_groups_list(c, groups) == 1 &&
           SSL_CTX_set_session_id_context(c, name, sizeof name - 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(c, on_ticket) == 1;
}

/* ---- the files ---- */

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text != NULL ? text : "not in the form of PEM";
}

static int files_read(SSL_CTX *c, const struct tls_files *f, struct pb_error *err)
{
    if (access(f->certificate, R_OK) != 0)
        return error_errno(err, errno, "certificate %s", f->certificate);
    if (access(f->key, R_OK) != 0)
        return error_errno(err, errno, "certificate_key %s", f->key);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c, f->certificate) != 1)
        return error_set(err, PB_INVALID, "certificate %s: no certificate can be read: %s", f->certificate,
                         reason());
    if (SSL_CTX_use_PrivateKey_file(c, f->key, SSL_FILETYPE_PEM) != 1) {
        bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
        return error_set(err, PB_INVALID, "certificate_key %s: %s%s", f->key,
                         other ? "it is not the key of the certificate " : "no key without a password: ",
                         other ? f->certificate : reason());
    }
    if (SSL_CTX_check_private_key(c) != 1)
        return error_set(err, PB_INVALID, "certificate_key %s: it is not the key of the certificate %s",
                         f->key, f->certificate);
    return PB_OK;
}

static void time_warn(const ASN1_TIME *t, const char *what, const char *file, tls_warn_fn *warn, void *arg)
{
    char text[512];
    struct tm at;
    if (ASN1_TIME_to_tm(t, &at) != 1)
        return;
    snprintf(text, sizeof text, "certificate %s: %s %04d-%02d-%02d %02d:%02d UTC", file, what,
             at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min);
    warn(arg, text);
}

static void files_judge(SSL_CTX *c, const struct tls_files *f, tls_warn_fn *warn, void *arg)
{
    const X509 *certificate = SSL_CTX_get0_certificate(c);
    const ASN1_TIME *from = X509_get0_notBefore(certificate), *until = X509_get0_notAfter(certificate);
    char text[512];
    struct stat st;
    if (X509_cmp_current_time(until) < 0)
        time_warn(until, "it has expired, on", f->certificate, warn, arg);
    if (X509_cmp_current_time(from) > 0)
        time_warn(from, "it is not valid before", f->certificate, warn, arg);
    if (stat(f->key, &st) != 0 || (st.st_mode & S_IRWXO) == 0)
        return;
    snprintf(text, sizeof text, "certificate_key %s: every user of this machine can read it: chmod o= %s",
             f->key, f->key);
    warn(arg, text);
}

int tls_context_new(const struct tls_files *files, struct tls_tickets *tickets, tls_warn_fn *warn, void *arg,
                    SSL_CTX **out, struct pb_error *err)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (c == NULL)
        return error_memory(err);
    int rc = context_set(c, tickets)
                 ? files_read(c, files, err)
                 : error_set(err, PB_FAILED, "this OpenSSL can't be set up: %s", reason());
    ERR_clear_error();
    if (rc < 0) {
        SSL_CTX_free(c);
        return rc;
    }
    if (warn != NULL)
        files_judge(c, files, warn, arg);
    *out = c;
    return PB_OK;
}
