/* Text that people are shown. */
#ifndef PB_BASE_TEXT_H
#define PB_BASE_TEXT_H

#include <stddef.h>

/* Makes a text fit to be shown, in place: control characters, and bytes that are not UTF-8, become '?'. */
void text_clean(char *text);

/* The length of the UTF-8 sequence at the start of n (at least one) bytes; 0: there is none. */
size_t utf8_sequence(const char *text, size_t n);

#endif
