/* Writing a 7z of one member, packed as LZMA2 with several threads. What archive.h says of archive_writer
 * holds for these functions, too. */
#ifndef PB_CODEC_SEVENZIP_WRITE_H
#define PB_CODEC_SEVENZIP_WRITE_H

#include "codec/archive.h"

struct sevenzip_writer;
PB_MUST_USE int sevenzip_writer_open(int level, const char *member, uint64_t size, int spool,
                                     archive_sink_fn *sink, void *arg, struct sevenzip_writer **out,
                                     struct pb_error *err);
void sevenzip_writer_watch(struct sevenzip_writer *w, archive_progress_fn *progress, void *arg);
PB_MUST_USE int sevenzip_writer_add(struct sevenzip_writer *w, const void *p, size_t n, struct pb_error *err);
PB_MUST_USE int sevenzip_writer_finish(struct sevenzip_writer *w, struct pb_error *err);
void sevenzip_writer_free(struct sevenzip_writer *w); /* accepts NULL */

#endif
