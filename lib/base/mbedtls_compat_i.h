/* The differences between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13), in one place: MBEDTLS_PRIVATE members, and functions whose
 * parameters changed. Every file that includes an mbedTLS header includes this one first. */
#ifndef SMKI_MBEDTLS_COMPAT_I_H
#define SMKI_MBEDTLS_COMPAT_I_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* 3.x hides struct members that 2.28 documents as public; see where they are used */
#include <mbedtls/version.h>

/* 2.28 has the hashes twice: names ending in _ret that can fail, and deprecated ones that return void. 3.x dropped the void ones and the
 * ending. The 3.x names are used; the headers come first, for they declare the void ones that the macros would rename. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#define mbedtls_sha1          mbedtls_sha1_ret
#define mbedtls_sha256        mbedtls_sha256_ret
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret

/* Parameters that 3.x added; the 3.x form is used. */
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#define mbedtls_pk_parse_key(pk, key, key_size, password, password_size, rng, rng_context)                                                 \
    mbedtls_pk_parse_key(pk, key, key_size, password, password_size)
#define mbedtls_pk_sign(pk, md, hash, hash_size, out, capacity, size, rng, rng_context)                                                    \
    mbedtls_pk_sign(pk, md, hash, hash_size, out, size, rng, rng_context)
#define mbedtls_pkcs5_pbes2_ext(parameters, mode, password, password_size, in, in_size, out, capacity, size)                               \
    mbedtls_pkcs5_pbes2(parameters, mode, password, password_size, in, in_size, out)
#endif

#endif
