/* IKI authentication (IDS App. G; interfaces.md 3): who gets in with which certificate, every refusal, and what is recorded of these. */
#include "home_test.h"

#include "ra/access_i.h"

#include <sys/wait.h>

#define WHEN "2026-11-23T14:00"

/* One certificate, and the credential that it is of. */
struct holder {
    struct smki_stored_certificate certificate;
    struct smki_credential credential;
};

static char key_path[TEST_PATH_SIZE]; /* one RSA key for all requests: making one takes time */

/* Runs this in the home's folder with $KEY for the key. */
static void shell(struct home *home, const char *command)
{
    char line[8 * TEST_PATH_SIZE];

    snprintf(line, sizeof(line), "cd '%s' && KEY='%s' && { %s; } >shell.log 2>&1", home->path, key_path, command);
    if (system(line) != 0)
        fail_msg("this failed, see %s/shell.log: %s", home->path, command);
}

static int group_begin(void **state)
{
    char line[2 * TEST_PATH_SIZE];
    int rc = mould_make(state);

    test_path(key_path, mould_folder, "iki.key");
    snprintf(line, sizeof(line), "openssl genrsa -out '%s' 2048 2>/dev/null", key_path);
    return rc != 0 ? rc : system(line);
}

/* ---- credentials ---- */

static void request_write(struct home *home, const char *organisation, const char *name)
{
    char command[1500];

    snprintf(command, sizeof(command),
             "printf '[req]\\ndistinguished_name=dn\\nprompt=no\\nreq_extensions=v3\\n[dn]\\nO=%s\\nOU=02\\nCN=%s\\n"
             "[v3]\\nkeyUsage=critical,digitalSignature\\n' >iki.cnf; "
             "openssl req -new -key $KEY -config iki.cnf -sha256 -outform der -out iki.csr",
             organisation, name);
    shell(home, command);
}

static void ISSUE(struct home *home, struct holder *out, const char *name, enum smki_interface interface, uint64_t officer)
{
    struct smki_buffer csr = {0};
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    request_write(home, "Maker", name);
    test_read(&csr, test_path(path, home->path, "iki.csr"));
    out->credential = (struct smki_credential){.party = home->maker.party, .interface = interface, .officer = officer};
    ASSERT_OK(smki_service_credential_issue(home->service, &home->operator,(struct smki_bytes){csr.at, csr.size}, &out->credential,
                                            &out->certificate, &err),
              err);
    smki_buffer_finish(&csr);
}

static uint64_t OFFICER(struct home *home)
{
    struct smki_officer officer = {.party = home->maker.party, .name = "Ada", .email = "ada@maker.example"};
    struct smki_store *store = smki_service_store(home->service);
    struct smki_error err = {0};

    ASSERT_OK(smki_officer_nominate(store, &home->operator, & officer, &err), err);
    ASSERT_OK(smki_officer_set_state(store, &home->operator, officer.number, SMKI_OFFICER_VERIFIED, &err), err);
    return officer.number;
}

static struct smki_bytes der_of(const struct holder *holder)
{
    return BYTES(holder->certificate.der, holder->certificate.size);
}

static void set_credential(struct home *home, const struct holder *holder, enum smki_credential_state state)
{
    struct smki_error err = {0};

    ASSERT_OK(smki_credential_set_state(smki_service_store(home->service), &home->operator, holder->credential.number, state, &err), err);
}

static void set_party(struct home *home, bool barred, bool gateway_only)
{
    struct smki_store *store = smki_service_store(home->service);
    struct smki_party party;
    struct smki_error err = {0};

    ASSERT_OK(smki_party_find(store, home->maker.party, &party, &err), err);
    party.barred = barred;
    party.gateway_only = gateway_only;
    ASSERT_OK(smki_party_update(store, &home->operator, & party, &err), err);
}

/* ---- getting in ---- */

static int come(struct home *home, struct smki_bytes certificate, enum smki_interface interface, enum smki_network network,
                struct smki_error *err)
{
    struct smki_identity identity;

    return smki_iki_authenticate(home->service, certificate, interface, network, &identity, err);
}

