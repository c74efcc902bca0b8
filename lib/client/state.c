/* The state file: JSON, written whole under a lock on a file beside it (PATH.lock), so that processes may share it and a power cut leaves
 * the old one or the new one.
 *
 *   {"format": 1, "last_adhoc": TIME, "adhoc": [{"sha256": HEX, "ref": ID, "sent_at": TIME}],
 *    "batches": [{"sha256": HEX, "ref": ID, "url": URL, "size": N, "csrs": N, "batch_id": "N", "state": WORD, "sent_at": TIME,
 *                 "accepted_at": TIME, "polled_at": TIME, "retrieved_at": TIME, "not_before": TIME, "document": PATH}]}
 *
 * A TIME is ISO 8601 UTC; what is not known is left out. Members that this version does not know stay as they are. */
#include "client/client_i.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_MAX_SIZE ((size_t)64 * 1024 * 1024)
#define FORMAT         1

/* ---- the file ---- */

static int damaged(const struct state *state, const char *what, struct smki_error *err)
{
    return smki_fail(err, SMKI_CLIENT_STATE, "%s: %s; it is not a state file of this version: restore a copy, or name another with --state",
                     state->path, what);
}

static bool is_array_of_objects(const cJSON *array)
{
    const cJSON *item;

    if (!cJSON_IsArray(array))
        return false;
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsObject(item) || !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "sha256")))
            return false;
    }
    return true;
}

static int check(const struct state *state, struct smki_error *err)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(state->json, "format");

    if (!cJSON_IsObject(state->json) || !cJSON_IsNumber(format))
        return damaged(state, "it has no format", err);
    if (format->valueint != FORMAT)
        return damaged(state, "its format is another one", err);
    if (!is_array_of_objects(cJSON_GetObjectItemCaseSensitive(state->json, "adhoc")) ||
        !is_array_of_objects(cJSON_GetObjectItemCaseSensitive(state->json, "batches")))
        return damaged(state, "something in it is not as it was written", err);
    return 0;
}

