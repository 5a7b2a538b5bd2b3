/* The text of errors. Control characters in what is quoted (file names, servers' words) never reach a
 * terminal. */
#undef PB_ANALYSIS
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *name;
} status_names[] = {
    {PB_OK, "ok"},
    {PB_FAILED, "failed"},
    {PB_INVALID, "invalid"},
    {PB_NOT_FOUND, "not found"},
    {PB_DAMAGED, "damaged"},
    {PB_NETWORK, "network"},
    {PB_DENIED, "denied"},
    {PB_NO_SPACE, "disk full"},
    {PB_BUSY, "busy"},
    {PB_CANCELLED, "cancelled"},
    {PB_NO_MEMORY, "out of memory"},
    {PB_UNSUPPORTED, "not supported"},
};

const char *pb_status_name(int status)
{
    for (size_t i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
        if (status_names[i].status == status)
            return status_names[i].name;
    }
    return "unknown";
}

static void text_make(struct pb_error *err, int status, const char *format, va_list args)
{
    vsnprintf(err->text, sizeof err->text, format, args);
    text_clean(err->text);
    err->status = status;
}

int error_set(struct pb_error *err, int status, const char *format, ...)
{
    if (err == NULL)
        return status;
    va_list args;
    va_start(args, format);
    text_make(err, status, format, args);
    va_end(args);
    return status;
}

static int status_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PB_NO_SPACE;
    case ENOMEM:
        return PB_NO_MEMORY;
    case ENOENT:
    case ENOTDIR:
        return PB_NOT_FOUND;
    default:
        return PB_FAILED;
    }
}

int error_errno(struct pb_error *err, int number, const char *format, ...)
{
    int status = status_of_errno(number);
    char reason[128];
    if (err == NULL)
        return status;
    va_list args;
    va_start(args, format);
    text_make(err, status, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror_r(number, reason, sizeof reason));
    return status;
}

int error_context(struct pb_error *err, const char *format, ...)
{
    if (err == NULL)
        return PB_FAILED;
    char before[PB_ERROR_TEXT_MAX];
    memcpy(before, err->text, sizeof before);
    va_list args;
    va_start(args, format);
    text_make(err, err->status, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", before);
    text_clean(err->text); /* the end may have been cut */
    return err->status;
}

void error_memory_set(struct pb_error *err)
{
    error_set(err, PB_NO_MEMORY, "out of memory");
}
