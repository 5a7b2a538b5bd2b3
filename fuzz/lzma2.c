/* Raw LZMA2 streams, unpacked by several threads while they arrive. Where liblzma's own decoder makes
 * something of a stream, so do they, and the same. */
#include "codec/lzma2_unpack.h"

#include "memory.h"

#include <lzma.h>

enum { LIMIT = 1 << 20, DICTIONARY = 1 << 20 };

/* What liblzma makes of it: the whole, and the stream's length. */
static bool reference(const struct memory *m, uint8_t *out, size_t *n, size_t *used)
{
    lzma_options_lzma options = {.dict_size = DICTIONARY};
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    CLAIM(lzma_raw_decoder(&stream, filters) == LZMA_OK);
    stream.next_in = m->p;
    stream.avail_in = m->n;
    stream.next_out = out;
    stream.avail_out = LIMIT;
    lzma_ret ret = lzma_code(&stream, LZMA_FINISH);
    *n = LIMIT - stream.avail_out;
    *used = m->n - stream.avail_in;
    lzma_end(&stream);
    return ret == LZMA_STREAM_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data, size};
    struct archive_opener opener = {input_open, input_close, &m};
    struct lzma2_unpacker *u = NULL;
    struct lzma2_unpacked result;
    struct digest_result digest;
    struct pb_error err;
    size_t n, used;
    uint8_t *out = malloc(LIMIT);
    int fd = fuzz_file("", 0);
    CLAIM(out != NULL);
    bool good = reference(&m, out, &n, &used);
    int rc = lzma2_unpack_begin(&opener, 0, size / 2, LIMIT, fd, &u, &err);
    if (rc == PB_OK) {
        lzma2_unpack_feed(u, size);
        rc = lzma2_unpack_finish(u, NULL, NULL, &result, &err);
    }
    CLAIM(!good || rc == PB_OK);
    if (good) {
        CLAIM(digest_bytes(DIGEST_MD5, out, n, &digest, &err) == PB_OK);
        CLAIM(result.digest.size == n && result.end == used && md5_equal(&digest.md5, &result.digest.md5));
    }
    lzma2_unpack_free(u);
    close(fd);
    free(out);
    return 0;
}
