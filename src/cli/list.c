/* patchbay list, of the depot or of a folder that content was fetched into. */
#include "cli/list_view.h"
#include "cli/verbs.h"

#include <stdio.h>

static int installed_show(void *array, const struct pb_installed *i)
{
    char size[TEXT_SIZE], crc[16];
    snprintf(crc, sizeof crc, "%08x", i->crc32);
    if (array != NULL)
        return json_array_append_new(
            array, json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:I}", "title", i->title, "version",
                             i->version, "files", (json_int_t)i->files, "file", i->file, "size",
                             (json_int_t)i->size, "md5", i->md5, "crc32", crc, "source", i->source,
                             "installed", (json_int_t)i->installed));
    if (i->file[0] == '\0') {
        printf("%-32s %-24s %15llu file%s  from %s\n", i->title, i->version, (unsigned long long)i->files,
               i->files == 1 ? "" : "s", i->source);
        return 0;
    }
    text_grouped(i->size, size);
    printf("%-32s %-24s %15s bytes  md5 %s  crc32 %s\n", i->title, i->file, size, i->md5, crc);
    return 0;
}

static int depot_list(const struct args *a, json_t *array)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int rc = args_flag(a, "names") ? list_names(depot, array, &err) : list_depot(depot, array, &err);
    pb_depot_close(depot);
    return rc < 0 ? fail(&err) : EXIT_DONE;
}

int verb_list(const struct args *a)
{
    struct pb_error err;
    const char *folder = args_value(a, "installed");
    json_t *array = args_flag(a, "json") ? json_array() : NULL;
    int status = EXIT_DONE;
    if (folder == NULL)
        status = depot_list(a, array);
    else if (pb_installed_list(folder, installed_show, array, &err) < 0)
        status = fail(&err);
    if (status != EXIT_DONE) {
        json_decref(array);
        return status;
    }
    return array != NULL ? print_json(array) : print_end();
}
