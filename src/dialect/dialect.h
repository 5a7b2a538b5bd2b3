/*
 * The interface of a dialect, which is one protocol family. A dialect uses no sockets, and opens no file by a
 * name that came from outside: for serving it looks names up in the site; for fetching it gets documents from
 * `fetch_net` and works on pieces in staging. Serving functions are called from several threads at once.
 *
 * src/api/dialects.c has the list of all dialects, and is the only place that names them.
 */
#ifndef PB_DIALECT_DIALECT_H
#define PB_DIALECT_DIALECT_H

#include "depot/site.h"
#include "plan/fetch.h"
#include "plan/reply.h"
#include "wire/http_request.h"
#include "wire/polp.h"

/* ---- settings: of a dialect, in the configuration file or on the command line ---- */

struct setting {
    const char *key;      /* "redirect_root": [DIALECT] redirect_root = …, or --DIALECT-redirect-root … */
    const char *argument; /* for the help: "URL"; NULL: a flag (of fetching alone) */
    const char *help;
    bool repeatable;
    bool connects; /* names a server that ours connects to */
};

struct setting_value {
    const char *key;
    const char *value;
    const char *where; /* "patchbay.conf:12" or "--opensauce-master", for errors */
};

/* ---- serving ---- */

struct dialect_http {
    const struct site *site;
    const void *settings; /* from settings_make */
    const struct http_request *request;
    const char *date;      /* the present, for the head */
    const void *site_data; /* from compile_site */
    const struct sockaddr *client;
};

struct dialect_polp {
    const struct site *site;
    const void *settings;
    const struct polp_request *request;
    const char *local;     /* our IPv4 address, as the client reached it; for ask-newest only */
    const void *site_data; /* from compile_site */
};

/* ---- fetching ---- */

/* How a dialect gets documents. */
struct fetch_net {
    void *arg;
    /* Gets one small document, with retries. `out` is initialised; its ceiling is the limit. PB_NOT_FOUND:
     * the server has none. PB_NETWORK; PB_INVALID: it is too large. */
    int (*get)(void *arg, const char *url, struct buffer *out, struct pb_error *err);
    /* The same for a document of which a copy is known. `v`: the copy's validators; they become those of what
     * was got. Where the server says that the copy is right, v->unchanged is set and `out` stays empty. */
    int (*get_changed)(void *arg, const char *url, struct fetch_validators *v, struct buffer *out,
                       struct pb_error *err);
    /* The same for one request over POLP; the address is "polp://HOST:PORT/APP@HW". `out` gets the complete
     * packet, its hash verified. PB_NOT_FOUND: the server sent the error packet. */
    int (*polp)(void *arg, const char *address, const struct polp_request *r, struct buffer *out,
                struct pb_error *err);
};

/* A title that is installed in the folder, and its version ("" when it has none). */
struct fetch_installed {
    const char *title;
    const char *version;
};

/* What the user asks for. */
struct fetch_request {
    const char *base; /* "http://HOST:PORT", or "https://HOST:PORT" for opensauces:// and the like */
    const char *host; /* as in the URL, with the brackets of an IPv6 address */
    uint16_t port;    /* of the URL, or the dialect's default */
    const char *path; /* what follows the '/', percent-decoded */
    const char *const *mirrors;
    size_t mirror_count;
    const char *const
        *sources; /* for `plan`: the source that it is for, then others that may have the same */
    size_t source_count;
    const char *password;                    /* NULL: none given */
    const struct fetch_installed *installed; /* as recorded in the folder */
    size_t installed_count;
    const struct setting_value *options; /* of the dialect's own; see dialect/options.h */
    size_t option_count;
    bool dry_run;
    bool repair;                /* every file is to be read, whatever its version and its looks */
    bool unreached;             /* round 1: no source of round 0 could be reached */
    struct file_records *files; /* what the last fetch of the title installed; never NULL */
    int folder;                 /* descriptor of the user's folder */
    int staging;                /* descriptor of the staging folder of the title; -1 in a dry run */
};

struct fetch_sources {
    const char **list;
    size_t n;
};

enum { FETCH_ROUNDS = 2, FETCH_SOURCES_MAX = 64 };

/* The titles that a URL names: their paths, in order. */
struct fetch_titles {
    const char **paths;
    size_t n;
    const char *others; /* further titles of the server, for people; NULL: none */
};

