/* XXTEA over 256-byte blocks, as OpenSauce encrypts parts (docs/formats/opensauce.md, "Encryption"). It is
 * weak: it keeps out casual visitors only. */
#ifndef PB_CODEC_XXTEA_H
#define PB_CODEC_XXTEA_H

#include "base/bytes.h"

enum { XXTEA_BLOCK = 256, XXTEA_KEY = 16 };

/* Encrypts in place; n must be at least XXTEA_BLOCK. Whole blocks in order; when bytes remain, the last 256
 * bytes once more. */
void xxtea_encrypt(uint8_t *p, size_t n, const uint8_t key[XXTEA_KEY]);
/* Undoes xxtea_encrypt. */
void xxtea_decrypt(uint8_t *p, size_t n, const uint8_t key[XXTEA_KEY]);

#endif