/* By the gateway, to the batch web service. */
static int come_to_batch(struct home *home, const struct holder *holder, struct smki_error *err)
{
    return come(home, der_of(holder), SMKI_INTERFACE_BATCH, SMKI_NETWORK_GATEWAY, err);
}

#define GETS_IN(home, holder)                                                                                                              \
    do {                                                                                                                                   \
        struct smki_error why = {0};                                                                                                       \
        ASSERT_OK(come_to_batch((home), (holder), &why), why);                                                                             \
    } while (0)

#define IS_REFUSED(home, holder, code, part)                                                                                               \
    do {                                                                                                                                   \
        struct smki_error why = {0};                                                                                                       \
        EXPECT_REFUSED((code), come_to_batch((home), (holder), &why), why);                                                                \
        EXPECT_TEXT(why, (part));                                                                                                          \
    } while (0)

static void who_holds_an_active_credential_is_known_by_it(void **state)
{
    static struct holder holder;
    struct home home;
    struct smki_identity identity;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    ASSERT_OK(smki_iki_authenticate(home.service, der_of(&holder), SMKI_INTERFACE_BATCH, SMKI_NETWORK_INTERNET, &identity, &err), err);
    assert_string_equal(identity.actor.name, "plant-7");
    assert_int_equal(identity.actor.party, home.maker.party);
    assert_int_equal(identity.actor.credential, holder.credential.number);
    assert_int_equal(identity.actor.interface, SMKI_INTERFACE_BATCH);
    assert_int_equal(identity.actor.network, SMKI_NETWORK_INTERNET);
    assert_int_equal(identity.user_roles, SMKI_USER_OTHER);
    assert_int_equal(identity.subscriber, SMKI_SUBSCRIBER_DEVICE);
    assert_int_equal(identity.officer, 0);
    assert_int_equal(identity.expires_at.us, holder.credential.expires_at.us);
    assert_string_equal(identity.party_name, "Maker");
    home_clear(&home);
}

static void without_a_certificate_nobody_gets_in(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    EXPECT_REFUSED(SMKI_IKI_MISSING, come(&home, (struct smki_bytes){0}, SMKI_INTERFACE_BATCH, SMKI_NETWORK_GATEWAY, &err), err);
    home_clear(&home);
}

static void what_is_no_certificate_is_refused(void **state)
{
    static uint8_t large[SMKI_CERTIFICATE_MAX_SIZE + 1];
    static struct holder holder;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    EXPECT_REFUSED(SMKI_IKI_FOREIGN, come(&home, BYTES("0", 1), SMKI_INTERFACE_BATCH, SMKI_NETWORK_GATEWAY, &err), err);
    EXPECT_REFUSED(SMKI_IKI_FOREIGN, come(&home, BYTES(large, sizeof(large)), SMKI_INTERFACE_BATCH, SMKI_NETWORK_GATEWAY, &err), err);
    GETS_IN(&home, &holder);
    holder.certificate.der[holder.certificate.size - 1] ^= 1; /* in its signature */
    IS_REFUSED(&home, &holder, SMKI_IKI_FOREIGN, "does not verify");
    home_clear(&home);
}

/* A certificate made by openssl with this CA, as DER in <home>/leaf.der. */
static void leaf_read(struct home *home, struct holder *out)
{
    struct smki_buffer der = {0};
    char path[TEST_PATH_SIZE];

    test_read(&der, test_path(path, home->path, "leaf.der"));
    assert_in_range(der.size, 1, sizeof(out->certificate.der));
    memcpy(out->certificate.der, der.at, der.size);
    out->certificate.size = der.size;
    smki_buffer_finish(&der);
}

static void a_ca_that_takes_the_ikicas_name_is_not_the_ikica(void **state)
{
    static struct holder holder;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    request_write(&home, "Maker", "plant-7");
    shell(&home,
          "printf '[req]\\ndistinguished_name=dn\\nprompt=no\\nstring_mask=nombstr\\nx509_extensions=v3\\n[dn]\\nOU=07\\nCN=IKI1\\n"
          "[v3]\\nbasicConstraints=critical,CA:TRUE\\n' >ca.cnf; openssl req -x509 -newkey rsa:2048 -nodes -config ca.cnf -days 3650 "
          "-keyout ca.key -out ca.pem; openssl x509 -req -inform der -in iki.csr -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 "
          "-extfile iki.cnf -extensions v3 -days 3650 -outform der -out leaf.der");
    leaf_read(&home, &holder);
    IS_REFUSED(&home, &holder, SMKI_IKI_FOREIGN, "does not verify under the issuer's key");
    home_clear(&home);
}

