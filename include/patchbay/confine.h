/*
 * Confining a process that serves: the kernel then refuses it what a server has no use for, whatever a client
 * makes of it. For processes that do nothing else, as the program's `patchbay serve`; it can't be undone.
 * docs/security.md says what is refused.
 *
 * Threads: both change the process, each once: call them from the thread that starts the server, and from one
 * thread at a time.
 */
#ifndef PATCHBAY_CONFINE_H
#define PATCHBAY_CONFINE_H

#include "patchbay/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Files and TCP connections (Landlock): the depot, the access log's folder and the configuration's are left,
 * and connections only where the configuration names another server. Holds for the calling thread and the
 * threads and processes that it starts: call it before pb_server_start and before any other thread is
 * started. `config_file` may be NULL. *version is that of the kernel's Landlock; 0: it has none, or the
 * configuration says sandbox = no, and nothing is refused. PB_FAILED: the kernel did not take it.
 */
PB_API PB_MUST_USE int pb_confine_files(const char *depot, const struct pb_config *config,
                                        const char *config_file, int *version, struct pb_error *err);

/*
 * System calls (seccomp): no program can be started, and no socket be opened but by accepting, or where the
 * configuration names another server. Holds for all threads of the process: call it when the server runs. A
 * refused call fails with EPERM. `refused`, which may be NULL, is told its number, in a signal handler and
 * for the first calls only. *enforced is 0 when the kernel has no seccomp, or the configuration says sandbox
 * = no.
 */
PB_API PB_MUST_USE int pb_confine_calls(const struct pb_config *config, void (*refused)(int call),
                                        int *enforced, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
