/* What a credential did lately. Uses are gathered in memory and
 * written now and then: the first of a program, of a day, and then at most one in ten minutes a credential and network. What makes a use
 * unusual is judged by what the store has when it is written; everything that can be unusual (a network not used before, the first use
 * after months, the first of a night) is among those that are written at once. */
#include "ra/access_i.h"
#include "ra/portal_i.h"

#include <string.h>

#define USE_PACE    (10 * SMKI_MINUTE)
#define USE_SILENCE (60 * SMKI_DAY)
#define NIGHT_HOURS 5 /* 00:00 to 05:00 UK */
#define USE_LAYOUT  2 /* 1: without the previous use */
#define USE_SIZE                                                                                                                           \
    (3 + 11 + SMKI_PEER_SIZE + SMKI_NETWORKS * (18 + SMKI_PEER_SIZE) + SMKI_USE_DAYS * (8 + 4 * SMKI_NETWORKS) +                           \
     SMKI_USE_UNUSUAL * (12 + SMKI_PEER_SIZE))

/* ---- as stored ---- */

static const char *use_name(char out[32], uint64_t credential)
{
    snprintf(out, 32, "use/%llu", (unsigned long long)credential);
    return out;
}

static void text_write(struct writer *writer, const char *text)
{
    write_sized16(writer, BYTES(text, strlen(text)));
}

static int use_put(struct store_change *change, const struct smki_credential_use *use, struct smki_error *err)
{
    uint8_t octets[USE_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));
    char name[32];

    write_u8(&writer, USE_LAYOUT);
    for (size_t i = 0; i < SMKI_NETWORKS; i++) {
        write_u64(&writer, (uint64_t)use->network[i].first.us);
        write_u64(&writer, (uint64_t)use->network[i].last.us);
        text_write(&writer, use->network[i].peer);
    }
    for (size_t i = 0; i < SMKI_USE_DAYS; i++) {
        write_u64(&writer, (uint64_t)use->days[i].day.us);
        for (size_t j = 0; j < SMKI_NETWORKS; j++)
            write_u32(&writer, use->days[i].uses[j]);
    }
    for (size_t i = 0; i < SMKI_USE_UNUSUAL; i++) {
        write_u64(&writer, (uint64_t)use->unusual[i].time.us);
        write_u8(&writer, (uint8_t)use->unusual[i].network);
        write_u8(&writer, (uint8_t)use->unusual[i].reasons);
        text_write(&writer, use->unusual[i].peer);
    }
    write_u64(&writer, (uint64_t)use->previous.time.us);
    write_u8(&writer, (uint8_t)use->previous.network);
    text_write(&writer, use->previous.peer);
    if (writer.failed)
        return smki_fail(err, SMKI_INTERNAL, "the uses of credential %llu do not fit their row", (unsigned long long)use->credential);
    return store_value_put(change, use_name(name, use->credential), BYTES(octets, writer_size(&writer)), err);
}

static void use_read(struct smki_credential_use *out, struct cursor *cursor)
{
    const uint8_t layout = cursor_u8(cursor);

    if (layout == 0 || layout > USE_LAYOUT)
        cursor->failed = true;
    for (size_t i = 0; i < SMKI_NETWORKS; i++) {
        out->network[i].first.us = (int64_t)cursor_u64(cursor);
        out->network[i].last.us = (int64_t)cursor_u64(cursor);
        cursor_text(cursor, out->network[i].peer, sizeof(out->network[i].peer));
    }
    for (size_t i = 0; i < SMKI_USE_DAYS; i++) {
        out->days[i].day.us = (int64_t)cursor_u64(cursor);
        for (size_t j = 0; j < SMKI_NETWORKS; j++)
            out->days[i].uses[j] = cursor_u32(cursor);
    }
    for (size_t i = 0; i < SMKI_USE_UNUSUAL; i++) {
        out->unusual[i].time.us = (int64_t)cursor_u64(cursor);
        out->unusual[i].network = (enum smki_network)(cursor_u8(cursor) % SMKI_NETWORKS);
        out->unusual[i].reasons = cursor_u8(cursor);
        cursor_text(cursor, out->unusual[i].peer, sizeof(out->unusual[i].peer));
    }
    if (layout < 2)
        return;
    out->previous.time.us = (int64_t)cursor_u64(cursor);
    out->previous.network = (enum smki_network)(cursor_u8(cursor) % SMKI_NETWORKS);
    cursor_text(cursor, out->previous.peer, sizeof(out->previous.peer));
}

