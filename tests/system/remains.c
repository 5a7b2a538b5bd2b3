/*
 * What remains of a password in memory: publishes a map with one, serves it, fetches it, asks the server for
 * the raw map in several ways, and then looks for the password and the key through all of its own memory.
 *
 *     remains DEPOT MAP FOLDER PASSWORD_HEX KEY_HEX [keep]
 *
 * The arguments are in hexadecimal, so that they are not what is looked for. With "keep" a copy is kept,
 * which must be found.
 */
#include <patchbay/patchbay.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 64, REQUEST_MAX = 512 };

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static char hex_byte(const char *hex)
{
    return (char)(hex_value(hex[0]) << 4 | hex_value(hex[1]));
}

static void hex_read(const char *hex, char out[SECRET_MAX])
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n && i < SECRET_MAX - 1; i++)
        out[i] = hex_byte(hex + 2 * i);
    out[n < SECRET_MAX ? n : SECRET_MAX - 1] = '\0';
}

/* ---- the search ---- */

static unsigned range_search(const volatile char *from, const volatile char *end, const char *hex)
{
    size_t n = strlen(hex) / 2;
    unsigned found = 0;
    for (const volatile char *p = from; p + n <= end; p++) {
        size_t same = 0;
        while (same < n && p[same] == hex_byte(hex + 2 * same))
            same++;
        found += same == n;
    }
    return found;
}

/* How often is it in memory? Prints where. */
static unsigned memory_search(const char *what, const char *hex)
{
    char line[512];
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *at;
        uintptr_t from = strtoull(line, &at, 16), end = strtoull(at + 1, &at, 16);
        if (strncmp(at, " rw", 3) != 0)
            continue;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's numbers are addresses */
        unsigned here = range_search((const volatile char *)from, (const volatile char *)end, hex);
        if (here > 0)
            printf("%s: %u times in %s", what, here, line);
        found += here;
    }
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* ---- what is done with the password ---- */

static int failed(const char *what, const struct pb_error *err)
{
    fprintf(stderr, "remains: %s: %s\n", what, err->text);
    return 1;
}

static int publish(char **argv, const char *password)
{
    struct pb_error err;
    struct pb_depot *depot;
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    struct pb_map_options options = {
        .size = sizeof options, .file = argv[2], .level = 1, .password = password, .long_password = 1};
    if (pb_depot_init(argv[1], &err) < 0 || pb_depot_open(argv[1], &depot, &err) < 0)
        return failed("depot", &err);
    int rc = pb_publish_map(depot, &options, NULL, NULL, &result, &err);
    if (rc == PB_OK) /* live already: another way through the code */
        rc = pb_publish_map(depot, &options, NULL, NULL, &result, &err);
    pb_depot_close(depot);
    return rc < 0 ? failed("publish", &err) : 0;
}

static int fetch(char **argv, const char *address, const char *password)
{
    struct pb_error err;
    struct pb_fetch_result result = PB_INIT(pb_fetch_result);
    char url[128];
    snprintf(url, sizeof url, "opensauce://%s/secret", address);
    struct pb_fetch_options options = {
        .size = sizeof options, .url = url, .folder = argv[3], .password = password};
    return pb_fetch(&options, NULL, NULL, &result, &err) < 0 ? failed("fetch", &err) : 0;
}

/* Sends `text` in two pieces, the second after a reply to what is whole in the first, and reads to the end.
 */
static int ask(const char *address, const char *text, size_t first)
{
    char step[4096];
    const char *colon = strrchr(address, ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = strlen(text), got = 0;
    int bad = fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
              send(fd, text, first, MSG_NOSIGNAL) != (ssize_t)first || recv(fd, step, sizeof step, 0) <= 0 ||
              send(fd, text + first, n - first, MSG_NOSIGNAL) != (ssize_t)(n - first);
    for (ssize_t more = 1; !bad && more > 0; got += (size_t)more) {
        more = recv(fd, step, sizeof step, 0);
        bad = more < 0;
    }
    close(fd);
    explicit_bzero(step, sizeof step);
    return bad || got == 0;
}

/* Whole requests, one that comes in two pieces, one behind another that is answered first, a wrong method. */
static int requests(const char *address, const char *password)
{
    char text[REQUEST_MAX];
    int n = snprintf(text, sizeof text,
                     "GET /maps/secret.map?password=%s HTTP/1.1\r\nHost: a\r\nRange: bytes=0-99\r\n\r\n"
                     "GET /maps/secret.map?password=%s",
                     password, password);
    size_t first = (size_t)n;
    snprintf(
        text + first, sizeof text - first,
        "x HTTP/1.1\r\nHost: a\r\n\r\nPUT /none?password=%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        password);
    int bad = ask(address, text, first);
    explicit_bzero(text, sizeof text);
    return bad;
}

static int serve(char **argv, const char *password)
{
    struct pb_error err;
    struct pb_server *server;
    char address[80];
    struct pb_config *config = pb_config_new();
    if (config == NULL || pb_config_set(config, "server", "http", "127.0.0.1:0", "remains", &err) < 0 ||
        pb_server_start(argv[1], config, 0, NULL, NULL, &server, &err) < 0) {
        pb_config_free(config);
        return config != NULL ? failed("serve", &err) : 1;
    }
    pb_config_free(config);
    pb_server_address(server, 0, address, sizeof address);
    int bad = fetch(argv, address, password) || requests(address, password);
    pb_server_free(server);
    return bad;
}

int main(int argc, char **argv)
{
    char password[SECRET_MAX];
    char *kept = NULL;
    if (argc < 6) {
        fprintf(stderr, "usage: remains DEPOT MAP FOLDER PASSWORD_HEX KEY_HEX [keep]\n");
        return 2;
    }
    hex_read(argv[4], password);
    if (publish(argv, password) != 0 || serve(argv, password) != 0)
        return 1;
    if (argc > 6)
        kept = strdup(password);
    explicit_bzero(password, sizeof password);
    unsigned found = memory_search("the password", argv[4]) + memory_search("the key", argv[5]);
    free(kept);
    printf("found %u times\n", found);
    return found > 0 ? 3 : 0;
}