static void a_device_certificate_is_no_iki_certificate(void **state)
{
    static struct holder holder;
    struct request *requests = requests_make(1, UINT64_C(0x90b3d51f30090000));
    struct smki_actor portal;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    assert_non_null(requests);
    home_lay(&home, WHEN, "{}");
    portal = home.maker;
    portal.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    ASSERT_OK(
        smki_service_issue(home.service, &portal, SMKI_PROFILE_DEVICE, BYTES(requests[0].der, requests[0].size), &holder.certificate, &err),
        err);
    IS_REFUSED(&home, &holder, SMKI_IKI_FOREIGN, "not the subject of the CA certificate");
    free(requests);
    home_clear(&home);
}

static void what_the_ikica_signed_and_nobody_registered_is_refused(void **state)
{
    static struct holder holder;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    request_write(&home, "Maker", "plant-7");
    shell(&home, "openssl x509 -req -inform der -in iki.csr -CA ca/ikica.pem -CAkey keys/ikica.key -set_serial 77 -sha256 -days 3650 "
                 "-extfile iki.cnf -extensions v3 -outform der -out leaf.der");
    leaf_read(&home, &holder);
    test_clock_set(&home.clock, smki_clock_system.now(smki_clock_system.context)); /* openssl makes it valid from now on */
    IS_REFUSED(&home, &holder, SMKI_IKI_UNREGISTERED, "no credential here is registered with it");
    home_clear(&home);
}

static void the_dates_are_looked_at_each_time(void **state)
{
    static struct holder holder;
    struct home home;
    struct smki_time end;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    end = holder.credential.expires_at;
    GETS_IN(&home, &holder);
    test_clock_set(&home.clock, (struct smki_time){AT(WHEN).us - 1});
    IS_REFUSED(&home, &holder, SMKI_IKI_DATES, "is not valid before 2026-11-23 14:00 GMT");
    test_clock_set(&home.clock, AT(WHEN));
    GETS_IN(&home, &holder);
    test_clock_set(&home.clock, end);
    GETS_IN(&home, &holder);
    test_clock_set(&home.clock, (struct smki_time){end.us + 1});
    IS_REFUSED(&home, &holder, SMKI_IKI_DATES, "expired at");
    home_clear(&home);
}

static void a_suspended_credential_is_refused_until_it_is_resumed(void **state)
{
    static struct holder holder;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    GETS_IN(&home, &holder);
    set_credential(&home, &holder, SMKI_CREDENTIAL_SUSPENDED);
    IS_REFUSED(&home, &holder, SMKI_IKI_SUSPENDED, "credential 1 (\"plant-7\") of Party 1 is suspended");
    set_credential(&home, &holder, SMKI_CREDENTIAL_ACTIVE);
    GETS_IN(&home, &holder);
    home_clear(&home);
}

static void a_revoked_credential_is_refused(void **state)
{
    static struct holder holder;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    GETS_IN(&home, &holder);
    set_credential(&home, &holder, SMKI_CREDENTIAL_REVOKED);
    IS_REFUSED(&home, &holder, SMKI_IKI_REVOKED, "credential 1 (\"plant-7\") of Party 1 is revoked");
    home_clear(&home);
}

static void whose_certificate_is_revoked_is_refused(void **state)
{
    static struct holder holder;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    GETS_IN(&home, &holder);
    ASSERT_OK(smki_service_revoke(home.service, &home.operator, & holder.credential.serial, 1, &err), err);
    IS_REFUSED(&home, &holder, SMKI_IKI_REVOKED, "is revoked");
    home_clear(&home);
}

