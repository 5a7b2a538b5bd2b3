/* Serving under a service manager (systemd): inherited sockets, readiness, the watchdog. Without one these
 * functions do nothing. */
#ifndef PB_CLI_SERVICE_H
#define PB_CLI_SERVICE_H

#include "patchbay/server.h"

#include <signal.h>

/* Configures inherited sockets by their names: http, polp, admin; any other name is HTTP. They take
 * precedence over configured addresses. */
int service_sockets(struct pb_config *config, struct pb_error *err);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);

/* Waits for one of the signals and returns its number. Notifies the watchdog meanwhile, as long as the server
 * is well. */
int service_wait(const struct pb_server *server, const sigset_t *signals);

#endif
