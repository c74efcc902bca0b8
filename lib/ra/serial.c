/* Serial numbers: a time-ordered half from the store and an unpredictable half (interfaces.md 7: at most 16 octets, at least 64
 * unpredictable bits). */
#include "ra/service_i.h"

#include <string.h>

void serial_compose(uint8_t out[SMKI_SERIAL_SIZE], uint64_t half, const uint8_t chance[8])
{
    struct writer writer = writer_of(out, SMKI_SERIAL_SIZE);

    write_u64(&writer, half);
    write_bytes(&writer, chance, 8);
}

struct smki_serial serial_of(const uint8_t octets[SMKI_SERIAL_SIZE])
{
    struct smki_serial serial = {.size = SMKI_SERIAL_SIZE};

    memcpy(serial.octet, octets, SMKI_SERIAL_SIZE);
    return serial;
}
