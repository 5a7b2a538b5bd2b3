/* The record of installed files. */
#include "plan/files.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_records r;
    struct pb_error err;
    int fd = memfd_create("files", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    file_records_open(&r, fd, true);
    if (file_records_load(&r, &err) == PB_OK) {
        for (size_t i = 0; i < r.n; i++) {
            if (file_records_find(&r, r.list[i].path) == NULL)
                abort();
        }
    }
    file_records_close(&r);
    close(fd);
    return 0;
}
