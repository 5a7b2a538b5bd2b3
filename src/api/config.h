/* A configuration: values by section and key, with their origin: the program, a file, or defaults. */
#ifndef PB_API_CONFIG_H
#define PB_API_CONFIG_H

#include "patchbay/server.h"
#include "serve/server.h"

enum config_rank { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_PROGRAM };

struct config_value {
    struct config_value *next;
    enum config_rank rank;
    const char *section; /* static */
    const char *key;     /* static */
    const char *value;
    const char *where;
};

struct pb_config {
    struct arena arena;
    struct config_value *first, **last;
    pb_config_fault_fn *fault; /* NULL: the first fault is the error of whoever finds it */
    void *fault_arg;
};

enum { CONFIG_VALUES_MAX = 1024, CONFIG_SECONDS_MAX = 86400, CONFIG_MIRRORS_MAX = 16 };
#define CAP_MAX (1ull << 60) /* bytes a day */

/* What becomes of a fault. With pb_config_faults it is told, and PB_OK is returned: the value is left out.
 * Else, and when memory is out, it is `rc`. */
int config_wrong(const struct pb_config *c, int rc, const struct pb_error *err);

/* The values of a key that are in force: those of the highest rank. Returns their number; stores at most
 * `room`. */
size_t config_values(const struct pb_config *c, const char *section, const char *key,
                     const struct config_value **out, size_t room);

/* Does the configuration name servers that this one connects to? */
bool config_connects(const struct pb_config *c);

/* Makes the settings for serving. The caller owns the one reference. PB_INVALID names the origin of the
 * value. */
PB_MUST_USE int config_settings(const struct pb_config *c, struct serve_settings **out, struct pb_error *err);
/* A number of section [server]; `fallback` when it is not set. */
PB_MUST_USE int config_number(const struct pb_config *c, const char *key, unsigned low, unsigned high,
                              unsigned fallback, unsigned *out, struct pb_error *err);
/* A duration of 1 to `most` seconds, as milliseconds. */
PB_MUST_USE int config_seconds(const struct pb_config *c, const char *key, unsigned most, unsigned fallback,
                               unsigned *ms, struct pb_error *err);
/* One of two words: "yes" for true. */
PB_MUST_USE int config_choice(const struct pb_config *c, const char *key, const char *yes, const char *no,
                              bool fallback, bool *out, struct pb_error *err);
/* Bytes of section [server], such as 10M, at most `most`; *out stays as it is when they are not set. */
PB_MUST_USE int config_bytes(const struct pb_config *c, const char *key, uint64_t most, uint64_t *out,
                             struct pb_error *err);
/* "WHAT BYTES" or "BYTES": *what is empty then. */
PB_MUST_USE int config_pair(const struct config_value *v, uint64_t most, struct slice *what, uint64_t *out,
                            struct pb_error *err);
/* The limits of the settings. */
PB_MUST_USE int config_limits(const struct pb_config *c, struct serve_settings *s, struct pb_error *err);

/* The proxies that are trusted, of the settings. */
PB_MUST_USE int config_trusted(const struct pb_config *c, struct serve_settings *s, struct pb_error *err);

/* What can't change while a server runs. Texts are borrowed from the configuration. */
struct config_start {
    struct server_listen listen[SERVER_ADDRESSES_MAX];
    size_t listen_count;
    unsigned threads;
    const char *access_log;                  /* NULL: none */
    const char *mirrors[CONFIG_MIRRORS_MAX]; /* of repair_from */
    size_t mirror_count;
    bool publish; /* maps may be uploaded at the admin address */
};
/* Sets for each listener whether trusted proxies begin with a PROXY header, and whether it leaves IPv4 to
 * others. */
PB_MUST_USE int config_listeners(const struct pb_config *c, struct config_start *start, struct pb_error *err);
PB_MUST_USE int config_start(const struct pb_config *c, struct config_start *out, struct pb_error *err);

#endif
