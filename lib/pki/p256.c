/* The provider in force. */
#include "pki/p256_i.h"

#include <stdatomic.h>
#include <string.h>

const struct p256_provider *const p256_providers[] = {
#ifdef SMKI_LIBCRYPTO
    &p256_libcrypto,
#endif
    &p256_mbedtls,
    NULL,
};

static _Atomic(const struct p256_provider *) in_force; /* NULL: nobody has chosen */

const struct p256_provider *p256(void)
{
    const struct p256_provider *chosen = atomic_load_explicit(&in_force, memory_order_acquire);

    return chosen != NULL ? chosen : p256_providers[0];
}

int smki_p256_choose(enum smki_p256_choice choice, struct smki_error *err)
{
    static const char *const words[] = {[SMKI_P256_MBEDTLS] = "mbedtls", [SMKI_P256_LIBCRYPTO] = "libcrypto"};

    for (size_t i = 0; p256_providers[i] != NULL; i++) {
        if (choice != SMKI_P256_AUTO && strcmp(p256_providers[i]->name, words[choice]) != 0)
            continue;
        atomic_store_explicit(&in_force, p256_providers[i], memory_order_release);
        return 0;
    }
    return smki_fail(err, SMKI_INVALID_ARGUMENT,
                     "this build has no P-256 arithmetic by %s (p256.provider): set it to \"auto\", or build with "
                     "-D%s=enabled",
                     words[choice], words[choice]);
}

const char *smki_p256_name(void)
{
    return p256()->name;
}
