/* The log as JSON lines. A page is read in a short view and written after it, however slow the other end is. */
#include "audit/audit_i.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* cJSON tells that memory ran out by returning NULL; a NULL item anywhere makes the whole fail. */
#define EXACT_MAX (UINT64_C(1) << 53) /* cJSON keeps numbers as double */

static bool add_number(cJSON *line, const char *name, uint64_t number)
{
    char digits[24];

    if (number <= EXACT_MAX)
        return cJSON_AddNumberToObject(line, name, (double)number) != NULL;
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    return cJSON_AddRawToObject(line, name, digits) != NULL;
}

static bool add_number_if(cJSON *line, const char *name, uint64_t number)
{
    return number == 0 || add_number(line, name, number);
}

static bool add_text(cJSON *line, const char *name, const char *text)
{
    return text[0] == '\0' || cJSON_AddStringToObject(line, name, text) != NULL;
}

static bool add_actor(cJSON *line, const struct smki_actor *actor)
{
    return add_text(line, "actor", actor->name) && add_number_if(line, "actor_party", actor->party) &&
           add_number_if(line, "credential", actor->credential) && add_text(line, "interface", smki_interface_word(actor->interface)) &&
           add_text(line, "network", smki_network_word(actor->network));
}

static bool add_outcome(cJSON *line, int outcome)
{
    if (outcome == 0)
        return add_text(line, "outcome", "OK");
    return add_text(line, "outcome", smki_refusal_find(outcome)->name) && add_text(line, "code", smki_refusal_find(outcome)->wire_code);
}

static bool add_ids(cJSON *line, const struct smki_audit_record *record)
{
    static const struct smki_device_id nobody;
    char device[SMKI_DEVICE_ID_TEXT_SIZE], serial[2 * 20 + 1];

    if (memcmp(&record->device_id, &nobody, sizeof(nobody)) != 0 &&
        !add_text(line, "device", smki_device_id_text(&record->device_id, device)))
        return false;
    return record->serial.size == 0 || add_text(line, "serial", smki_serial_text(&record->serial, serial));
}

static bool record_fill(cJSON *line, const struct smki_audit_record *record)
{
    char time[SMKI_TIME_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];

    return add_number(line, "sequence", record->sequence) && add_text(line, "time", smki_time_text_utc(record->time, time)) &&
           add_text(line, "act", smki_act_word(record->act)) && add_actor(line, &record->actor) &&
           add_number_if(line, "party", record->party) && add_number_if(line, "subject", record->subject) &&
           add_number_if(line, "index", record->index) && add_outcome(line, record->outcome) && add_ids(line, record) &&
           add_text(line, "detail", record->detail) && add_text(line, "hash", hex_encode(hash, record->hash, SHA256_SIZE));
}

struct cJSON *smki_audit_json(const struct smki_audit_record *record)
{
    cJSON *line = cJSON_CreateObject();

    if (line != NULL && record_fill(line, record))
        return line;
    cJSON_Delete(line);
    return NULL;
}

static int record_write(struct smki_buffer *out, const struct smki_audit_record *record, struct smki_error *err)
{
    cJSON *line = smki_audit_json(record);
    char *text = line != NULL ? cJSON_PrintUnformatted(line) : NULL;
    int rc = text != NULL ? smki_buffer_append(out, text, strlen(text), err) : smki_fail(err, SMKI_NO_MEMORY, NULL);

    if (rc == 0)
        rc = smki_buffer_append(out, "\n", 1, err);
    cJSON_free(text);
    cJSON_Delete(line);
    return rc;
}

/* *next moves past the page; *more when there may be another. */
static int page_write(struct smki_buffer *out, struct store_view *view, uint64_t *next, bool *more, struct smki_error *err)
{
    struct store_checkpoint head;
    struct smki_audit_record record;
    int rc = store_head(view, &head, err);

    *more = false;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    for (uint64_t i = 0; i < AUDIT_PAGE && *next <= head.sequence; i++, *next += 1)
        if ((rc = store_record_get(view, *next, &record, err)) != 0 || (rc = record_write(out, &record, err)) != 0)
            return rc;
    *more = *next <= head.sequence;
    return 0;
}

static int write_all(int fd, const struct smki_buffer *page, struct smki_error *err)
{
    size_t done = 0;

    while (done < page->size) {
        ssize_t size = write(fd, page->at + done, page->size - done);
        if (size > 0)
            done += (size_t)size;
        else if (size < 0 && errno != EINTR)
            return smki_fail_errno(err, errno, "writing the audit log");
    }
    return 0;
}

int smki_audit_export(struct smki_store *store, int fd, struct smki_error *err)
{
    struct smki_buffer page = {0};
    struct store_view *view;
    uint64_t next = 1;
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        page.size = 0;
        if ((rc = store_view_begin(store, &view, err)) != 0)
            break;
        rc = page_write(&page, view, &next, &more, err);
        store_view_end(view);
        if (rc == 0)
            rc = write_all(fd, &page, err);
    }
    smki_buffer_finish(&page);
    return rc;
}
