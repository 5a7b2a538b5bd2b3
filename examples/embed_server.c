/*
 * A map server inside another program, such as a game's dedicated server: no threads, the program's own poll
 * loop. C, and C++ too.
 *
 *     embed_server DEPOT MAP
 *
 * publishes MAP into a new depot, serves it on a free loopback port, prints the address, and ends when its
 * standard input does.
 */
#include <patchbay/patchbay.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int failed(const struct pb_error *err)
{
    fprintf(stderr, "embed_server: %s\n", err->text);
    return 1;
}

static int publish(const char *path, const char *map, struct pb_error *err)
{
    struct pb_depot *depot = NULL;
    struct pb_map_options options = PB_INIT(pb_map_options);
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    options.file = map;
    options.level = 1;
    int rc = pb_depot_init(path, err);
    if (rc == PB_OK)
        rc = pb_depot_open(path, &depot, err);
    if (rc < 0)
        return rc;
    rc = pb_publish_map(depot, &options, NULL, NULL, &result, err);
    pb_depot_close(depot);
    return rc;
}

/* The game's loop: here it watches standard input; a game would run its frames. */
static void run(struct pb_server *server)
{
    int stopping = 0;
    do {
        char byte;
        struct pollfd fds[2] = {{pb_server_fd(server), POLLIN, 0}, {0, POLLIN, 0}};
        poll(fds, stopping ? 1 : 2, 1000);
        if (!stopping && fds[1].revents != 0 && read(0, &byte, 1) <= 0) {
            pb_server_stop(server);
            stopping = 1;
        }
    } while (pb_server_step(server));
}

int main(int argc, char **argv)
{
    struct pb_error err;
    struct pb_server *server;
    char address[80];
    if (argc != 3) {
        fprintf(stderr, "usage: embed_server DEPOT MAP\n");
        return 2;
    }
    struct pb_config *config = pb_config_new();
    if (config == NULL || publish(argv[1], argv[2], &err) < 0 ||
        pb_config_set(config, "server", "http", "127.0.0.1:0", "embed_server", &err) < 0 ||
        pb_server_start(argv[1], config, 1, NULL, NULL, &server, &err) < 0) {
        pb_config_free(config);
        return config != NULL ? failed(&err) : 1;
    }
    pb_config_free(config);
    pb_server_address(server, 0, address, sizeof address);
    printf("%s\n", address);
    fflush(stdout);
    run(server);
    pb_server_free(server);
    return 0;
}
