/* One request, one certificate: read, verify, decide and reserve (a ticket), sign, store (design: reserve, record, sign, record). */
#include "ra/issue_i.h"

#include <stdlib.h>
#include <string.h>

static const struct smki_actor recoverer = {.name = "recover", .interface = SMKI_INTERFACE_OPERATOR};

static enum smki_ca_name ca_of(enum smki_profile profile)
{
    static const enum smki_ca_name names[] = {
        [SMKI_PROFILE_DEVICE] = SMKI_DCA, [SMKI_PROFILE_ORGANISATION] = SMKI_OCA, [SMKI_PROFILE_IKI] = SMKI_IKICA};

    return names[profile];
}

/* ---- reserve ---- */

/* Who is told that a request failed sends it again: the ad hoc web service has no way to fetch a certificate later, and an officer has the
 * CSR at hand. What cannot be signed now is void, so that the resubmission that CA_ERROR speaks of (IDS App. B) is no duplicate. Nor may a
 * credential come into being later, when the key that it was asked for may be gone; an IKI ticket's interface is only what its credential
 * is for. */
static bool is_asked_again(const struct ticket *ticket)
{
    return ticket->profile == SMKI_PROFILE_IKI || ticket->interface == SMKI_INTERFACE_ADHOC ||
           ticket->interface == SMKI_INTERFACE_PORTAL_DEVICE || ticket->interface == SMKI_INTERFACE_PORTAL_ORGANISATION;
}

/* Is the ticket for the same device, key and key usage, and so what makes this request a duplicate? */
static bool is_twin(const struct issuing *issuing, const struct ticket *ticket)
{
    struct smki_csr csr;

    if (ticket->profile != SMKI_PROFILE_DEVICE || !is_asked_again(ticket) || smki_csr_read(&csr, ticket->profile, ticket->csr, NULL) != 0)
        return false;
    return memcmp(&csr.device_id, &issuing->csr.device_id, sizeof(csr.device_id)) == 0 && csr.key_usage == issuing->csr.key_usage &&
           memcmp(csr.point, issuing->csr.point, sizeof(csr.point)) == 0;
}

/* Whoever is at a ticket that is asked again holds its octet from before it can be seen. */
#define TICKETS_FILE "tickets"

static int ticket_hold(struct issuing *issuing, struct smki_error *err)
{
    int rc, failed;

    octet_hold_end(&issuing->hold);
    if (!is_asked_again(&issuing->ticket))
        return 0;
    if ((rc = octet_hold_open(&issuing->hold, issuing->service, TICKETS_FILE, err)) != 0)
        return rc;
    if (octet_hold_try(&issuing->hold, (off_t)issuing->ticket.number, &failed))
        return 0;
    return failed != 0 ? smki_fail_errno(err, failed, "%s", TICKETS_FILE)
                       : smki_fail(err, SMKI_INTERNAL, "a new ticket is held by another");
}

static int ticket_is_held(const struct smki_service *service, uint64_t number, bool *held, struct smki_error *err)
{
    struct octet_hold look;
    int rc = octet_hold_open(&look, service, TICKETS_FILE, err);

    *held = rc == 0 && octet_is_held(&look, (off_t)number);
    octet_hold_end(&look);
    return rc;
}

/* What was granted cannot be signed: the serial is void on record, the key free again. */
static int void_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct issuing *issuing = argument;
    int rc = ticket_remove(change, issuing->ticket.number, err);

    if (rc == 0 && issuing->ticket.profile == SMKI_PROFILE_DEVICE) {
        const struct store_claim claim = device_claim(&issuing->csr, issuing->ticket.serial);

        rc = store_claim_remove(change, &claim, err);
    }
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    if ((rc = quota_give_back(&issuing->ticket, change, err)) != 0)
        return rc;
    return issue_record(issuing, change, SMKI_ACT_CSR_VOID, issuing->why.code, issuing->why.text, err);
}

