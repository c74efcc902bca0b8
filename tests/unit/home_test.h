/* A home to test in: made once, and laid anew for each test with the clock that the test moves. Verbs for what officers, makers and
 * operators do with it. */
#ifndef HOME_TEST_H
#define HOME_TEST_H

#include "smki_test.h"

#include "requests.h"

#include "base/base_i.h"

#include <smki/service.h>

struct home {
    char path[TEST_PATH_SIZE];
    struct test_clock clock;
    struct test_random random;
    struct smki_service *service;
    struct smki_actor operator, maker; /* the maker is Party 1 */
};

static char mould_folder[TEST_PATH_SIZE], mould_home[TEST_PATH_SIZE];

/* The home that all others are laid from: made when the group begins. */
static inline int mould_make(void **state)
{
    struct smki_error err = {0};

    (void)state;
    test_folder_make(mould_folder);
    test_path(mould_home, mould_folder, "home");
    ASSERT_OK(smki_service_create(mould_home, NULL, &err), err);
    return 0;
}

static inline int mould_remove(void **state)
{
    (void)state;
    test_folder_remove(mould_folder);
    return 0;
}

static inline uint64_t PARTY(struct home *home, const char *name, unsigned user_roles, unsigned subscriber)
{
    struct smki_party party = {.roles = {2}, .role_count = 1, .user_roles = user_roles, .subscriber = subscriber, .eui_count = 1};
    struct smki_error err = {0};

    snprintf(party.name, sizeof(party.name), "%s", name);
    memset(party.euis[0].octet, 0x70, 8);
    memcpy(party.euis[0].octet, name, strnlen(name, 7));
    ASSERT_OK(smki_party_add(smki_service_store(home->service), &home->operator, & party, &err), err);
    return party.number;
}

static inline void home_open(struct home *home)
{
    const struct smki_clock clock = test_clock_of(&home->clock);
    const struct smki_random random = test_random_of(&home->random);
    const struct smki_service_options options = {.clock = &clock, .random = &random};
    struct smki_error err = {0};

    ASSERT_OK(smki_service_open(&home->service, home->path, &options, &err), err);
}

