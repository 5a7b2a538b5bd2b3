# src/api/dialects.c with one dialect more.
s/^#include "dialect\/playonline.*/&\n#include "plain.h"/
s/^ *NULL,/    \&plain_dialect,\n&/
