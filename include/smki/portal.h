/* What an Authorised Responsible Officer does through the SMKI Portal (interfaces.md 4, 9, 10): look at a pasted CSR, have it issued, pick
 * up what was issued, find certificates, and see the night and the Party's own demand. Everything takes who asks as smki_iki_authenticate
 * gave it, shows nothing of another Party's but certificates (which are public in the repository), and is thread-safe. The programs add no
 * policy of their own. */
#ifndef SMKI_PORTAL_H
#define SMKI_PORTAL_H

#include <smki/access.h>
#include <smki/batch.h>
#include <smki/service.h>

struct cJSON;

#define SMKI_PORTAL_TEXT_MAX                                                                                                               \
    16384 /* octets of pasted text: a CSR of SMKI_CSR_MAX_SIZE as base64 in lines, with its BEGIN and END lines                            \
           */

/* ---- a pasted CSR ---- */

/* What the text says, without any act: read and verified by the very checker that issuing uses, so with the same codes and words; nothing
 * is recorded and no policy is asked. *out is a new object that the caller frees:
 *
 *   - "ok"; "profile": "device" or "organisation", as asked for
 *   - when not ok: "name": "CSR_SIGNATURE", "code": "CR:..", "text": what is wrong
 *   - what could be read, all of it when ok: "keyUsage", "keyPrint" (hexadecimal SHA-256 of the SubjectPublicKeyInfo), "size" (octets of
 * DER)
 *   - device: "deviceId", "hardwareType" (dotted OID)
 *   - organisation: "commonName" (null: none), "role" ("02"), "roleName" ("supplier"; null: not of the list), "eui64"
 *   - "signature": "good" when ok; "bad" when that is what is wrong; null when it did not come to that
 *   - "notices": array of texts: what the issuer will do without a word (a trailer left out)
 *
 * Returns 0 also when the text is no CSR; INVALID_ARGUMENT for another profile, NO_MEMORY. */
SMKI_API SMKI_MUST_USE int smki_portal_csr_json(struct cJSON **out, struct smki_service *service, enum smki_profile profile,
                                                struct smki_bytes text, struct smki_error *err);

/* Ad Hoc Device CSR (interfaces.md 4, 9, 10): a pasted text of one Device CSR. Read, verified, decided (eligibility, 100 limit, duplicates,
 * key), counted against the Party's quota (PORTAL_ADHOC: 150 in any 24 hours, or the agreement's), reserved, signed, stored, recorded.
 *
 * Counted and granted in one change of the store: neither is without the other, over any number of threads and processes. What is refused
 * does not count. What was granted but could not be signed now (the CA's key, a full disk) is void: it no longer counts, and the same CSR
 * may be sent again, also when a crash left it. So it is with an Organisation CSR. The same quota holds for smki_service_issue when its
 * actor is one of the Device part.
 *
 * `left` (may be NULL): what the Party has left of the quota after this, also when it was refused. `verdict` (may be NULL): how the quota saw
 * it; flagged: it was let in only because the rule is observed. Errors: CSR_*; INELIGIBLE_*,
 * DEVICE_LIMIT, CSR_DUPLICATE, KEY_OF_ANOTHER_DEVICE; RATE_PORTAL_ADHOC, whose text says when to come back; NOT_SUBSCRIBER, PARTY_BARRED;
 * IKI_INTERFACE: who asks is not of the Device part. */
SMKI_API SMKI_MUST_USE int smki_portal_device_issue(struct smki_service *service, const struct smki_identity *identity,
                                                    struct smki_bytes text, struct smki_stored_certificate *out,
                                                    struct smki_allowance *left, struct smki_verdict *verdict, struct smki_error *err);
/* Organisation CSR: the EUI-64 and the role in it must be the officer's own Party's, which must be an Authorised Subscriber for
 * Organisation Certificates. Errors: CSR_*; EUI_NOT_OWN, ROLE_NOT_OWN, NOT_SUBSCRIBER, PARTY_BARRED; IKI_INTERFACE: who asks is not of the
 * Organisation part. */
SMKI_API SMKI_MUST_USE int smki_portal_organisation_issue(struct smki_service *service, const struct smki_identity *identity,
                                                          struct smki_bytes text, struct smki_stored_certificate *out,
                                                          struct smki_error *err);

/* ---- pickup (interfaces.md 4): certificates that came one by one ---- */

/* A certificate of a Party that was not issued in a batch: an Organisation Certificate, or a Device Certificate by the portal, the ad hoc
 * web service or the operator. */
struct smki_pickup {
    struct smki_serial serial;
    enum smki_ca_name ca;          /* SMKI_DCA, SMKI_OCA */
    struct smki_device_id id;      /* the Device ID; of an organisation its EUI-64 */
    enum smki_interface interface; /* by which way the request came; see smki_interface_word */
    enum smki_key_usage key_usage;
    struct smki_time issued_at, revoked_at; /* {0}: not revoked */
    char subject[SMKI_NAME_TEXT_SIZE];      /* an organisation's CN, or "" */
    uint8_t role;                           /* an organisation's Remote Party Role */
};
/* The Party's certificates of the last 30 days (demand.result_retention), newest first: *pickup is the one that was seen last ({0}: none
 * yet) and becomes the next; only its serial is looked at. NOT_FOUND (err untouched) after the last. Costs the same however many other
 * Parties have. */
SMKI_API SMKI_MUST_USE int smki_pickup_next(struct smki_service *service, uint64_t party, struct smki_pickup *pickup,
                                            struct smki_error *err);
/* The same of one CA alone (SMKI_DCA, SMKI_OCA): the certificates of the other are passed over without being read. */
SMKI_API SMKI_MUST_USE int smki_pickup_next_of(struct smki_service *service, uint64_t party, enum smki_ca_name ca,
                                               struct smki_pickup *pickup, struct smki_error *err);
