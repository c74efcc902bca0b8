/* A home with a supplier who asks the ad hoc web service, without HTTP. */
#ifndef SMKI_ADHOC_TEST_H
#define SMKI_ADHOC_TEST_H

#include "home_test.h"
#include "message_test.h"

#include "ra/service_i.h"
#include "store/store_i.h"

#include <smki/adhoc.h>
#include <smki/smki.h>

#include <lmdb.h>
#include <sys/wait.h>

#define DEVICE UINT64_C(0x90b3d51f300a0000)

struct adhoc_home {
    struct home home;
    struct smki_identity supplier;
};

static inline void identity_of(struct smki_identity *identity, uint64_t party, unsigned user_roles, unsigned subscriber)
{
    *identity = (struct smki_identity){
        .actor = {.name = "System 1", .party = party, .interface = SMKI_INTERFACE_ADHOC, .network = SMKI_NETWORK_GATEWAY},
        .user_roles = user_roles,
        .subscriber = subscriber};
}

static inline void lay(struct adhoc_home *at, const char *time, const char *config)
{
    home_lay(&at->home, time, config);
    identity_of(&at->supplier, PARTY(&at->home, "Supplier", SMKI_USER_IMPORT_SUPPLIER, SMKI_SUBSCRIBER_DEVICE), SMKI_USER_IMPORT_SUPPLIER,
                SMKI_SUBSCRIBER_DEVICE);
}

static inline void clear(struct adhoc_home *at)
{
    AUDIT_HOLDS(&at->home);
    home_clear(&at->home);
}

/* The device has a certificate: the portal gave it. */
static inline void PORTAL(struct adhoc_home *at, const struct request *request)
{
    static struct smki_stored_certificate out;
    struct smki_actor actor = at->supplier.actor;
    struct smki_error err = {0};

    actor.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    ASSERT_OK(smki_service_issue(at->home.service, &actor, SMKI_PROFILE_DEVICE, BYTES(request->der, request->size), &out, &err), err);
}

static inline void document(struct smki_buffer *out, const char *ref, struct smki_bytes der)
{
    struct smki_error err = {0};
    char text[2 * REQUEST_MAX];

    base64_encode(text, der.at, der.size);
    ASSERT_OK(smki_buffer_printf(out, &err,
                                 "<DeviceCertificateSigningRequest ID=\"%s\"><Version>1.0</Version>"
                                 "<CertificateSigningRequest>%.*s</CertificateSigningRequest></DeviceCertificateSigningRequest>",
                                 ref, (int)base64_encoded_size(der.size), text),
              err);
}

static inline int admit_text(struct adhoc_home *at, struct smki_adhoc *adhoc, const char *text, struct smki_error *err)
{
    return smki_adhoc_admit(adhoc, at->home.service, &at->supplier, BYTES(text, strlen(text)), err);
}

static inline int admit_request(struct adhoc_home *at, struct smki_adhoc *adhoc, const struct request *request, struct smki_error *err)
{
    struct smki_buffer text = {0};
    int rc;

    document(&text, "r-1", BYTES(request->der, request->size));
    rc = smki_adhoc_admit(adhoc, at->home.service, &at->supplier, BYTES(text.at, text.size), err);
    smki_buffer_finish(&text);
    return rc;
}

static inline int request_whole(struct adhoc_home *at, struct smki_adhoc *adhoc, const struct request *request, struct smki_error *err)
{
    struct smki_buffer text = {0};
    int rc;

    document(&text, "r-1", BYTES(request->der, request->size));
    rc = smki_adhoc_request(adhoc, at->home.service, &at->supplier, BYTES(text.at, text.size), err);
    smki_buffer_finish(&text);
    return rc;
}

/* Both steps, far enough from the one before: at once, as the server does. */
static inline int ask(struct adhoc_home *at, struct smki_adhoc *adhoc, const struct request *request, struct smki_error *err)
{
    test_clock_advance(&at->home.clock, 4 * SMKI_SECOND);
    return request_whole(at, adhoc, request, err);
}

static inline bool says(const struct smki_buffer *xml, const char *part)
{
    return memmem(xml->at, xml->size, part, strlen(part)) != NULL;
}

/* The answer is valid by the schema and has this status and code; it is finished. */
static inline void EXPECT_ANSWER(struct smki_adhoc *adhoc, const char *status, const char *code)
{
    char part[128];

    assert_true(xmllint_accepts_document(BYTES(adhoc->xml.at, adhoc->xml.size), "adhoc-1.0.xsd"));
    snprintf(part, sizeof(part), "<Build>%s</Build><TransactionId>%llu</TransactionId><Status>%s</Status>%s%s%s", smki_version(),
             (unsigned long long)adhoc->transaction, status, code != NULL ? "<Error><ErrorCode>" : "", code != NULL ? code : "",
             code != NULL ? "</ErrorCode>" : "");
    if (!says(&adhoc->xml, part))
        fail_msg("\"%s\" is not in\n%.*s", part, (int)adhoc->xml.size, (const char *)adhoc->xml.at);
    smki_adhoc_finish(adhoc);
}

/* How many records of this act and outcome name the transaction. */
static inline unsigned recorded(struct adhoc_home *at, uint64_t transaction, enum smki_act act, int outcome)
{
    struct smki_audit_record record = {.sequence = 0};
    struct smki_error err = {0};
    unsigned count = 0;

    while (smki_audit_find(smki_service_store(at->home.service), record.sequence + 1, &record, &err) == 0)
        count += record.act == act && record.subject == transaction && record.actor.interface == SMKI_INTERFACE_ADHOC &&
                 record.index == 0 && record.outcome == outcome && record.party == at->supplier.actor.party;
    return count;
}

/* The number of the store's last transaction, as another process reads it: LMDB is opened once in a process. */
static inline size_t last_transaction(const struct adhoc_home *at)
{
    char folder[TEST_PATH_SIZE];
    size_t number = 0;
    int ends[2], status;
    pid_t child;

    test_path(folder, at->home.path, SMKI_HOME_STORE);
    assert_int_equal(pipe(ends), 0);
    if ((child = fork()) == 0) {
        MDB_env *env;
        MDB_envinfo info;

        if (mdb_env_create(&env) != 0 || mdb_env_open(env, folder, MDB_RDONLY, 0600) != 0 || mdb_env_info(env, &info) != 0 ||
            write(ends[1], &info.me_last_txnid, sizeof(info.me_last_txnid)) != sizeof(info.me_last_txnid))
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number));
    close(ends[0]);
    close(ends[1]);
    return number;
}

#endif
