/* The Ad Hoc Device CSR Web Service: one document, one answer (IDS App. B; interfaces.md 5, 10). */
#include "message/message_i.h"
#include "pki/key_pkcs11_i.h"
#include "ra/together_i.h"
#include "registry/registry_i.h"

#include <smki/adhoc.h>
#include <smki/smki.h>

#include <stdlib.h>
#include <string.h>

/* ---- the answer ---- */

/* For an answer that nothing can be recorded of. */
static uint64_t number_of_chance(const struct smki_service *service)
{
    const struct smki_random *random = &service->random;
    uint64_t chance;

    if (random->fill(random->context, &chance, sizeof(chance)) != 0)
        chance = (uint64_t)smki_service_now(service).us;
    return SMKI_ADHOC_UNRECORDED | (chance & (SMKI_ADHOC_UNRECORDED - 1));
}

/* Writes it, and returns `code`: 0, or a refusal whose words are in err. */
static int answer(struct smki_adhoc *out, const struct smki_service *service, int code, const char *text, struct smki_bytes certificate,
                  struct smki_error *err)
{
    struct adhoc_response response = {
        .ref = out->ref, .build = smki_version(), .code = code, .text = answer_words(code, text), .certificate = certificate};
    int rc;

    if (out->transaction == 0)
        out->transaction = number_of_chance(service);
    response.transaction = out->transaction;
    out->code = code;
    out->xml.size = 0;
    if ((rc = adhoc_xml_response(&out->xml, &response, err)) != 0)
        return rc;
    return code != 0 ? smki_fail(err, code, "%s", text != NULL ? text : smki_refusal_find(code)->text) : 0;
}

/* ---- a decision, on record ---- */

struct decision_job {
    struct smki_service *service;
    struct smki_actor actor;
    struct smki_adhoc *out;
    int64_t agreed; /* us between two, 0: none */
    int early;      /* refused before the store was asked */
    bool at_once;   /* as the pace looks, the request need not wait */
    bool numbered;  /* the TransactionId was given before */
    int refusal;
    struct smki_error why;
};

static struct decision_job job_of(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity)
{
    struct decision_job job = {.service = service, .actor = identity->actor, .out = out};

    job.actor.interface = SMKI_INTERFACE_ADHOC; /* whose rules these are */
    return job;
}

static int record(const struct decision_job *job, struct store_change *change, enum smki_act act, int outcome, const char *detail,
                  struct smki_error *err)
{
    struct smki_audit_record record = {
        .act = act, .actor = job->actor, .party = job->actor.party, .subject = job->out->transaction, .outcome = outcome};

    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, detail);
    text_tidy(record.detail);
    return store_record(change, &record, err);
}

/* ---- the pace ---- */

/* The slot that an accepted request takes: its own; what is too fast and only observed takes none that is later than now or the last. */
static struct smki_time slot_of(const struct smki_verdict *verdict, struct smki_time last, struct smki_time now)
{
    if (!verdict->flagged)
        return verdict->retry_at;
    return last.us > now.us ? last : now;
}

static int take_slot(struct decision_job *job, struct store_change *change, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(job->service)->limits;
    const struct smki_time now = store_change_time(change);
    struct smki_adhoc *out = job->out;
    struct smki_verdict *verdict = &out->verdict;
    struct smki_time last;
    int rc;

    if (limits->mode[SMKI_RULE_ADHOC_PACE] == SMKI_RULE_OFF)
        return 0;
    if ((rc = demand_last_get(store_change_view(change), job->actor.party, SMKI_RULE_ADHOC_PACE, &last, err)) != 0)
        return rc;
    smki_demand_adhoc_pace(verdict, limits, last, job->agreed, now);
    if (!verdict->allowed) {
        smki_allowance_adhoc_pace(&out->left, limits, last, job->agreed, now);
        job->refusal = smki_fail(&job->why, verdict->code, "%s", verdict->text);
        return 0;
    }
    last = slot_of(verdict, last, now);
    smki_allowance_adhoc_pace(&out->left, limits, last, job->agreed, now);
    if (!verdict->flagged && last.us > now.us)
        out->not_before = last;
    return demand_last_put(change, job->actor.party, SMKI_RULE_ADHOC_PACE, last, err);
}

