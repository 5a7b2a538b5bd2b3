/* Ctrl-C and SIGTERM for operations that end in good order: they set a flag, which progress functions look
 * at. Where the operation can be dropped at any point without harm, as a fetch can, a clock sees to it that
 * the program ends soon even while nobody looks: in a slow disk's fsync, a resolver, a lock. */
#ifndef PB_CLI_INTERRUPT_H
#define PB_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* From now on the signals set the flag. */
void interrupt_catch(void);
bool interrupt_came(void);

/* From now on a second signal ends the program at once with EXIT_CANCELLED, and the first one does so after
 * 0.8 seconds. Both first write `words` to standard error, and `line` to standard output, unless it is NULL
 * or *busy is set, as half of another line would be before it then. All three stay valid. */
void interrupt_arm(const char *words, const char *line, const volatile sig_atomic_t *busy);
/* No longer. The flag stays. */
void interrupt_disarm(void);

#endif
