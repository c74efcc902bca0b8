/* A request in, a certificate out, with nothing but libsmki: a home is opened (and made, when there is none), and issues as every program
 * of the service does: the request is read and verified, policy decides, the serial number is reserved, the certificate signed, stored and
 * recorded in the audit log.
 *
 *   cc issue_one.c $(pkg-config --cflags --libs libsmki) -o issue_one
 *   ./issue_one HOME REQUEST        REQUEST is a Device CSR: PEM, DER or bare base64
 *
 * Prints the certificate as PEM. For the steps below a home, see smki/issue.h: a draft that lint has passed, then the signature. */
#include <smki/service.h>
#include <smki/smki.h>

#include <stdio.h>
#include <stdlib.h>

#define PARTY_EUI "90-B3-D5-1F-30-00-00-01"

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

/* Opens the home; makes one first when nothing is there: a test PKI, and a Party that may have Device Certificates. */
static int open_home(struct smki_service **out, const char *home, const struct smki_actor *actor, struct smki_error *err)
{
    static const struct smki_service_options defaults = {0};
    struct smki_party party = {
        .name = "Example Energy", .eui_count = 1, .roles = {0x02}, .role_count = 1, .subscriber = SMKI_SUBSCRIBER_DEVICE};
    int rc = smki_service_open(out, home, &defaults, err);

    if (rc != SMKI_HOME_MISSING)
        return rc;
    if ((rc = smki_service_create(home, &defaults, err)) != 0 || (rc = smki_service_open(out, home, &defaults, err)) != 0 ||
        (rc = smki_device_id_parse(&party.euis[0], PARTY_EUI, err)) != 0)
        return rc;
    return smki_party_add(smki_service_store(*out), actor, &party, err);
}

/* For Party 1, the one that open_home registered. */
static int issue(struct smki_buffer *pem, struct smki_service *service, const struct smki_actor *actor, const char *path,
                 struct smki_error *err)
{
    char label[64];
    struct smki_buffer file = {0}, request = {0};
    struct smki_stored_certificate issued;
    struct smki_actor for_party = *actor;
    int rc;

    for_party.party = 1;
    if ((rc = read_file(&file, path, err)) == 0 &&
        (rc = smki_pem_decode(&request, label, (struct smki_bytes){file.at, file.size}, err)) == 0 &&
        (rc = smki_service_issue(service, &for_party, SMKI_PROFILE_DEVICE, (struct smki_bytes){request.at, request.size}, &issued, err)) ==
            0)
        rc = smki_pem_encode(pem, "CERTIFICATE", (struct smki_bytes){issued.der, issued.size}, err);
    smki_buffer_finish(&request);
    smki_buffer_finish(&file);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct smki_actor actor = {.name = "issue_one", .interface = SMKI_INTERFACE_OPERATOR, .network = SMKI_NETWORK_LOCAL};
    struct smki_service *service = NULL;
    struct smki_error err = {0};
    struct smki_buffer pem = {0};
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: issue_one HOME REQUEST (libsmki %s)\n", smki_version());
        return 2;
    }
    if ((rc = open_home(&service, argv[1], &actor, &err)) == 0 && (rc = issue(&pem, service, &actor, argv[2], &err)) == 0)
        fwrite(pem.at, 1, pem.size, stdout);
    else
        fprintf(stderr, "%s: %s\n", smki_refusal_find(rc)->name, err.text[0] != '\0' ? err.text : smki_refusal_find(rc)->text);
    smki_buffer_finish(&pem);
    smki_service_close(service);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
