/* What fetch says to people. */
#ifndef PB_CLI_FETCH_WORDS_H
#define PB_CLI_FETCH_WORDS_H

#include "cli/output.h"

/* What was done for one title. */
void words_result(const struct args *a, const struct pb_fetch_result *r);
/* One step of a dry run. */
void words_change(const struct pb_fetch_change *s);
/* What is left to say at the end; `each`: titles of which something was said already. Returns as print_end.
 */
int words_end(const struct args *a, const struct pb_fetch_result *r, unsigned each);

#endif
