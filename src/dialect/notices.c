/* Telling the caller of a publish. */
#include "dialect/notices.h"

#include <stdarg.h>
#include <stdio.h>

void notice(const struct notices *n, const char *format, ...)
{
    char text[PB_ERROR_TEXT_MAX];
    va_list args;
    if (n->fn == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    n->fn(n->arg, text);
}

void item_refuse(struct notices *n, const char *path, const char *what)
{
    if (n->refused++ == 0)
        snprintf(n->first, sizeof n->first, "%.180s: %.110s", path, what);
    if (n->refused <= NAMES_TOLD_MAX)
        notice(n, "%.400s: %s", path, what);
    else if (n->refused == NAMES_TOLD_MAX + 1)
        notice(n, "there are more that can't be published");
}

void name_refuse(struct notices *n, const char *path, const char *why)
{
    char what[200];
    snprintf(what, sizeof what, "the name %s", why);
    item_refuse(n, path, what);
}

int refused_check(const struct notices *n, struct pb_error *err)
{
    if (n->refused == 0)
        return PB_OK;
    if (n->refused == 1)
        return error_set(err, PB_INVALID, "%s", n->first);
    return error_set(err, PB_INVALID, "%zu files or folders can't be published; the first: %s", n->refused,
                     n->first);
}
