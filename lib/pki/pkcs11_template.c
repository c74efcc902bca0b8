/* What our keys on tokens are asked to be. */
#include "pki/pkcs11_i.h"

#include <string.h>

static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

void pkcs11_add(struct pkcs11_template *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    if (template->count < PKCS11_TEMPLATE_MAX)
        template->at[template->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, size};
}

void pkcs11_add_flag(struct pkcs11_template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    pkcs11_add(template, type, value ? &yes : &no, sizeof(yes));
}

static void add_name(struct pkcs11_template *template, const char *label, struct smki_bytes id)
{
    pkcs11_add(template, CKA_LABEL, label, strlen(label));
    pkcs11_add(template, CKA_ID, id.at, id.size);
}

void pkcs11_private_half(struct pkcs11_template *out, const char *label, struct smki_bytes id)
{
    *out = (struct pkcs11_template){.count = 0};
    pkcs11_add_flag(out, CKA_TOKEN, true);
    pkcs11_add_flag(out, CKA_PRIVATE, true);
    pkcs11_add_flag(out, CKA_SENSITIVE, true);
    pkcs11_add_flag(out, CKA_EXTRACTABLE, false);
    pkcs11_add_flag(out, CKA_SIGN, true);
    pkcs11_add_flag(out, CKA_DECRYPT, false);
    pkcs11_add_flag(out, CKA_UNWRAP, false);
    add_name(out, label, id);
}

void pkcs11_public_half(struct pkcs11_template *out, const char *label, struct smki_bytes id)
{
    *out = (struct pkcs11_template){.count = 0};
    pkcs11_add_flag(out, CKA_TOKEN, true);
    pkcs11_add_flag(out, CKA_PRIVATE, false);
    pkcs11_add_flag(out, CKA_VERIFY, true);
    add_name(out, label, id);
}
