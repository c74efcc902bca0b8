/* The CAs of a home and where their files lie. */
#include "ra/service_i.h"

#include <string.h>

#define FIELD(field) offsetof(struct smki_config, field)

static const struct ca_place places[] = {
    {SMKI_OCA_ROOT, "oca-root", "OCAR", SMKI_CA_ROOT, SMKI_KEY_P256, SMKI_OCA_ROOT, STORE_COUNT_CRL_OCA_ROOT, FIELD(policy_organisation),
     FIELD(key_oca_root)},
    {SMKI_OCA, "oca", "OCA1", SMKI_CA_ISSUING, SMKI_KEY_P256, SMKI_OCA_ROOT, STORE_COUNT_CRL_OCA, FIELD(policy_organisation),
     FIELD(key_oca)},
    {SMKI_DCA_ROOT, "dca-root", "DCAR", SMKI_CA_ROOT, SMKI_KEY_P256, SMKI_DCA_ROOT, STORE_COUNT_CRL_DCA_ROOT, FIELD(policy_device),
     FIELD(key_dca_root)},
    {SMKI_DCA, "dca", "DCA1", SMKI_CA_ISSUING, SMKI_KEY_P256, SMKI_DCA_ROOT, STORE_COUNT_CRL_DCA, FIELD(policy_device), FIELD(key_dca)},
    {SMKI_IKICA, "ikica", "IKI1", SMKI_CA_IKI, SMKI_KEY_RSA, SMKI_IKICA, STORE_COUNT_CRL_IKICA, FIELD(policy_iki), FIELD(key_ikica)},
};

const struct ca_place *ca_places(size_t *count)
{
    *count = ARRAY_COUNT(places);
    return places;
}

const struct ca_place *ca_place(enum smki_ca_name name)
{
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        if (places[i].name == name)
            return &places[i];
    return NULL;
}

const char *smki_ca_word(enum smki_ca_name name)
{
    const struct ca_place *place = ca_place(name);

    return place != NULL ? place->word : "unknown";
}

bool smki_ca_find(const char *word, enum smki_ca_name *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        if (strcmp(places[i].word, word) == 0) {
            *out = places[i].name;
            return true;
        }
    return false;
}

int home_path(const struct smki_service *service, char out[PATH_MAX], const char *name, struct smki_error *err)
{
    return path_join(out, PATH_MAX, service->home, name, err);
}

int home_path_in(const struct smki_service *service, char out[PATH_MAX], const char *folder, const char *name, struct smki_error *err)
{
    char inner[PATH_MAX];
    int rc = home_path(service, inner, folder, err);

    return rc != 0 ? rc : path_join(out, PATH_MAX, inner, name, err);
}
