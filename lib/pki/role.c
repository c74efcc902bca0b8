#include <smki/role.h>

#include "base/base_i.h"

#include <string.h>

static const struct smki_role roles[] = {
    {0x00, "root"},
    {0x01, "recovery"},
    {0x02, "supplier"},
    {0x03, "networkOperator"},
    {0x04, "accessControlBroker"},
    {0x05, "transitionalCoS"},
    {0x06, "wanProvider"},
    {0x07, "issuingAuthority"},
    {0x08, "loadController"},
    {0x7F, "other"},
    {0x87, "xmlSign"},
    {0x89, "dspXmlSign"},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* "network-operator" and "NetworkOperator" are both networkOperator. */
static bool same_name(const char *written, const char *name)
{
    while (*written != '\0' && *name != '\0') {
        if (*written == '-' || *written == '_') {
            written++;
        } else if (lower(*written++) != lower(*name++)) {
            return false;
        }
    }
    return *written == '\0' && *name == '\0';
}

const struct smki_role *smki_role_list(size_t *count)
{
    *count = ARRAY_COUNT(roles);
    return roles;
}

const struct smki_role *smki_role_find(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        if (roles[i].code == code)
            return &roles[i];
    }
    return NULL;
}

const struct smki_role *smki_role_find_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        if (same_name(name, roles[i].name))
            return &roles[i];
    }
    return NULL;
}

const struct smki_role *smki_role_find_text(const char *text)
{
    char form[SMKI_ROLE_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        if (strcmp(smki_role_text(roles[i].code, form), text) == 0)
            return &roles[i];
    }
    return NULL;
}

const char *smki_role_text(uint8_t code, char out[SMKI_ROLE_TEXT_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";

    out[0] = digits[code >> 4];
    out[1] = digits[code & 0x0f];
    out[2] = '\0';
    return out;
}
