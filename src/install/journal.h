/* The journal of an install: written before the first name changes, removed after the last. */
#ifndef PB_INSTALL_JOURNAL_H
#define PB_INSTALL_JOURNAL_H

#include "install/workspace.h"

/* Finishes the install that the journal describes, if there is one. */
PB_MUST_USE int journal_recover(struct workspace *w, struct pb_error *err);

#endif
