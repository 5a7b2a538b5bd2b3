/*
 * The whole public interface of the library.
 *
 * Passwords: the library overwrites its copies, and the keys that it makes of them, when a call is done with
 * them. The caller's strings are the caller's to overwrite. Whether the process may leave a core dump is the
 * caller's decision, too: the library changes nothing of the process.
 */
#ifndef PATCHBAY_PATCHBAY_H
#define PATCHBAY_PATCHBAY_H

#include "patchbay/confine.h"
#include "patchbay/depot.h"
#include "patchbay/fetch.h"
#include "patchbay/installed.h"
#include "patchbay/operate.h"
#include "patchbay/publish.h"
#include "patchbay/remote.h"
#include "patchbay/server.h"
#include "patchbay/status.h"

#endif
