/* A request in, a certificate out, with nothing but libsmki: the way every certificate of the service is made.
 *
 *   cc issue.c $(pkg-config --cflags --libs libsmki) -o issue
 *   ./issue FOLDER REQUEST        REQUEST is a Device CSR: PEM, DER or bare base64
 *
 * Makes a root Z8 and an issuing CA Z9 in FOLDER (a new one each time: keys are never written over) and prints the certificate as PEM. */
#include <smki/issue.h>
#include <smki/smki.h>

#include <stdio.h>
#include <stdlib.h>

#define POLICY    "1.2.826.0.1.8641679.1.2.1.4" /* of the test environment */
#define PATH_SIZE 4096

static int read_file(struct smki_buffer *out, const char *path, struct smki_error *err)
{
    int rc = SMKI_IO;
    char block[4096];
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return rc;
    out->max = SMKI_CSR_MAX_SIZE * 2;
    for (size_t size; (size = fread(block, 1, sizeof(block), file)) > 0;)
        if ((rc = smki_buffer_append(out, block, size, err)) != 0)
            break;
    fclose(file);
    return rc;
}

/* Serial numbers are positive, have at most 16 octets, and at least 64 bits of them cannot be foreseen. */
static int new_serial(struct smki_serial *serial)
{
    serial->size = SMKI_SERIAL_SIZE;
    int rc = smki_random_system.fill(smki_random_system.context, serial->octet, serial->size);
    serial->octet[0] = (uint8_t)(0x40 | (serial->octet[0] & 0x3f));
    return rc;
}

static int write_file(const char *path, const struct smki_buffer *buffer)
{
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(buffer->at, 1, buffer->size, file) == buffer->size;

    if (file != NULL && fclose(file) != 0)
        ok = false;
    return ok ? 0 : SMKI_IO;
}

/* Makes a CA below `issuer` (NULL: a root), its certificate and key in FOLDER/NAME.pem and .key, and opens it. */
static int make_ca(struct smki_ca **out, const char *folder, const char *name, const struct smki_ca *issuer, struct smki_error *err)
{
    int rc;
    char certificate[PATH_SIZE], private_key[PATH_SIZE];
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    size_t size = 0;
    struct smki_buffer pem = {0};
    struct smki_key *key = NULL;
    struct smki_ca_request request = {
        .kind = issuer == NULL ? SMKI_CA_ROOT : SMKI_CA_ISSUING, .common_name = name, .policy_oid = POLICY, .issuer = issuer};
    const struct smki_ca_options options = {.certificate_path = certificate, .key_path = private_key, .policy_oid = POLICY};

    snprintf(certificate, PATH_SIZE, "%s/%s.pem", folder, name);
    snprintf(private_key, PATH_SIZE, "%s/%s.key", folder, name);
    request.not_before = smki_clock_system.now(smki_clock_system.context);
    if ((rc = new_serial(&request.serial)) != 0 || (rc = smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, err)) != 0)
        goto out;
    request.key = key;
    if ((rc = smki_ca_certificate_make(der, &size, &request, err)) == 0 &&
        (rc = smki_pem_encode(&pem, "CERTIFICATE", (struct smki_bytes){der, size}, err)) == 0 &&
        (rc = write_file(certificate, &pem)) == 0 && (rc = smki_key_save(key, private_key, NULL, err)) == 0)
        rc = smki_ca_open(out, &options, err);
out:
    smki_key_close(key);
    smki_buffer_finish(&pem);
    return rc;
}

/* Reads the request, verifies that it is signed with its own key, and makes the certificate: a draft that lint has passed, then the
 * signature. */
static int issue(struct smki_buffer *pem, const struct smki_ca *ca, struct smki_bytes request, struct smki_error *err)
{
    int rc;
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    size_t size = 0;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_serial serial = {0};
    const struct smki_time now = smki_clock_system.now(smki_clock_system.context);

    if ((rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, request, err)) != 0 || (rc = smki_csr_verify(&csr, err)) != 0 ||
        (rc = new_serial(&serial)) != 0 || (rc = smki_prepare(&draft, ca, &csr, &serial, now, err)) != 0 ||
        (rc = smki_issue(der, &size, &draft, SMKI_PROOF_SIGNATURE, err)) != 0)
        return rc;
    return smki_pem_encode(pem, "CERTIFICATE", (struct smki_bytes){der, size}, err);
}

int main(int argc, char **argv)
{
    int rc;
    char label[64];
    struct smki_error err = {0};
    struct smki_buffer file = {0}, request = {0}, pem = {0};
    struct smki_ca *root = NULL, *ca = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: issue FOLDER REQUEST (libsmki %s)\n", smki_version());
        return 2;
    }
    if ((rc = read_file(&file, argv[2], &err)) == 0 && (rc = make_ca(&root, argv[1], "Z8", NULL, &err)) == 0 &&
        (rc = make_ca(&ca, argv[1], "Z9", root, &err)) == 0 &&
        (rc = smki_pem_decode(&request, label, (struct smki_bytes){file.at, file.size}, &err)) == 0 &&
        (rc = issue(&pem, ca, (struct smki_bytes){request.at, request.size}, &err)) == 0)
        fwrite(pem.at, 1, pem.size, stdout);
    else
        fprintf(stderr, "%s: %s\n", smki_refusal_find(rc)->name, err.text[0] != '\0' ? err.text : smki_refusal_find(rc)->text);
    smki_ca_close(ca);
    smki_ca_close(root);
    smki_buffer_finish(&pem);
    smki_buffer_finish(&request);
    smki_buffer_finish(&file);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
