/* patchbay/version.h. */
#include "patchbay/version.h"

const char *pb_version(void)
{
    return PB_VERSION_TEXT;
}

int pb_version_number(void)
{
    return PB_VERSION_NUMBER;
}
