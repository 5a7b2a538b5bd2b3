/* The downloader: brings every piece of a fetch plan into staging. It decides what is fetched, from which
 * source, how often, and which source is to blame; carriers (carrier.h) bring the bytes. */
#ifndef PB_FETCH_DOWNLOAD_H
#define PB_FETCH_DOWNLOAD_H

#include "fetch/net.h"

struct carrier_kind;

enum { BLAME_MAX = 512 };

struct download_report {
    unsigned present;       /* pieces that staging had, whole and right */
    unsigned downloaded;    /* pieces that came over the network */
    uint64_t bytes;         /* received, failed attempts included */
    char blamed[BLAME_MAX]; /* sources that sent wrong bytes and were dropped, and why; "" when none */
    bool endless; /* PB_DAMAGED because a piece of unknown size is larger than its ceiling: asking again would
                     bring as much again */
};

/* Sees each piece that is whole. Its refusal is final; but PB_DAMAGED, for a piece that is not `verified`, is
 * a wrong digest. */
typedef int piece_accept_fn(void *arg, const struct fetch_piece *piece, struct pb_error *err);

struct download {
    struct net *net;
    const struct carrier_kind *const *carriers; /* NULL: all; ends with NULL */
    int staging;                                /* descriptor of the folder */
    piece_accept_fn *accept;                    /* may be NULL */
    void *accept_arg;
};

/*
 * Downloads what staging does not have: several pieces at once, each hashed as it arrives, and half a piece
 * continued. A piece is tried NET_ATTEMPTS times at each of its sources where the network fails. A source
 * that sends wrong bytes is dropped while another is left. A piece that no source has, or has right, is
 * replaced by its fallback; where there is none everything ends, as the content may have changed, and the
 * caller should plan anew. More bytes than the ceiling of a piece of unknown size are asked for once.
 *
 * Returns PB_DAMAGED: bytes are not those promised; PB_NOT_FOUND: a piece is missing; PB_NETWORK;
 * PB_NO_SPACE; PB_CANCELLED. What arrived whole stays in staging. One thread at a time for each net.
 */
PB_MUST_USE int download_pieces(const struct download *d, const struct fetch_plan *plan,
                                struct download_report *report, struct pb_error *err);

#endif
