/* Reports to the Service Desk: what is taken, how much of it, and what the webhook does. */
#include "home_test.h"

#include <smki/desk.h>

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct smki_identity officer_of(uint64_t party)
{
    struct smki_identity identity = {.officer = 7};

    identity.actor = (struct smki_actor){
        .name = "Ann Other", .party = party, .interface = SMKI_INTERFACE_PORTAL_DEVICE, .network = SMKI_NETWORK_GATEWAY};
    return identity;
}

static struct smki_desk_entry said(const char *text)
{
    struct smki_desk_entry entry = {.name = "Ann", .contact = "ann@example.org"};

    snprintf(entry.text, sizeof(entry.text), "%s", text);
    return entry;
}

static int anonymous(struct home *home, const char *peer, struct smki_time *retry_at, struct smki_error *err)
{
    struct smki_desk_entry entry = said("help");

    return smki_desk_report(home->service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, peer, &entry, retry_at, err);
}

static uint64_t REPORT(struct home *home, const char *text)
{
    struct smki_desk_entry entry = said(text);
    struct smki_error err = {0};

    ASSERT_OK(smki_desk_report(home->service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, "192.0.2.1", &entry, NULL, &err),
              err);
    return entry.number;
}

static struct smki_desk_entry FIND(struct home *home, uint64_t number) {
    struct smki_desk_entry entry;
    struct smki_error err = {0};

    ASSERT_OK(smki_desk_find(home->service, number, &entry, &err), err);
    return entry;
}

/* Of the last record. */
static enum smki_interface
last_interface(struct home *home)
{
    struct smki_audit_record record = {.sequence = 0}, next;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    return record.actor.interface;
}

static void expect_record(struct home *home, uint64_t number, uint64_t party, const char *detail)
{
    struct smki_audit_record record = {.sequence = 0}, next;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    assert_int_equal(record.act, SMKI_ACT_DESK);
    assert_int_equal(record.subject, number);
    assert_int_equal(record.party, party);
    assert_string_equal(record.detail, detail);
}

/* ---- taking ---- */

static void a_report_without_a_credential_tells_where_it_came_from(void **state)
{
    struct home home;
    struct smki_desk_entry entry;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    entry = FIND(&home, REPORT(&home, "the portal says WF:BB1\r\nsince\tnine\rtoday"));
    expect_record(&home, 1, 0, "reported, from 192.0.2.1");
    assert_int_equal(last_interface(&home), SMKI_INTERFACE_PORTAL_LANDING);
    assert_string_equal(entry.name, "Ann");
    assert_string_equal(entry.contact, "ann@example.org");
    assert_string_equal(entry.text, "the portal says WF:BB1\nsince nine\ntoday");
    assert_string_equal(entry.peer, "192.0.2.1");
    assert_int_equal(entry.network, SMKI_NETWORK_INTERNET);
    assert_int_equal(entry.party, 0);
    ASSERT_TIME(entry.received_at, "2026-11-23T14:00");
    assert_int_equal(entry.closed_at.us, 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void an_officers_report_tells_whose_it_is(void **state)
{
    struct home home;
    struct smki_desk_entry entry = said("help");
    struct smki_identity identity;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    identity = officer_of(home.maker.party);
    identity.actor.credential = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    entry.party = 99; /* what the caller left there is not believed */
    ASSERT_OK(
        smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, "192.0.2.1", &entry, NULL, &err),
        err);
    entry = FIND(&home, entry.number);
    expect_record(&home, entry.number, home.maker.party, "reported");
    assert_int_equal(entry.party, home.maker.party);
    assert_int_equal(entry.officer, 7);
    assert_int_equal(entry.credential, identity.actor.credential);
    assert_int_equal(entry.interface, SMKI_INTERFACE_PORTAL_DEVICE);
    assert_int_equal(entry.network, SMKI_NETWORK_GATEWAY);
    assert_string_equal(entry.peer, "");
    CREDENTIAL_IS(&home, identity.actor.credential, SMKI_CREDENTIAL_SUSPENDED);
    EXPECT_REFUSED(
        SMKI_IKI_SUSPENDED,
        smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err), err);
    home_clear(&home);
}

