/* Reading the token's file. */
#include "api/token.h"

#include "base/bytes.h"
#include "base/file.h"

#include <fcntl.h>

int token_read(const char *file, char out[TOKEN_ROOM], struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, TOKEN_MOST + 2); /* a line end */
    int rc = file_read_all(AT_FDCWD, file, &text, err);
    if (rc < 0)
        return error_context(err, "token");
    size_t n = text.n;
    while (n > 0 && (text.p[n - 1] == '\n' || text.p[n - 1] == '\r'))
        n--;
    if (n < TOKEN_LEAST || n > TOKEN_MOST)
        return error_set(err, PB_INVALID, "token: %s has %zu bytes, and not %d to %d", file, n, TOKEN_LEAST,
                         TOKEN_MOST);
    for (size_t i = 0; i < n; i++) {
        if (text.p[i] <= 0x20 || text.p[i] >= 0x7f)
            return error_set(err, PB_INVALID, "token: %s is not one word of ASCII characters", file);
    }
    memcpy(out, text.p, n);
    out[n] = '\0';
    return PB_OK;
}
