/* mbedTLS's own implementations of these hashes fail only on wrong arguments, which cannot be given here; hence no return codes. */
#include "base/mbedtls_compat_i.h"

#include "base/base_i.h"

#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>

_Static_assert(sizeof(((struct sha256_stream *)0)->state) >= sizeof(mbedtls_sha256_context),
               "struct sha256_stream has no room for mbedTLS's");

static mbedtls_sha256_context *context_of(struct sha256_stream *stream)
{
    return (mbedtls_sha256_context *)(void *)stream->state;
}

void sha256(uint8_t out[SHA256_SIZE], const void *at, size_t size)
{
    (void)mbedtls_sha256(at, size, out, 0);
}

void sha1(uint8_t out[20], const void *at, size_t size)
{
    (void)mbedtls_sha1(at, size, out);
}

void sha256_start(struct sha256_stream *stream)
{
    mbedtls_sha256_init(context_of(stream));
    (void)mbedtls_sha256_starts(context_of(stream), 0);
}

void sha256_add(struct sha256_stream *stream, const void *at, size_t size)
{
    if (size != 0)
        (void)mbedtls_sha256_update(context_of(stream), at, size);
}

void sha256_end(struct sha256_stream *stream, uint8_t out[SHA256_SIZE])
{
    (void)mbedtls_sha256_finish(context_of(stream), out);
    mbedtls_sha256_free(context_of(stream));
}
