#include "pki/draft_i.h"

/* What was put since the writer stood at `end`. */
static struct smki_bytes put_since(const struct der_writer *writer, const uint8_t *end)
{
    return BYTES(writer->at, (size_t)(end - writer->at));
}

static void prepare_extensions(struct draft_template *template, struct der_writer *writer, const struct plan *plan)
{
    for (size_t i = 0; i < plan->profile->extension_count; i++) {
        const uint8_t *end = writer->at;

        if (plan->profile->extensions[i].common)
            write_extension(writer, plan, i);
        template->extensions[i] = put_since(writer, end);
    }
}

static void prepare(struct draft_template *template, const struct plan *plan)
{
    struct der_writer writer = der_writer_of(template->octets, sizeof template->octets);
    const uint8_t *end = writer.at;

    template->profile = plan->profile;
    template->key_usage = plan->key_usage;
    write_issuer(&writer, plan);
    template->issuer = put_since(&writer, end);
    prepare_extensions(template, &writer, plan);
    if (writer.failed)
        template->profile = NULL;
}

void draft_templates_prepare(struct draft_template templates[DRAFT_TEMPLATES], const struct draft_issuer *issuer)
{
    static const struct {
        enum smki_lint_subject subject;
        uint8_t key_usage;
    } rows[DRAFT_TEMPLATES] = {
        {SMKI_LINT_DEVICE_CERTIFICATE, SMKI_DIGITAL_SIGNATURE},       {SMKI_LINT_DEVICE_CERTIFICATE, SMKI_KEY_AGREEMENT},
        {SMKI_LINT_ORGANISATION_CERTIFICATE, SMKI_DIGITAL_SIGNATURE}, {SMKI_LINT_ORGANISATION_CERTIFICATE, SMKI_KEY_AGREEMENT},
        {SMKI_LINT_IKI_CERTIFICATE, SMKI_DIGITAL_SIGNATURE},
    };

    for (size_t i = 0; i < DRAFT_TEMPLATES; i++)
        prepare(&templates[i], &(struct plan){.profile = profile_of(rows[i].subject), .issuer = issuer, .key_usage = rows[i].key_usage});
}

const struct draft_template *draft_template_find(const struct draft_issuer *issuer, const struct profile *profile, uint8_t key_usage)
{
    for (size_t i = 0; issuer->templates != NULL && i < DRAFT_TEMPLATES; i++)
        if (issuer->templates[i].profile == profile && issuer->templates[i].key_usage == key_usage)
            return &issuer->templates[i];
    return NULL;
}
