/* Tickets as stored: one value each, and one that lists the open ones. */
#include "ra/ticket_i.h"

#include <string.h>

#define TICKET_LAYOUT 1
#define TICKET_SIZE   (64 + SMKI_CSR_MAX_SIZE + 4) /* octets at most: the fields, the CSR and a meter's trailer */
#define OPEN_TICKETS  "tickets"

static const char *ticket_name(char out[32], uint64_t number)
{
    snprintf(out, 32, "ticket/%llu", (unsigned long long)number);
    return out;
}

int tickets_open(struct store_view *view, struct smki_buffer *out, struct smki_error *err)
{
    struct smki_bytes stored;
    struct cursor cursor;
    int rc = store_value_get(view, OPEN_TICKETS, &stored, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    for (cursor = cursor_of(stored); cursor_left(&cursor) >= 8 && rc == 0;) {
        const uint64_t number = cursor_u64(&cursor);

        rc = smki_buffer_append(out, &number, sizeof(number), err);
    }
    return rc != 0 ? rc : cursor_close(&cursor, "the list of open tickets", err);
}

/* The list without `left` and with `added`; 0: neither. */
static int list_put(struct store_change *change, uint64_t left, uint64_t added, struct smki_error *err)
{
    struct smki_buffer open = {0};
    struct writer writer;
    size_t count;
    uint64_t *numbers;
    int rc = tickets_open(store_change_view(change), &open, err);

    if (rc == 0 && added != 0)
        rc = smki_buffer_append(&open, &added, sizeof(added), err);
    if (rc == 0) {
        count = open.size / sizeof(*numbers);
        numbers = (uint64_t *)(void *)open.at;
        writer = writer_of(open.at, open.size); /* in place: a number is written where it or a later one was read */
        for (size_t i = 0; i < count; i++) {
            const uint64_t number = numbers[i];

            if (number != left)
                write_u64(&writer, number);
        }
        rc = store_value_put(change, OPEN_TICKETS, BYTES(open.at, writer_size(&writer)), err);
    }
    smki_buffer_finish(&open);
    return rc;
}

int ticket_put(struct store_change *change, struct ticket *ticket, struct smki_error *err)
{
    uint8_t stored[TICKET_SIZE];
    struct writer writer = writer_of(stored, sizeof(stored));
    char name[32];
    int rc = ticket->number != 0 ? 0 : store_next_number(change, STORE_COUNT_TRANSACTION, &ticket->number, err);

    if (rc != 0)
        return rc;
    write_u8(&writer, TICKET_LAYOUT);
    write_u8(&writer, (uint8_t)ticket->profile);
    write_u8(&writer, (uint8_t)ticket->ca);
    write_u64(&writer, ticket->party);
    write_u64(&writer, (uint64_t)ticket->not_before.us);
    write_bytes(&writer, ticket->serial, SMKI_SERIAL_SIZE);
    write_u8(&writer, (uint8_t)ticket->interface);
    write_u64(&writer, ticket->officer);
    write_u64(&writer, ticket->renews);
    write_sized16(&writer, ticket->csr);
    if (writer.failed)
        return smki_fail(err, SMKI_CSR_TOO_LARGE, NULL);
    if ((rc = store_value_put(change, ticket_name(name, ticket->number), BYTES(stored, writer_size(&writer)), err)) != 0)
        return rc;
    return list_put(change, 0, ticket->number, err);
}

int ticket_get(struct store_view *view, uint64_t number, struct ticket *ticket, struct smki_error *err)
{
    struct smki_bytes stored, serial;
    struct cursor cursor;
    char name[32];
    int rc = store_value_get(view, ticket_name(name, number), &stored, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(stored);
    *ticket = (struct ticket){.number = number};
    if (cursor_u8(&cursor) != TICKET_LAYOUT)
        cursor.failed = true;
    ticket->profile = (enum smki_profile)cursor_u8(&cursor);
    ticket->ca = (enum smki_ca_name)cursor_u8(&cursor);
    ticket->party = cursor_u64(&cursor);
    ticket->not_before.us = (int64_t)cursor_u64(&cursor);
    serial = cursor_take(&cursor, SMKI_SERIAL_SIZE);
    if (serial.size == SMKI_SERIAL_SIZE)
        memcpy(ticket->serial, serial.at, SMKI_SERIAL_SIZE);
    ticket->interface = (enum smki_interface)cursor_u8(&cursor);
    ticket->officer = cursor_u64(&cursor);
    ticket->renews = cursor_u64(&cursor);
    ticket->csr = cursor_sized16(&cursor);
    return cursor_close(&cursor, "a ticket", err);
}

int ticket_remove(struct store_change *change, uint64_t number, struct smki_error *err)
{
    char name[32];
    int rc = store_value_remove(change, ticket_name(name, number), err);

    return rc != 0 ? rc : list_put(change, number, 0, err);
}