/* One that is asked again, and that nobody is at any more, after a crash, or when the disk was too full to take it back: its certificate
 * never left, so it is void, and the request may be sent again. issuing->csr has been read. */
static int left_void(struct store_change *change, void *argument, struct smki_error *err)
{
    struct issuing *issuing = argument;

    (void)smki_fail(&issuing->why, SMKI_INTERRUPTED, "nobody is at it any more, and nothing of it was given out");
    return void_change(change, issuing, err);
}

int twin_is_open(const struct issuing *issuing, struct store_view *view, bool *found, struct smki_error *err)
{
    struct smki_buffer open = {0};
    int rc = tickets_open(view, &open, err);

    *found = false;
    for (size_t at = 0; at < open.size && rc == 0 && !*found; at += sizeof(uint64_t)) {
        struct ticket ticket;
        uint64_t number;

        memcpy(&number, open.at + at, sizeof(number));
        if ((rc = ticket_get(view, number, &ticket, err)) == 0)
            *found = is_twin(issuing, &ticket);
    }
    smki_buffer_finish(&open);
    return rc;
}

/* A request that is sent again must not be told that it is the duplicate of a ticket without a certificate: one of somebody who is at it is
 * issuing->twin, one that was left is made void. */
static int twin_find(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct smki_buffer open = {0};
    int rc = tickets_open(store_change_view(change), &open, err);

    for (size_t at = 0; at < open.size && rc == 0 && issuing->twin == 0; at += sizeof(uint64_t)) {
        struct issuing left = {.service = issuing->service, .actor = &recoverer, .csr = issuing->csr};
        uint64_t number;
        bool held;

        memcpy(&number, open.at + at, sizeof(number));
        if ((rc = ticket_get(store_change_view(change), number, &left.ticket, err)) != 0 || !is_twin(issuing, &left.ticket))
            continue;
        if ((rc = ticket_is_held(issuing->service, number, &held, err)) == 0 && held)
            issuing->twin = number;
        else if (rc == 0)
            rc = left_void(change, &left, err);
    }
    smki_buffer_finish(&open);
    return rc;
}

/* issuing->refusal, after what was left of this request is out of the way. */
static int decide_alone(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    int rc;

    issuing->twin = 0;
    issuing->refusal = request_decide(issuing, change, &issuing->why);
    if (issuing->refusal != SMKI_CSR_DUPLICATE || issuing->twin_seen)
        return 0;
    if ((rc = twin_find(issuing, change, err)) != 0 || issuing->twin != 0)
        return rc != 0 ? rc : smki_fail(err, SMKI_CSR_DUPLICATE, NULL); /* nothing is changed: see reserve_alone */
    issuing->why = (struct smki_error){0};
    issuing->refusal = request_decide(issuing, change, &issuing->why);
    return 0;
}

static int reserve_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct issuing *issuing = argument;
    uint64_t half;
    int rc;

    if ((rc = admission_ask(issuing, change, err)) != 0 || issuing->ended)
        return rc;
    if ((rc = store_reserve_serials(change, 1, &half, err)) != 0)
        return rc;
    serial_compose(issuing->ticket.serial, half, issuing->chance);
    issuing->ticket.not_before.us = store_change_time(change).us / SMKI_SECOND * SMKI_SECOND;
    issuing->why = (struct smki_error){0};
    if ((rc = decide_alone(issuing, change, err)) != 0)
        return rc;
    if (issuing->refusal != 0 && is_store_failure(issuing->refusal))
        return smki_fail(err, issuing->refusal, "%s", issuing->why.text);
    if (issuing->refusal == 0 && (rc = quota_take(issuing, change, err)) != 0)
        return rc;
    if (issuing->refusal != 0)
        return issue_record(issuing, change, SMKI_ACT_CSR_DECIDE, issuing->refusal, issuing->why.text, err);
    if ((rc = ticket_put(change, &issuing->ticket, err)) != 0 || (rc = ticket_hold(issuing, err)) != 0 ||
        (rc = issue_claim(issuing, change, err)) != 0)
        return rc;
    return issue_record(issuing, change, SMKI_ACT_CSR_DECIDE, 0, "granted", err);
}

