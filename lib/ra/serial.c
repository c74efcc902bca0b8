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

/* ---- reserved ahead ---- */

#define SERIALS_AHEAD 1024
/* Certificates lie in the order of their serials, and by that about in the order of their making. Who asks but once in a quarter of an hour
 * waits for two writes. */
#define SERIALS_AGE (15 * SMKI_MINUTE)

static bool is_younger(const struct serials *serials, struct smki_time now, int64_t age)
{
    return now.us >= serials->reserved_at.us && now.us - serials->reserved_at.us < age;
}

static bool take(struct serials *serials, struct smki_time now, size_t count, uint64_t *first)
{
    if (serials->end - serials->next < count || !is_younger(serials, now, SERIALS_AGE))
        return false;
    *first = serials->next;
    serials->next += count;
    return true;
}

static int reserve(struct store_change *change, struct serials *more, struct smki_error *err)
{
    int rc = store_reserve_serials(change, SERIALS_AHEAD, &more->next, err);

    more->end = more->next + SERIALS_AHEAD;
    more->reserved_at = store_change_time(change);
    return rc;
}

static int reserve_change(struct store_change *change, void *argument, struct smki_error *err)
{
    return reserve(change, argument, err);
}

int serials_take(struct smki_service *service, size_t count, uint64_t *first, struct smki_error *err)
{
    struct serials *serials = &service->serials, more = {.next = 0};
    bool taken;
    int rc;

    pthread_mutex_lock(&serials->lock);
    taken = take(serials, smki_service_now(service), count, first);
    pthread_mutex_unlock(&serials->lock);
    if (taken)
        return 0;
    if (count > SERIALS_AHEAD)
        return smki_fail(err, SMKI_INTERNAL, "more serials are wanted at once than are reserved ahead");
    if ((rc = store_change(service->store, reserve_change, &more, err)) != 0)
        return rc;
    *first = more.next;
    more.next += count;
    serials_put(service, &more);
    return 0;
}

int serials_more(struct smki_service *service, struct store_change *change, struct serials *more, struct smki_error *err)
{
    struct serials *serials = &service->serials;
    bool enough;

    *more = (struct serials){.next = 0};
    pthread_mutex_lock(&serials->lock);
    enough = serials->end - serials->next >= SERIALS_AHEAD / 2 && is_younger(serials, store_change_time(change), SERIALS_AGE / 2);
    pthread_mutex_unlock(&serials->lock);
    return enough ? 0 : reserve(change, more, err);
}

void serials_put(struct smki_service *service, const struct serials *more)
{
    struct serials *serials = &service->serials;

    pthread_mutex_lock(&serials->lock);
    if (more->end > serials->end) {
        serials->next = more->next;
        serials->end = more->end;
        serials->reserved_at = more->reserved_at;
    }
    pthread_mutex_unlock(&serials->lock);
}
