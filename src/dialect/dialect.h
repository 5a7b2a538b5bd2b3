/*
 * The interface between a protocol and everything else. A dialect never touches a socket, and opens no file
 * by a name that came from outside: serving, it looks names up in the site; fetching, it asks `fetch_net` for
 * documents and works on pieces that are in staging already.
 *
 * src/api/dialects.c has the list of all of them and is the only place that names them.
 */
#ifndef PB_DIALECT_DIALECT_H
#define PB_DIALECT_DIALECT_H

#include "depot/site.h"
#include "plan/fetch.h"
#include "plan/reply.h"
#include "wire/http_request.h"
#include "wire/polp.h"

/* ---- settings: what an operator can say about a dialect, in the configuration file or on the command line
 * ---- */

struct setting {
    const char *key;      /* "redirect_root": [DIALECT] redirect_root = …, or --DIALECT-redirect-root … */
    const char *argument; /* for the help: "URL"; NULL: a flag (of fetching alone) */
    const char *help;
    bool repeatable;
};

struct setting_value {
    const char *key;
    const char *value;
    const char *where; /* "patchbay.conf:12" or "--opensauce-master", for errors */
};

/* ---- serving ---- */

struct dialect_http {
    const struct site *site;
    const void *settings; /* what settings_make made */
    const struct http_request *request;
    const char *date;      /* of now, for the head */
    const void *site_data; /* what compile_site made */
    const struct sockaddr *client;
};

struct dialect_polp {
    const struct site *site;
    const void *settings;
    const struct polp_request *request;
    const char *local;     /* the address that the client has reached, dotted; for ask-newest only */
    const void *site_data; /* what compile_site made */
};

/* ---- fetching ---- */

/* Gets one small document. Tries again where that makes sense. PB_NOT_FOUND when the server says that there
 * is none. */
struct fetch_net {
    void *arg;
    int (*get)(void *arg, const char *url, struct buffer *out, struct pb_error *err);
    /* The same for one request over POLP; the address is "polp://HOST:PORT/APP@HW". `out` gets the whole
     * packet, whose hash is right. PB_NOT_FOUND for the error packet. */
    int (*polp)(void *arg, const char *address, const struct polp_request *r, struct buffer *out,
                struct pb_error *err);
};

/* A title that was fetched into the folder before, and its version ("" when it has none). */
struct fetch_installed {
    const char *title;
    const char *version;
};

/* What the user asked for. */
struct fetch_request {
    const char *host; /* as in the URL, brackets of an IPv6 address included */
    uint16_t port;    /* the dialect's default where none was given */
    const char *path; /* behind the '/', decoded */
    const char *const *mirrors;
    size_t mirror_count;
    const char *password;                    /* NULL: none given */
    const char *installed_version;           /* as the user says; NULL: nothing */
    const struct fetch_installed *installed; /* what the folder's record says */
    size_t installed_count;
    const struct setting_value *options; /* of the dialect's own: see fetch_option */
    size_t option_count;
    bool dry_run;
    bool unreached;      /* no source of the round before could be reached */
    struct slice record; /* what the last plan of this title asked to be remembered; p NULL: nothing */
    int folder;          /* the user's folder, open for reading */
    int staging;         /* of this title; -1 in a dry run */
};

struct fetch_sources {
    const char **list;
    size_t n;
};

enum { FETCH_ROUNDS = 2, FETCH_SOURCES_MAX = 64 };

/* What a URL that names several titles comes to: their paths, in order. */
struct fetch_titles {
    const char **paths;
    size_t n;
    const char *others; /* what else there is, for people; NULL: nothing */
};

