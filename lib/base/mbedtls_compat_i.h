/* The differences between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13), in one place: MBEDTLS_PRIVATE members, and functions whose
 * parameters changed. Every file that includes an mbedTLS header includes this one first. */
#ifndef SMKI_MBEDTLS_COMPAT_I_H
#define SMKI_MBEDTLS_COMPAT_I_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* 3.x hides struct members that 2.28 documents as public; see where they are used */
#include <mbedtls/version.h>

#include <stdint.h>

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

/* The serial number of a certificate that is written: a big number before 3.4, octets since. The big number's function is marked as old in
 * 3.6. */
#include <mbedtls/x509_crt.h>
static inline int mbedtls_x509write_crt_set_serial_octets(mbedtls_x509write_cert *context, const unsigned char *octets, size_t size)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
    return mbedtls_x509write_crt_set_serial_raw(context, (unsigned char *)(uintptr_t)octets, size);
#else
    mbedtls_mpi number;
    int rc;

    mbedtls_mpi_init(&number);
    if ((rc = mbedtls_mpi_read_binary(&number, octets, size)) == 0)
        rc = mbedtls_x509write_crt_set_serial(context, &number);
    mbedtls_mpi_free(&number);
    return rc;
#endif
}

#endif
