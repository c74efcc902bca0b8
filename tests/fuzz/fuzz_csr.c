/* Everything that reads a request or a certificate from outside: DER in every profile, certificates, and the text forms. */
#include <smki/certificate.h>
#include <smki/csr.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void read_der(struct smki_bytes der)
{
    struct smki_csr csr;
    struct smki_certificate certificate;
    enum smki_profile guessed;
    struct smki_error err;

    for (enum smki_profile profile = SMKI_PROFILE_DEVICE; profile <= SMKI_PROFILE_IKI; profile++) {
        if (smki_csr_read(&csr, profile, der, &err) == 0 && csr.der.size + csr.trailer != der.size)
            abort();
    }
    if (smki_csr_guess_profile(&guessed, der, &err) != 0 && err.code != SMKI_CSR_MALFORMED && err.code != SMKI_CSR_TOO_LARGE)
        abort();
    if (smki_certificate_read(&certificate, der, NULL) == 0 && certificate.tbs.size >= der.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static uint8_t decoded[SMKI_CSR_MAX_SIZE];
    struct smki_buffer out = {.max = 1 << 20};
    char label[64];
    size_t decoded_size;

    read_der((struct smki_bytes){at, size});
    if (smki_csr_text_decode(decoded, sizeof decoded, &decoded_size, (const char *)at, size, NULL) == 0)
        read_der((struct smki_bytes){decoded, decoded_size});
    if (smki_pem_decode(&out, label, (struct smki_bytes){at, size}, NULL) == 0)
        read_der((struct smki_bytes){out.at, out.size});
    smki_buffer_finish(&out);
    return 0;
}
