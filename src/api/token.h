/* The operator's token: a secret in a file, which the server and whoever asks it read. */
#ifndef PB_API_TOKEN_H
#define PB_API_TOKEN_H

#include "base/error.h"

/* Bytes. A shorter secret can be guessed. */
enum { TOKEN_LEAST = 16, TOKEN_MOST = 512, TOKEN_ROOM = TOKEN_MOST + 1 };

/* Reads the token; the line end behind it does not count. PB_INVALID: it is too short or too long, or has a
 * space or a control character in it. */
PB_MUST_USE int token_read(const char *file, char out[TOKEN_ROOM], struct pb_error *err);

#endif
