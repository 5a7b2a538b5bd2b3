/* The whole public interface of the library. */
#ifndef PATCHBAY_PATCHBAY_H
#define PATCHBAY_PATCHBAY_H

#include "patchbay/confine.h"
#include "patchbay/depot.h"
#include "patchbay/fetch.h"
#include "patchbay/installed.h"
#include "patchbay/operate.h"
#include "patchbay/publish.h"
#include "patchbay/server.h"
#include "patchbay/status.h"

#endif
