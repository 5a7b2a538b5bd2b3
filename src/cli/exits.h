/* Exit statuses: what a script or a launcher learns without reading a word. One table; the help prints it. */
#ifndef PB_CLI_EXITS_H
#define PB_CLI_EXITS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_NETWORK = 4,
    EXIT_DAMAGED = 5,
    EXIT_NO_SPACE = 6,
    EXIT_CANCELLED = 7,
    EXIT_DENIED = 8,
    EXIT_BUSY = 9,
};

struct exit_meaning {
    enum exit_status exit;
    int status; /* of the library: enum pb_status; PB_OK where no one status means it */
    const char *words;
};

extern const struct exit_meaning exit_meanings[]; /* ends with NULL words */

/* The exit status for a status of the library. */
int exit_of(int status);

#endif
