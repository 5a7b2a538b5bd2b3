/*
 * Mending the depot of a running server: objects that the scrubber finds damaged are fetched again from other
 * servers of the same content (repair_from), by a thread of its own. Bytes count only if they have the
 * object's SHA-256; so a mirror can be wrong, but can do no harm. That the object is whole again is for the
 * scrubber to see.
 */
#ifndef PB_API_REPAIR_H
#define PB_API_REPAIR_H

#include "api/config.h"

struct repair;

/* Starts the thread. *out is NULL when no mirrors are configured, or the depot can't be written. `report` may
 * be NULL; it is called in the thread, too. */
PB_MUST_USE int repair_start(const char *depot, const struct config_start *config, server_report_fn *report,
                             void *report_arg, struct repair **out, struct pb_error *err);
/* Breaks off what is under way, ends the thread, frees. Accepts NULL. */
void repair_stop(struct repair *r);

/* A struct damage_listener's function; its argument is the struct repair. Never waits for the network. */
void repair_damaged(void *repair, const struct site_title *title, const struct site_entry *entry);

#endif
