/* See party.h. */
#include "party.h"

#include "base/base_i.h"

#include <smki/key.h>

const struct smki_actor bench_actor = {.name = "bench", .interface = SMKI_INTERFACE_OPERATOR};

static void name_write(char out[32], unsigned number)
{
    snprintf(out, 32, "Energy %u", number);
}

int bench_party_add(struct smki_service *service, unsigned number, struct smki_error *err)
{
    struct smki_party party = {.eui_count = 1,
                               .roles = {2},
                               .role_count = 1,
                               .user_roles = SMKI_USER_IMPORT_SUPPLIER,
                               .subscriber = SMKI_SUBSCRIBER_DEVICE,
                               .euis = {{{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0, (uint8_t)(number >> 8), (uint8_t)number}}}};

    name_write(party.name, number);
    return smki_party_add(smki_service_store(service), &bench_actor, &party, err);
}

int bench_key_make(struct smki_key **out, const char *file, struct smki_error *err)
{
    int rc = smki_key_generate(out, SMKI_KEY_RSA, &smki_random_system, err);

    return rc != 0 ? rc : smki_key_save(*out, file, NULL, err);
}

int bench_credential_issue(struct smki_service *service, const struct smki_key *key, unsigned number, enum smki_interface interface,
                           uint64_t officer, const char *name, struct smki_stored_certificate *out, struct smki_error *err)
{
    struct smki_credential credential = {.party = number, .officer = officer, .interface = interface};
    char organisation[32];
    const struct smki_csr_wish wish = {
        .profile = SMKI_PROFILE_IKI, .organisation = organisation, .unit = "02", .common_name = name, .key_usage = SMKI_DIGITAL_SIGNATURE};
    uint8_t der[SMKI_CSR_MAX_SIZE];
    size_t size;
    int rc;

    name_write(organisation, number);
    if ((rc = smki_csr_make(der, &size, &wish, key, err)) != 0)
        return rc;
    return smki_service_credential_issue(service, &bench_actor, BYTES(der, size), &credential, out, err);
}