static void each_field_is_wanted_and_bounded(void **state)
{
    struct home home;
    struct smki_desk_entry entry;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    entry = said(" \n ");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                   smki_desk_report(home.service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err),
                   err);
    EXPECT_TEXT(err, "the text is empty");
    entry = said("help");
    entry.name[0] = '\0';
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                   smki_desk_report(home.service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err),
                   err);
    EXPECT_TEXT(err, "name");
    entry = said("help");
    snprintf(entry.contact, sizeof(entry.contact), "a\nb");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                   smki_desk_report(home.service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err),
                   err);
    EXPECT_TEXT(err, "contact");
    entry = said("bell \a");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                   smki_desk_report(home.service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err),
                   err);
    EXPECT_TEXT(err, "octet 6");
    memset(entry.text, 'a', sizeof(entry.text));
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                   smki_desk_report(home.service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, NULL, &entry, NULL, &err),
                   err);
    EXPECT_TEXT(err, "longer than 4000");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_desk_next(home.service, 0, &entry, &err), err);
    home_clear(&home);
}

static void an_address_may_report_so_often_in_an_hour(void **state)
{
    struct home home;
    struct smki_time retry_at;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(anonymous(&home, "192.0.2.1", NULL, &err), err);
    NOW(&home, "2026-11-23T14:10");
    for (int i = 1; i < SMKI_DESK_PEER_MAX; i++)
        ASSERT_OK(anonymous(&home, "192.0.2.1", NULL, &err), err);
    EXPECT_REFUSED(SMKI_DESK_BUSY, anonymous(&home, "192.0.2.1", &retry_at, &err), err);
    ASSERT_TIME(retry_at, "2026-11-23T15:00");
    EXPECT_TEXT(err, "at 2026-11-23 15:00 GMT");
    ASSERT_OK(anonymous(&home, "192.0.2.2", NULL, &err), err); /* another may */
    NOW(&home, "2026-11-23T14:59:59.999999");
    EXPECT_REFUSED(SMKI_DESK_BUSY, anonymous(&home, "192.0.2.1", &retry_at, &err), err);
    NOW(&home, "2026-11-23T15:00");
    ASSERT_OK(anonymous(&home, "192.0.2.1", &retry_at, &err), err);
    home_clear(&home);
}

static void an_ipv6_address_is_its_64(void **state)
{
    static const char *const same[] = {"2001:db8:0:7::1", "2001:db8::7:0:0:0:2", "2001:db8:0:7:ffff:ffff:ffff:ffff"};
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (unsigned i = 0; i < SMKI_DESK_PEER_MAX; i++)
        ASSERT_OK(anonymous(&home, same[i % 3], NULL, &err), err);
    EXPECT_REFUSED(SMKI_DESK_BUSY, anonymous(&home, "2001:db8:0:7::99", NULL, &err), err);
    ASSERT_OK(anonymous(&home, "2001:db8:0:8::1", NULL, &err), err);
    for (unsigned i = 0; i < SMKI_DESK_PEER_MAX; i++)
        ASSERT_OK(anonymous(&home, "::ffff:192.0.2.1", NULL, &err), err);
    ASSERT_OK(anonymous(&home, "::ffff:192.0.2.2", NULL, &err), err);
    home_clear(&home);
}

