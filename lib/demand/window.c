/* Sliding windows. The events are in the order of their times, which is the order of acceptance unless the clock was set back. */
#include "demand/demand_i.h"

#include <stdlib.h>
#include <string.h>

#define STORED_VERSION 1
#define STORED_HEAD    5               /* octets: version, count (u32) */
#define STORED_EVENT   12              /* octets: at (u64), count (u32) */
#define LATEST         (INT64_MAX / 4) /* us: keeps sums of times in range; some 73,000 years ahead */

void smki_window_finish(struct smki_window *window)
{
    if (window == NULL)
        return;
    free(window->events);
    *window = (struct smki_window){0};
}

/* How many events are at or before `time`. */
static size_t count_until(const struct smki_window *window, int64_t time)
{
    size_t low = 0, high = window->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (window->events[middle].at.us <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void forget(struct smki_window *window, size_t gone)
{
    if (gone == 0)
        return;
    window->count -= gone;
    memmove(window->events, window->events + gone, window->count * sizeof(*window->events));
}

uint64_t smki_window_sum(struct smki_window *window, struct smki_time now, int64_t length)
{
    uint64_t sum = 0;

    forget(window, count_until(window, now.us - length));
    for (size_t i = count_until(window, now.us + length); i < window->count; i++)
        window->events[i].at.us = now.us + length;
    for (size_t i = 0; i < window->count; i++)
        sum += window->events[i].count;
    return sum;
}

static int reserve(struct smki_window *window, size_t count, struct smki_error *err)
{
    size_t capacity = window->capacity < 16 ? 16 : window->capacity * 2, size;
    struct smki_window_event *events;

    if (count <= window->capacity)
        return 0;
    if (capacity < count)
        capacity = count;
    if (!size_mul(&size, capacity, sizeof(*events)) || (events = realloc(window->events, size)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    window->events = events;
    window->capacity = capacity;
    return 0;
}

int smki_window_add(struct smki_window *window, struct smki_time now, uint32_t count, struct smki_error *err)
{
    size_t place = count_until(window, now.us);
    int rc;

    if (count == 0)
        return 0;
    if ((rc = reserve(window, window->count + 1, err)) != 0)
        return rc;
    memmove(window->events + place + 1, window->events + place, (window->count - place) * sizeof(*window->events));
    window->events[place] = (struct smki_window_event){.at = now, .count = count};
    window->count++;
    return 0;
}

bool window_take_back(struct smki_window *window, struct smki_time from, int64_t length)
{
    const size_t place = count_until(window, from.us - 1);

    if (place == window->count || window->events[place].at.us >= from.us + length)
        return false;
    if (--window->events[place].count > 0)
        return true;
    window->count--;
    memmove(window->events + place, window->events + place + 1, (window->count - place) * sizeof(*window->events));
    return true;
}

struct smki_time smki_window_free_at(const struct smki_window *window, struct smki_time now, int64_t length, uint64_t limit, uint32_t count)
{
    size_t first = count_until(window, now.us - length);
    uint64_t used = 0;

    if (count > limit)
        return TIME_NEVER;
    for (size_t i = first; i < window->count; i++)
        used += window->events[i].count;
    if (used + count <= limit)
        return now;
    for (size_t i = first; i < window->count; i++) {
        used -= window->events[i].count;
        if (used + count <= limit)
            return time_plus(window->events[i].at, length);
    }
    return now;
}

/* ---- stored ---- */

static int events_read(struct smki_window *out, struct cursor *cursor, uint32_t count, struct smki_error *err)
{
    int64_t before = INT64_MIN;
    int rc;

    if ((rc = reserve(out, count, err)) != 0)
        return rc;
    for (uint32_t i = 0; i < count; i++) {
        int64_t at = (int64_t)cursor_u64(cursor);
        if (at < before || at > LATEST || at < -LATEST)
            return smki_fail(err, SMKI_STORE_CORRUPT, "a demand counter's events are not in the order of their times");
        out->events[i] = (struct smki_window_event){.at = {.us = at}, .count = cursor_u32(cursor)};
        before = at;
    }
    out->count = count;
    return 0;
}

int smki_window_read(struct smki_window *out, struct smki_bytes stored, struct smki_error *err)
{
    struct cursor cursor = cursor_of(stored);
    uint32_t count;
    int rc = 0;

    *out = (struct smki_window){0};
    if (stored.size == 0)
        return 0;
    if (cursor_u8(&cursor) != STORED_VERSION)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a demand counter is of an unknown version");
    count = cursor_u32(&cursor);
    if (cursor_left(&cursor) / STORED_EVENT != count || cursor_left(&cursor) % STORED_EVENT != 0)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a demand counter has %zu octets, which is not what its %u events take", stored.size,
                         count);
    if (count != 0)
        rc = events_read(out, &cursor, count, err);
    if (rc == 0)
        rc = cursor_close(&cursor, "demand counter", err);
    if (rc != 0)
        smki_window_finish(out);
    return rc;
}

int smki_window_write(struct smki_buffer *out, const struct smki_window *window, struct smki_error *err)
{
    uint8_t head[STORED_HEAD], event[STORED_EVENT];
    struct writer writer = writer_of(head, sizeof(head));
    int rc;

    if (window->count > UINT32_MAX)
        return smki_fail(err, SMKI_TOO_LARGE, "a demand counter has more events than can be stored");
    write_u8(&writer, STORED_VERSION);
    write_u32(&writer, (uint32_t)window->count);
    rc = smki_buffer_append(out, head, sizeof(head), err);
    for (size_t i = 0; rc == 0 && i < window->count; i++) {
        writer = writer_of(event, sizeof(event));
        write_u64(&writer, (uint64_t)window->events[i].at.us);
        write_u32(&writer, window->events[i].count);
        rc = smki_buffer_append(out, event, sizeof(event), err);
    }
    return rc;
}
