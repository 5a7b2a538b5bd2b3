/* The table of exit statuses. docs/launchers.md and the manual have the same. */
#include "cli/exits.h"

#include "patchbay/status.h"

#include <stddef.h>

const struct exit_meaning exit_meanings[] = {
    {EXIT_DONE, PB_OK, "done, or nothing to do"},
    {EXIT_FAILED, PB_FAILED, "failed in another way than these"},
    {EXIT_USAGE, PB_OK, "wrong usage"},
    {EXIT_NOT_FOUND, PB_NOT_FOUND, "not found: a title, a file, a depot"},
    {EXIT_NETWORK, PB_NETWORK, "network: no server could be reached, or it broke off"},
    {EXIT_DAMAGED, PB_DAMAGED, "damaged: bytes are not what was announced or stored"},
    {EXIT_NO_SPACE, PB_NO_SPACE, "the disk is full"},
    {EXIT_CANCELLED, PB_CANCELLED, "cancelled, by Ctrl-C or SIGTERM"},
    {EXIT_DENIED, PB_DENIED, "refused: a password is missing or wrong, or the game is too old"},
    {EXIT_BUSY, PB_BUSY, "busy: another program is at it, or has the address"},
    {EXIT_FAILED, PB_OK, NULL},
};

int exit_of(int status)
{
    if (status >= 0)
        return EXIT_DONE;
    for (const struct exit_meaning *m = exit_meanings; m->words != NULL; m++) {
        if (m->status == status)
            return m->exit;
    }
    return EXIT_FAILED;
}