/* ---- first step ---- */

static int admit_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct decision_job *job = argument;
    struct smki_adhoc *out = job->out;
    int rc;

    out->not_before = (struct smki_time){0};
    out->verdict = (struct smki_verdict){0};
    out->left = (struct smki_allowance){0};
    job->refusal = job->early;
    if ((rc = store_next_number(change, STORE_COUNT_TRANSACTION, &out->transaction, err)) != 0)
        return rc;
    if (job->refusal == 0 && (rc = take_slot(job, change, err)) != 0)
        return rc;
    if (job->refusal != 0)
        return record(job, change, SMKI_ACT_CSR_DECIDE, job->refusal, job->why.text, err);
    return out->verdict.flagged ? record(job, change, SMKI_ACT_DEMAND_OBSERVED, out->verdict.code, out->verdict.text, err) : 0;
}

/* interfaces.md 2: for Authorised Subscribers for Device Certificates that are suppliers, and for the DCC. */
static int may_ask(const struct smki_identity *identity, struct smki_error *err)
{
    if ((identity->user_roles & (SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER | SMKI_USER_DCC)) == 0)
        return smki_fail(err, SMKI_USER_ROLE,
                         "the ad hoc web service is for import suppliers, gas suppliers and the DCC; Party %llu is none of these",
                         (unsigned long long)identity->actor.party);
    if ((identity->subscriber & SMKI_SUBSCRIBER_DEVICE) == 0)
        return smki_fail(err, SMKI_NOT_SUBSCRIBER, "Party %llu is not an Authorised Subscriber for Device Certificates (SEC L3.16)",
                         (unsigned long long)identity->actor.party);
    return 0;
}

/* Is the Party's slot there? Only for choosing the shorter way: the change that takes the slot asks again. */
static int pace_peek(struct decision_job *job, struct store_view *view, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(job->service)->limits;
    const struct smki_time now = smki_service_now(job->service);
    struct smki_verdict verdict = {.allowed = true};
    struct smki_time last;
    int rc;

    if (limits->mode[SMKI_RULE_ADHOC_PACE] != SMKI_RULE_OFF) {
        if ((rc = demand_last_get(view, job->actor.party, SMKI_RULE_ADHOC_PACE, &last, err)) != 0)
            return rc;
        smki_demand_adhoc_pace(&verdict, limits, last, job->agreed, now);
    }
    job->at_once = verdict.allowed && (verdict.flagged || verdict.retry_at.us <= now.us);
    return 0;
}

/* Read outside the change: agreements are documents, of which there may be many. */
static int ask_store(struct decision_job *job, struct store_view *view, struct smki_error *err)
{
    uint64_t ms;
    int rc =
        agreements_limit(&job->service->agreements, view, job->actor.party, SMKI_RULE_ADHOC_PACE, smki_service_now(job->service), &ms, err);

    if (rc != 0)
        return rc;
    job->agreed = ms < (uint64_t)(SMKI_DAY / 1000) ? (int64_t)ms * 1000 : SMKI_DAY;
    return pace_peek(job, view, err);
}

static void read_document(struct decision_job *job, const struct smki_identity *identity, struct smki_bytes document)
{
    struct smki_adhoc *out = job->out;
    int rc;

    job->early = adhoc_xml_read(out->ref, &out->csr, &out->csr_code, document, &job->why);
    if ((rc = may_ask(identity, &job->why)) != 0)
        job->early = rc;
}

/* All that is known before anything is changed. */
static int look(struct decision_job *job, const struct smki_identity *identity, struct smki_bytes document, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    read_document(job, identity, document);
    if (job->early != 0)
        return 0;
    if ((rc = store_view_begin(job->service->store, &view, err)) == 0) {
        rc = ask_store(job, view, err);
        store_view_end(view);
    }
    return rc;
}

static int admit(struct decision_job *job, struct smki_error *err)
{
    int rc = store_change(job->service->store, admit_change, job, err);

    if (rc != 0) {
        job->out->transaction = 0; /* it was not written down */
        return rc;
    }
    return job->refusal != 0 ? smki_fail(err, job->refusal, "%s", job->why.text) : 0;
}

