/* The rules for file names that come from outside. */
#include "base/path.h"

bool utf8_valid(struct slice text)
{
    for (size_t i = 0; i < text.n;) {
        size_t length = utf8_sequence(text.p + i, text.n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* Windows opens a device for these names, whatever follows a dot: "nul.esx" too. */
static bool is_device(struct slice name)
{
    static const char *const whole[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    static const char *const numbered[] = {"COM", "LPT"};
    static const char *const numbers[] = {"0", "1", "2", "3",        "4",        "5",       "6",
                                          "7", "8", "9", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3"};
    const char *dot = memchr(name.p, '.', name.n);
    struct slice stem = {name.p, dot != NULL ? (size_t)(dot - name.p) : name.n};
    while (stem.n > 0 && stem.p[stem.n - 1] == ' ')
        stem.n--;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (slice_equal_nocase(stem, slice_of(whole[i])))
            return true;
    }
    struct slice kind = {stem.p, stem.n > 3 ? 3 : 0}, number = {stem.p + kind.n, stem.n - kind.n};
    if (!slice_equal_nocase(kind, slice_of(numbered[0])) && !slice_equal_nocase(kind, slice_of(numbered[1])))
        return false;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (slice_equal(number, slice_of(numbers[i])))
            return true;
    }
    return false;
}

static const char *name_fault(struct slice name)
{
    if (name.n == 0)
        return "is empty";
    if (name.n > FILE_NAME_MAX)
        return "is longer than 255 bytes";
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c < 0x20 || c == 0x7f)
            return "has a control character";
        if (strchr("/\\:*?\"<>|", c) != NULL)
            return "has one of / \\ : * ? \" < > |";
    }
    if (name.p[0] == '.' || name.p[name.n - 1] == '.')
        return "begins or ends with a dot";
    if (name.p[0] == ' ' || name.p[name.n - 1] == ' ')
        return "begins or ends with a space";
    if (!utf8_valid(name))
        return "is not UTF-8";
    return is_device(name) ? "is that of a device on Windows" : NULL;
}

bool path_name_ok(struct slice name, const char **why)
{
    const char *fault = name_fault(name);
    if (why != NULL)
        *why = fault;
    return fault == NULL;
}

enum degree { BELOW, SAFE, PORTABLE };

/* What is wrong with one name of a path. */
static const char *component_fault(struct slice name, enum degree degree)
{
    if (name.n == 0)
        return "has an empty name in it";
    if (slice_equal(name, slice_of(".")))
        return "has a \".\" in it";
    if (slice_equal(name, slice_of("..")))
        return "has \"..\" in it";
    if (slice_equal_nocase(name, slice_of(".patchbay")))
        return "is where patchbay keeps its own files";
    if (name.n > FILE_NAME_MAX)
        return "has a name longer than 255 bytes";
    return degree == PORTABLE ? name_fault(name) : NULL;
}

/* What is wrong with the bytes of a path from outside. */
static const char *bytes_fault(struct slice path)
{
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
            return "has a control character";
        if (path.p[i] == '\\')
            return "has a \\ in it";
        if (path.p[i] == '.' && i + 1 < path.n && path.p[i + 1] == '.')
            return "has \"..\" in it";
    }
    return NULL;
}

static bool relative_ok(struct slice path, enum degree degree, const char **why)
{
    const char *fault = path.n == 0                  ? "is empty"
                        : path.n > PATH_RELATIVE_MAX ? "is longer than 1023 bytes"
                        : path.p[0] == '/'           ? "begins with /"
                        : degree == BELOW            ? NULL
                                                     : bytes_fault(path);
    unsigned folders = 0;
    for (size_t at = 0; fault == NULL && at <= path.n;) {
        if (degree != BELOW && folders++ > PATH_FOLDERS_MAX)
            fault = "has too many folders";
        const char *slash = memchr(path.p + at, '/', path.n - at);
        size_t end = slash != NULL ? (size_t)(slash - path.p) : path.n;
        if (fault == NULL)
            fault = component_fault((struct slice){path.p + at, end - at}, degree);
        at = end + 1;
    }
    if (why != NULL)
        *why = fault;
    return fault == NULL;
}

bool path_relative_below(struct slice path, const char **why)
{
    return relative_ok(path, BELOW, why);
}

bool path_relative_safe(struct slice path, const char **why)
{
    return relative_ok(path, SAFE, why);
}

bool path_relative_portable(struct slice path, const char **why)
{
    return relative_ok(path, PORTABLE, why);
}

struct slice path_folder(struct slice path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/')
        n--;
    return (struct slice){path.p, n > 0 ? n - 1 : 0};
}

int path_compare_nocase(const char *a, const char *b)
{
    for (;; a++, b++) {
        /* '/' before everything but the end. */
        int left = *a == '\0' ? 0 : *a == '/' ? 1 : 1 + (unsigned char)ascii_lower(*a);
        int right = *b == '\0' ? 0 : *b == '/' ? 1 : 1 + (unsigned char)ascii_lower(*b);
        if (left != right || left == 0)
            return left - right;
    }
}

struct slice path_base(struct slice path)
{
    size_t start = path.n;
    while (start > 0 && path.p[start - 1] != '/')
        start--;
    return (struct slice){path.p + start, path.n - start};
}
