/* PINs: where they come from. */
#include "token/token_i.h"

#include <mbedtls/platform_util.h>

#include <string.h>

int smki_pin_read(char out[SMKI_PIN_SIZE], const char *source, struct smki_error *err)
{
    struct pkcs11_pin pin;
    int rc = pkcs11_pin_read(&pin, source, NULL, err);

    _Static_assert(sizeof(pin.at) <= SMKI_PIN_SIZE, "every PIN that is read fits");
    out[0] = '\0';
    if (rc == 0)
        memcpy(out, pin.at, pin.size + 1);
    pkcs11_pin_wipe(&pin);
    return rc;
}

/* Octets of 250 and more are left out: ten does not divide 256. */
int smki_pin_make(char out[SMKI_TRANSPORT_PIN_DIGITS + 1], const struct smki_random *random, struct smki_error *err)
{
    size_t digits = 0;
    uint8_t octet;
    int rc;

    while (digits < SMKI_TRANSPORT_PIN_DIGITS) {
        if ((rc = random->fill(random->context, &octet, sizeof(octet))) != 0)
            return smki_fail(err, rc, NULL);
        if (octet < 250)
            out[digits++] = (char)('0' + octet % 10);
    }
    out[digits] = '\0';
    mbedtls_platform_zeroize(&octet, sizeof(octet));
    return 0;
}
