/*
 * The floor of the serving benchmark: what a server costs that does nothing but answer. It takes whatever
 * arrives in one recv for one request and answers a fixed head and a file; no parsing, no timeouts, no log,
 * no lookup. Never a server for anything else. usage: floor FILE; prints the port on 127.0.0.1 that it took.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bodies up to SMALL leave in one send with their head; beyond it sendfile is cheaper than copying. */
enum { SMALL = 16 * 1024, CONNECTIONS = 32768, EVENTS = 128, BACKLOG = 4096 };

static struct {
    char *head; /* and behind it the body, if it is small */
    size_t head_n;
    int file; /* -1: the body is small */
    size_t total;
    off_t next, end; /* where the next reply's body begins in the file; where the last chunk ends */
} reply;
static off_t start[CONNECTIONS]; /* by descriptor: where the body of the reply under way begins in the file */
static size_t left[CONNECTIONS]; /* by descriptor: bytes of the reply under way; 0: none */

static void must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static void reply_make(const char *path, size_t chunk)
{
    struct stat st;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    must(file >= 0 && fstat(file, &st) == 0, path);
    size_t size = chunk > 0 ? chunk : (size_t)st.st_size;
    must(size > 0 && size <= (size_t)st.st_size, "size");
    reply.end = st.st_size - st.st_size % (off_t)size;
    reply.head = malloc(256 + SMALL);
    must(reply.head != NULL, "malloc");
    reply.head_n =
        (size_t)snprintf(reply.head, 256,
                         "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: application/octet-stream\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         size);
    reply.total = reply.head_n + size;
    reply.file = file;
    if (size > SMALL)
        return;
    must(pread(file, reply.head + reply.head_n, size, 0) == (ssize_t)size, path);
    reply.file = -1;
    reply.head_n = reply.total;
    close(file);
}

/* Sends on until the reply is through or the socket is full; the next edge goes on. False: it is broken. */
static int send_some(int fd)
{
    while (left[fd] > 0) {
        size_t at = reply.total - left[fd];
        ssize_t n;
        if (at < reply.head_n) {
            n = send(fd, reply.head + at, reply.head_n - at, MSG_NOSIGNAL | (reply.file >= 0 ? MSG_MORE : 0));
        } else {
            off_t offset = start[fd] + (off_t)(at - reply.head_n);
            n = sendfile(fd, reply.file, &offset, left[fd]);
        }
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        left[fd] -= (size_t)n;
    }
    return 1;
}

static void event(int fd, unsigned events)
{
    char request[4096];
    int good = 1;
    if (left[fd] > 0)
        good = send_some(fd);
    else if (events & EPOLLIN) {
        ssize_t n = recv(fd, request, sizeof request, 0);
        if (n > 0) {
            left[fd] = reply.total;
            start[fd] = reply.next;
            reply.next += (off_t)(reply.total - reply.head_n);
            if (reply.next >= reply.end)
                reply.next = 0;
            good = send_some(fd);
        } else {
            good = n < 0 && errno == EAGAIN;
        }
    }
    if (!good || events & (EPOLLERR | EPOLLHUP)) {
        left[fd] = 0;
        close(fd);
    }
}

static void accept_all(int listener, int epoll)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if (fd >= CONNECTIONS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
            close(fd);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    struct epoll_event events[EVENTS];
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: floor FILE [CHUNK]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
    reply_make(argv[1], argc == 3 ? strtoul(argv[2], NULL, 10) : 0);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
             listen(listener, BACKLOG) == 0 && getsockname(listener, (struct sockaddr *)&at, &n) == 0,
         "listen");
    /* Connections inherit it. Without it the end of a large reply waits for an acknowledgement. */
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    must(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) == 0, "epoll");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        must(count >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener, epoll);
            else
                event(events[i].data.fd, events[i].events);
        }
    }
}
