/* installed.json, which a player may edit: whatever it holds, it is told or refused, and a record that is
 * saved is there. */
#include "install/records.h"

#include "folder.h"

#define TITLE  "opensauce/fuzz"
#define RECORD "{\"files\":1,\"installed\":2,\"source\":\"s\",\"version\":\"\"}"

static int record_look(void *arg, const struct installed *record)
{
    CLAIM(record->title != NULL && record->version != NULL && record->source != NULL && record->file != NULL);
    CLAIM(strlen(record->md5) <= MD5_HEX);
    *(bool *)arg |= strcmp(record->title, TITLE) == 0;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pb_error err;
    bool found = false;
    int home = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(home, "installed.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    CLAIM(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
    close(fd);
    int rc = installed_each(home, record_look, &found, &err);
    CLAIM(rc == PB_OK || rc == PB_DAMAGED);
    CLAIM(records_save(home, TITLE, RECORD, &err) == PB_OK && records_known(home, TITLE, RECORD));
    found = false;
    CLAIM(installed_each(home, record_look, &found, &err) == PB_OK && found);
    CLAIM(records_forget(home, TITLE, "stage", &err) == PB_OK && !records_known(home, TITLE, RECORD));
    close(home);
    return 0;
}
