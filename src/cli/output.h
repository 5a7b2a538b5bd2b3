/* Output of verbs: errors, sizes, times, JSON, progress. */
#ifndef PB_CLI_OUTPUT_H
#define PB_CLI_OUTPUT_H

#include "cli/options.h"

#include <jansson.h>

/* Prints the error on stderr. Returns the exit status. */
int fail(const struct pb_error *err);

/* Opens the depot that the options name. NULL: an error was printed. */
struct pb_depot *open_depot(const struct args *a);

/* Prints and frees the value. Returns EXIT_DONE, or EXIT_FAILED when standard output can't be written. */
int print_json(json_t *o);
/* Flushes standard output. Returns as print_json. */
int print_end(void);

enum { TEXT_SIZE = 32 };
void text_bytes(uint64_t bytes, char out[TEXT_SIZE]);      /* "27.2 MiB" */
void text_grouped(uint64_t number, char out[TEXT_SIZE]);   /* "28,544,136" */
void text_time(int64_t unix_seconds, char out[TEXT_SIZE]); /* "2026-11-21 09:30" UTC */

/* Reads the password of --password-file: the first line of a file, or of standard input for "-". *password
 * points into `room`; NULL: the option is not given. False: an error was printed. */
enum { PASSWORD_SIZE = 1024 };
bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password);

/* The progress line; printed on a terminal only. */
struct progress {
    bool shown; /* standard error is a terminal */
    bool dirty; /* a line is on the screen */
    const char *stage;
    uint64_t stage_started; /* monotonic ms */
    unsigned long long stage_first;
    uint64_t drawn;
};
/* With `interruptible`, SIGINT and SIGTERM from now on make progress_show cancel the operation, instead of
 * ending the program. */
void progress_start(struct progress *p, bool interruptible);
int progress_show(void *progress, const struct pb_progress *now); /* a pb_progress_fn */
void progress_end(struct progress *p);

#endif