static int use_get(struct store_view *view, uint64_t credential, struct smki_credential_use *out, struct smki_error *err)
{
    struct smki_bytes stored;
    struct cursor cursor;
    char name[32];
    int rc = store_value_get(view, use_name(name, credential), &stored, err);

    *out = (struct smki_credential_use){.credential = credential};
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    cursor = cursor_of(stored);
    use_read(out, &cursor);
    return cursor_close(&cursor, "what a credential did", err);
}

/* ---- one more ---- */

/* The network of the last use of all. */
static size_t last_network(const struct smki_credential_use *use)
{
    size_t last = 0;

    for (size_t i = 1; i < SMKI_NETWORKS; i++)
        if (use->network[i].last.us > use->network[last].last.us)
            last = i;
    return last;
}

static struct smki_time last_of_all(const struct smki_credential_use *use)
{
    return use->network[last_network(use)].last;
}

static bool night_is_told(const struct smki_credential_use *use, const struct use_gathered *more)
{
    for (size_t i = 0; i < SMKI_USE_UNUSUAL; i++)
        if (use->unusual[i].time.us >= more->day.us && use->unusual[i].network == more->network &&
            (use->unusual[i].reasons & SMKI_UNUSUAL_NIGHT) != 0)
            return true;
    return false;
}

static unsigned unusual_of(const struct smki_credential_use *use, const struct use_gathered *more)
{
    const struct smki_time last = last_of_all(use);
    unsigned reasons = 0;

    if (last.us != 0 && use->network[more->network].last.us == 0)
        reasons |= SMKI_UNUSUAL_NETWORK;
    if (last.us != 0 && more->last.us - last.us >= USE_SILENCE)
        reasons |= SMKI_UNUSUAL_SILENCE;
    if (more->officer && smki_time_to_uk(more->last).hour < NIGHT_HOURS && !night_is_told(use, more))
        reasons |= SMKI_UNUSUAL_NIGHT;
    return reasons;
}

static void unusual_add(struct smki_credential_use *use, const struct use_gathered *more, unsigned reasons)
{
    struct smki_use_unusual *first = &use->unusual[0];

    if (reasons == 0)
        return;
    memmove(first + 1, first, (SMKI_USE_UNUSUAL - 1) * sizeof(*first));
    *first = (struct smki_use_unusual){.time = more->last, .network = more->network, .reasons = reasons};
    memcpy(first->peer, more->peer, sizeof(first->peer));
}

/* Newest first; one that is older than all that are kept is not kept. */
static void day_add(struct smki_credential_use *use, const struct use_gathered *more)
{
    size_t i = 0;

    while (i < SMKI_USE_DAYS && use->days[i].day.us > more->day.us)
        i++;
    if (i == SMKI_USE_DAYS)
        return;
    if (use->days[i].day.us != more->day.us) {
        memmove(&use->days[i + 1], &use->days[i], (SMKI_USE_DAYS - 1 - i) * sizeof(use->days[i]));
        use->days[i] = (struct smki_use_day){.day = more->day};
    }
    use->days[i].uses[more->network] += more->uses;
}

/* After a gap the last one of all becomes that of the visit before. */
static void previous_take(struct smki_credential_use *use, const struct use_gathered *more)
{
    const size_t last = last_network(use);

    if (use->network[last].last.us == 0 || more->last.us - use->network[last].last.us < SMKI_USE_GAP)
        return;
    use->previous = (struct smki_use_previous){.time = use->network[last].last, .network = (enum smki_network)last};
    memcpy(use->previous.peer, use->network[last].peer, sizeof(use->previous.peer));
}

