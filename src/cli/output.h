/* What verbs print: errors, sizes, times, JSON, progress. */
#ifndef PB_CLI_OUTPUT_H
#define PB_CLI_OUTPUT_H

#include "cli/options.h"

#include <jansson.h>

/* One line on stderr; returns EXIT_FAILED, or EXIT_USAGE where `status` is PB_INVALID of an option. */
int fail(const struct pb_error *err);

/* Opens the depot that the options name; NULL after an error was printed. */
struct pb_depot *open_depot(const struct args *a);

/* Prints and frees; EXIT_DONE, or EXIT_FAILED when standard output can't be written. */
int print_json(json_t *o);
/* Flushes standard output; as above. */
int print_end(void);

enum { TEXT_SIZE = 32 };
void text_bytes(uint64_t bytes, char out[TEXT_SIZE]);      /* "27.2 MiB" */
void text_grouped(uint64_t number, char out[TEXT_SIZE]);   /* "28,544,136" */
void text_time(int64_t unix_seconds, char out[TEXT_SIZE]); /* "2026-11-21 09:30" UTC */

/* The password that --password-file names: the first line of a file, or of standard input for "-". *password
 * points into `room`, or is NULL when the option was not given. False after an error was printed. */
enum { PASSWORD_SIZE = 1024 };
bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password);

/* The progress line: on a terminal only. */
struct progress {
    bool shown; /* standard error is a terminal */
    bool dirty; /* a line is there */
    const char *stage;
    uint64_t stage_started; /* monotonic ms */
    unsigned long long stage_first;
    uint64_t drawn;
};
/* With `interruptible`, SIGINT and SIGTERM make progress_show cancel the operation from here on, instead of
 * killing us.
 */
void progress_start(struct progress *p, bool interruptible);
int progress_show(void *progress, const struct pb_progress *now); /* a pb_progress_fn */
void progress_end(struct progress *p);

#endif
