/*
 * The whole public interface of the library. docs/library.md tells how to build on it.
 *
 * Threads: each header says what may be called from where. In short: one handle, or one folder, is for one
 * thread at a time, and different ones are for any; they share no state. No function is for signal handlers,
 * unless it says so. The library reads the environment (proxies, certificates, TMPDIR): no other thread may
 * change that during a call, nor the working directory where paths are relative.
 *
 * Passwords: the library overwrites its copies, and the keys that it makes of them, when a call is done with
 * them. The caller's strings are the caller's to overwrite. Whether the process may leave a core dump is the
 * caller's decision, too: the library changes nothing of the process.
 */
#ifndef PATCHBAY_PATCHBAY_H
#define PATCHBAY_PATCHBAY_H

#include "patchbay/attributes.h"
#include "patchbay/confine.h"
#include "patchbay/depot.h"
#include "patchbay/fetch.h"
#include "patchbay/installed.h"
#include "patchbay/operate.h"
#include "patchbay/publish.h"
#include "patchbay/remote.h"
#include "patchbay/server.h"
#include "patchbay/status.h"
#include "patchbay/version.h"
#include "patchbay/words.h"

#endif
