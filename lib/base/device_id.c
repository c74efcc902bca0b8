#include "base/base_i.h"

#include <string.h>

#define PLAIN_LENGTH  (2 * SMKI_DEVICE_ID_SIZE)     /* 90b3d51f30010000 */
#define HYPHEN_LENGTH (3 * SMKI_DEVICE_ID_SIZE - 1) /* 90-B3-D5-1F-30-01-00-00 */

/* Drops the hyphens of the long form; false when they are not between the pairs. */
static bool without_hyphens(char out[PLAIN_LENGTH], const char *text)
{
    for (size_t i = 0; i < SMKI_DEVICE_ID_SIZE; i++) {
        if (i > 0 && text[3 * i - 1] != '-')
            return false;
        memcpy(out + 2 * i, text + 3 * i, 2);
    }
    return true;
}

int smki_device_id_parse(struct smki_device_id *out, const char *text, struct smki_error *err)
{
    size_t length = strnlen(text, HYPHEN_LENGTH + 1);
    struct smki_device_id id;
    char digits[PLAIN_LENGTH];
    bool formed = false;

    if (length == PLAIN_LENGTH) {
        memcpy(digits, text, PLAIN_LENGTH);
        formed = true;
    } else if (length == HYPHEN_LENGTH) {
        formed = without_hyphens(digits, text);
    }
    if (!formed || hex_decode(id.octet, sizeof(id.octet), digits, sizeof(digits), NULL) != 0)
        return smki_fail(err, SMKI_DEVICE_ID_INVALID, "\"%.40s\" is not an EUI-64: write 90-B3-D5-1F-30-01-00-00 or 90b3d51f30010000",
                         text);
    *out = id;
    return 0;
}

const char *smki_device_id_text(const struct smki_device_id *id, char out[SMKI_DEVICE_ID_TEXT_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < SMKI_DEVICE_ID_SIZE; i++) {
        out[3 * i] = digits[id->octet[i] >> 4];
        out[3 * i + 1] = digits[id->octet[i] & 15];
        out[3 * i + 2] = '-';
    }
    out[HYPHEN_LENGTH] = '\0';
    return out;
}