int smki_adhoc_admit(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity, struct smki_bytes document,
                     struct smki_error *err)
{
    struct decision_job job = job_of(out, service, identity);
    struct smki_error why = {0};
    int rc;

    *out = (struct smki_adhoc){0};
    if ((rc = look(&job, identity, document, &why)) == 0)
        rc = admit(&job, &why);
    return rc == 0 ? 0 : answer(out, service, rc, why.text, (struct smki_bytes){0}, err);
}

/* ---- second step ---- */

static int refusal_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct decision_job *job = argument;
    int rc = 0;

    if (!job->numbered)
        rc = store_next_number(change, STORE_COUNT_TRANSACTION, &job->out->transaction, err);
    return rc != 0 ? rc : record(job, change, SMKI_ACT_CSR_DECIDE, job->refusal, job->why.text, err);
}

/* The CSR's text could not be decoded: it fails like one that is no CSR. */
static int refuse_text(struct decision_job *job, bool *recorded, struct smki_error *err)
{
    int rc;

    job->numbered = true;
    job->refusal = smki_fail(&job->why, job->out->csr_code, NULL);
    if ((rc = store_change(job->service->store, refusal_change, job, err)) != 0)
        return rc;
    *recorded = true;
    return smki_fail(err, job->refusal, "%s", job->why.text);
}

static int answer_alone(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity, struct smki_error *err)
{
    struct smki_stored_certificate *certificate = calloc(1, sizeof(*certificate));
    struct decision_job job = job_of(out, service, identity);
    struct smki_error why = {0};
    bool recorded = false;
    int rc;

    if (certificate == NULL)
        rc = smki_fail(&why, SMKI_NO_MEMORY, NULL);
    else if (out->csr_code != 0)
        rc = refuse_text(&job, &recorded, &why);
    else
        rc = transaction_issue(service, &job.actor, SMKI_PROFILE_DEVICE, out->transaction, BYTES(out->csr.at, out->csr.size), certificate,
                               &recorded, &why);
    if (!recorded && !out->verdict.flagged) /* then its number would be on no record */
        out->transaction = 0;
    rc = answer(out, service, rc, rc != 0 ? why.text : NULL,
                certificate != NULL ? BYTES(certificate->der, certificate->size) : (struct smki_bytes){0}, err);
    free(certificate);
    return rc;
}

/* ---- both steps at once, alone ---- */

static bool goes_on(const struct decision_job *job)
{
    return job->refusal == 0 && job->out->not_before.us == 0;
}

static int admission_make(struct store_change *change, void *argument, uint64_t *transaction, bool *on, struct smki_error *err)
{
    struct decision_job *job = argument;
    int rc = admit_change(change, job, err);

    *transaction = job->out->transaction;
    *on = goes_on(job);
    return rc;
}

static int refuse_text_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct decision_job *job = argument;
    int rc = admit_change(change, job, err);

    if (rc != 0 || !goes_on(job))
        return rc;
    job->refusal = smki_fail(&job->why, job->out->csr_code, NULL);
    return record(job, change, SMKI_ACT_CSR_DECIDE, job->refusal, job->why.text, err);
}

/* 0: *certificate, or empty: see whether it goes on. */
static int issue_at_once(struct decision_job *job, struct smki_stored_certificate *certificate, struct smki_error *err)
{
    const struct admission admission = {.function = admission_make, .argument = job};
    const struct smki_adhoc *out = job->out;
    bool recorded;
    int rc;

    if (out->csr_code != 0) {
        rc = store_change(job->service->store, refuse_text_change, job, err);
        recorded = rc == 0;
    } else {
        rc = admitted_issue(job->service, &job->actor, SMKI_PROFILE_DEVICE, &admission, BYTES(out->csr.at, out->csr.size), certificate,
                            &recorded, err);
    }
    if (!recorded)
        job->out->transaction = 0;
    return rc == 0 && job->refusal != 0 ? smki_fail(err, job->refusal, "%s", job->why.text) : rc;
}

static int answer_at_once(struct decision_job *job, struct smki_error *err)
{
    struct smki_stored_certificate *certificate = calloc(1, sizeof(*certificate));
    struct smki_error why = {0};
    int rc = certificate != NULL ? issue_at_once(job, certificate, &why) : smki_fail(&why, SMKI_NO_MEMORY, NULL);

    if (rc != 0)
        rc = answer(job->out, job->service, rc, why.text, (struct smki_bytes){0}, err);
    else if (goes_on(job))
        rc = answer(job->out, job->service, 0, NULL, BYTES(certificate->der, certificate->size), err);
    free(certificate);
    return rc;
}