static void what_was_closed_a_year_ago_is_forgotten(void **state)
{
    struct home home;
    struct smki_desk_entry entry;
    struct smki_error err = {0};
    uint64_t count;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (int i = 0; i < 3; i++)
        (void)REPORT(&home, "help");
    ASSERT_OK(smki_desk_close(home.service, &home.operator, 1, &err), err);
    NOW(&home, "2026-11-24T14:00");
    ASSERT_OK(smki_desk_close(home.service, &home.operator, 3, &err), err);
    NOW(&home, "2027-11-24T13:59:59");
    ASSERT_OK(smki_desk_forget(home.service, &home.operator, & count, &err), err);
    assert_int_equal(count, 0);
    NOW(&home, "2027-11-24T14:00");
    ASSERT_OK(smki_desk_forget(home.service, &home.operator, & count, &err), err);
    assert_int_equal(count, 1);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_desk_find(home.service, 1, &entry, &err), err);
    ASSERT_OK(smki_desk_find(home.service, 2, &entry, &err), err); /* open, however old */
    NOW(&home, "2027-11-26T14:00");
    RUN(&home); /* part of the house keeping */
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_desk_find(home.service, 3, &entry, &err), err);
    assert_int_equal(REPORT(&home, "help"), 4);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void all_addresses_together_may_report_so_often(void **state)
{
    struct home home;
    struct smki_identity identity;
    struct smki_desk_entry entry = said("help");
    struct smki_error err = {0};
    char peer[SMKI_DESK_PEER_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (int i = 0; i < SMKI_DESK_ANONYMOUS_MAX; i++) {
        snprintf(peer, sizeof(peer), "2001:db8:0:%x::1", (unsigned)i);
        ASSERT_OK(anonymous(&home, peer, NULL, &err), err);
    }
    EXPECT_REFUSED(SMKI_DESK_BUSY, anonymous(&home, "192.0.2.1", NULL, &err), err);
    EXPECT_TEXT(err, "without a credential");
    identity = officer_of(home.maker.party); /* officers are not kept out by strangers */
    identity.actor.credential = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    ASSERT_OK(smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, NULL, &entry, NULL, &err), err);
    home_clear(&home);
}

static void a_party_may_report_so_often_in_a_day(void **state)
{
    struct home home;
    struct smki_identity identity, other;
    struct smki_desk_entry entry;
    struct smki_time retry_at;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    identity = officer_of(home.maker.party);
    identity.actor.credential = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    other = officer_of(PARTY(&home, "Another", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE));
    other.actor.credential = identity.actor.credential;
    for (int i = 0; i < SMKI_DESK_PARTY_MAX; i++) {
        entry = said("help");
        ASSERT_OK(smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, NULL, &entry, NULL, &err),
                  err);
    }
    entry = said("help");
    EXPECT_REFUSED(
        SMKI_DESK_BUSY,
        smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, NULL, &entry, &retry_at, &err), err);
    ASSERT_TIME(retry_at, "2026-11-24T14:00");
    ASSERT_OK(smki_desk_report(home.service, &other, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, NULL, &entry, NULL, &err), err);
    NOW(&home, "2026-11-24T14:00");
    ASSERT_OK(smki_desk_report(home.service, &identity, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_NETWORK_GATEWAY, NULL, &entry, NULL, &err), err);
    home_clear(&home);
}

static void a_report_is_closed_once(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t number;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = REPORT(&home, "help");
    ASSERT_OK(smki_desk_close(home.service, &home.operator, number, &err), err);
    expect_record(&home, number, 0, "closed");
    ASSERT_TIME(FIND(&home, number).closed_at, "2026-11-23T14:00");
    EXPECT_REFUSED(SMKI_DESK_STATE, smki_desk_close(home.service, &home.operator, number, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_desk_close(home.service, &home.operator, 77, &err), err);
    home_clear(&home);
}

/* ---- the webhook: against a server of a few lines ---- */

#ifdef SMKI_LIBCURL

struct hook {
    int listener;
    uint16_t port;
    pthread_t thread;
    const char *answer; /* to every POST; NULL: none, until the peer is tired */
    unsigned posts;
    char body[8192];
};

/* All of one POST: its head, and as much as Content-Length says. */
static void hook_read(struct hook *hook, int peer)
{
    char text[16384] = "";
    size_t size = 0;
    ssize_t got;

    while (size < sizeof(text) - 1 && (got = recv(peer, text + size, sizeof(text) - 1 - size, 0)) > 0) {
        const char *end, *length;
        size += (size_t)got;
        text[size] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end == NULL || length == NULL || strlen(end + 4) < strtoul(length + 16, NULL, 10))
            continue;
        snprintf(hook->body, sizeof(hook->body), "%.*s", (int)sizeof(hook->body) - 1, end + 4);
        return;
    }
}

