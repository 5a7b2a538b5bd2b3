/* The list of what exports wrote, in a folder that others write to. */
#include "api/export_list.h"
#include "base/path.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct export_list list;
    struct pb_error err;
    export_list_init(&list);
    buffer_append(&list.lines, data, size);
    if (export_list_check(&list, &err) == PB_OK) {
        size_t at = 0;
        while (at < list.lines.n) {
            const char *line = list.lines.p + at, *end = memchr(line, '\n', list.lines.n - at);
            CLAIM(end != NULL && end - line > 66);
            struct slice path = {line + 66, (size_t)(end - line) - 66};
            CLAIM(path_relative_below(path, NULL) && memchr(path.p, '\0', path.n) == NULL);
            at += (size_t)(end - line) + 1;
        }
    }
    export_list_free(&list);
    return 0;
}
