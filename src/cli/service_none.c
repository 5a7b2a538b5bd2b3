/* Built instead of service.c where there is no libsystemd: no service manager, so nothing to tell it. */
#include "cli/service.h"

int service_sockets(struct pb_config *config, struct pb_error *err)
{
    (void)config;
    (void)err;
    return PB_OK;
}

void service_ready(void)
{
}

void service_reloading(void)
{
}

void service_stopping(void)
{
}

int service_wait(const struct pb_server *server, const sigset_t *signals)
{
    (void)server;
    for (;;) {
        int number = sigwaitinfo(signals, NULL);
        if (number > 0)
            return number;
    }
}