static void use_add(struct smki_credential_use *use, const struct use_gathered *more)
{
    if (more->uses == 0)
        return;
    previous_take(use, more);
    unusual_add(use, more, unusual_of(use, more));
    day_add(use, more);
    if (use->network[more->network].first.us == 0)
        use->network[more->network].first = more->last;
    if (more->last.us >= use->network[more->network].last.us) {
        use->network[more->network].last = more->last;
        memcpy(use->network[more->network].peer, more->peer, sizeof(more->peer));
    }
}

static int use_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct use_gathered *more = argument;
    struct smki_credential_use use;
    int rc = use_get(store_change_view(change), more->credential, &use, err);

    if (rc != 0)
        return rc;
    use_add(&use, more);
    return use_put(change, &use, err);
}

/* ---- gathered ---- */

static struct use_gathered *place_of(struct uses *uses, uint64_t credential, enum smki_network network)
{
    return &uses->places[(credential * SMKI_NETWORKS + (uint64_t)network) % USE_PLACES];
}

static bool is_at(const struct use_gathered *place, uint64_t credential, enum smki_network network)
{
    return place->credential == credential && place->network == network;
}

/* Takes what the place has, to be written. */
static struct use_gathered take(struct use_gathered *place, struct smki_time now)
{
    const struct use_gathered taken = *place;

    place->uses = 0;
    place->written_at = now;
    return taken;
}

/* What the credential did by other networks before this visit is written before the visit begins. */
static size_t others_take(struct uses *uses, const struct use_gathered *one, struct use_gathered *out)
{
    size_t count = 0;

    for (unsigned i = 0; i < SMKI_NETWORKS; i++) {
        struct use_gathered *place = place_of(uses, one->credential, (enum smki_network)i);

        if ((enum smki_network)i != one->network && is_at(place, one->credential, (enum smki_network)i) && place->uses > 0 &&
            one->last.us - place->last.us >= SMKI_USE_GAP)
            out[count++] = take(place, place->last);
    }
    return count;
}

#define TAKEN (SMKI_NETWORKS - 1 + 3) /* at most by one use */

/* One use more into its place. `out` gets what has to be written now; returns how many. */
static size_t gather(struct uses *uses, const struct use_gathered *one, struct use_gathered out[TAKEN])
{
    struct use_gathered *place;
    size_t count;

    pthread_mutex_lock(&uses->lock);
    count = others_take(uses, one, out);
    place = place_of(uses, one->credential, one->network);
    if (!is_at(place, one->credential, one->network)) { /* another's: it makes room */
        if (place->uses > 0)
            out[count++] = *place;
        *place = (struct use_gathered){.credential = one->credential, .network = one->network};
    }
    if (place->day.us != one->day.us || one->last.us - place->last.us >= SMKI_USE_GAP) { /* what was before is written as it was */
        if (place->uses > 0)
            out[count++] = take(place, one->last);
        place->written_at.us = 0;
    }
    place->day = one->day;
    place->last = one->last;
    place->officer = one->officer;
    place->uses++;
    memcpy(place->peer, one->peer, sizeof(place->peer));
    if (place->written_at.us == 0 || one->last.us - place->written_at.us >= USE_PACE || one->last.us < place->written_at.us)
        out[count++] = take(place, one->last);
    pthread_mutex_unlock(&uses->lock);
    return count;
}

/* It could not be written: it is gathered on, where its place is still its own. */
static void give_back(struct uses *uses, const struct use_gathered *taken)
{
    struct use_gathered *place;

    pthread_mutex_lock(&uses->lock);
    place = place_of(uses, taken->credential, taken->network);
    if (is_at(place, taken->credential, taken->network) && place->day.us == taken->day.us)
        place->uses += taken->uses;
    pthread_mutex_unlock(&uses->lock);
}

