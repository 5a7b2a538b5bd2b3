/* Archives from a server: never more bytes than announced, whatever they say. What several threads unpack is
 * what libarchive unpacks. */
#include "codec/archive_unpack.h"

#include "memory.h"

enum { LIMIT = 3000000 };

static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    size_t *total = arg;
    (void)p, (void)err;
    *total += n;
    if (*total > LIMIT)
        abort();
    return PB_OK;
}

/* Unpacks into a file: half of it "arrives" first. */
static int unpack(struct memory *m, struct digest_result *r)
{
    struct pb_error err;
    struct archive_unpacker u = {0};
    struct archive_unpack what = {
        ARCHIVE_7Z, {input_open, input_close, m}, "a.map", LIMIT, memfd_create("map", MFD_CLOEXEC)};
    int rc = what.fd < 0 ? -1 : archive_unpack_feed(&u, &what, m->n / 2, &err);
    if (rc == PB_OK)
        rc = archive_unpack_finish(&u, &what, NULL, NULL, r, &err);
    archive_unpacker_end(&u);
    if (what.fd >= 0 && lseek(what.fd, 0, SEEK_END) > LIMIT)
        abort();
    close(what.fd);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data, size};
    struct archive_input input = {source, &m, size};
    struct digest_result r;
    struct pb_error err;
    size_t total = 0;
    if (archive_extract(ARCHIVE_ZIP, &input, "a.map", LIMIT, sink, &total, &err) > 0)
        abort();
    total = 0;
    int alone = archive_extract(ARCHIVE_7Z, &input, "a.map", LIMIT, sink, &total, &err);
    if (unpack(&m, &r) == PB_OK && alone == PB_OK && r.size != total)
        abort();
    return 0;
}