static void a_credential_opens_its_own_interface_only(void **state)
{
    static const enum smki_interface others[] = {SMKI_INTERFACE_ADHOC, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_INTERFACE_PORTAL_ORGANISATION,
                                                 SMKI_INTERFACE_OPERATOR};
    static struct holder holder;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        EXPECT_REFUSED(SMKI_IKI_INTERFACE, come(&home, der_of(&holder), others[i], SMKI_NETWORK_GATEWAY, &err), err);
        EXPECT_TEXT(err, "is for batch, not for");
    }
    GETS_IN(&home, &holder);
    home_clear(&home);
}

static void a_barred_party_is_refused(void **state)
{
    static struct holder holder;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    GETS_IN(&home, &holder);
    set_party(&home, true, false);
    IS_REFUSED(&home, &holder, SMKI_PARTY_BARRED, "Party 1 (Maker) is barred");
    set_party(&home, false, false);
    GETS_IN(&home, &holder);
    home_clear(&home);
}

static void a_party_of_the_gateway_does_not_come_by_the_internet(void **state)
{
    static struct holder holder;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    ASSERT_OK(come(&home, der_of(&holder), SMKI_INTERFACE_BATCH, SMKI_NETWORK_INTERNET, &err), err);
    set_party(&home, false, true);
    EXPECT_REFUSED(SMKI_IKI_NETWORK, come(&home, der_of(&holder), SMKI_INTERFACE_BATCH, SMKI_NETWORK_INTERNET, &err), err);
    EXPECT_TEXT(err, "Gateway Connection only");
    GETS_IN(&home, &holder);
    home_clear(&home);
}

