/*
 * Status codes and the error that every fallible function of the library fills in.
 *
 * A function that can fail returns 0 (PB_OK) or one of the negative codes below. The code is for programs;
 * the text in struct pb_error is for people: one line that says what failed, where and why. The library never
 * prints, exits or aborts.
 */
#ifndef PATCHBAY_STATUS_H
#define PATCHBAY_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define PB_API      __attribute__((visibility("default")))
#define PB_MUST_USE __attribute__((warn_unused_result))

enum pb_status {
    PB_OK = 0,
    PB_FAILED = -1,       /* the system refused something: see the text */
    PB_INVALID = -2,      /* the input is not what it must be (a name, a file, a definition, an option) */
    PB_NOT_FOUND = -3,    /* no such title, release, file or server resource */
    PB_DAMAGED = -4,      /* bytes are not those that a digest or size promised */
    PB_NETWORK = -5,      /* a server could not be reached or broke off */
    PB_DENIED = -6,       /* a password is missing or wrong, or an address is not allowed */
    PB_NO_SPACE = -7,     /* the disk is full */
    PB_BUSY = -8,         /* somebody else holds what is needed */
    PB_CANCELLED = -9,    /* the caller's progress function said stop */
    PB_NO_MEMORY = -10,   /* memory ran out */
    PB_UNSUPPORTED = -11, /* understood, but this version cannot do it */
};

#define PB_ERROR_TEXT_MAX 600

/* Owned by the caller, never NULL. What it says after a success means nothing. */
struct pb_error {
    int status;                   /* the same code that the function returned */
    char text[PB_ERROR_TEXT_MAX]; /* one line, no line end, UTF-8 */
};

/* The version of the library, such as "0.1.0". Static; never fails. */
PB_API const char *pb_version(void);

/* A short name for a code, such as "not found". Static; never fails. */
PB_API const char *pb_status_name(int status);

/*
 * Progress of a long operation: bytes, or what `unit` says, of the stage that is under way. A callback that
 * returns anything but 0 cancels the operation, which then fails with PB_CANCELLED and leaves everything as
 * it was.
 */
struct pb_progress {
    const char *stage; /* "compress", "store", "verify", "ask", "wait", "download", "unpack"; static */
    unsigned long long done;
    unsigned long long total; /* 0: not known */
    const char *unit;         /* what is counted; NULL: bytes */
};
typedef int pb_progress_fn(void *arg, const struct pb_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