static void *hook_serve(void *context)
{
    struct hook *hook = context;
    const struct timeval patience = {.tv_sec = 20};
    char rest[256];

    for (int peer; (peer = accept(hook->listener, NULL, NULL)) >= 0; close(peer)) {
        hook_read(hook, peer);
        hook->posts++;
        if (hook->answer != NULL) {
            (void)!send(peer, hook->answer, strlen(hook->answer), MSG_NOSIGNAL);
            shutdown(peer, SHUT_WR);
        }
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        while (recv(peer, rest, sizeof(rest), 0) > 0) /* until the other side has closed */
            ;
    }
    return NULL;
}

static void hook_begin(struct hook *hook, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *hook = (struct hook){.answer = answer, .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(hook->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(hook->listener, 8), 0);
    assert_int_equal(getsockname(hook->listener, (struct sockaddr *)&address, &size), 0);
    hook->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&hook->thread, NULL, hook_serve, hook), 0);
}

static void hook_end(struct hook *hook)
{
    shutdown(hook->listener, SHUT_RDWR);
    pthread_join(hook->thread, NULL);
    close(hook->listener);
}

/* A home whose webhook is this one. */
static void lay_with(struct home *home, const struct hook *hook)
{
    char config[128];

    snprintf(config, sizeof(config), "{\"desk.webhook\": \"http://127.0.0.1:%u/hook\"}", hook->port);
    home_lay(home, "2026-11-23T14:00", config);
}

static void a_report_is_sent_once_as_json(void **state)
{
    struct home home;
    struct hook hook;
    struct smki_error err = {0};
    cJSON *json;
    uint64_t number, sent;

    (void)state;
    hook_begin(&hook, "HTTP/1.1 204 No Content\r\n\r\n");
    lay_with(&home, &hook);
    number = REPORT(&home, "help \"me\"\nplease");
    assert_int_equal(hook.posts, 0); /* taking one sends nothing */
    ASSERT_OK(smki_desk_send(home.service, number, NULL, &err), err);
    ASSERT_TIME(FIND(&home, number).sent_at, "2026-11-23T14:00");
    ASSERT_OK(smki_desk_send(home.service, number, NULL, &err), err);
    ASSERT_OK(smki_desk_send_due(home.service, &sent, &err), err);
    assert_int_equal(sent, 0);
    hook_end(&hook);
    assert_int_equal(hook.posts, 1);
    json = cJSON_Parse(hook.body);
    assert_non_null(json);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(json, "event")->valuestring, "desk-report");
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(json, "text")->valuestring, "help \"me\"\nplease");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(json, "number")->valueint, (int)number);
    cJSON_Delete(json);
    home_clear(&home);
}