static void an_officer_gets_in_while_he_is_verified(void **state)
{
    static struct holder holder;
    struct home home;
    struct smki_identity identity;
    uint64_t officer;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    officer = OFFICER(&home);
    ISSUE(&home, &holder, "Ada", SMKI_INTERFACE_PORTAL_DEVICE, officer);
    ASSERT_OK(smki_iki_authenticate(home.service, der_of(&holder), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &identity, &err),
              err);
    assert_int_equal(identity.officer, officer);
    ASSERT_OK(smki_officer_set_state(smki_service_store(home.service), &home.operator, officer, SMKI_OFFICER_BARRED, &err), err);
    EXPECT_REFUSED(SMKI_OFFICER_STATE, come(&home, der_of(&holder), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    EXPECT_TEXT(err, "officer 1, who holds credential 1 (\"Ada\"), is barred");
    ASSERT_OK(smki_officer_set_state(smki_service_store(home.service), &home.operator, officer, SMKI_OFFICER_NOMINATED, &err), err);
    EXPECT_REFUSED(SMKI_OFFICER_STATE, come(&home, der_of(&holder), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    ASSERT_OK(smki_officer_set_state(smki_service_store(home.service), &home.operator, officer, SMKI_OFFICER_VERIFIED, &err), err);
    EXPECT_REFUSED(SMKI_IKI_SUSPENDED, come(&home, der_of(&holder), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    set_credential(&home, &holder, SMKI_CREDENTIAL_ACTIVE);
    ASSERT_OK(come(&home, der_of(&holder), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    home_clear(&home);
}

static void the_ikicas_key_is_not_needed(void **state)
{
    static struct holder holder;
    struct home home;
    const struct smki_ca *ca;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    smki_service_close(home.service);
    shell(&home, "rm keys/ikica.key");
    home_open(&home);
    assert_int_not_equal(smki_service_ca(home.service, SMKI_IKICA, &ca, &err), 0);
    GETS_IN(&home, &holder);
    home_clear(&home);
}

/* ---- what is kept of it ---- */

/* All places of the certificate's set are taken by others that were asked for later. */
static void a_full_set_gives_up_the_least_lately_used(void **state)
{
    static struct holder holder;
    struct standing known;
    struct home home;
    struct access *access;
    uint8_t digest[SHA256_SIZE];
    size_t set;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    access = home.service->access;
    sha256(digest, holder.certificate.der, holder.certificate.size);
    set = digest[0] % ACCESS_SETS;
    for (size_t i = 0; i < ACCESS_WAYS; i++) {
        access->standings[set][i].used = ++access->turns[set];
        access->standings[set][i].sha256[0] = digest[0];
        access->standings[set][i].sha256[1] = (uint8_t)(digest[1] + 1 + i);
    }
    assert_false(standing_recall(access, digest, &known));
    GETS_IN(&home, &holder);
    assert_true(standing_recall(access, digest, &known));
    assert_memory_equal(access->standings[set][0].sha256, digest, sizeof(digest));
    assert_int_equal(access->standings[set][1].used, 2);
    home_clear(&home);
}

static void nothing_is_kept_of_foreign_certificates(void **state)
{
    static struct holder holder;
    struct standing known;
    struct home home;
    uint8_t digest[SHA256_SIZE];

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    holder.certificate.der[holder.certificate.size - 1] ^= 1;
    IS_REFUSED(&home, &holder, SMKI_IKI_FOREIGN, "does not verify");
    sha256(digest, holder.certificate.der, holder.certificate.size);
    assert_false(standing_recall(home.service->access, digest, &known));
    home_clear(&home);
}

/* What was read of the store is used again while nothing changes: what is kept is altered here, and believed until the next commit. */
static void the_store_is_read_again_only_when_a_commit_has_changed_it(void **state)
{
    static struct holder holder;
    struct home home;
    struct access *access;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    GETS_IN(&home, &holder);
    access = home.service->access;
    for (size_t set = 0; set < ACCESS_SETS; set++)
        for (size_t i = 0; i < ACCESS_WAYS; i++)
            access->standings[set][i].barred = access->standings[set][i].used != 0;
    IS_REFUSED(&home, &holder, SMKI_PARTY_BARRED, "barred");
    IS_REFUSED(&home, &holder, SMKI_PARTY_BARRED, "barred");
    (void)PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    GETS_IN(&home, &holder);
    home_clear(&home);
}

/* ---- what another process does ---- */

struct order {
    char what;
    uint64_t number;
};

static int order_obey(struct home *home, const struct order *order)
{
    struct smki_store *store = smki_service_store(home->service);
    struct smki_error err = {0};
    struct smki_party party;

    switch (order->what) {
    case 's':
        return smki_credential_set_state(store, &home->operator, order->number, SMKI_CREDENTIAL_SUSPENDED, &err);
    case 'a':
        return smki_credential_set_state(store, &home->operator, order->number, SMKI_CREDENTIAL_ACTIVE, &err);
    case 'r':
        return smki_credential_set_state(store, &home->operator, order->number, SMKI_CREDENTIAL_REVOKED, &err);
    case 'o':
        return smki_officer_set_state(store, &home->operator, order->number, SMKI_OFFICER_BARRED, &err);
    default:
        if (smki_party_find(store, order->number, &party, &err) != 0)
            return err.code;
        party.barred = order->what == 'b';
        party.gateway_only = order->what == 'g';
        return smki_party_update(store, &home->operator, & party, &err);
    }
}

/* A process of its own that opens the home for each order, as the operator's command does. */
struct other_process {
    pid_t pid;
    int orders, answers;
};

static void other_main(struct home *home, int orders, int answers)
{
    const struct smki_clock clock = test_clock_of(&home->clock);
    const struct smki_service_options options = {.clock = &clock};
    struct smki_error err = {0};
    struct order order;

    while (read(orders, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
        int rc = smki_service_open(&home->service, home->path, &options, &err);

        if (rc == 0) {
            rc = order_obey(home, &order);
            smki_service_close(home->service);
        }
        if (write(answers, &rc, sizeof(rc)) != (ssize_t)sizeof(rc))
            break;
    }
    _exit(0);
}

/* The home is closed meanwhile: what is open does not go through a fork. */
static void other_start(struct other_process *other, struct home *home)
{
    int orders[2], answers[2];

    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(answers), 0);
    smki_service_close(home->service);
    assert_true((other->pid = fork()) >= 0);
    if (other->pid == 0) {
        close(orders[1]);
        other_main(home, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    other->orders = orders[1];
    other->answers = answers[0];
    home_open(home);
}

static void ORDER(struct other_process *other, char what, uint64_t number)
{
    const struct order order = {.what = what, .number = number};
    int rc = -1;

    assert_int_equal(write(other->orders, &order, sizeof(order)), sizeof(order));
    assert_int_equal(read(other->answers, &rc, sizeof(rc)), sizeof(rc));
    assert_int_equal(rc, 0);
}

static void other_end(struct other_process *other)
{
    int status;

    close(other->orders);
    close(other->answers);
    assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
    assert_int_equal(status, 0);
}

static void what_another_process_decides_counts_at_the_very_next_request(void **state)
{
    static struct holder system, ada;
    struct other_process other;
    struct home home;
    uint64_t officer;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, WHEN, "{}");
    officer = OFFICER(&home);
    ISSUE(&home, &system, "plant-7", SMKI_INTERFACE_BATCH, 0);
    ISSUE(&home, &ada, "Ada", SMKI_INTERFACE_PORTAL_DEVICE, officer);
    other_start(&other, &home);
    for (int i = 0; i < 3; i++) {
        GETS_IN(&home, &system);
        ORDER(&other, 's', system.credential.number);
        IS_REFUSED(&home, &system, SMKI_IKI_SUSPENDED, "suspended");
        ORDER(&other, 'a', system.credential.number);
        GETS_IN(&home, &system);
        ORDER(&other, 'b', home.maker.party);
        IS_REFUSED(&home, &system, SMKI_PARTY_BARRED, "barred");
        ORDER(&other, 'g', home.maker.party);
        EXPECT_REFUSED(SMKI_IKI_NETWORK, come(&home, der_of(&system), SMKI_INTERFACE_BATCH, SMKI_NETWORK_INTERNET, &err), err);
        ORDER(&other, 'n', home.maker.party);
        ASSERT_OK(come(&home, der_of(&system), SMKI_INTERFACE_BATCH, SMKI_NETWORK_INTERNET, &err), err);
    }
    ASSERT_OK(come(&home, der_of(&ada), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    ORDER(&other, 'o', officer);
    EXPECT_REFUSED(SMKI_OFFICER_STATE, come(&home, der_of(&ada), SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, &err), err);
    ORDER(&other, 'r', system.credential.number);
    IS_REFUSED(&home, &system, SMKI_IKI_REVOKED, "revoked");
    other_end(&other);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* ---- many threads ---- */

struct caller {
    struct home *home;
    const struct holder *holder;
    int refused, let_in;
};

static void *caller_main(void *argument)
{
    struct caller *caller = argument;
    struct smki_error err = {0};

    for (int i = 0; i < 2000; i++) {
        int rc = come_to_batch(caller->home, caller->holder, &err);

        caller->let_in += rc == 0;
        caller->refused += rc == SMKI_IKI_SUSPENDED;
    }
    return NULL;
}

/* Each is let in or refused, as the state is at the moment; once it stays suspended, none is let in any more. */
static void many_threads_are_judged_while_the_state_changes(void **state)
{
    static struct holder holder;
    struct caller callers[4];
    pthread_t threads[4];
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        callers[i] = (struct caller){.home = &home, .holder = &holder};
        assert_int_equal(pthread_create(&threads[i], NULL, caller_main, &callers[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        set_credential(&home, &holder, SMKI_CREDENTIAL_SUSPENDED);
        set_credential(&home, &holder, SMKI_CREDENTIAL_ACTIVE);
    }
    set_credential(&home, &holder, SMKI_CREDENTIAL_SUSPENDED);
    IS_REFUSED(&home, &holder, SMKI_IKI_SUSPENDED, "suspended");
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].let_in + callers[i].refused, 2000);
    }
    home_clear(&home);
}

/* ---- the record of a refusal ---- */

static void REFUSE(struct home *home, const struct holder *holder, const char *peer, const char *text)
{
    struct smki_error err = {0};

    ASSERT_OK(smki_access_refused(home->service, holder != NULL ? der_of(holder) : (struct smki_bytes){0}, SMKI_INTERFACE_BATCH,
                                  SMKI_NETWORK_GATEWAY, peer, SMKI_IKI_REVOKED, text, &err),
              err);
}

/* The number of records of this act; the newest of them into *last. */
static unsigned refusals_recorded(struct home *home, struct smki_audit_record *last)
{
    struct smki_audit_record record;
    unsigned count = 0;

    for (uint64_t sequence = 1; smki_audit_find(smki_service_store(home->service), sequence, &record, NULL) == 0; sequence++)
        if (record.act == SMKI_ACT_ACCESS_REFUSED) {
            *last = record;
            count++;
        }
    return count;
}

static void a_refusal_is_recorded_with_who_from_where_and_why(void **state)
{
    static struct holder holder;
    struct smki_audit_record record;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ISSUE(&home, &holder, "plant-7", SMKI_INTERFACE_BATCH, 0);
    REFUSE(&home, &holder, "192.0.2.7", "not known yet");
    assert_int_equal(refusals_recorded(&home, &record), 1);
    assert_int_equal(record.party, 0); /* nobody has looked whose it is */
    assert_string_equal(record.actor.name, "plant-7");
    assert_true(smki_serial_equal(&record.serial, &holder.credential.serial));
    GETS_IN(&home, &holder);
    REFUSE(&home, &holder, "192.0.2.7", "credential 1 is revoked");
    assert_int_equal(refusals_recorded(&home, &record), 2);
    assert_int_equal(record.outcome, SMKI_IKI_REVOKED);
    assert_string_equal(record.detail, "192.0.2.7: credential 1 is revoked");
    assert_int_equal(record.party, home.maker.party);
    assert_int_equal(record.actor.party, home.maker.party);
    assert_int_equal(record.subject, holder.credential.number);
    assert_int_equal(record.actor.interface, SMKI_INTERFACE_BATCH);
    assert_int_equal(record.actor.network, SMKI_NETWORK_GATEWAY);
    REFUSE(&home, NULL, "", "none was given\r\nfaked: line");
    assert_int_equal(refusals_recorded(&home, &record), 3);
    assert_string_equal(record.detail, "unknown address: none was given??faked: line");
    assert_string_equal(record.actor.name, "");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_flood_of_one_peer_is_ten_records_a_second_and_a_count(void **state)
{
    struct smki_audit_record record;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    for (int i = 0; i < 50; i++)
        REFUSE(&home, NULL, "192.0.2.1", "none");
    assert_int_equal(refusals_recorded(&home, &record), 10);
    REFUSE(&home, NULL, "192.0.2.2", "none");
    assert_int_equal(refusals_recorded(&home, &record), 11);
    assert_string_equal(record.detail, "192.0.2.2: none; 40 refusals before it were not recorded, the last of 192.0.2.1");
    test_clock_advance(&home.clock, SMKI_SECOND - 1);
    REFUSE(&home, NULL, "192.0.2.1", "none");
    assert_int_equal(refusals_recorded(&home, &record), 11);
    test_clock_advance(&home.clock, 1);
    REFUSE(&home, NULL, "192.0.2.1", "none");
    assert_int_equal(refusals_recorded(&home, &record), 12);
    assert_string_equal(record.detail, "192.0.2.1: none; 1 refusal before it was not recorded, the last of 192.0.2.1");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_flood_of_many_peers_is_a_hundred_records_a_second(void **state)
{
    struct smki_audit_record record;
    struct home home;
    char peer[32];

    (void)state;
    home_lay(&home, WHEN, "{}");
    for (unsigned i = 0; i < 600; i++) {
        snprintf(peer, sizeof(peer), "2001:db8::%x", i);
        REFUSE(&home, NULL, peer, "none");
    }
    assert_int_equal(refusals_recorded(&home, &record), 100);
    test_clock_advance(&home.clock, SMKI_SECOND);
    REFUSE(&home, NULL, "192.0.2.1", "none");
    assert_int_equal(refusals_recorded(&home, &record), 101);
    assert_non_null(strstr(record.detail, "500 refusals before it were not recorded, the last of 2001:db8::257"));
    home_clear(&home);
}

static void long_words_are_cut_and_the_count_is_not(void **state)
{
    struct smki_audit_record record;
    struct home home;
    char text[SMKI_ERROR_TEXT_SIZE], peer[200];

    (void)state;
    home_lay(&home, WHEN, "{}");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(peer, 'p', sizeof(peer) - 1);
    peer[sizeof(peer) - 1] = '\0';
    for (int i = 0; i < 12; i++)
        REFUSE(&home, NULL, peer, text);
    test_clock_advance(&home.clock, SMKI_SECOND);
    REFUSE(&home, NULL, peer, text);
    assert_int_equal(refusals_recorded(&home, &record), 11);
    assert_int_equal(strlen(record.detail), SMKI_AUDIT_DETAIL_SIZE - 1);
    assert_non_null(strstr(record.detail, "; 2 refusals before it were not recorded, the last of ppp"));
    home_clear(&home);
}

/* A minute of random refusals: in no second are there more records than allowed, and every refusal is recorded or told of. */
static void every_refusal_is_recorded_or_counted(void **state)
{
    struct test_random random = {.state = 3};
    struct smki_audit_record record;
    struct home home;
    int64_t of_all[2000], of_peer[4][2000];
    size_t all = 0, peers[4] = {0};
    uint64_t told = 0;
    char peer[32];

    (void)state;
    home_lay(&home, WHEN, "{}");
    for (int i = 0; i < 1500; i++) {
        test_clock_advance(&home.clock, test_random_below(&random, 20) == 0 ? test_random_below(&random, SMKI_SECOND) : 1000);
        snprintf(peer, sizeof(peer), "192.0.2.%u", test_random_below(&random, 4));
        REFUSE(&home, NULL, peer, "none");
    }
    for (uint64_t sequence = 1; smki_audit_find(smki_service_store(home.service), sequence, &record, NULL) == 0; sequence++) {
        const char *count = strstr(record.detail, "; ");
        unsigned which = 0;

        if (record.act != SMKI_ACT_ACCESS_REFUSED)
            continue;
        assert_int_equal(sscanf(record.detail, "192.0.2.%u", &which), 1);
        told += 1 + (count != NULL ? strtoull(count + 2, NULL, 10) : 0);
        of_all[all++] = record.time.us;
        of_peer[which][peers[which]++] = record.time.us;
        assert_true(all <= REFUSALS_OF_ALL || of_all[all - 1] - of_all[all - 1 - REFUSALS_OF_ALL] >= SMKI_SECOND);
        assert_true(peers[which] <= REFUSALS_OF_PEER ||
                    of_peer[which][peers[which] - 1] - of_peer[which][peers[which] - 1 - REFUSALS_OF_PEER] >= SMKI_SECOND);
    }
    assert_in_range(all, 50, 1400);
    assert_int_equal(told + home.service->access->refusals.left_out, 1500);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_holds_an_active_credential_is_known_by_it),
        cmocka_unit_test(without_a_certificate_nobody_gets_in),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(a_ca_that_takes_the_ikicas_name_is_not_the_ikica),
        cmocka_unit_test(a_device_certificate_is_no_iki_certificate),
        cmocka_unit_test(what_the_ikica_signed_and_nobody_registered_is_refused),
        cmocka_unit_test(the_dates_are_looked_at_each_time),
        cmocka_unit_test(a_suspended_credential_is_refused_until_it_is_resumed),
        cmocka_unit_test(a_revoked_credential_is_refused),
        cmocka_unit_test(whose_certificate_is_revoked_is_refused),
        cmocka_unit_test(a_credential_opens_its_own_interface_only),
        cmocka_unit_test(a_barred_party_is_refused),
        cmocka_unit_test(a_party_of_the_gateway_does_not_come_by_the_internet),
        cmocka_unit_test(an_officer_gets_in_while_he_is_verified),
        cmocka_unit_test(the_ikicas_key_is_not_needed),
        cmocka_unit_test(a_full_set_gives_up_the_least_lately_used),
        cmocka_unit_test(nothing_is_kept_of_foreign_certificates),
        cmocka_unit_test(the_store_is_read_again_only_when_a_commit_has_changed_it),
        cmocka_unit_test(what_another_process_decides_counts_at_the_very_next_request),
        cmocka_unit_test(many_threads_are_judged_while_the_state_changes),
        cmocka_unit_test(a_refusal_is_recorded_with_who_from_where_and_why),
        cmocka_unit_test(a_flood_of_one_peer_is_ten_records_a_second_and_a_count),
        cmocka_unit_test(a_flood_of_many_peers_is_a_hundred_records_a_second),
        cmocka_unit_test(long_words_are_cut_and_the_count_is_not),
        cmocka_unit_test(every_refusal_is_recorded_or_counted),
    };

    return cmocka_run_group_tests_name("access", tests, group_begin, mould_remove);
}
