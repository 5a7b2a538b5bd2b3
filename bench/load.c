/*
 * A load of requests on 127.0.0.1 for the serving benchmark: each connection sends a request, waits for the
 * whole reply, and sends the next. All replies have one length, which the caller has checked; their bytes are
 * thrown away in the kernel, so that the load costs little beside the server.
 *
 * usage: load PORT CONNECTIONS SECONDS REPLY_BYTES REQUESTS
 *
 * REQUESTS is a file of requests, used in turn: each is a length (32 bits, little-endian) and its bytes.
 * Connects, has each connection answered once, prints "ready" and waits for a line on standard input; then
 * runs, waits for the replies under way, prints "N requests, M errors, S seconds", and keeps the connections
 * until standard input ends. So the caller can read the server's counters between, and connecting is in no
 * figure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, REQUEST_MAX = 4096, SILENCE_MS = 10000 };

struct request {
    const char *p;
    uint32_t n;
};

static struct {
    struct request *requests;
    size_t request_count, next;
    int *fds;
    size_t *left; /* of each connection: bytes of the reply that are missing */
    size_t n, busy, reply;
    long done, errors;
    int epoll;
} load;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void requests_read(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &st) == 0, path);
    size_t size = (size_t)st.st_size, at = 0;
    char *bytes = malloc(size);
    load.requests = calloc(size / 4 + 1, sizeof *load.requests);
    must(bytes != NULL && load.requests != NULL && read(fd, bytes, size) == st.st_size, path);
    close(fd);
    while (at + 4 <= size) {
        uint32_t n;
        memcpy(&n, bytes + at, 4);
        must(n > 0 && n <= REQUEST_MAX && n <= size - at - 4, "the file of requests is broken");
        load.requests[load.request_count++] = (struct request){bytes + at + 4, n};
        at += 4 + n;
    }
    must(load.request_count > 0, "no requests");
}

/* A request is far smaller than a socket's buffer, which is empty: what does not go at once is an error. */
static void ask(size_t i)
{
    struct request r = load.requests[load.next];
    load.next = load.next + 1 == load.request_count ? 0 : load.next + 1;
    load.left[i] = load.reply;
    load.busy++;
    if (send(load.fds[i], r.p, r.n, MSG_NOSIGNAL) != (ssize_t)r.n) {
        load.left[i] = 0;
        load.busy--;
        load.errors++;
    }
}

/* Takes what has arrived, and no byte beyond the reply: what a server sends too much is found at the end. */
static void take(size_t i, bool more)
{
    while (load.left[i] > 0) {
        ssize_t n = recv(load.fds[i], NULL, load.left[i], MSG_TRUNC | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) { /* the server has closed, or worse: this connection is out */
            load.left[i] = 0;
            load.busy--;
            load.errors++;
            epoll_ctl(load.epoll, EPOLL_CTL_DEL, load.fds[i], NULL);
            return;
        }
        load.left[i] -= (size_t)n;
        if (load.left[i] > 0)
            continue;
        load.busy--;
        load.done++;
        if (more)
            ask(i);
        return;
    }
}

static void turn(bool more)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(load.epoll, events, EVENTS, SILENCE_MS);
    if (n == 0) {
        fprintf(stderr, "load: no reply for %d ms\n", SILENCE_MS);
        exit(1);
    }
    for (int i = 0; i < n; i++)
        take(events[i].data.u64, more);
}

static void connect_all(uint16_t port)
{
    struct sockaddr_in at = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
    struct linger reset = {1, 0}; /* so that no port stays in TIME_WAIT */
    int one = 1;
    for (size_t i = 0; i < load.n; i++) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = i};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        load.fds[i] = fd;
        must(epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
        ask(i);
        while (load.busy > 0)
            turn(false);
        must(load.errors == 0, "the first request of a connection");
    }
}

/* After the last reply nothing may be there. */
static void excess_find(void)
{
    for (size_t i = 0; i < load.n; i++) {
        if (recv(load.fds[i], NULL, 1, MSG_TRUNC | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            load.errors++;
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS REPLY_BYTES REQUESTS\n");
        return 2;
    }
    load.n = strtoul(argv[2], NULL, 10);
    load.reply = strtoul(argv[4], NULL, 10);
    load.fds = calloc(load.n, sizeof *load.fds);
    load.left = calloc(load.n, sizeof *load.left);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    must(load.fds != NULL && load.left != NULL && load.epoll >= 0, "start");
    requests_read(argv[5]);
    connect_all((uint16_t)strtoul(argv[1], NULL, 10));
    load.done = 0;
    printf("ready\n");
    fflush(stdout);
    if (getchar() == EOF) /* it was about the connections only */
        return 0;

    double began = now(), end = began + strtod(argv[3], NULL);
    if (end > began) {
        for (size_t i = 0; i < load.n; i++)
            ask(i);
    }
    while (load.busy > 0)
        turn(now() < end);
    double took = now() - began;
    excess_find();
    printf("%ld requests, %ld errors, %.6f seconds\n", load.done, load.errors, took);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return 0;
}
