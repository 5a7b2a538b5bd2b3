/* systemd, through its library. */
#include "cli/service.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

static int bad_sockets(int number, struct pb_error *err)
{
    err->status = PB_INVALID;
    snprintf(err->text, sizeof err->text, "the sockets of the service manager (LISTEN_FDS): %s",
             strerror(number));
    return PB_INVALID;
}

int service_sockets(struct pb_config *config, struct pb_error *err)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(0, &names), rc = PB_OK;
    if (n < 0)
        return bad_sockets(-n, err);
    for (int i = 0; i < n; i++) {
        char value[16];
        bool named = strcmp(names[i], "polp") == 0 || strcmp(names[i], "admin") == 0 ||
                     strcmp(names[i], "https") == 0 || strcmp(names[i], "admin_https") == 0;
        snprintf(value, sizeof value, "fd:%d", SD_LISTEN_FDS_START + i);
        if (rc == PB_OK)
            rc = pb_config_set(config, "server", named ? names[i] : "http", value,
                               "a socket of the service manager", err);
        free(names[i]);
    }
    free(names);
    return rc;
}

void service_ready(void)
{
    sd_notify(0, "READY=1\nSTATUS=serving");
}

void service_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=finishing replies under way");
}

int service_wait(const struct pb_server *server, const sigset_t *signals)
{
    uint64_t interval = 0;
    bool watched = sd_watchdog_enabled(0, &interval) > 0 && interval > 0;
    struct timespec wait = {(time_t)(interval / 3 / 1000000), (long)(interval / 3 % 1000000) * 1000};
    for (;;) {
        int number = watched ? sigtimedwait(signals, NULL, &wait) : sigwaitinfo(signals, NULL);
        if (number > 0)
            return number;
        const char *illness = errno == EAGAIN ? pb_server_illness(server) : NULL;
        if (errno == EAGAIN && illness == NULL)
            sd_notify(0, "WATCHDOG=1");
        else if (illness != NULL)
            sd_notifyf(0, "STATUS=%s", illness);
    }
}
