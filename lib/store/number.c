/* Numbers given out in order: of the nouns, and the time-ordered halves of serials. */
#include "store/engine_i.h"

#define SERIAL_COUNTER UINT8_C(0xff)       /* the row beside those of enum store_counter, whose numbers are stored */
#define SERIAL_FIRST   (UINT64_C(1) << 56) /* the least with a first octet that is not zero */
#define SERIAL_END     (UINT64_C(1) << 63) /* the least with the top bit */
#define SERIALS_A_US   256                 /* serials that the clock makes room for in a microsecond */

static int number_get(struct store_view *view, uint8_t counter, uint64_t *last, struct smki_error *err)
{
    struct smki_bytes value;
    struct cursor cursor;
    int rc = row_get(view, DB_NUMBERS, BYTES(&counter, 1), &value, err);

    *last = 0;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    cursor = cursor_of(value);
    *last = cursor_u64(&cursor);
    return cursor_close(&cursor, "a counter", err);
}

static int number_put(struct store_change *change, uint8_t counter, uint64_t last, struct smki_error *err)
{
    struct number_key value;

    return row_put(change, DB_NUMBERS, BYTES(&counter, 1), key_u64(&value, last), err);
}

int store_next_number(struct store_change *change, enum store_counter counter, uint64_t *out, struct smki_error *err)
{
    int rc;

    if ((rc = number_get(store_change_view(change), (uint8_t)counter, out, err)) != 0)
        return rc;
    *out += 1;
    return number_put(change, (uint8_t)counter, *out, err);
}

int store_reserve_serials(struct store_change *change, size_t count, uint64_t *first, struct smki_error *err)
{
    int64_t now = store_change_time(change).us;
    uint64_t last;
    int rc;

    if (count == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "no serials were asked for");
    if ((rc = number_get(store_change_view(change), SERIAL_COUNTER, &last, err)) != 0)
        return rc;
    *first = last + 1 > SERIAL_FIRST ? last + 1 : SERIAL_FIRST;
    if (now > 0 && (uint64_t)now < SERIAL_END / SERIALS_A_US && (uint64_t)now * SERIALS_A_US > *first)
        *first = (uint64_t)now * SERIALS_A_US;
    if (count > SERIAL_END - *first)
        return smki_fail(err, SMKI_SERIALS_EXHAUSTED, NULL);
    return number_put(change, SERIAL_COUNTER, *first + count - 1, err);
}
