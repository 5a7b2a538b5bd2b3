/* Text for display. */
#ifndef PB_BASE_TEXT_H
#define PB_BASE_TEXT_H

#include <stddef.h>

/* Replaces control characters and invalid UTF-8 by '?', in place: foreign text must not drive a terminal. */
void text_clean(char *text);

/* The length of the UTF-8 sequence at the start of n bytes (n > 0); 0: it is invalid. */
size_t utf8_sequence(const char *text, size_t n);

#endif