/* A new object: "serial", "kind" ("device", "organisation"), "deviceId" or "eui64", "commonName", "role", "keyUsage", "interface",
 * "issuedAt", "revokedAt", each time with its "...Uk" text beside it (see smki_json_time). The caller frees; NULL: no memory. */
SMKI_API struct cJSON *smki_pickup_json(const struct smki_pickup *pickup);

/* ---- finding ---- */

/* One that was found. Returns false to stop. */
typedef bool (*smki_certificate_each_fn)(void *context, const struct smki_stored_certificate *certificate);
/* Finds by what an officer types: a Device ID or an Organisation's EUI-64 in either written form (both are looked for; newest first), or a
 * serial number (32 hexadecimal digits, colons allowed). White space around it is left out. Device and Organisation Certificates of any
 * Party are found, since they are public in the repository; others, of credentials and CAs, are not. Of another Party's the copy has party,
 * batch and index 0: who asked for it, and how, is told of one's own only. An identity without a Party is the operator, who is told all.
 * *count gets how many were given to `each`; 0 is no failure. INVALID_ARGUMENT: the text is none of these. */
SMKI_API SMKI_MUST_USE int smki_certificate_find_as(struct smki_service *service, const struct smki_identity *identity, const char *text,
                                                    smki_certificate_each_fn each, void *context, size_t *count, struct smki_error *err);
/* A new object for a page: "serial", "kind", "deviceId" or "eui64", "commonName", "role", "keyUsage", "notBefore", "notAfter" (null: no
 * end), "issuedAt", "revokedAt", "reason", "party" and "batch" (null where they are 0), "keyPrint", "sha256" (of the DER). *out is the
 * caller's to free. CERTIFICATE_MALFORMED, NO_MEMORY. */
SMKI_API SMKI_MUST_USE int smki_stored_certificate_json(struct cJSON **out, const struct smki_stored_certificate *certificate,
                                                        struct smki_error *err);

/* ---- the night and the demand, for the pictures ---- */

/* The night of `at`, or the next one, from its opening to its close (11, 12 or 13 hours). Names nobody else. *out is the caller's to free:
 *
 *   - "opens", "closes" (times), "open": is it now, "minutes": its length
 *   - "capacity"; "waiting": CSRs without a fate over all Parties; "accepted": those of them that this night is expected to do; "done":
 * those that got their fate in this night so far; "room": what is left of the capacity beside both; "rate": CSRs a second, as reckoned with
 *   - "slots": array, one a half hour: "from", "to", "planned", "done" (CSRs)
 *   - "batches": the Party's own that wait or run, in turn: "id", "name", "ref", "status", "place" (from 1, in the turn of all), "ahead"
 * (CSRs before it), "csrs", "processed", "remaining", "acceptedAt", "dueAt", "startsAt", "finishesAt" (null: not within ten years), "class"
 *     ("due", "early", "over-quota"), "atRisk", "overQuota"
 *   - "batchesInAll": how many wait or run, of all Parties */
SMKI_API SMKI_MUST_USE int smki_night_json(struct cJSON **out, struct smki_service *service, uint64_t party, struct smki_time at,
                                           struct smki_error *err);
/* Will a batch of `csrs` that is submitted at `at` fit: an object with "csrs", "tooMany" (more than SMKI_BATCH_MAX_CSRS), "dueAt",
 * "startsAt", "finishesAt" (null: not within ten years), "tonight": is it expected to be done before the night of `at` closes, "atRisk",
 * "overQuota": would it be queued behind all due work, "left": of the 50,000 before it, "leftAfter", "limit", "resetAt" (when more is left;
 * null). Records nothing. *out is the caller's to free. */
SMKI_API SMKI_MUST_USE int smki_forecast_json(struct cJSON **out, struct smki_service *service, uint64_t party, uint32_t csrs,
                                              struct smki_time at, struct smki_error *err);
/* The Party's demand in the 24 hours before `at` against its limits: "at", and "rules": an array of portal-batch, portal-adhoc, adhoc-pace
 * and batch-one, in this order. *out is the caller's to free. Each has
 *
 *   - "rule"; "mode" ("enforce", "observe", "off", "smooth"); "unit"; "limit"; "ownLimit": without an agreement; "agreement":
 *     smki_agreement_json of the one that lifts it, or null; "used"; "remaining" (0 when the rule is off); "resetAt": when more is left, or
 * null
 *   - portal-batch, portal-adhoc: "hours": array of 24 equal parts of the window, oldest first: "from", "to", "count"; "roomAt": when all
 * that is used has left, or null
 *   - adhoc-pace: "limit" is the pace of `at` in ms; "lastAt", "nextAt" (times or null)
 *   - batch-one: "used" is how many are under way now, over all programs of the home */
SMKI_API SMKI_MUST_USE int smki_demand_json(struct cJSON **out, struct smki_service *service, uint64_t party, struct smki_time at,
                                            struct smki_error *err);

/* A time for pages: adds "<name>": RFC 3339 UTC ("2026-11-23T20:00:00Z") and "<name>Uk": "23 November 2026, 20:00 GMT"; both null for {0}
 * and for INT64_MAX us (never). False: no memory. */
SMKI_API bool smki_json_time(struct cJSON *object, const char *name, struct smki_time time);
#define SMKI_TIME_TEXT_PAGE_SIZE 48
/* The second of these: "23 November 2026, 20:00 GMT", with seconds where it is not a whole minute; "" for {0}. Returns out. */
SMKI_API const char *smki_time_text_page(struct smki_time time, char out[SMKI_TIME_TEXT_PAGE_SIZE]);

#endif
