/* IKI authentication: from the certificate that a TLS client proved to hold, to who it is; or the refusal (IDS App. G; interfaces.md 3). */
#ifndef SMKI_ACCESS_H
#define SMKI_ACCESS_H

#include <smki/party.h>
#include <smki/service.h>

/* Who came, by what, through where. */
struct smki_identity {
    struct smki_actor actor;         /* name: the certificate's CN; party, credential, interface, network: for every act and record */
    unsigned user_roles, subscriber; /* the Party's, bits (smki/party.h) */
    uint64_t officer;                /* 0: a system */
    struct smki_time expires_at;     /* of the certificate */
    char party_name[SMKI_PARTY_NAME_SIZE];
};

/* Decides on every request, resumed sessions and open connections included, so that what was revoked a moment ago is refused now: chain to
 * the home's IKICA (signature verified), dates, a registered credential, neither suspended nor revoked, of this very interface, its officer
 * (if any) verified, a Party that is not barred, a network that the Party may use. `certificate`: DER; empty: none was given.
 * What was read of the store is kept and used again as long as no commit has changed it (of any process), so that a request costs no
 * signature and no JSON; the dates are looked at each time. Writes no record: see smki_access_refused.
 * Errors: IKI_MISSING, IKI_FOREIGN, IKI_DATES, IKI_UNREGISTERED, IKI_SUSPENDED, IKI_REVOKED, IKI_INTERFACE, OFFICER_STATE, PARTY_BARRED,
 * IKI_NETWORK; CERTIFICATE_MALFORMED is told as IKI_FOREIGN; or those of the store and of the IKICA's certificate. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_iki_authenticate(struct smki_service *service, struct smki_bytes certificate, enum smki_interface interface,
                                                 enum smki_network network, struct smki_identity *out, struct smki_error *err);

/* Is it one of these refusals? What the outside is told of them must be the same for all (interfaces.md 3). */
SMKI_API bool smki_access_is_refusal(int code);

/* Records a refusal of access (act access-refused) with its code and words: `peer` is the address it came from, "" when not known;
 * `certificate` (may be empty) lends its CN and serial number where they can be read. So that a flood does not fill the log or wait for the
 * disk: at most 10 records a second of one peer and 100 of all; what was left out is counted and told in the next one. Returns 0 whether it
 * was written or counted. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_access_refused(struct smki_service *service, struct smki_bytes certificate, enum smki_interface interface,
                                               enum smki_network network, const char *peer, int code, const char *text,
                                               struct smki_error *err);
/* The same, where the refusal is answered with the TransactionId `transaction` (0: with none): it is the record's subject, in place of the
 * credential's number, which the record's actor has too. *recorded: the record was written; false: it was counted, or failed. */
SMKI_API SMKI_MUST_USE int smki_access_refused_as(struct smki_service *service, struct smki_bytes certificate,
                                                  enum smki_interface interface, enum smki_network network, const char *peer, int code,
                                                  const char *text, uint64_t transaction, bool *recorded, struct smki_error *err);

#endif
