/* Within unpacking with several threads (lzma2_unpack.h): what the threads share. One walks over the chunk
 * headers (lzma2_walk.c), the others unpack blocks (lzma2_blocks.c). */
#ifndef PB_CODEC_LZMA2_THREADS_H
#define PB_CODEC_LZMA2_THREADS_H

#include "codec/lzma2_unpack.h"
#include "codec/threads.h"

enum {
    LZMA2_THREADS_MAX = 16, /* that unpack */
    LZMA2_STEP = 256 << 10, /* bytes written or digested at once */
};

/* From the chunk headers; grows while `open`. */
struct lzma2_block {
    uint64_t packed_at, packed_end; /* in the archive */
    uint64_t at, end;               /* in the file */
    uint64_t done;                  /* written, from `at` on */
    bool open;                      /* further chunks may follow */
};

struct lzma2_unpacker {
    struct archive_opener opener;
    int fd;
    uint64_t limit;
    struct monitor monitor; /* over all that follows */
    uint64_t available;     /* bytes of the archive that can be read */
    bool whole;             /* no more will come */
    bool stop;
    int status; /* of the first thread that failed; all stop then */
    struct pb_error error;
    struct lzma2_block *blocks;
    size_t count, room, taken; /* blocks before `taken` have a thread, or had one */
    bool walked;               /* all blocks are known */
    bool ended;                /* `result` is set */
    uint64_t dictionaries;     /* of blocks under way */
    uint64_t written;
    struct lzma2_unpacked result;
    /* The walking thread's own. */
    uint64_t walk_at, walk_out;
    struct digest digest;
    uint64_t digested;
    size_t digest_block;
    unsigned started;
    pthread_t threads[1 + LZMA2_THREADS_MAX];
};

/* A thread's work; in: its own. Returns when there is nothing left to do, or all are to stop. */
int lzma2_walk_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err);
int lzma2_blocks_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err);

/* PB_DAMAGED. */
int lzma2_fault(struct pb_error *err);

#endif
