/* Who is here: the officer, the Party, the credential and what it did lately. */
#include "portal/portal_i.h"

#include <smki/role.h>

static bool officer_add(cJSON *object, struct smki_service *service, const struct smki_identity *identity)
{
    struct smki_officer officer;
    cJSON *json;

    if (identity->officer == 0) /* a credential that was not issued to a person */
        return cJSON_AddNullToObject(object, "officer") != NULL;
    if (smki_officer_find(smki_service_store(service), identity->officer, &officer, NULL) != 0)
        return false;
    json = cJSON_CreateObject();
    return json_add(object, "officer",
                    json_whole(json, json_add_number(json, "number", officer.number) && json_add_text(json, "name", officer.name) &&
                                         json_add_text(json, "email", officer.email)));
}

static cJSON *roles_json(const struct smki_party *party)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (size_t i = 0; i < party->role_count && ok; i++) {
        const struct smki_role *role = smki_role_find(party->roles[i]);
        cJSON *json = cJSON_CreateObject();
        char text[SMKI_ROLE_TEXT_SIZE];

        ok = cJSON_AddStringToObject(json, "code", smki_role_text(party->roles[i], text)) != NULL &&
             json_add_text(json, "name", role != NULL ? role->name : NULL);
        ok = json_push(array, json_whole(json, ok));
    }
    return json_whole(array, ok);
}

static cJSON *euis_json(const struct smki_party *party)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (size_t i = 0; i < party->eui_count && ok; i++) {
        char text[SMKI_DEVICE_ID_TEXT_SIZE];

        ok = json_push(array, cJSON_CreateString(smki_device_id_text(&party->euis[i], text)));
    }
    return json_whole(array, ok);
}

static cJSON *user_roles_json(unsigned user_roles)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (unsigned bit = SMKI_USER_IMPORT_SUPPLIER; bit <= SMKI_USER_OTHER && ok; bit *= 2) {
        if ((user_roles & bit) != 0)
            ok = json_push(array, cJSON_CreateString(smki_user_role_word((enum smki_user_role)bit)));
    }
    return json_whole(array, ok);
}

static cJSON *subscriber_json(unsigned subscriber)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (unsigned bit = SMKI_SUBSCRIBER_DEVICE; bit <= SMKI_SUBSCRIBER_ORGANISATION && ok; bit *= 2) {
        if ((subscriber & bit) != 0)
            ok = json_push(array, cJSON_CreateString(smki_subscriber_word((enum smki_subscriber)bit)));
    }
    return json_whole(array, ok);
}

static cJSON *party_json(const struct smki_party *party)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = json_add_number(json, "number", party->number) && cJSON_AddStringToObject(json, "name", party->name) != NULL &&
              json_add(json, "euis", euis_json(party)) && json_add(json, "roles", roles_json(party)) &&
              json_add(json, "userRoles", user_roles_json(party->user_roles)) &&
              json_add(json, "subscriber", subscriber_json(party->subscriber)) &&
              cJSON_AddBoolToObject(json, "gatewayOnly", party->gateway_only) != NULL;

    return json_whole(json, ok);
}

static cJSON *credential_json(const struct smki_credential *credential, const struct smki_credential_use *use, struct smki_time now)
{
    cJSON *json = cJSON_CreateObject();
    const int64_t left = (credential->expires_at.us - now.us) / SMKI_DAY;
    char serial[2 * 20 + 1];
    bool ok = json_add_number(json, "number", credential->number) && json_add_text(json, "commonName", credential->common_name) &&
              json_add_text(json, "serial", smki_serial_text(&credential->serial, serial)) &&
              json_add_text(json, "interface", smki_credential_interface_word(credential->interface)) &&
              json_add_text(json, "state", smki_credential_state_word(credential->state)) &&
              smki_json_time(json, "issuedAt", credential->issued_at) && smki_json_time(json, "expiresAt", credential->expires_at) &&
              cJSON_AddNumberToObject(json, "daysLeft", (double)left) != NULL && json_add(json, "use", smki_credential_use_json(use, now));

    return json_whole(json, ok);
}

int session_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_service *service = serve_service(request);
    const struct smki_identity *identity = serve_identity(request);
    struct smki_credential_use use;
    struct smki_credential credential;
    struct smki_party party;
    cJSON *json;
    bool ok;
    int rc;

    if ((rc = smki_party_find(smki_service_store(service), identity->actor.party, &party, err)) != 0 ||
        (rc = smki_credential_find(smki_service_store(service), identity->actor.credential, &credential, err)) != 0 ||
        (rc = smki_credential_use_find(service, credential.number, &use, err)) != 0)
        return rc;
    json = cJSON_CreateObject();
    ok = officer_add(json, service, identity) && json_add(json, "party", party_json(&party)) &&
         json_add(json, "credential", credential_json(&credential, &use, smki_service_now(service))) &&
         json_add_text(json, "interface", smki_interface_word(identity->actor.interface)) &&
         json_add_text(json, "part", portal_site_of(request)->part == PART_DEVICE ? "device" : "organisation") && public_add(json, request);
    return answer_json(request, 200, json_whole(json, ok));
}
