#include "pki/p256_i.h"

const struct p256_provider *p256(void)
{
    return &p256_mbedtls;
}
