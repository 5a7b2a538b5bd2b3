/* Packing a stream as LZMA2 with several threads. The stream is divided into blocks, each with a dictionary
 * of its own; the packed blocks behind one another are one ordinary LZMA2 stream. The division depends on the
 * size alone, so the bytes are the same on every machine. */
#ifndef PB_CODEC_LZMA2_PACK_H
#define PB_CODEC_LZMA2_PACK_H

#include "codec/archive.h"

struct lzma2_packer;

/* `size`: of the whole stream. The sink gets the packed stream in order, from the functions below. */
PB_MUST_USE int lzma2_packer_open(int level, uint64_t size, archive_sink_fn *sink, void *arg,
                                  struct lzma2_packer **out, struct pb_error *err);
/* Called now and then from the functions below, with the number of bytes that are packed. */
void lzma2_packer_watch(struct lzma2_packer *p, archive_progress_fn *progress, void *arg);
/* Adds bytes, `size` in all. Waits while all threads are busy and a block is full. */
PB_MUST_USE int lzma2_packer_add(struct lzma2_packer *p, const void *bytes, size_t n, struct pb_error *err);
/* Waits for the threads, and ends the stream. */
PB_MUST_USE int lzma2_packer_finish(struct lzma2_packer *p, struct pb_error *err);
void lzma2_packer_free(struct lzma2_packer *p); /* accepts NULL; stops the threads */

/* The property byte of the stream's coder: the size of the dictionary. */
uint8_t lzma2_packer_property(const struct lzma2_packer *p);

/* The number of blocks of a stream. */
uint64_t lzma2_blocks(uint64_t size);

#endif