/* What must wait for its slot, or is refused for the pace, is admitted alone: its CSR is not looked at yet. */
static int request_alone(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                         struct smki_bytes document, struct smki_error *err)
{
    struct decision_job job = job_of(out, service, identity);
    struct smki_error why = {0};
    int rc;

    smki_adhoc_finish(out);
    rc = look(&job, identity, document, &why);
    if (rc == 0 && job.at_once)
        return answer_at_once(&job, err);
    if (rc == 0)
        rc = admit(&job, &why);
    if (rc != 0)
        return answer(out, service, rc, why.text, (struct smki_bytes){0}, err);
    return out->not_before.us != 0 ? 0 : answer_alone(out, service, identity, err);
}

/* ---- many at once ---- */

struct asking {
    struct smki_adhoc_asked *asked;
    struct decision_job job;
    struct admission admission;
    struct together request;
};

/* What is refused, or must wait, before its CSR is looked at, ends with its admission. */
static int admission_only(struct store_change *change, void *argument, uint64_t *transaction, bool *on, struct smki_error *err)
{
    int rc = admission_make(change, argument, transaction, on, err);

    *on = false;
    return rc;
}

/* A Party that is held to a pace has one slot: of those that come together, only the first is looked at. */
static bool is_second_of_party(const struct asking *first, const struct asking *asking)
{
    const enum smki_rule_mode mode = smki_service_config(asking->job.service)->limits.mode[SMKI_RULE_ADHOC_PACE];

    if (mode == SMKI_RULE_OFF || mode == SMKI_RULE_OBSERVE)
        return false;
    while (first < asking && (first->job.early != 0 || first->job.actor.party != asking->job.actor.party))
        first++;
    return first < asking;
}

static void asking_prepare(const struct asking *first, struct asking *asking)
{
    struct decision_job *job = &asking->job;
    struct issuing *issuing = &asking->request.issuing;
    const struct smki_adhoc *out = job->out;
    const bool waited = asking->asked->waited;
    const bool looks = waited || (job->early == 0 && job->at_once && !is_second_of_party(first, asking));

    *issuing = (struct issuing){.service = job->service,
                                .actor = &job->actor,
                                .transaction = waited ? out->transaction : 0,
                                .admission = waited ? NULL : &asking->admission,
                                .ticket = {.profile = SMKI_PROFILE_DEVICE, .party = job->actor.party, .interface = job->actor.interface}};
    asking->admission = (struct admission){.function = looks ? admission_make : admission_only, .argument = job};
    asking->request.admission_alone = !looks;
    asking->request.der = BYTES(out->csr.at, out->csr.size);
    if (looks && out->csr_code != 0)
        issuing->refusal = smki_fail(&issuing->why, out->csr_code, NULL);
}

static void asking_begin(struct asking *asking, struct smki_adhoc_asked *asked, struct smki_service *service)
{
    asking->asked = asked;
    asking->job = job_of(asked->adhoc, service, asked->identity);
    asked->err = (struct smki_error){0};
    if (asked->waited)
        return;
    *asked->adhoc = (struct smki_adhoc){0};
    read_document(&asking->job, asked->identity, asked->document);
}

/* What the store says of each Party's pace; what cannot be read for one sets that one apart. */
static int askings_look(struct asking *askings, size_t count, struct smki_service *service)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, NULL);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        askings[i].request.apart = false;
        if (!askings[i].asked->waited && askings[i].job.early == 0)
            askings[i].request.apart = ask_store(&askings[i].job, view, NULL) != 0;
    }
    store_view_end(view);
    return 0;
}

static int ask_alone(struct smki_adhoc_asked *asked, struct smki_service *service)
{
    return asked->waited ? answer_alone(asked->adhoc, service, asked->identity, &asked->err)
                         : request_alone(asked->adhoc, service, asked->identity, asked->document, &asked->err);
}

