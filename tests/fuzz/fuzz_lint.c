/* smki_lint over any octets: it always gives a report, and what it finds nothing wrong with is read by the readers too. */
#include <smki/lint.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static struct smki_lint_report report;
    struct smki_certificate certificate;
    struct smki_csr csr;
    const struct smki_bytes der = {at, size};

    require(smki_lint(&report, SMKI_LINT_AUTO, der, NULL, NULL) == 0);
    require(report.subject < SMKI_LINT_AUTO || (report.errors > 0 && !report.signature_judged));
    require(report.errors <= report.count && report.count <= SMKI_LINT_MAX_FINDINGS);
    for (size_t i = 0; i < report.count; i++)
        require(report.findings[i].rule != NULL && report.findings[i].detail[0] != '\0');
    if (report.errors == 0 && report.subject == SMKI_LINT_DEVICE_CSR)
        require(smki_csr_read(&csr, SMKI_PROFILE_DEVICE, der, NULL) == 0 && smki_csr_verify(&csr, NULL) == 0);
    if (report.errors == 0 && report.subject == SMKI_LINT_DEVICE_CERTIFICATE)
        require(smki_certificate_read(&certificate, der, NULL) == 0 && certificate.has_device_id);
    return 0;
}
