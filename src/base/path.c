/* The rules for file names that come from outside. */
#include "base/path.h"

size_t utf8_sequence(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool too_high = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
}

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
    return NULL;
}

bool path_name_ok(struct slice name, const char **why)
{
    const char *fault = name_fault(name);
    if (why != NULL)
        *why = fault;
    return fault == NULL;
}

struct slice path_base(struct slice path)
{
    size_t start = path.n;
    while (start > 0 && path.p[start - 1] != '/')
        start--;
    return (struct slice){path.p + start, path.n - start};
}
