/* Publishes a folder as a title of the dialect "plain". usage: publish DEPOT NAME FOLDER */
#include "plain.h"

#include "base/file.h"
#include "base/tree.h"
#include "depot/open.h"
#include "depot/publication.h"

#include <fcntl.h>
#include <stdio.h>

struct publishing {
    struct depot *depot;
    struct publication publication;
    struct buffer list;
};

static int file_publish(void *arg, const struct tree_item *item, struct pb_error *err)
{
    struct publishing *p = arg;
    struct object object;
    char hex[SHA256_HEX + 1];
    _cleanup_fd_ int fd = -1;
    uint64_t size;
    if (S_ISDIR(item->st->st_mode))
        return PB_OK;
    int rc = file_open_regular(item->folder, item->name, false, &fd, &size, err);
    if (rc == PB_OK)
        rc = object_store_file(p->depot, fd, &object, err);
    if (rc < 0)
        return error_context(err, "%s", item->path);
    hex_encode(&object.name, sizeof object.name, hex);
    buffer_format(&p->list, "%s  %s\n", hex, item->path);
    return publication_add(&p->publication, slice_of(item->path), PLAIN_KIND_FILE, &object, (struct slice){0},
                           err);
}

/* The list as a client sees it: nothing is published that no client takes. */
static int list_publish(struct publishing *p, struct pb_error *err)
{
    struct object object;
    struct plain_list list;
    struct slice text = {p->list.p, p->list.n};
    if (p->list.failed)
        return error_set(err, PB_INVALID, "the list is too long");
    int rc = plain_list_parse(text, &p->publication.arena, &list, err);
    for (size_t i = 0; rc == PB_OK && i < list.n; i++) {
        if (strcmp(list.files[i].path, PLAIN_LIST) == 0)
            rc = error_set(err, PB_INVALID, PLAIN_LIST " is the list's own name");
    }
    if (rc == PB_OK)
        rc = object_store(p->depot, text.p, text.n, &object, err);
    return rc < 0 ? rc
                  : publication_add(&p->publication, slice_of(PLAIN_LIST), PLAIN_KIND_LIST, &object,
                                    (struct slice){0}, err);
}

static int folder_publish(struct publishing *p, const char *folder, struct pb_error *err)
{
    struct publication_result result;
    _cleanup_fd_ int fd = -1;
    int rc = folder_open(AT_FDCWD, folder, &fd, err);
    if (rc == PB_OK)
        rc = tree_walk(fd, "", file_publish, p, err);
    if (rc == PB_OK)
        rc = list_publish(p, err);
    return rc == PB_OK ? publication_commit(&p->publication, NULL, "{}", &result, err) : rc;
}

int main(int argc, char **argv)
{
    struct publishing p = {0};
    struct pb_error err;
    if (argc != 4)
        return fprintf(stderr, "usage: publish DEPOT NAME FOLDER\n"), 2;
    buffer_init(&p.list, PLAIN_LIST_MAX);
    const char *why;
    if (!path_name_ok(slice_of(argv[2]), &why))
        return fprintf(stderr, "publish: the name %s\n", why), 1;
    int rc = depot_open(argv[1], &p.depot, &err);
    if (rc == PB_OK)
        rc = publication_begin(p.depot, PLAIN_DIALECT, slice_of(argv[2]), &p.publication, &err);
    if (rc == PB_OK) {
        rc = folder_publish(&p, argv[3], &err);
        publication_end(&p.publication);
    }
    depot_close(p.depot);
    buffer_free(&p.list);
    if (rc < 0)
        fprintf(stderr, "publish: %s\n", err.text);
    return rc < 0;
}