/* A fresh home at the UK time `at`, with `config` as its configuration file and one Party. */
static inline void home_lay(struct home *home, const char *at, const char *config)
{
    char path[TEST_PATH_SIZE];
    struct smki_error err = {0};

    *home = (struct home){.random = {.state = 7}, .operator= {.name = "test", .interface = SMKI_INTERFACE_OPERATOR} };
    test_clock_set(&home->clock, AT(at));
    test_folder_make(home->path);
    ASSERT_OK(smki_service_restore(mould_home, home->path, NULL, &err), err);
    test_path(path, home->path, SMKI_HOME_CONFIG);
    test_write(path, config, strlen(config));
    home_open(home);
    home->maker = home->operator;
    home->maker.party = PARTY(home, "Maker", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
}

static inline void home_clear(struct home *home)
{
    smki_service_close(home->service);
    test_folder_remove(home->path);
}

/* A source of randomness that sets the clock to `to` when chunk number `after` of one CSR has been loaded. No run has more than four chunks
 * in hand with two workers, so some are done then, and of more than eight after it some are not begun. */
struct jump {
    struct test_clock *clock;
    struct smki_time to;
    uint32_t after;
    _Atomic uint32_t loaded;
};

static inline int random_that_jumps(void *context, void *out, size_t size)
{
    struct jump *jump = context;

    if (size == 8 && atomic_fetch_add(&jump->loaded, 1) + 1 == jump->after && /* what a serial has of chance */
        test_clock_now(jump->clock).us < jump->to.us)
        test_clock_set(jump->clock, jump->to);
    return smki_random_system.fill(smki_random_system.context, out, size);
}

static inline void NOW(struct home *home, const char *at)
{
    test_clock_set(&home->clock, AT(at));
}

/* A batch document of these requests. */
static inline void document_of(struct smki_buffer *out, const struct request *requests, size_t count)
{
    struct smki_error err = {0};
    char text[2 * REQUEST_MAX];

    ASSERT_OK(smki_buffer_printf(out, &err, "<SubmitCSRBatch ID=\"t\"><Version>1.0</Version>"), err);
    for (size_t i = 0; i < count; i++) {
        base64_encode(text, requests[i].der, requests[i].size);
        ASSERT_OK(smki_buffer_printf(out, &err, "<DeviceCSR ID=\"m%zu\">%.*s</DeviceCSR>", i + 1,
                                     (int)base64_encoded_size(requests[i].size), text),
                  err);
    }
    ASSERT_OK(smki_buffer_printf(out, &err, "</SubmitCSRBatch>"), err);
}

/* Submits as `actor`'s Party through the interface given; the web service's rules for BATCH, the portal's for PORTAL_DEVICE. */
static inline uint64_t SUBMIT_AS(struct home *home, const struct smki_actor *actor, enum smki_interface interface,
                                 const struct request *requests, size_t count)
{
    struct smki_actor as = *actor;
    struct smki_submission *submission;
    struct smki_buffer document = {0};
    struct smki_batch batch;
    struct smki_error err = {0};

    as.interface = interface;
    document_of(&document, requests, count);
    ASSERT_OK(smki_submission_open(&submission, home->service, &as, SMKI_BATCH_XML, NULL, &err), err);
    ASSERT_OK(smki_submission_feed(submission, (struct smki_bytes){document.at, document.size}, &err), err);
    ASSERT_OK(smki_submission_finish(submission, &batch, NULL, &err), err);
    smki_submission_close(submission);
    smki_buffer_finish(&document);
    return batch.id;
}

static inline uint64_t SUBMIT(struct home *home, const struct request *requests, size_t count)
{
    return SUBMIT_AS(home, &home->maker, SMKI_INTERFACE_BATCH, requests, count);
}

/* A credential for a system of this Party, whose name is `organisation`; its number. */
static inline uint64_t CREDENTIAL(struct home *home, uint64_t party, const char *organisation, enum smki_interface interface)
{
    static struct smki_stored_certificate certificate;
    struct smki_credential credential = {.party = party, .interface = interface};
    struct smki_buffer csr = {0};
    struct smki_error err = {0};
    char command[4 * TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    snprintf(command, sizeof(command),
             "cd '%s' && printf '[req]\\ndistinguished_name=dn\\nprompt=no\\nreq_extensions=v3\\n[dn]\\nO=%s\\nOU=02\\nCN=System 1\\n"
             "[v3]\\nkeyUsage=critical,digitalSignature\\n' >iki.cnf && openssl req -new -newkey rsa:2048 -nodes -keyout iki.key "
             "-config iki.cnf -sha256 -outform der -out iki.csr 2>iki.log",
             home->path, organisation);
    assert_int_equal(system(command), 0);
    test_read(&csr, test_path(path, home->path, "iki.csr"));
    ASSERT_OK(smki_service_credential_issue(home->service, &home->operator,(struct smki_bytes){csr.at, csr.size}, &credential, &certificate,
                                            &err),
              err);
    smki_buffer_finish(&csr);
    return credential.number;
}

static inline void CREDENTIAL_IS(struct home *home, uint64_t number, enum smki_credential_state state)
{
    struct smki_error err = {0};

    ASSERT_OK(smki_credential_set_state(smki_service_store(home->service), &home->operator, number, state, &err), err);
}

static inline int run_once(struct home *home, bool ignore_window, struct smki_error *err)
{
    const struct smki_run_options options = {.ignore_window = ignore_window, .workers = 2};

    return smki_batch_run(home->service, &home->operator, & options, NULL, err);
}

static inline void RUN(struct home *home)
{
    struct smki_error err = {0};

    ASSERT_OK(run_once(home, false, &err), err);
}

static inline struct smki_batch BATCH(struct home *home, uint64_t id) {
    struct smki_batch batch;
    struct smki_error err = {0};

    ASSERT_OK(smki_batch_find(home->service, id, &batch, &err), err);
    return batch;
}

#define EXPECT_STATE(home, id, word) assert_string_equal(smki_batch_state_word(BATCH((home), (id)).state), (word))

/* The report's line on CSR `ref` of a completed batch, as "success" or "error CR:9999". */
static inline const char *
FATE(struct home *home, uint64_t id, const char *ref)
{
    static char fate[64];
    char path[TEST_PATH_SIZE], wanted[64], *line, *code;
    struct smki_buffer report = {0};
    struct smki_error err = {0};

    test_path(path, home->path, "report.txt");
    ASSERT_OK(smki_batch_result(home->service, &home->operator, id, SMKI_RESULT_TXT, path, true, &err), err);
    test_read(&report, path);
    ASSERT_OK(smki_buffer_append(&report, "", 1, &err), err);
    snprintf(wanted, sizeof(wanted), "%s,,", ref);
    line = strstr((char *)report.at, wanted);
    assert_non_null(line);
    line += strlen(wanted);
    code = strchr(line, ',');
    assert_non_null(code);
    snprintf(fate, sizeof(fate), "%.*s%s%.*s", (int)(code - line), line, code[1] == ',' ? "" : " ", (int)strcspn(code + 1, ","), code + 1);
    smki_buffer_finish(&report);
    return fate;
}

static inline void AUDIT_HOLDS(struct home *home)
{
    struct smki_audit_report report;
    struct smki_error err = {0};

    ASSERT_OK(smki_audit_verify(&report, smki_service_store(home->service), smki_key_public(smki_service_audit_key(home->service)), NULL,
                                NULL, &err),
              err);
}

#endif