struct dialect_fetch {
    const struct setting *options; /* that this dialect alone has; ends with a NULL key. NULL: none */
    uint16_t default_port;
    int game_port; /* where the game's own server is, seen from the port of the URL: 0 for the same, -1 for
                      one below */
    const char *user_agent;
    bool packed; /* its documents may come packed with gzip */
    /* Does the path name several titles? Then which? Called once, with the folder open; what is to be
     * subscribed to, or not any more, is so afterwards. NULL: the dialect has no such thing. */
    int (*expand)(const struct fetch_request *q, const struct fetch_net *net, struct arena *a, bool *several,
                  struct fetch_titles *out, struct pb_error *err);
    /* Checks the request and names the title. */
    int (*title)(const struct fetch_request *q, struct arena *a, const char **title, struct pb_error *err);
    /* Where to ask, in order. Round 0 needs no network; round 1 comes only when all of round 0 failed. A
     * failure of round 1 is told beside what the sources said. NULL: http://HOST:PORT and nothing else. */
    int (*sources)(const struct fetch_request *q, const struct fetch_net *net, unsigned round,
                   struct arena *a, struct fetch_sources *out, struct pb_error *err);
    /* Remote state and local state become a plan. plan->arena is initialised; the rest is empty. */
    int (*plan)(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                struct fetch_plan *plan, struct pb_error *err);
    /* A piece is in staging, and its bytes are those promised, if anything was. Is it also right in itself? A
     * refusal ends the fetch, as another try would bring the same bytes; for a piece that is not `verified`,
     * PB_DAMAGED is what a wrong digest is for others. May be NULL. */
    int (*accept)(const struct fetch_request *q, const struct fetch_plan *plan,
                  const struct fetch_piece *piece, struct pb_error *err);
    /* All pieces are there: make the files of the plan in staging, and verify them. NULL: the pieces are the
     * files. */
    int (*assemble)(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                    void *arg, struct pb_error *err);
};

/* One line of text for the operator. */
typedef void dialect_tell_fn(void *arg, const char *text);

struct dialect {
    const char *name;               /* also its URLs' scheme and its configuration section */
    const struct setting *settings; /* ends with a NULL key */
    /* Checks the values and makes of them what serving needs, in `a`. */
    int (*settings_make)(const struct setting_value *values, size_t n, struct arena *a, void **out,
                         struct pb_error *err);
    /* The first names of the paths that it answers whatever is published; ends with NULL. No other dialect's
     * title may take one (dialect_path_taken). */
    const char *const *paths;
    /* Prepares a release for serving: see site_compile_fn. NULL: there is nothing to prepare. */
    int (*compile)(struct site_title *title, const struct md5 *md5, struct pb_error *err);
    /* Before an older release becomes live again: are its names and aliases free among the titles that are
     * live now, and of other dialects' paths? PB_INVALID when not. NULL: names are a title's own. */
    int (*live_check)(struct depot *d, const struct dialect *const *all, const char *name,
                      const char *attributes, struct pb_error *err);
    /* What of a release with these attributes stays answerable once another is live, or none: see site_older.
     * NULL: nothing. */
    struct site_lasting (*lasting)(const char *attributes);
    /* Mends what an earlier version of patchbay stored wrong, before a server begins. `tell` gets a line for
     * each release, and may be NULL. NULL: there is nothing such. */
    int (*mend)(struct depot *d, dialect_tell_fn *tell, void *arg, struct pb_error *err);
    /* Prepares what its titles make together, in the site's arena. `settings` is what settings_make made, or
     * NULL where nothing is served; `objects` is the depot's folder of them. NULL: nothing. */
    int (*compile_site)(struct site *site, const void *settings, int objects, void **out,
                        struct pb_error *err);
    /* Where a static file host must have an entry for the dialect's clients: a path, in `path`; left empty
     * for an entry that is not served as a file. Called with `n` from 0, as one entry may have several
     * places; false when there are no more. *list: the entry says what others there are, and is to be
     * written after them. NULL: nothing of this dialect is static. */
    bool (*export_path)(const struct site_title *title, const struct site_entry *entry, unsigned n,
                        struct buffer *path, bool *list);
    /* A file that the titles make together, for the same host; NULL: none. */
    void (*export_site)(const struct site *site, const void *site_data, const char **path,
                        struct slice *bytes);
    /* Answers; false when the path is none of this dialect's. NULL when it does not speak HTTP. */
    bool (*serve_http)(const struct dialect_http *in, struct reply_plan *plan);
    /* The same for POLP: false when it does not know what is asked for. NULL when it does not speak it. */
    bool (*serve_polp)(const struct dialect_polp *in, struct reply_plan *plan);
    const struct dialect_fetch *fetch;
};

#endif