static int write_all(struct smki_service *service, struct use_gathered *taken, size_t count, struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            rc = store_change(service->store, use_change, &taken[i], err);
        if (rc != 0)
            give_back(&service->access->uses, &taken[i]);
    }
    return rc;
}

int smki_credential_use(struct smki_service *service, const struct smki_identity *identity, const char *peer, struct smki_error *err)
{
    const struct smki_time now = smki_service_now(service);
    struct use_gathered one = {.credential = identity->actor.credential,
                               .network = identity->actor.network,
                               .day = smki_time_uk_day(now, 0),
                               .last = now,
                               .officer = identity->officer != 0};
    struct use_gathered taken[TAKEN];

    if (one.credential == 0 || (unsigned)one.network >= SMKI_NETWORKS)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a use is one of a credential, by a network");
    snprintf(one.peer, sizeof(one.peer), "%.*s", (int)sizeof(one.peer) - 1, peer);
    text_tidy(one.peer);
    return write_all(service, taken, gather(&service->access->uses, &one, taken), err);
}

int smki_credential_use_flush(struct smki_service *service, struct smki_error *err)
{
    struct uses *uses = &service->access->uses;
    struct use_gathered taken;
    int rc = 0, one;

    for (size_t i = 0; i < USE_PLACES; i++) {
        pthread_mutex_lock(&uses->lock);
        taken = take(&uses->places[i], uses->places[i].written_at);
        pthread_mutex_unlock(&uses->lock);
        if (taken.uses > 0 && (one = write_all(service, &taken, 1, err)) != 0)
            rc = one;
    }
    return rc;
}

int smki_credential_use_find(struct smki_service *service, uint64_t credential, struct smki_credential_use *out, struct smki_error *err)
{
    struct uses *uses = &service->access->uses;
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = use_get(view, credential, out, err);
    store_view_end(view);
    for (unsigned i = 0; i < SMKI_NETWORKS && rc == 0; i++) {
        struct use_gathered more;

        pthread_mutex_lock(&uses->lock);
        more = *place_of(uses, credential, (enum smki_network)i);
        pthread_mutex_unlock(&uses->lock);
        if (is_at(&more, credential, (enum smki_network)i))
            use_add(out, &more);
    }
    return rc;
}

/* ---- for pages ---- */

const char *smki_unusual_word(enum smki_unusual reason)
{
    switch (reason) {
    case SMKI_UNUSUAL_NETWORK:
        return "new-network";
    case SMKI_UNUSUAL_SILENCE:
        return "silence";
    case SMKI_UNUSUAL_NIGHT:
        return "night";
    }
    return "unknown";
}

static bool use_tell(cJSON *object, struct smki_time time, enum smki_network network, const char *peer)
{
    return object != NULL && smki_json_time(object, "time", time) && page_text(object, "network", smki_network_word(network)) &&
           page_text(object, "peer", peer);
}

