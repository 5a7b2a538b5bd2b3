/*
 * Status codes, errors and progress, as all functions of the library use them.
 *
 * A function that can fail returns PB_OK (0) or one of the negative codes below, and fills in a struct
 * pb_error. The code is for programs; the text is for people: one line that says what failed, where and why.
 * The library never prints and never ends the process.
 *
 * Structs that the caller makes and hands over (options, results, reports) begin with their size, which
 * PB_INIT sets. A caller that was compiled with an earlier version has fewer fields: the library takes those
 * that it does not have for zero. One that was compiled with a later version has more: those of a result are
 * set to zero, and where those of options are not zero the function returns PB_UNSUPPORTED. A size that is
 * not set is PB_INVALID. The pointer itself must not be NULL. Results and reports are filled in as far as the
 * operation came, after an error as well, unless the size was refused.
 *
 * Structs that the library makes and shows to a callback may get more fields at their end: look at them, but
 * keep no copies made with sizeof, and make no arrays of them. The same holds for enum pb_status: later
 * versions may return codes that are not listed here, which are errors.
 *
 * Threads: the functions of this header may be called at any time from anywhere, a signal handler too.
 */
#ifndef PATCHBAY_STATUS_H
#define PATCHBAY_STATUS_H

#include "patchbay/attributes.h"
#include "patchbay/version.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pb_status {
    PB_OK = 0,
    PB_FAILED = -1,       /* the operating system refused something; the text says what */
    PB_INVALID = -2,      /* an argument or input is not allowed: a name, a file, a list, an option */
    PB_NOT_FOUND = -3,    /* there is no such title, release, file or resource */
    PB_DAMAGED = -4,      /* bytes do not match their digest or size */
    PB_NETWORK = -5,      /* a server could not be reached, or the connection broke */
    PB_DENIED = -6,       /* a password is missing or wrong, or an address is not allowed */
    PB_NO_SPACE = -7,     /* the disk is full */
    PB_BUSY = -8,         /* another program holds a lock or an address */
    PB_CANCELLED = -9,    /* a callback of the caller said stop */
    PB_NO_MEMORY = -10,   /* memory ran out */
    PB_UNSUPPORTED = -11, /* known, but not supported by this version */
};

#define PB_ERROR_TEXT_MAX 600

/* Owned by the caller; arguments of this type must not be NULL. Its content is undefined after a success.
 * This struct has no size and never changes. */
struct pb_error {
    int status;                   /* the code that the function returned */
    char text[PB_ERROR_TEXT_MAX]; /* one line, no line end, UTF-8 */
};

/* A short name of a code, such as "not found". Static text, for any number. */
PB_API const char *pb_status_name(int status);

/*
 * Progress of a long operation: how much of the current stage is done. A return value other than 0 cancels
 * the operation, which then returns PB_CANCELLED and leaves everything as it was.
 */
struct pb_progress {
    const char *stage; /* "compressing", "storing", "verifying", "copying"; for a fetch "checking",
                          "downloading", "unpacking", "installing"; static */
    unsigned long long done;
    unsigned long long total; /* 0: not known */
    const char *unit;         /* what `done` and `total` count; NULL: bytes */
};
typedef int pb_progress_fn(void *arg, const struct pb_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
