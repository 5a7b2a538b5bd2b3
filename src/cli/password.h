/* Passwords in the program: read from a file, gone from memory after use, and in no core dump. */
#ifndef PB_CLI_PASSWORD_H
#define PB_CLI_PASSWORD_H

#include "cli/options.h"

enum { PASSWORD_SIZE = 1024 };

/* Reads the password of --password-file: the first line of a file, or of standard input for "-". *password
 * points into `room`; NULL: the option is not given. False: an error was printed. The memory is guarded
 * before the first byte is read. */
bool read_password(const struct args *a, char room[PASSWORD_SIZE], const char **password);
/* The same for another secret: `what` is its name in errors. */
bool read_secret(const char *file, const char *what, char room[PASSWORD_SIZE]);
void password_wipe(char (*room)[PASSWORD_SIZE]);

/* From here on no core dump of this process is written. A program that it starts is free of that. */
void memory_guard(void);

#define _cleanup_password_ __attribute__((cleanup(password_wipe)))

#endif
