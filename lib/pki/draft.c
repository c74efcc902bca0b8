#include "pki/draft_i.h"

#include "pki/lint_i.h"
#include "pki/p256_i.h"

#include <string.h>

void write_extension(struct der_writer *writer, const struct plan *plan, size_t row)
{
    const struct profile_extension *extension = &plan->profile->extensions[row];
    const uint8_t *end = writer->at;

    extension->write(writer, plan);
    wrap_extension(writer, end, *extension->oid, extension->critical);
}

static void write_extensions(struct der_writer *writer, const struct plan *plan)
{
    const uint8_t *all_end = writer->at;

    for (size_t i = plan->profile->extension_count; i > 0; i--)
        if (plan->prepared != NULL && plan->prepared->extensions[i - 1].size != 0)
            der_put(writer, plan->prepared->extensions[i - 1]);
        else
            write_extension(writer, plan, i - 1);
    der_wrap(writer, all_end, DER_SEQUENCE);
    der_wrap(writer, all_end, DER_CONTEXT_CONSTRUCTED | 3);
}

static void write_validity(struct der_writer *writer, const struct plan *plan)
{
    const uint8_t *end = writer->at;

    der_put_time(writer, plan->not_after);
    der_put_time(writer, plan->not_before);
    der_wrap(writer, end, DER_SEQUENCE);
}

void write_issuer(struct der_writer *writer, const struct plan *plan)
{
    if (plan->issuer->name.size != 0)
        der_put(writer, plan->issuer->name);
    else
        plan->profile->write_subject(writer, plan);
    der_put(writer, signature_algorithm_of(plan->issuer->signing));
}

int draft_write(uint8_t tbs[SMKI_TBS_MAX_SIZE], size_t *size, const struct plan *plan, struct smki_error *err)
{
    static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
    struct der_writer writer = der_writer_of(tbs, SMKI_TBS_MAX_SIZE);

    write_extensions(&writer, plan);
    der_put(&writer, plan->spki);
    plan->profile->write_subject(&writer, plan);
    write_validity(&writer, plan);
    if (plan->prepared != NULL)
        der_put(&writer, plan->prepared->issuer);
    else
        write_issuer(&writer, plan);
    der_put_element(&writer, DER_INTEGER, BYTES(plan->serial->octet, plan->serial->size));
    der_put(&writer, BYTES(version_3, sizeof version_3));
    der_wrap(&writer, writer.end, DER_SEQUENCE);
    if (writer.failed)
        return smki_fail(err, SMKI_TOO_LARGE, "the certificate would take more than %d octets to be signed", SMKI_TBS_MAX_SIZE);
    *size = der_written(&writer).size;
    memmove(tbs, writer.at, *size);
    return 0;
}

int draft_build(struct smki_draft *draft, const struct draft_issuer *issuer, const struct smki_csr *csr, const struct smki_serial *serial,
                struct smki_time not_before, struct smki_error *err)
{
    int rc;
    struct plan plan = {
        .profile = profile_of(profile_certificate(csr->profile)),
        .issuer = issuer,
        .serial = serial,
        .csr = csr,
        .spki = csr->spki,
        .key_usage = (uint8_t)csr->key_usage,
    };

    draft->state = DRAFT_EMPTY;
    draft->ca = NULL;
    draft->profile = csr->profile;
    draft->serial = *serial;
    if (csr->profile == SMKI_PROFILE_IKI)
        plan.key_usage = SMKI_DIGITAL_SIGNATURE; /* the profile fixes it (IDS App. G) */
    plan.prepared = draft_template_find(issuer, plan.profile, plan.key_usage);
    profile_validity(plan.profile, not_before, &plan.not_before, &plan.not_after);
    if ((rc = smki_key_id(plan.key_id, csr->spki, err)) != 0)
        return rc;
    return draft_write(draft->tbs, &draft->tbs_size, &plan, err);
}

int smki_prepare(struct smki_draft *draft, const struct smki_ca *ca, const struct smki_csr *csr, const struct smki_serial *serial,
                 struct smki_time not_before, struct smki_error *err)
{
    int rc;
    char text[2 * 20 + 1];

    if ((rc = draft_build(draft, &ca->issuer, csr, serial, not_before, err)) != 0)
        return rc;
    if ((rc = lint_draft(profile_certificate(csr->profile), BYTES(draft->tbs, draft->tbs_size), &ca->certificate, err)) != 0)
        return smki_error_prefix(err, "serial %s", smki_serial_text(serial, text)), rc;
    p256()->digest(draft->linted_digest, draft->tbs, draft->tbs_size);
    draft->ca = ca;
    draft->state = DRAFT_LINTED;
    return 0;
}