/* Adds an object to the array; NULL when there is no memory. */
static cJSON *array_object(cJSON *array)
{
    cJSON *object = cJSON_CreateObject();

    if (array != NULL && object != NULL && cJSON_AddItemToArray(array, object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static bool last_tell(cJSON *object, const struct smki_credential_use *use)
{
    const struct smki_time last = last_of_all(use);

    if (last.us == 0)
        return page_text(object, "last", NULL);
    for (unsigned i = 0; i < SMKI_NETWORKS; i++)
        if (use->network[i].last.us == last.us)
            return use_tell(cJSON_AddObjectToObject(object, "last"), last, (enum smki_network)i, use->network[i].peer);
    return false;
}

static bool previous_tell(cJSON *object, const struct smki_use_previous *previous)
{
    if (previous->time.us == 0)
        return page_text(object, "previous", NULL);
    return use_tell(cJSON_AddObjectToObject(object, "previous"), previous->time, previous->network, previous->peer);
}

static bool networks_tell(cJSON *array, const struct smki_credential_use *use)
{
    for (unsigned i = 0; i < SMKI_NETWORKS && array != NULL; i++) {
        cJSON *object;

        if (use->network[i].last.us == 0)
            continue;
        if ((object = array_object(array)) == NULL || !page_text(object, "network", smki_network_word((enum smki_network)i)) ||
            !smki_json_time(object, "first", use->network[i].first) || !smki_json_time(object, "last", use->network[i].last) ||
            !page_text(object, "peer", use->network[i].peer))
            return false;
    }
    return array != NULL;
}

static bool day_tell(cJSON *object, const struct smki_credential_use *use, struct smki_time day)
{
    static const uint32_t none[SMKI_NETWORKS];
    const struct smki_civil uk = smki_time_to_uk(day);
    const uint32_t *counts = none;
    char text[32];
    bool ok;

    for (size_t i = 0; i < SMKI_USE_DAYS; i++)
        if (use->days[i].day.us == day.us)
            counts = use->days[i].uses;
    snprintf(text, sizeof(text), "%04d-%02u-%02u", (int)uk.year, uk.month, uk.day);
    ok = object != NULL && page_text(object, "day", text);
    for (unsigned i = 0; i < SMKI_NETWORKS; i++)
        ok = ok && page_number(object, smki_network_word((enum smki_network)i), counts[i]);
    return ok;
}

static bool days_tell(cJSON *array, const struct smki_credential_use *use, struct smki_time now)
{
    bool ok = array != NULL;

    for (int i = SMKI_USE_DAYS - 1; i >= 0 && ok; i--)
        ok = day_tell(array_object(array), use, smki_time_uk_day(now, -i));
    return ok;
}

static bool reasons_tell(cJSON *object, unsigned reasons)
{
    static const struct {
        enum smki_unusual reason;
        const char *words;
    } all[] = {{SMKI_UNUSUAL_NETWORK, "first use by this network"},
               {SMKI_UNUSUAL_SILENCE, "first use after 60 days or more"},
               {SMKI_UNUSUAL_NIGHT, "use between 00:00 and 05:00"}};
    cJSON *words = cJSON_AddArrayToObject(object, "reasons"), *word;
    char text[128] = "";

    for (size_t i = 0; i < ARRAY_COUNT(all) && words != NULL; i++) {
        const size_t size = strlen(text);

        if ((reasons & all[i].reason) == 0)
            continue;
        word = cJSON_CreateString(smki_unusual_word(all[i].reason));
        if (word == NULL || !cJSON_AddItemToArray(words, word)) {
            cJSON_Delete(word);
            return false;
        }
        snprintf(text + size, sizeof(text) - size, "%s%s", size > 0 ? "; " : "", all[i].words);
    }
    return words != NULL && page_text(object, "text", text);
}

static bool unusual_tell(cJSON *array, const struct smki_credential_use *use)
{
    for (size_t i = 0; i < SMKI_USE_UNUSUAL && array != NULL; i++) {
        const struct smki_use_unusual *one = &use->unusual[i];
        cJSON *object;

        if (one->time.us == 0)
            break;
        object = array_object(array);
        if (!use_tell(object, one->time, one->network, one->peer) || !reasons_tell(object, one->reasons))
            return false;
    }
    return array != NULL;
}

struct cJSON *smki_credential_use_json(const struct smki_credential_use *use, struct smki_time now)
{
    cJSON *object = cJSON_CreateObject();
    const bool ok = object != NULL && last_tell(object, use) && previous_tell(object, &use->previous) &&
                    networks_tell(cJSON_AddArrayToObject(object, "networks"), use) &&
                    days_tell(cJSON_AddArrayToObject(object, "days"), use, now) &&
                    unusual_tell(cJSON_AddArrayToObject(object, "unusual"), use);

    return page_complete(&object, object, ok, NULL) == 0 ? object : NULL;
}