static int make_empty(struct state *state, struct smki_error *err)
{
    state->json = cJSON_CreateObject();
    if (state->json == NULL || cJSON_AddNumberToObject(state->json, "format", FORMAT) == NULL ||
        cJSON_AddArrayToObject(state->json, "adhoc") == NULL || cJSON_AddArrayToObject(state->json, "batches") == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    return 0;
}

static int take(struct state *state, struct smki_error *err)
{
    struct smki_buffer file = {0};
    int rc = file_read(&file, state->path, STATE_MAX_SIZE, err);

    if (rc == SMKI_NOT_FOUND) {
        if (err != NULL)
            *err = (struct smki_error){0};
        rc = make_empty(state, err);
    } else if (rc == 0) {
        state->json = cJSON_ParseWithLength((const char *)file.at, file.size);
        rc = state->json == NULL ? damaged(state, "it is no JSON", err) : check(state, err);
    }
    smki_buffer_finish(&file);
    return rc;
}

static int lock(struct state *state, struct smki_error *err)
{
    char path[SMKI_CLIENT_TEXT_SIZE + 8];

    snprintf(path, sizeof(path), "%s.lock", state->path);
    if ((state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return smki_fail_errno(err, errno, "the state file needs %s beside it, which cannot be made", path);
    while (flock(state->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return smki_fail_errno(err, errno, "%s cannot be locked", path);
    return 0;
}

static void drop(struct state *state)
{
    cJSON_Delete(state->json);
    state->json = NULL;
    if (state->lock >= 0)
        close(state->lock); /* unlocks */
    state->lock = -1;
}

int state_begin(struct state *state, const char *path, struct smki_error *err)
{
    int rc;

    *state = (struct state){.lock = -1};
    if (path[0] == '\0')
        return smki_fail(err, SMKI_CLIENT_STATE, "no state file was named: what is sent must be written down first");
    snprintf(state->path, sizeof(state->path), "%s", path);
    if ((rc = lock(state, err)) != 0 || (rc = take(state, err)) != 0)
        drop(state);
    return rc;
}

static int write_down(const struct state *state, struct smki_error *err)
{
    char *text = cJSON_Print(state->json);
    int rc = text != NULL ? file_write(state->path, BYTES(text, strlen(text)), 0600, err) : smki_fail(err, SMKI_NO_MEMORY, NULL);

    cJSON_free(text);
    return rc;
}

int state_end(struct state *state, int rc, struct smki_error *err)
{
    if (rc == 0 && state->changed)
        rc = write_down(state, err);
    drop(state);
    return rc;
}

/* ---- values ---- */

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

static struct smki_time time_of(const cJSON *object, const char *name)
{
    struct smki_time time;

    return smki_time_parse(&time, text_of(object, name), NULL) == 0 ? time : (struct smki_time){0};
}

static uint64_t number_of(const cJSON *object, const char *name)
{
    return strtoull(text_of(object, name), NULL, 10);
}

static bool set_text(cJSON *object, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return text[0] == '\0' || cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool set_time(cJSON *object, const char *name, struct smki_time time)
{
    char text[SMKI_TIME_TEXT_SIZE] = "";

    return set_text(object, name, time.us != 0 ? smki_time_text_utc(time, text) : "");
}

/* As text: exact beyond 2^53 too. */
static bool set_number(cJSON *object, const char *name, uint64_t number)
{
    char text[24] = "";

    if (number != 0)
        snprintf(text, sizeof(text), "%" PRIu64, number);
    return set_text(object, name, text);
}

/* ---- ad hoc ---- */

struct smki_time state_last_adhoc(const struct state *state)
{
    return time_of(state->json, "last_adhoc");
}

int state_last_adhoc_set(struct state *state, struct smki_time time, struct smki_error *err)
{
    state->changed = true;
    return set_time(state->json, "last_adhoc", time) ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

static cJSON *flight_find(const struct state *state, const char sha256[65])
{
    cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(state->json, "adhoc"))
    {
        if (strcmp(text_of(item, "sha256"), sha256) == 0)
            return item;
    }
    return NULL;
}

bool state_flight(const struct state *state, const char sha256[65], struct smki_time *sent_at)
{
    const cJSON *item = flight_find(state, sha256);

    *sent_at = item != NULL ? time_of(item, "sent_at") : (struct smki_time){0};
    return item != NULL;
}

int state_flight_add(struct state *state, const char sha256[65], const char *ref, struct smki_time sent_at, struct smki_error *err)
{
    cJSON *item;

    state_flight_remove(state, sha256);
    item = cJSON_CreateObject();
    state->changed = true;
    if (item != NULL && set_text(item, "sha256", sha256) && set_text(item, "ref", ref) && set_time(item, "sent_at", sent_at) &&
        cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(state->json, "adhoc"), item))
        return 0;
    cJSON_Delete(item);
    return smki_fail(err, SMKI_NO_MEMORY, NULL);
}

void state_flight_remove(struct state *state, const char sha256[65])
{
    cJSON *item = flight_find(state, sha256);

    if (item == NULL)
        return;
    cJSON_Delete(cJSON_DetachItemViaPointer(cJSON_GetObjectItemCaseSensitive(state->json, "adhoc"), item));
    state->changed = true;
}

/* ---- batches ---- */

static cJSON *batches(const struct state *state)
{
    return cJSON_GetObjectItemCaseSensitive(state->json, "batches");
}

/* The last one of these octets; with `sent_at` (not 0) the one that was sent then. */
static cJSON *record_find(const struct state *state, const char *sha256, struct smki_time sent_at)
{
    cJSON *item, *found = NULL;

    cJSON_ArrayForEach(item, batches(state))
    {
        if (strcmp(text_of(item, "sha256"), sha256) == 0 && (sent_at.us == 0 || time_of(item, "sent_at").us == sent_at.us))
            found = item;
    }
    return found;
}

static enum smki_batch_state state_of(const char *word)
{
    for (int state = SMKI_STATE_PENDING; state <= SMKI_STATE_TAMPERED; state++)
        if (strcmp(message_state_words[state], word) == 0)
            return (enum smki_batch_state)state;
    return 0;
}

int state_batch(const struct state *state, const char sha256[65], struct smki_client_batch *out, struct smki_error *err)
{
    const cJSON *item = record_find(state, sha256, (struct smki_time){0});

    if (item == NULL)
        return SMKI_NOT_FOUND;
    if (strlen(text_of(item, "ref")) >= sizeof(out->ref) || strlen(text_of(item, "url")) >= sizeof(out->url) ||
        strlen(text_of(item, "document")) >= sizeof(out->document))
        return damaged(state, "a batch in it has longer texts than there can be", err);
    *out = (struct smki_client_batch){
        .size = number_of(item, "size"),
        .csrs = (uint32_t)number_of(item, "csrs"),
        .batch_id = number_of(item, "batch_id"),
        .state = state_of(text_of(item, "state")),
        .sent_at = time_of(item, "sent_at"),
        .accepted_at = time_of(item, "accepted_at"),
        .polled_at = time_of(item, "polled_at"),
        .retrieved_at = time_of(item, "retrieved_at"),
        .not_before = time_of(item, "not_before"),
    };
    snprintf(out->sha256, sizeof(out->sha256), "%s", sha256);
    snprintf(out->ref, sizeof(out->ref), "%s", text_of(item, "ref"));
    snprintf(out->url, sizeof(out->url), "%s", text_of(item, "url"));
    snprintf(out->document, sizeof(out->document), "%s", text_of(item, "document"));
    return 0;
}

static bool batch_write(cJSON *item, const struct smki_client_batch *batch)
{
    return set_text(item, "sha256", batch->sha256) && set_text(item, "ref", batch->ref) && set_text(item, "url", batch->url) &&
           set_number(item, "size", batch->size) && set_number(item, "csrs", batch->csrs) &&
           set_number(item, "batch_id", batch->batch_id) &&
           set_text(item, "state", batch->state != 0 ? message_state_words[batch->state] : "") &&
           set_time(item, "sent_at", batch->sent_at) && set_time(item, "accepted_at", batch->accepted_at) &&
           set_time(item, "polled_at", batch->polled_at) && set_time(item, "retrieved_at", batch->retrieved_at) &&
           set_time(item, "not_before", batch->not_before) && set_text(item, "document", batch->document);
}

int state_batch_put(struct state *state, const struct smki_client_batch *batch, struct smki_error *err)
{
    cJSON *item = record_find(state, batch->sha256, batch->sent_at);

    state->changed = true;
    if (item != NULL)
        return batch_write(item, batch) ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((item = cJSON_CreateObject()) != NULL && batch_write(item, batch) && cJSON_AddItemToArray(batches(state), item))
        return 0;
    cJSON_Delete(item);
    return smki_fail(err, SMKI_NO_MEMORY, NULL);
}

void state_batch_remove(struct state *state, const struct smki_client_batch *batch)
{
    cJSON *item = record_find(state, batch->sha256, batch->sent_at);

    if (item == NULL)
        return;
    cJSON_Delete(cJSON_DetachItemViaPointer(batches(state), item));
    state->changed = true;
}
