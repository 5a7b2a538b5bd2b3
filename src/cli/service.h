/* The service manager's side of serving (systemd): sockets that it hands over, readiness, the watchdog.
 * Without one all of it does nothing. */
#ifndef PB_CLI_SERVICE_H
#define PB_CLI_SERVICE_H

#include "patchbay/server.h"

#include <signal.h>

/* Sockets by their names: http, polp, admin; one without such a name is for HTTP. They go before what the
 * configuration says of the same key. */
int service_sockets(struct pb_config *config, struct pb_error *err);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);

/* Waits for one of the signals, and tells the watchdog meanwhile that the server is well, as long as it is.
 * Returns the signal's number. */
int service_wait(const struct pb_server *server, const sigset_t *signals);

#endif