static int asking_end(struct asking *asking, struct smki_service *service)
{
    const struct together *request = &asking->request;
    const struct decision_job *job = &asking->job;
    struct smki_adhoc_asked *asked = asking->asked;
    const struct smki_bytes certificate = BYTES(request->certificate.der, request->certificate.size);

    if (request->apart)
        return ask_alone(asked, service);
    if (job->refusal != 0)
        return answer(asked->adhoc, service, job->refusal, job->why.text, (struct smki_bytes){0}, &asked->err);
    if (!request->issuing.ended)
        return answer(asked->adhoc, service, request->code, request->err.text, certificate, &asked->err);
    if (asked->adhoc->not_before.us != 0)
        return 0;
    return answer_alone(asked->adhoc, service, asked->identity, &asked->err); /* its slot came while it was looked at */
}

static void ask_together(struct smki_adhoc_asked *asked, struct asking *askings, size_t count, struct smki_service *service)
{
    struct together *requests[TOGETHER_MAX];
    size_t together = 0;
    int rc;

    for (size_t i = 0; i < count; i++)
        asking_begin(&askings[i], &asked[i], service);
    rc = askings_look(askings, count, service);
    for (size_t i = 0; i < count; i++) {
        askings[i].request.apart = rc != 0 || askings[i].request.apart;
        asking_prepare(askings, &askings[i]);
        if (!askings[i].request.apart)
            requests[together++] = &askings[i].request;
    }
    issue_together(service, requests, together);
    for (size_t i = 0; i < count; i++)
        asked[i].code = asking_end(&askings[i], service);
}

bool smki_adhoc_shares(const struct smki_config *config)
{
    return !key_is_uri(config->key_dca);
}

static void ask_each_alone(struct smki_adhoc_asked *asked, size_t count, struct smki_service *service)
{
    for (size_t i = 0; i < count; i++) {
        if (!asked[i].waited)
            *asked[i].adhoc = (struct smki_adhoc){0};
        asked[i].code = ask_alone(&asked[i], service);
    }
}

void smki_adhoc_requests(struct smki_adhoc_asked *asked, size_t count, struct smki_service *service)
{
    const size_t most = count < TOGETHER_MAX ? count : TOGETHER_MAX;
    struct asking *askings = together_can(service) ? malloc(most * sizeof(*askings)) : NULL;

    if (askings == NULL) {
        ask_each_alone(asked, count, service);
        return;
    }
    for (size_t i = 0; i < count; i += most)
        ask_together(asked + i, askings, count - i < most ? count - i : most, service);
    free(askings);
}

static int ask_one(struct smki_adhoc_asked *asked, struct smki_service *service, struct smki_error *err)
{
    smki_adhoc_requests(asked, 1, service);
    if (err != NULL && asked->code != 0)
        *err = asked->err;
    return asked->code;
}

int smki_adhoc_answer(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity, struct smki_error *err)
{
    struct smki_adhoc_asked asked = {.adhoc = out, .identity = identity, .waited = true};

    return ask_one(&asked, service, err);
}

int smki_adhoc_request(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                       struct smki_bytes document, struct smki_error *err)
{
    struct smki_adhoc_asked asked = {.adhoc = out, .identity = identity, .document = document};

    return ask_one(&asked, service, err);
}

/* ---- answers without a reading ---- */

int smki_adhoc_refuse(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity, int code,
                      const char *text, struct smki_error *err)
{
    struct smki_error why = {0};
    struct decision_job job;
    int rc;

    *out = (struct smki_adhoc){0};
    if (identity != NULL) {
        job = job_of(out, service, identity);
        job.refusal = smki_fail(&job.why, code, "%s", text != NULL ? text : smki_refusal_find(code)->text);
        if (store_change(service->store, refusal_change, &job, NULL) != 0)
            out->transaction = 0; /* it was not written down, and is answered all the same */
    }
    rc = answer(out, service, code, text, (struct smki_bytes){0}, &why);
    return rc == code ? 0 : smki_fail(err, rc, "%s", why.text);
}

void smki_adhoc_finish(struct smki_adhoc *adhoc)
{
    if (adhoc == NULL)
        return;
    smki_buffer_finish(&adhoc->xml);
    smki_buffer_finish(&adhoc->csr);
    *adhoc = (struct smki_adhoc){0};
}
