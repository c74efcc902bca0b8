/* Who does the arithmetic on P-256 (FIPS 186-4 D.1.2.3): the verification of requests and the signatures of keys in files. */
#ifndef SMKI_P256_H
#define SMKI_P256_H

#include <smki/base.h>

/* "auto": the fastest of this build; "mbedtls"; "libcrypto" (OpenSSL), where it is built in. */
enum smki_p256_choice { SMKI_P256_AUTO, SMKI_P256_MBEDTLS, SMKI_P256_LIBCRYPTO };

/* Chooses for the whole process, from now on; keys that are open stay with who opened them. Every provider gives the same answers, octet
 * for octet, so a choice changes nothing but speed. smki_service_open takes the configuration's `p256.provider`. Thread-safe.
 * Errors: INVALID_ARGUMENT when this build has no such provider. */
SMKI_API SMKI_MUST_USE int smki_p256_choose(enum smki_p256_choice choice, struct smki_error *err);
/* The word of the one in force: "mbedtls" or "libcrypto". */
SMKI_API const char *smki_p256_name(void);

#endif
