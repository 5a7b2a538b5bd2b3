/* A depot with one small title of each kind, in the current folder. */
#ifndef PB_FUZZ_TITLES_H
#define PB_FUZZ_TITLES_H

#include "patchbay/publish.h"

#include "folder.h"

#include <sys/stat.h>

static void fuzz_file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    CLAIM(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* One title of each kind. */
static void fuzz_publish(const char *depot)
{
    struct pb_depot *d;
    struct pb_error err;
    struct pb_publish_result result;
    CLAIM(pb_depot_init(depot, &err) == PB_OK && pb_depot_open(depot, &d, &err) == PB_OK);
    CLAIM(mkdir("tree", 0777) == 0);
    fuzz_file_write("a.map", "a map of a few bytes");
    fuzz_file_write("tree/one", "a level or a file");
    struct pb_map_options map = {.file = "a.map", .algorithm = "zip"};
    struct pb_upgrade_options upgrade = {
        .tree = "tree", .platform = "linux", .version = 3, .oldest = 1, .recommended = 2};
    struct pb_levels_options levels = {.tree = "tree", .collection = "official", .min_version = 1};
    struct pb_app_options app = {.tree = "tree", .app = "1000", .hardware = "W20", .version = "20061212_3"};
    CLAIM(pb_publish_map(d, &map, NULL, NULL, &result, &err) == PB_OK);
    CLAIM(pb_publish_upgrade(d, &upgrade, NULL, NULL, &result, &err) == PB_OK);
    CLAIM(pb_publish_levels(d, &levels, NULL, NULL, &result, &err) == PB_OK);
    CLAIM(pb_publish_app(d, &app, NULL, NULL, &result, &err) == PB_OK);
    pb_depot_close(d);
}

#endif
