/*
 * Fetching: downloads content from a server, ours or an original one, and installs it in the player's folder.
 * Content is verified before it is installed. A fetch that fails, is cancelled or is killed leaves the
 * installed files as they were; the next fetch continues with what has been downloaded.
 *
 * Threads: the functions may be called from several at once, for different folders; two fetches of one title
 * into one folder exclude each other (PB_BUSY). Callbacks come in the thread that calls pb_fetch or
 * pb_fetch_step. What unpacks and parses are child processes of the library, which it waits for by their ids:
 * a program that collects the exit statuses of all its children (wait, waitpid of -1) must leave those to it
 * while a fetch is under way.
 */
#ifndef PATCHBAY_FETCH_H
#define PATCHBAY_FETCH_H

#include "patchbay/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a fetch does, or would do, to one path of the folder. Valid during the callback only. */
struct pb_fetch_change {
    const char
        *action;      /* "download", "keep", "place", "move", "link", "attic", "remove", "folder", "prune" */
    const char *path; /* relative to the folder; for "download" a description */
    const char *from; /* "move": the old path; "link": the target; else NULL */
    unsigned long long bytes; /* of the download or file; 0: not known */
};
typedef void pb_fetch_change_fn(void *arg, const struct pb_fetch_change *change);

/* What is going to be done for one title, or would be. Valid during the callback only. */
struct pb_fetch_plan {
    const char *title;
    const char *version; /* "" when the protocol has none */
    const char *source;
    int unchanged;            /* 1: everything is installed and right already */
    unsigned pieces;          /* to download; some may be there from a fetch that did not end */
    unsigned long long bytes; /* of all of them; 0: not known */
    /* Files of the folder. */
    unsigned kept, placed, moved, linked, removed;
    unsigned attic; /* to be moved to the attic */
};
typedef void pb_fetch_plan_fn(void *arg, const struct pb_fetch_plan *plan);

/* Something that the user should know and that does not end the fetch: a source that failed, or that sent
 * wrong bytes; an install that was found half done, and finished. `title` is "" where it is about none. */
typedef void pb_fetch_notice_fn(void *arg, const char *title, const char *text);

struct pb_fetch_result;
typedef void pb_fetch_result_fn(void *arg, const struct pb_fetch_result *result);

/* An option that only one protocol has, such as {"subscribe", "official"}. docs/library.md has the table, and
 * pb_fetch_option_keys lists them. This struct has no size and never changes, as callers make arrays of it.
 */
struct pb_fetch_option {
    const char *key;
    const char *value; /* "" for a flag */
};

/*
 * Begin with PB_INIT, then set what is wanted. The library only reads it, during the call.
 *
 * Proxies are those of `proxy`; else of http_proxy, https_proxy, all_proxy and no_proxy in the environment,
 * as libcurl has them. Certificates are those of ca_file; else of CURL_CA_BUNDLE; else of SSL_CERT_FILE and
 * SSL_CERT_DIR; else the system's.
 */