static void an_attempt_that_fails_is_noted_and_can_be_repeated(void **state)
{
    struct home home;
    struct hook hook;
    struct smki_error err = {0};
    uint64_t first, second, third, sent;

    (void)state;
    hook_begin(&hook, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    lay_with(&home, &hook);
    first = REPORT(&home, "help");
    second = REPORT(&home, "help");
    third = REPORT(&home, "help");
    ASSERT_OK(smki_desk_close(home.service, &home.operator, third, &err), err);
    EXPECT_REFUSED(SMKI_DESK_WEBHOOK, smki_desk_send_due(home.service, &sent, &err), err);
    EXPECT_TEXT(err, "status 302");
    assert_int_equal(sent, 0);
    assert_int_equal(FIND(&home, first).attempts, 1);
    assert_non_null(strstr(FIND(&home, first).failure, "status 302"));
    assert_int_equal(FIND(&home, second).attempts, 0); /* it ended at the first that failed */
    hook.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ASSERT_OK(smki_desk_send_due(home.service, &sent, &err), err);
    assert_int_equal(sent, 2); /* not the closed one */
    assert_string_equal(FIND(&home, first).failure, "");
    assert_int_equal(FIND(&home, third).sent_at.us, 0);
    hook_end(&hook);
    home_clear(&home);
}

static void one_that_the_webhook_refuses_keeps_no_other_from_it(void **state)
{
    struct home home;
    struct hook hook;
    struct smki_error err = {0};
    uint64_t first, second, sent;

    (void)state;
    hook_begin(&hook, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    lay_with(&home, &hook);
    first = REPORT(&home, "help");
    second = REPORT(&home, "help");
    EXPECT_REFUSED(SMKI_DESK_REFUSED, smki_desk_send_due(home.service, &sent, &err), err);
    EXPECT_TEXT(err, "report 1: ");
    EXPECT_TEXT(err, "status 400");
    assert_int_equal(sent, 0);
    assert_int_equal(FIND(&home, first).attempts, 1);
    assert_int_equal(FIND(&home, second).attempts, 1); /* it was asked too */
    hook_end(&hook);
    home_clear(&home);
}

static void a_webhook_that_does_not_answer_is_given_up_after_five_seconds(void **state)
{
    struct home home;
    struct hook hook;
    struct timespec before, after;
    struct smki_error err = {0};
    uint64_t number;

    (void)state;
    hook_begin(&hook, NULL);
    lay_with(&home, &hook);
    number = REPORT(&home, "help");
    clock_gettime(CLOCK_MONOTONIC, &before);
    EXPECT_REFUSED(SMKI_DESK_WEBHOOK, smki_desk_send(home.service, number, NULL, &err), err);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 4, 30);
    assert_int_equal(FIND(&home, number).attempts, 1);
    hook_end(&hook);
    home_clear(&home);
}

#endif /* SMKI_LIBCURL */

static void without_a_webhook_nothing_is_sent(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_CONFIG_INVALID, smki_desk_send(home.service, REPORT(&home, "help"), NULL, &err), err);
    EXPECT_REFUSED(SMKI_CONFIG_INVALID, smki_desk_send_due(home.service, NULL, &err), err);
    EXPECT_TEXT(err, "desk.webhook");
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_without_a_credential_tells_where_it_came_from),
        cmocka_unit_test(an_officers_report_tells_whose_it_is),
        cmocka_unit_test(each_field_is_wanted_and_bounded),
        cmocka_unit_test(an_address_may_report_so_often_in_an_hour),
        cmocka_unit_test(an_ipv6_address_is_its_64),
        cmocka_unit_test(what_was_closed_a_year_ago_is_forgotten),
        cmocka_unit_test(all_addresses_together_may_report_so_often),
        cmocka_unit_test(a_party_may_report_so_often_in_a_day),
        cmocka_unit_test(a_report_is_closed_once),
#ifdef SMKI_LIBCURL
        cmocka_unit_test(a_report_is_sent_once_as_json),
        cmocka_unit_test(an_attempt_that_fails_is_noted_and_can_be_repeated),
        cmocka_unit_test(one_that_the_webhook_refuses_keeps_no_other_from_it),
        cmocka_unit_test(a_webhook_that_does_not_answer_is_given_up_after_five_seconds),
#endif
        cmocka_unit_test(without_a_webhook_nothing_is_sent),
    };

    return cmocka_run_group_tests_name("desk", tests, mould_make, mould_remove);
}
