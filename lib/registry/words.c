/* The words of the registry's enums, as they stand in options, JSON and inventories. */
#include "registry/document_i.h"

struct word {
    unsigned value;
    const char *word;
};

static const struct word user_roles[] = {
    {SMKI_USER_IMPORT_SUPPLIER, "import-supplier"},
    {SMKI_USER_GAS_SUPPLIER, "gas-supplier"},
    {SMKI_USER_DCC, "dcc"},
    {SMKI_USER_OTHER, "other"},
};

static const struct word subscribers[] = {
    {SMKI_SUBSCRIBER_DEVICE, "device"},
    {SMKI_SUBSCRIBER_ORGANISATION, "organisation"},
};

static const struct word officer_states[] = {
    {SMKI_OFFICER_NOMINATED, "nominated"},
    {SMKI_OFFICER_VERIFIED, "verified"},
    {SMKI_OFFICER_BARRED, "barred"},
};

static const struct word credential_states[] = {
    {SMKI_CREDENTIAL_ACTIVE, "active"},
    {SMKI_CREDENTIAL_SUSPENDED, "suspended"},
    {SMKI_CREDENTIAL_REVOKED, "revoked"},
};

static const struct word interfaces[] = {
    {SMKI_INTERFACE_PORTAL_ORGANISATION, "portal-organisation"},
    {SMKI_INTERFACE_PORTAL_DEVICE, "portal-device"},
    {SMKI_INTERFACE_ADHOC, "adhoc"},
    {SMKI_INTERFACE_BATCH, "batch"},
};

/* The rules whose limit an agreement can lift (interfaces.md 10). */
static const struct word agreement_rules[] = {
    {SMKI_RULE_PORTAL_BATCH, "portal-batch"},
    {SMKI_RULE_PORTAL_ADHOC, "portal-adhoc"},
    {SMKI_RULE_ADHOC_PACE, "adhoc-pace"},
    {SMKI_RULE_BATCH_ONE, "batch-one"},
};

/* eligibility.md */
static const struct word device_types[] = {
    {SMKI_TYPE_UNKNOWN, "unknown"}, {SMKI_TYPE_ESME, "ESME"},     {SMKI_TYPE_GSME, "GSME"},   {SMKI_TYPE_CHF, "CHF"},
    {SMKI_TYPE_GPF, "GPF"},         {SMKI_TYPE_HCALCS, "HCALCS"}, {SMKI_TYPE_PPMID, "PPMID"}, {SMKI_TYPE_TYPE2, "type2"},
};

static const struct word smi_statuses[] = {
    {SMKI_SMI_UNKNOWN, "unknown"},
    {SMKI_SMI_PENDING, "pending"},
    {SMKI_SMI_WHITELISTED, "whitelisted"},
    {SMKI_SMI_INSTALLED_NOT_COMMISSIONED, "installed-not-commissioned"},
    {SMKI_SMI_COMMISSIONED, "commissioned"},
    {SMKI_SMI_SUSPENDED, "suspended"},
    {SMKI_SMI_RECOVERY, "recovery"},
    {SMKI_SMI_RECOVERED, "recovered"},
    {SMKI_SMI_DECOMMISSIONED, "decommissioned"},
    {SMKI_SMI_WITHDRAWN, "withdrawn"},
};

/* ASCII only, whatever the locale; people write "Installed Not Commissioned" and "import_supplier". */
static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' || c == ' ' ? '-' : c;
}

bool word_same(const char *written, const char *word)
{
    while (*written != '\0' && plain(*written) == plain(*word)) {
        written++;
        word++;
    }
    return *written == '\0' && *word == '\0';
}

static const char *word_of(const struct word *words, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].value == value)
            return words[i].word;
    }
    return NULL;
}

static const struct word *find(const struct word *words, size_t count, const char *written)
{
    for (size_t i = 0; written != NULL && i < count; i++) {
        if (word_same(written, words[i].word))
            return &words[i];
    }
    return NULL;
}

/* The pair of public functions of one table. */
#define WORDS(noun, type, table)                                                                                                           \
    const char *smki_##noun##_word(type value)                                                                                             \
    {                                                                                                                                      \
        return word_of(table, ARRAY_COUNT(table), (unsigned)value);                                                                        \
    }                                                                                                                                      \
    bool smki_##noun##_find(const char *word, type *out)                                                                                   \
    {                                                                                                                                      \
        const struct word *found = find(table, ARRAY_COUNT(table), word);                                                                  \
        if (found != NULL)                                                                                                                 \
            *out = (type)found->value;                                                                                                     \
        return found != NULL;                                                                                                              \
    }

WORDS(user_role, enum smki_user_role, user_roles)
WORDS(subscriber, enum smki_subscriber, subscribers)
WORDS(officer_state, enum smki_officer_state, officer_states)
WORDS(credential_state, enum smki_credential_state, credential_states)
WORDS(credential_interface, enum smki_interface, interfaces)
WORDS(agreement_rule, enum smki_rule, agreement_rules)
WORDS(device_type, enum smki_device_type, device_types)
WORDS(smi_status, enum smki_smi_status, smi_statuses)