static int reserve(struct issuing *issuing, struct smki_error *err)
{
    struct smki_service *service = issuing->service;
    int rc = service->random.fill(service->random.context, issuing->chance, sizeof(issuing->chance));

    if (rc != 0)
        return smki_fail(err, rc, NULL);
    if ((rc = store_change(service->store, reserve_change, issuing, err)) != 0)
        return rc;
    issuing->recorded = true;
    return issuing->refusal != 0 && !issuing->ended ? smki_fail(err, issuing->refusal, "%s", issuing->why.text) : 0;
}

/* ---- sign ---- */

static int sign(struct issuing *issuing, struct smki_error *err)
{
    const struct smki_serial serial = serial_of(issuing->ticket.serial);
    struct smki_draft *draft;
    const struct smki_ca *ca;
    struct smki_error why = {0};
    int rc = smki_service_ca(issuing->service, issuing->ticket.ca, &ca, &why);

    if (rc != 0) /* a CA whose certificate is gone cannot sign either */
        return smki_fail(err, rc == SMKI_NOT_FOUND ? SMKI_CA_KEY_UNAVAILABLE : rc, "%s", why.text);
    if ((draft = malloc(sizeof(*draft))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = smki_prepare(draft, ca, &issuing->csr, &serial, issuing->ticket.not_before, err)) == 0)
        rc = smki_issue(issuing->out->der, &issuing->out->size, draft, SMKI_PROOF_SIGNATURE, err);
    free(draft);
    return rc;
}

/* ---- store ---- */

/* The ticket is gone: finished elsewhere, with the same certificate; or void, and then what was signed here must not leave. */
static int elsewhere_check(const struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct store_certificate certificate;
    int rc = store_certificate_get(store_change_view(change), (enum store_ca)issuing->ticket.ca, issuing->ticket.serial, &certificate, err);

    if (rc != SMKI_NOT_FOUND)
        return rc;
    return smki_fail(err, SMKI_LEASE_LOST,
                     "the serial number of this request was made void elsewhere before it was signed; submit it again");
}

static int store_change_issued(struct store_change *change, void *argument, struct smki_error *err)
{
    struct issuing *issuing = argument;
    struct ticket still;
    int rc = ticket_get(store_change_view(change), issuing->ticket.number, &still, err);

    issuing->stored = rc == 0;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? elsewhere_check(issuing, change, err) : rc;
    rc = ticket_remove(change, issuing->ticket.number, err);
    return rc != 0 ? rc : issue_store(issuing, change, err);
}

/* Will this certificate never be made? The rest may pass: a key that cannot be opened just now, a full disk, no memory. Then the request
 * stays granted, and is finished later under the same serial. */
static bool is_lasting(int code)
{
    switch (code) {
    case SMKI_LINT_FAILED:
    case SMKI_CA_SIGNATURE_MISMATCH:
    case SMKI_DRAFT_NOT_LINTED:
    case SMKI_INVALID_ARGUMENT:
    case SMKI_PARTY_UNKNOWN:
    case SMKI_PARTY_BARRED:
    case SMKI_OFFICER_STATE:
    case SMKI_CREDENTIAL_STATE:
    case SMKI_CREDENTIAL_NAME_TAKEN:
        return true;
    default:
        return smki_refusal_find(code)->status == SMKI_STATUS_CSR_ERROR;
    }
}

/* What the store has: the certificate, and for IKI the credential, also when another finished the ticket. */
static int issued_read(struct issuing *issuing, struct smki_error *err)
{
    const struct smki_serial serial = serial_of(issuing->ticket.serial);
    uint8_t digest[SHA256_SIZE];
    int rc = smki_service_certificate(issuing->service, &serial, issuing->out, err);

    if (rc != 0 || issuing->ticket.profile != SMKI_PROFILE_IKI)
        return rc;
    sha256(digest, issuing->out->der, issuing->out->size);
    return smki_credential_of_certificate(smki_service_store(issuing->service), digest, issuing->credential, err);
}

