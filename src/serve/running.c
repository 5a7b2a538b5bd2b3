/* Which servers run. A row goes only when its address refuses a connection: one that does not answer in time
 * may be busy, or be out of our reach. */
#include "serve/running.h"

#include "base/clock.h"
#include "base/file.h"
#include "serve/engine/listener.h"

#include <errno.h>
#include <poll.h>

enum { PROBE_MS = 200 /* for all of them; addresses of this machine answer at once */ };

static int error_of(int fd)
{
    int number = 0;
    socklen_t n = sizeof number;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) == 0 ? number : errno;
}

/* Begins a connection. Returns true when it is refused at once; else *fd is its socket, or -1 when nothing
 * can be found out. */
static bool probe_begin(const char *admin, int *fd)
{
    struct listen_address a;
    *fd = -1;
    if (strncmp(admin, RUNNING_TLS, sizeof RUNNING_TLS - 1) == 0)
        admin += sizeof RUNNING_TLS - 1;
    if (listen_address_parse(admin, &a, NULL) < 0 || a.inherited > 0)
        return false;
    *fd = socket(a.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, (const struct sockaddr *)&a.address, a.length) == 0 || errno == EINPROGRESS)
        return false;
    bool refused = errno == ECONNREFUSED;
    fd_close(fd);
    return refused;
}

/* Which addresses refuse a connection? */
static void probe(const struct state_server *servers, size_t n, bool refused[STATE_SERVERS_MAX])
{
    struct pollfd fds[STATE_SERVERS_MAX];
    uint64_t until = clock_monotonic_ms() + PROBE_MS, now;
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        refused[i] = probe_begin(servers[i].admin, &fds[i].fd);
        fds[i].events = POLLOUT;
        open += fds[i].fd >= 0;
    }
    while (open > 0 && (now = clock_monotonic_ms()) < until) {
        if (poll(fds, n, (int)(until - now)) <= 0)
            continue;
        for (size_t i = 0; i < n; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            refused[i] = error_of(fds[i].fd) == ECONNREFUSED;
            fd_close(&fds[i].fd);
            open--;
        }
    }
    for (size_t i = 0; i < n; i++)
        fd_close(&fds[i].fd);
}

int running_add(struct state *s, const char *admin, int64_t started, int64_t *id, struct pb_error *err)
{
    struct state_server servers[STATE_SERVERS_MAX];
    bool refused[STATE_SERVERS_MAX];
    size_t n;
    int rc = state_servers(s, servers, &n, err);
    if (rc < 0)
        return rc;
    probe(servers, n, refused);
    for (size_t i = 0; i < n && rc == PB_OK; i++) {
        if (refused[i])
            rc = state_server_remove(s, servers[i].id, err);
    }
    return rc < 0 ? rc : state_server_add(s, admin, started, id, err);
}
