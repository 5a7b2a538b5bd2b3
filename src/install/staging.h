/* The client's folders within the user's folder: DIR/.patchbay, and in it a staging folder for each title. */
#ifndef PB_INSTALL_STAGING_H
#define PB_INSTALL_STAGING_H

#include "plan/fetch.h"

#define WORKSPACE_HOME    ".patchbay"
#define WORKSPACE_STAGING "staging" /* in it */
/* The lock of the install step, in DIR/.patchbay. */
#define WORKSPACE_LOCK "lock"

enum { STAGE_NAME_SIZE = 256 };

struct workspace {
    int folder;                       /* the user's */
    int home;                         /* DIR/.patchbay */
    int staging;                      /* DIR/.patchbay/staging/TITLE; -1: none */
    int lock;                         /* held while `staging` is in use */
    char stage_name[STAGE_NAME_SIZE]; /* set by workspace_stage */
    bool recovered;                   /* workspace_open finished an install */
};

/* Opens a folder of the client, never through a symbolic link. With `make` a missing one is created. */
PB_MUST_USE int own_folder_open(int at, const char *name, bool make, int *fd, struct pb_error *err);
/* Opens the staging folder of this name (a stage_name), to complete an install; creates it if missing. */
PB_MUST_USE int staging_open(const struct workspace *w, const char *stage, int *fd, struct pb_error *err);
/* Sets the execute bits of those who may read it. PB_INVALID: it is no regular file, or has a second name. */
PB_MUST_USE int own_exec(int folder, const char *name, struct pb_error *err);

#endif