static int sign_and_store(struct issuing *issuing, struct smki_error *err)
{
    struct smki_error local = {0}, voiding = {0};
    int rc = sign(issuing, &local);

    if (rc == 0)
        rc = store_change(issuing->service->store, store_change_issued, issuing, &local);
    if (rc == 0 && issuing->stored)
        key_use_stored(issuing->service, issuing->ticket.ca, 1);
    if (rc == 0)
        return issued_read(issuing, err);
    issuing->why = local;
    if (rc == SMKI_LEASE_LOST)
        return smki_fail(err, rc, "%s", local.text);
    if (!is_lasting(rc) && !is_asked_again(&issuing->ticket))
        return smki_fail(err, rc, "%s; the request stays granted, and 'smki-batch run' signs it when this is mended", local.text);
    if (store_change(issuing->service->store, void_change, issuing, &voiding) != 0)
        return smki_fail(err, rc, "%s; and its ticket stays open: %s", local.text, voiding.text);
    return smki_fail(err, rc, "%s", local.text);
}

/* ---- what a power cut left ---- */

/* Tickets younger than this are left to their owners, who sign within milliseconds. By age, not by a hold as on those that are asked
 * again, which end void: it is safe where it guesses wrong, since a slow owner and the finisher make the same certificate. */
#define TICKET_AGE (2 * SMKI_MINUTE)

static int ticket_load(struct issuing *issuing, uint64_t number, struct smki_buffer *csr, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(issuing->service->store, &view, err);

    if (rc != 0)
        return rc;
    if ((rc = ticket_get(view, number, &issuing->ticket, err)) == 0) {
        csr->size = 0;
        rc = smki_buffer_append(csr, issuing->ticket.csr.at, issuing->ticket.csr.size, err);
        issuing->ticket.csr = (struct smki_bytes){csr->at, csr->size};
    }
    store_view_end(view);
    return rc;
}

static bool is_left(const struct issuing *issuing)
{
    const int64_t age = smki_service_now(issuing->service).us - issuing->ticket.not_before.us;

    return age < 0 || age >= TICKET_AGE; /* not_before is when it was granted; after now: the clock was set back */
}

static void credential_of_ticket(struct smki_credential *credential, const struct issuing *issuing)
{
    credential->party = issuing->ticket.party;
    credential->interface = issuing->ticket.interface;
    credential->officer = issuing->ticket.officer;
    credential->renews = issuing->ticket.renews;
    snprintf(credential->common_name, sizeof(credential->common_name), "%s", issuing->csr.subject.common_name);
}

/* May the others be finished although this one was not? It was void, or what it lacks may be had later. */
static bool goes_on(int code)
{
    switch (code) {
    case SMKI_NOT_FOUND: /* finished elsewhere meanwhile */
    case SMKI_LEASE_LOST:
    case SMKI_IO:
    case SMKI_DISK_FULL:
    case SMKI_NO_MEMORY:
    case SMKI_PERMISSION:
        return true;
    default:
        return is_lasting(code) || smki_refusal_find(code)->status == SMKI_STATUS_CA_ERROR;
    }
}

/* Signs it, once its owner is gone; but what is asked again is void. `young`: also one that its owner is signing just now. */
static int left_finish(struct issuing *issuing, bool young, struct smki_error *err)
{
    bool held;
    int rc;

    if (!young && !is_asked_again(&issuing->ticket) && !is_left(issuing))
        return 0;
    if ((rc = smki_csr_read(&issuing->csr, issuing->ticket.profile, issuing->ticket.csr, err)) != 0)
        return rc;
    credential_of_ticket(issuing->credential, issuing);
    if (young || !is_asked_again(&issuing->ticket))
        return sign_and_store(issuing, err);
    if ((rc = ticket_is_held(issuing->service, issuing->ticket.number, &held, err)) != 0 || held)
        return rc;
    return store_change(issuing->service->store, left_void, issuing, err);
}

