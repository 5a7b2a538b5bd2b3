/* Writing the record of a title's files (plan/files.h): .patchbay/records/TITLE. */
#ifndef PB_INSTALL_FILES_H
#define PB_INSTALL_FILES_H

#include "install/staging.h"

/* Writes the record of a plan to a new file `name` in the folder `at`. With `looks` each file is looked at,
 * so that the next fetch need not read it; without, before the plan is carried out, there is nothing to look
 * at. */
PB_MUST_USE int files_write(int at, const char *name, const struct workspace *w,
                            const struct fetch_plan *plan, bool looks, struct pb_error *err);

/* Replaces the record of the staged title, with looks: after an install. A failure loses no more than time.
 */
PB_MUST_USE int files_note(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

/* Opens the folder of all records. */
PB_MUST_USE int files_folder(int home, bool make, int *fd, struct pb_error *err);

/* Opens the record; *fd is -1 when there is none. `home`: descriptor of DIR/.patchbay. */
PB_MUST_USE int files_open(int home, const char *stage, int *fd, struct pb_error *err);

/* Removes the record; one that is not there is no error. */
PB_MUST_USE int files_forget(int home, const char *stage, struct pb_error *err);

/* Moves a record from staging into its place. A missing file has been moved already. */
PB_MUST_USE int files_place(int home, int staging, const char *staged, const char *stage,
                            struct pb_error *err);

#endif
