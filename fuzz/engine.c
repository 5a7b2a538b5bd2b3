/*
 * Whole connections over TCP to a server in this thread's loop: the engine, with its states, its buffers and
 * its sending. The first byte says how the rest is divided, the second which protocol is spoken and how the
 * client leaves. Whatever came before, a good request is answered.
 */
#include "titles.h"

#include "patchbay/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
    STEPS_MOST = 400, /* of the server, for one connection */
    STEP_MOST = 64,   /* bytes that are sent at once; 0: all */
    CHECK_EVERY = 32, /* connections until a good request follows */
    LEAVES_EARLY = 2, /* of the second byte: without reading */
    SPEAKS_POLP = 1,
};

static struct pb_server *server;
static struct sockaddr_in addresses[2]; /* HTTP, POLP */

static void server_end(void)
{
    pb_server_free(server);
}

static void address_take(size_t n)
{
    char text[64];
    CLAIM(pb_server_address(server, n, text, sizeof text) == PB_OK);
    char *colon = strrchr(text, ':');
    *colon = '\0';
    addresses[n] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    CLAIM(inet_pton(AF_INET, text, &addresses[n].sin_addr) == 1);
}

static void server_make(void)
{
    struct pb_error err;
    struct pb_config *config = pb_config_new();
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLAIM(config != NULL && chdir(fuzz_folder()) == 0);
    fuzz_publish("depot");
    CLAIM(pb_config_set(config, "server", "http", "127.0.0.1:0", "", &err) == PB_OK &&
          pb_config_set(config, "server", "polp", "127.0.0.1:0", "", &err) == PB_OK);
    CLAIM(pb_server_start("depot", config, 1, NULL, NULL, &server, &err) == PB_OK);
    pb_config_free(config);
    atexit(server_end);
    address_take(0);
    address_take(1);
    CLAIM(fchdir(here) == 0);
    close(here);
}

static int client_connect(bool polp)
{
    struct linger now = {1, 0}; /* no ports that wait */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CLAIM(fd >= 0 && connect(fd, (struct sockaddr *)&addresses[polp], sizeof addresses[polp]) == 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return fd;
}

static void client_send(int fd, const char *p, size_t n, size_t step)
{
    for (size_t at = 0, more; at < n; at += more) {
        more = step == 0 || step > n - at ? n - at : step;
        if (send(fd, p + at, more, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return; /* the server has had enough */
        pb_server_step(server);
    }
}

/* Reads until the server ends the connection, or has nothing more to say. Returns the first bytes. */
static size_t client_receive(int fd, char *out, size_t room)
{
    char more[4096];
    size_t n = 0;
    for (int i = 0, idle = 0; i < STEPS_MOST && idle < 4; i++) {
        pb_server_step(server);
        ssize_t got = recv(fd, more, sizeof more, MSG_DONTWAIT);
        idle = got < 0 ? idle + 1 : 0;
        if (got == 0)
            break;
        size_t take = got > 0 ? ((size_t)got < room - n ? (size_t)got : room - n) : 0;
        memcpy(out + n, more, take);
        n += take;
    }
    return n;
}

static void good_request(void)
{
    static const char request[] = "GET /map_download?map=a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    static const char status[] = "HTTP/1.1 200 ";
    char answer[sizeof status];
    int fd = client_connect(false);
    client_send(fd, request, sizeof request - 1, 0);
    size_t n = client_receive(fd, answer, sizeof answer - 1);
    CLAIM(n == sizeof status - 1 && memcmp(answer, status, n) == 0);
    close(fd);
    pb_server_step(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned connections;
    char answer[16];
    if (server == NULL)
        server_make();
    if (size < 2)
        return 0;
    int fd = client_connect((data[1] & SPEAKS_POLP) != 0);
    pb_server_step(server);
    client_send(fd, (const char *)data + 2, size - 2, data[0] % STEP_MOST);
    shutdown(fd, SHUT_WR);
    if ((data[1] & LEAVES_EARLY) == 0)
        client_receive(fd, answer, sizeof answer);
    close(fd);
    pb_server_step(server);
    if (++connections % CHECK_EVERY == 0)
        good_request();
    return 0;
}