static int ticket_finish(struct smki_service *service, const struct smki_actor *actor, uint64_t number, bool young, struct smki_error *err)
{
    struct smki_stored_certificate *out = malloc(sizeof(*out));
    struct smki_credential credential = {0};
    struct issuing issuing = {.service = service, .actor = actor, .out = out, .credential = &credential};
    struct smki_buffer csr = {0};
    struct smki_error why = {0};
    int rc = out == NULL ? smki_fail(&why, SMKI_NO_MEMORY, NULL) : ticket_load(&issuing, number, &csr, &why);

    if (rc == 0)
        rc = left_finish(&issuing, young, &why);
    smki_buffer_finish(&csr);
    free(out);
    return rc == 0 || goes_on(rc) ? 0 : smki_fail(err, rc, "%s", why.text);
}

/* ---- a request from its first octet ---- */

/* A request refused before policy was asked is a decision too. */
static int unread_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct issuing *issuing = argument;
    int rc = admission_ask(issuing, change, err);

    return rc != 0 || issuing->ended ? rc : issue_record(issuing, change, SMKI_ACT_CSR_DECIDE, issuing->refusal, issuing->why.text, err);
}

int request_read(struct smki_csr *csr, const struct smki_service *service, enum smki_profile profile, struct smki_bytes der,
                 struct smki_error *err)
{
    int rc = smki_csr_read(csr, profile, der, err);

    if (rc == 0 && csr->trailer != 0 && !smki_service_config(service)->csr_trailer)
        return smki_fail(err, SMKI_CSR_MALFORMED, "%zu octet%s the request", csr->trailer, csr->trailer == 1 ? " follows" : "s follow");
    return rc;
}

static int read_request(struct issuing *issuing, struct smki_bytes der, struct smki_error *err)
{
    int rc;

    issuing->refusal = request_read(&issuing->csr, issuing->service, issuing->ticket.profile, der, &issuing->why);
    if (issuing->refusal == 0)
        issuing->refusal = smki_csr_verify(&issuing->csr, &issuing->why);
    if (issuing->refusal == 0)
        return 0;
    if ((rc = store_change(issuing->service->store, unread_change, issuing, err)) != 0)
        return rc;
    issuing->recorded = true;
    return issuing->ended ? 0 : smki_fail(err, issuing->refusal, "%s", issuing->why.text);
}

/* Reserves. When the request is a duplicate of one that somebody is at and has no certificate yet, that is finished first (both make the
 * same certificate, and what one makes void the other does not give out): after it this one is a true duplicate, or none. */
static int reserve_alone(struct issuing *issuing, struct smki_error *err)
{
    int rc = reserve(issuing, err);

    if (rc == 0 || issuing->twin == 0)
        return rc;
    issuing->twin_seen = true;
    if ((rc = ticket_finish(issuing->service, &recoverer, issuing->twin, true, err)) != 0)
        return rc;
    return reserve(issuing, err);
}

static int issue_request(struct issuing *issuing, struct smki_bytes der, struct smki_error *err)
{
    int rc = read_request(issuing, der, err);

    if (rc != 0 || issuing->ended)
        return rc;
    issuing->ticket.ca = ca_of(issuing->ticket.profile);
    issuing->ticket.csr = issuing->csr.der;
    if (issuing->credential != NULL)
        snprintf(issuing->credential->common_name, sizeof(issuing->credential->common_name), "%s", issuing->csr.subject.common_name);
    if ((rc = quota_ask(issuing, err)) != 0 || (rc = reserve_alone(issuing, err)) != 0 || issuing->ended)
        return rc;
    return sign_and_store(issuing, err);
}