struct pb_fetch_options {
    size_t size;     /* set by PB_INIT */
    const char *url; /* opensauce://HOST[:PORT]/NAME; escape://HOST[:PORT]/PLATFORM/UPGRADE, /COLLECTION or /;
                        playonline://HOST[:PORT]/APP@HW. opensauces:// and escapes:// go over https */
    const char
        *folder; /* the game's folder; created if missing. The client's state is in .patchbay within it */
    unsigned connections;    /* at once; 0: chosen by the library; at most 64 */
    unsigned timeout;        /* seconds that a transfer may bring next to nothing; 0: 20; at most 3600 */
    unsigned attempts;       /* for a document or piece where the network fails; 0: 3; at most 101 */
    unsigned long long rate; /* bytes a second over all connections; 0: unlimited; else at least 1024 */
    const char *ca_file;     /* certificates to trust, PEM; NULL: see above */
    const char *proxy;       /* its URL, such as "http://proxy.example.org:3128"; "": none is asked; NULL: see
                                above. no_proxy holds either way */
    const char *const
        *mirrors; /* URLs of further sources, such as "http://maps.example.org/map_download". The list is the
                     first source's that has one; pieces come from all of them at once */
    size_t mirror_count;
    const char *password;                  /* where the protocol has passwords (opensauce); NULL: none */
    const struct pb_fetch_option *options; /* of the URL's protocol */
    size_t option_count;
    int repair;                 /* 1: read every file, also those that look as they were installed */
    int dry_run;                /* 1: change nothing, and call `change` with what would be done */
    pb_fetch_change_fn *change; /* may be NULL; without dry_run it is called with what was done */
    /* Called after each title of a URL that names several (escape://HOST/). May be NULL. */
    pb_fetch_result_fn *each;
    /* Called when a title's plan is made, and again when it is made anew, as content changes or another
     * source is tried. May be NULL. */
    pb_fetch_plan_fn *plan;
    pb_fetch_notice_fn *notice; /* may be NULL */
    void *arg;                  /* for change, each, plan and notice. Their texts are UTF-8 without control
                                   characters, whatever a server sent */
};

/* The result of a fetch. For a URL that names several titles the numbers are sums, and the texts are of the
 * last title. Texts are NUL-terminated and cut to fit. */
struct pb_fetch_result {
    size_t size; /* set by PB_INIT */
    char title[256];
    char version[64];    /* "" when the protocol has none */
    char host[256];      /* of the URL, with the brackets of an IPv6 address */
    unsigned port;       /* of the URL, or the protocol's default; 443 for https */
    unsigned game_port;  /* of the game's own server: for opensauce one below `port`, or 2302 where the URL is
                            opensauces://; else `port` */
    char source[512];    /* the URL of the server that it came from */
    char note[256];      /* the publisher's free text */
    char advice[32];     /* "recommended", "optional", or "" */
    char others[512];    /* further titles of the server that were not fetched; for people */
    int unchanged;       /* 1: everything was installed and right already */
    unsigned titles;     /* fetched */
    unsigned pieces;     /* files to download */
    unsigned downloaded; /* of these, downloaded by this call */
    unsigned present;    /* of these, left by an earlier call that did not end */
    uint64_t bytes;      /* received from the network */
    /* Files of the folder. */
    unsigned kept, placed, moved, linked, removed;
    unsigned attic; /* moved to the attic */
    /* For a title that is one file. */
    char file[256]; /* in the folder; "" for other titles */
    uint64_t file_bytes;
    char md5[33];
    uint32_t crc32;
};

/* The description of an option. Texts are static. */
struct pb_fetch_option_key {
    const char *protocol; /* "escape" */
    const char *key;      /* "subscribe" */
    const char *argument; /* "NAME"; NULL: a flag */
    const char *help;
    int repeatable;
};
typedef void pb_fetch_option_fn(void *arg, const struct pb_fetch_option_key *key);
/* Calls fn for every option of every protocol. */
PB_API void pb_fetch_option_keys(pb_fetch_option_fn *fn, void *arg);

/*
 * Fetches options->url into options->folder, and blocks until that is done. progress may be NULL; it is
 * called at least ten times a second while the network is waited for, in the calling thread, with the stages
 * "checking", "downloading", "unpacking" and "installing".
 *
 * Errors:
 *   PB_INVALID    the URL or an option is wrong; a server's list makes no sense; something in the folder is
 *                 in the way; a redirect leads where it must not
 *   PB_NOT_FOUND  no server has the title
 *   PB_NETWORK    no server could be reached or shows a certificate that is trusted, or connections broke
 *   PB_DENIED     the password is missing or wrong; the installed version is too old to be upgraded
 *   PB_DAMAGED    what the servers sent is not what they announced
 *   PB_NO_SPACE   the disk is full
 *   PB_BUSY       another fetch of the same title into the same folder is under way
 *   PB_FAILED     the folder can't be written, or its files were changed during the fetch
 *   PB_CANCELLED  the progress function said stop
 *
 * After an error the files of the folder are as they were; subscriptions that were changed stay changed.
 */
