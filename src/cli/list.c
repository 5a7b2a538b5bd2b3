/* patchbay list, of the depot or of a folder that content was fetched into. */
#include "cli/releases.h"
#include "cli/verbs.h"

#include <stdio.h>

int release_show(void *array, const struct pb_release *r)
{
    char size[TEXT_SIZE], when[TEXT_SIZE];
    if (array != NULL)
        return json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:b, s:I, s:I}", "title", r->title,
                                                      "version", r->version, "published",
                                                      (json_int_t)r->published, "live", r->live, "entries",
                                                      (json_int_t)r->entries, "bytes", (json_int_t)r->bytes));
    text_bytes(r->bytes, size);
    text_time(r->published, when);
    printf("%-32s %-16s %s UTC  %10s  %6llu %s%s\n", r->title, r->version, when, size,
           (unsigned long long)r->entries, r->entries == 1 ? "entry" : "entries", r->live ? "  live" : "");
    return 0;
}

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

static int list_depot(const struct args *a, json_t *array)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int rc = pb_depot_list(depot, release_show, array, &err);
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
        status = list_depot(a, array);
    else if (pb_installed_list(folder, installed_show, array, &err) < 0)
        status = fail(&err);
    if (status != EXIT_DONE) {
        json_decref(array);
        return status;
    }
    return array != NULL ? print_json(array) : print_end();
}