/* What failed leaves nothing that could be taken for a certificate. */
static int issue(struct issuing *issuing, struct smki_bytes der, struct smki_error *err)
{
    int rc;

    issuing->hold.fd = -1;
    rc = issue_request(issuing, der, err);
    octet_hold_end(&issuing->hold);
    if (rc != 0 || issuing->ended)
        memset(issuing->out, 0, sizeof(*issuing->out));
    return rc;
}

static int numbered_issue(struct issuing *issuing, struct smki_bytes csr, bool *recorded, struct smki_error *err)
{
    const enum smki_profile profile = issuing->ticket.profile;
    int rc;

    *recorded = false;
    if (profile != SMKI_PROFILE_DEVICE && profile != SMKI_PROFILE_ORGANISATION)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an IKI certificate comes with its credential: use smki_service_credential_issue");
    rc = issue(issuing, csr, err);
    *recorded = issuing->recorded;
    return rc;
}

int transaction_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile, uint64_t transaction,
                      struct smki_bytes csr, struct smki_stored_certificate *out, bool *recorded, struct smki_error *err)
{
    struct issuing issuing = {.service = service,
                              .actor = actor,
                              .transaction = transaction,
                              .out = out,
                              .ticket = {.number = transaction, .profile = profile, .party = actor->party, .interface = actor->interface}};

    return numbered_issue(&issuing, csr, recorded, err);
}

int admitted_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile,
                   const struct admission *admission, struct smki_bytes csr, struct smki_stored_certificate *out, bool *recorded,
                   struct smki_error *err)
{
    struct issuing issuing = {.service = service,
                              .actor = actor,
                              .admission = admission,
                              .out = out,
                              .ticket = {.profile = profile, .party = actor->party, .interface = actor->interface}};

    return numbered_issue(&issuing, csr, recorded, err);
}

int refused_unread(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile, int code, const char *text,
                   struct smki_error *err)
{
    struct issuing issuing = {
        .service = service, .actor = actor, .ticket = {.profile = profile, .party = actor->party, .interface = actor->interface}};
    int rc;

    issuing.refusal = smki_fail(&issuing.why, code, "%s", text);
    rc = store_change(service->store, unread_change, &issuing, err);
    return rc != 0 ? rc : smki_fail(err, code, "%s", text);
}

int quota_issue(struct smki_service *service, const struct smki_actor *actor, struct smki_bytes csr, struct smki_stored_certificate *out,
                struct smki_verdict *verdict, struct smki_error *err)
{
    struct issuing issuing = {.service = service,
                              .actor = actor,
                              .out = out,
                              .verdict = {.allowed = true},
                              .ticket = {.profile = SMKI_PROFILE_DEVICE, .party = actor->party, .interface = actor->interface}};
    int rc = issue(&issuing, csr, err);

    *verdict = issuing.verdict;
    return rc;
}

int smki_service_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile, struct smki_bytes csr,
                       struct smki_stored_certificate *out, struct smki_error *err)
{
    bool recorded;

    return transaction_issue(service, actor, profile, 0, csr, out, &recorded, err);
}

int smki_service_credential_issue(struct smki_service *service, const struct smki_actor *actor, struct smki_bytes csr,
                                  struct smki_credential *credential, struct smki_stored_certificate *out, struct smki_error *err)
{
    struct issuing issuing = {.service = service,
                              .actor = actor,
                              .out = out,
                              .credential = credential,
                              .ticket = {.profile = SMKI_PROFILE_IKI,
                                         .party = credential->party,
                                         .interface = credential->interface,
                                         .officer = credential->officer,
                                         .renews = credential->renews}};

    return issue(&issuing, csr, err);
}

int smki_service_recover(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_buffer open = {0};
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc == 0) {
        rc = tickets_open(view, &open, err);
        store_view_end(view);
    }
    for (size_t at = 0; at < open.size && rc == 0; at += sizeof(uint64_t)) {
        uint64_t number;

        memcpy(&number, open.at + at, sizeof(number));
        rc = ticket_finish(service, actor, number, false, err);
    }
    smki_buffer_finish(&open);
    return rc;
}