PB_API PB_MUST_USE int pb_fetch(const struct pb_fetch_options *options, pb_progress_fn *progress, void *arg,
                                struct pb_fetch_result *result, struct pb_error *err);

/*
 * ---- from the caller's own loop ----
 *
 * The same for a program that must not block and wants no thread of its own, such as a game:
 *
 *     pb_fetch_start(&options, &fetching, &err);
 *     while (pb_fetch_step(fetching, &progress))
 *         draw_a_frame(progress);
 *     pb_fetch_finish(fetching, &result, &err);
 *
 * The fetch itself runs in threads of the library, where all signals are blocked; the functions of the
 * options are called in the caller's thread, during pb_fetch_step only. A process may have several fetches
 * under way, each into a folder of its own. One struct pb_fetching may be used by one thread at a time, but
 * pb_fetch_cancel may be called from any. After a fork() the child must not touch it.
 */
struct pb_fetching;

/*
 * Begins to fetch, and returns at once. The options, with all that they point to but `arg`, are copied. On
 * success the caller owns *fetching and ends it with pb_fetch_finish. PB_INVALID and PB_UNSUPPORTED: the size
 * of the options (status.h). PB_FAILED: the system gives no thread or descriptor. All other errors come from
 * pb_fetch_finish.
 */
PB_API PB_MUST_USE int pb_fetch_start(const struct pb_fetch_options *options, struct pb_fetching **fetching,
                                      struct pb_error *err);

/*
 * Calls the functions of the options with what there is to tell, at most 256 times, and sets *progress, which
 * may be NULL, to what is under way now: valid until the next step. Never blocks. Returns 1; 0 when the fetch
 * has ended and all was told. A fetch that has told 512 things which no step took waits for a step. The
 * functions may call pb_fetch_cancel, but neither pb_fetch_step nor pb_fetch_finish.
 */
PB_API int pb_fetch_step(struct pb_fetching *fetching, const struct pb_progress **progress);

/* A descriptor that is readable when a step has something to tell, a progress, or the end: for poll(). Not to
 * be read or closed. */
PB_API int pb_fetch_fd(const struct pb_fetching *fetching);

/* Ends the fetch within about a second: steps then return 0, and pb_fetch_finish PB_CANCELLED. One whose
 * install was under way may succeed all the same. Returns at once. */
PB_API void pb_fetch_cancel(struct pb_fetching *fetching);

/*
 * The result, as pb_fetch returns it; frees the fetch. Before the last step it cancels and waits, for about a
 * second, and drops what was not told. `result` may be NULL; so may `fetching`, which is PB_INVALID and
 * nothing else.
 */
PB_API int pb_fetch_finish(struct pb_fetching *fetching, struct pb_fetch_result *result,
                           struct pb_error *err);

/* Completes an interrupted install in the folder, as the next fetch would. *found: 1 when there was one, else
 * 0. */
PB_API PB_MUST_USE int pb_recover(const char *folder, int *found, struct pb_error *err);

/* One installed title, as recorded in the folder. Valid during the callback only. */
struct pb_installed {
    const char *title;
    const char *version; /* "" when the protocol has none */
    const char *source;
    uint64_t files;
    const char *file; /* for a title that is one file; else "" */
    uint64_t size;
    const char *md5;
    uint32_t crc32;
    int64_t installed; /* Unix seconds */
};
/* A return value other than 0 ends the listing, which then returns PB_CANCELLED. */
typedef int pb_installed_fn(void *arg, const struct pb_installed *record);
/* Lists the titles that are installed in the folder. */
PB_API PB_MUST_USE int pb_installed_list(const char *folder, pb_installed_fn *fn, void *arg,
                                         struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