struct dialect_fetch {
    const struct setting *options; /* of this dialect alone; ends with a NULL key. NULL: none */
    uint16_t default_port;
    int game_port; /* added to the URL's port for the port of the game's own server: 0 or -1 */
    const char *user_agent;
    bool packed; /* its documents may come packed with gzip */
    /* Sets *several when the path names several titles, and then *out. Called once, before anything else;
     * also carries out subscriptions. NULL: a path always names one title. */
    int (*expand)(const struct fetch_request *q, const struct fetch_net *net, struct arena *a, bool *several,
                  struct fetch_titles *out, struct pb_error *err);
    /* Checks the request, and sets *title, "DIALECT/NAME". PB_INVALID. */
    int (*title)(const struct fetch_request *q, struct arena *a, const char **title, struct pb_error *err);
    /* The sources to ask, in order. Round 0 uses no network; round 1 follows when all sources of round 0 have
     * failed. An error of round 1 is reported together with those of the sources. NULL: fetch_request.base,
     * then the mirrors. */
    int (*sources)(const struct fetch_request *q, const struct fetch_net *net, unsigned round,
                   struct arena *a, struct fetch_sources *out, struct pb_error *err);
    /* Makes a plan of the state of the source and of the folder. plan->arena is initialised; the rest is
     * zeroed. */
    int (*plan)(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                struct fetch_plan *plan, struct pb_error *err);
    /* Checks a piece that is complete in staging; its size is known now, and a `verified` one has passed its
     * MD5. An error ends the fetch, as a retry would bring the same bytes. For a piece that is not
     * `verified`, PB_DAMAGED counts as a wrong digest. May be NULL. */
    int (*accept)(const struct fetch_request *q, const struct fetch_plan *plan,
                  const struct fetch_piece *piece, struct pb_error *err);
    /* All pieces are in staging: makes the files of the plan there, and verifies them. NULL: the pieces are
     * the files. */
    int (*assemble)(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                    void *arg, struct pb_error *err);
    /* Ends what accept has begun in the background. Called for every plan that `plan` was called for, however
     * that and the rest went, before staging is closed and the next plan is made. May be NULL. */
    void (*plan_end)(struct fetch_plan *plan);
};

/* ---- the page for a browser ---- */

/* What the page says of a live title, beside its version and date. */
struct dialect_about {
    const char *label;      /* for people; the title's name unless the dialect sets it */
    uint64_t size;          /* bytes, about as many as a player gets */
    struct buffer download; /* path below the server's root, not encoded; may stay empty */
    struct buffer fetch;    /* path of the URL that `fetch` takes, not encoded */
};

/* One line of text for the operator. */
typedef void dialect_tell_fn(void *arg, const char *text);

struct dialect {
    const char *name;               /* also the scheme of its URLs and its section of the configuration */
    const struct setting *settings; /* ends with a NULL key */
    /* Checks the values and makes the settings for serving, in the arena. PB_INVALID names value->where. */
    int (*settings_make)(const struct setting_value *values, size_t n, struct arena *a, void **out,
                         struct pb_error *err);
    /* The first names of paths that the dialect answers independent of its titles; ends with NULL. No title
     * of another dialect may have such a name (dialect_path_taken). */
    const char *const *paths;
    /* Prepares a release for serving: see site_compile_fn. NULL: there is nothing to prepare. */
    int (*compile)(struct site_title *title, const struct md5 *md5, struct pb_error *err);
    /* Called before an older release becomes live again. PB_INVALID: one of its names is taken by a live
     * title or by a path of another dialect. NULL: names can't collide. */
    int (*live_check)(struct depot *d, const struct dialect *const *all, const char *name,
                      const char *attributes, struct pb_error *err);
    /* Which entries of a release are still served when it is no longer live: see site_lasting. NULL: none. */
    struct site_lasting (*lasting)(const char *attributes);
    /* Repairs releases that an earlier version of patchbay stored wrong. Called when a server starts. `tell`,
     * which may be NULL, is called with a line for each release. NULL: there is nothing to repair. */
    int (*mend)(struct depot *d, dialect_tell_fn *tell, void *arg, struct pb_error *err);
    /* Prepares what all titles of the dialect make together, in the site's arena. `settings`: from
     * settings_make; NULL for a site that is not served. `objects`: descriptor of the depot's folder of
     * objects. NULL: there is nothing. */
    int (*compile_site)(struct site *site, const void *settings, int objects, void **out,
                        struct pb_error *err);
    /* The path of an entry on a static file host; empty for an entry that is not served as a file. Called
     * with n = 0, 1, … until it returns false, as an entry may have several paths. *list: the entry lists
     * others, and must be written after them. NULL: the dialect can't be served statically. */
    bool (*export_path)(const struct site_title *title, const struct site_entry *entry, unsigned n,
                        struct buffer *path, bool *list);
    /* Where another server of the same content has the entry's bytes: appends the URL to try, below `base`
     * ("http://HOST[:PORT][/PATH]", or "polp://HOST[:PORT]"). Called with n = 0, 1, … until it returns false,
     * as there may be several. `entry` may be of an older release of the title. NULL: it is never known. */
    bool (*mirror_url)(const struct site_title *title, const struct site_entry *entry, const char *base,
                       unsigned n, struct buffer *url);
    /* A file that all titles make together, for the same host. NULL: none. */
    void (*export_site)(const struct site *site, const void *site_data, const char **path,
                        struct slice *bytes);
    const char *game; /* what people call the game or the service; NULL where `about` is */
    /* May a live title be named to everybody? False where it is protected by a password, or is not served.
     * `settings`: from settings_make. Fills in *about, whose buffers are initialised, unless that is NULL.
     * NULL: titles of the dialect are not named. */
    bool (*about)(const struct site_title *title, const void *settings, struct dialect_about *about);
    /* Plans the reply to a request. False: the path does not belong to the dialect. NULL: it does not use
     * HTTP. */
    bool (*serve_http)(const struct dialect_http *in, struct reply_plan *plan);
    /* The same for POLP. False: it does not have what is asked for. NULL: it does not use POLP. */
    bool (*serve_polp)(const struct dialect_polp *in, struct reply_plan *plan);
    const struct dialect_fetch *fetch;
};

#endif
