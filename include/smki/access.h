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

/* Records that `actor`, who was let in, or who needs no credential, was refused something: as `act` (such as SMKI_ACT_RESULT_READ) of `subject` (a
 * batch's number; 0: none), with its code and words and the address. For refusals that are no decision of the store, which records its own; at the
 * same pace as smki_access_refused, and counted with those. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_refused(struct smki_service *service, const struct smki_actor *actor, enum smki_act act, uint64_t subject,
                                        const char *peer, int code, const char *text, struct smki_error *err);

/* ---- what a credential did lately ---- */

#define SMKI_NETWORKS    3  /* as enum smki_network */
#define SMKI_USE_DAYS    30 /* days that are counted */
#define SMKI_USE_UNUSUAL 16 /* unusual uses that are kept, the newest */
#define SMKI_PEER_SIZE   64 /* octets with NUL of a peer's address */

/* Why a use is unusual: bits. */
enum smki_unusual {
    SMKI_UNUSUAL_NETWORK = 1, /* the first by this network, after it was used by another */
    SMKI_UNUSUAL_SILENCE = 2, /* the first after 60 days without one */
    SMKI_UNUSUAL_NIGHT = 4,   /* between 00:00 and 05:00 UK; told once a night and network, and of officers only: systems work at night */
};

struct smki_use_day {
    struct smki_time day;         /* 00:00 UK; {0}: an empty place */
    uint32_t uses[SMKI_NETWORKS]; /* requests */
};
struct smki_use_unusual {
    struct smki_time time; /* {0}: an empty place */
    enum smki_network network;
    unsigned reasons; /* bits of enum smki_unusual */
    char peer[SMKI_PEER_SIZE];
};
#define SMKI_USE_GAP (30 * SMKI_MINUTE)
/* The last use before the latest gap of at least SMKI_USE_GAP without any: before this visit, whoever's it was. */
struct smki_use_previous {
    struct smki_time time; /* {0}: none is known */
    enum smki_network network;
    char peer[SMKI_PEER_SIZE];
};
struct smki_credential_use {
    uint64_t credential;
    struct {
        struct smki_time first, last; /* {0}: never */
        char peer[SMKI_PEER_SIZE];    /* of the last */
    } network[SMKI_NETWORKS];
    struct smki_use_previous previous;
    struct smki_use_day days[SMKI_USE_DAYS];           /* newest first */
    struct smki_use_unusual unusual[SMKI_USE_UNUSUAL]; /* newest first */
};

/* The identity was authenticated just now for a request of `peer` (an address; ""). To be called after every smki_iki_authenticate that let
 * somebody in. Uses are gathered in memory and written at most once in 10 minutes a credential and network (at once the first time in this
 * program, and what is unusual), so that a request costs no commit; a crash loses what was gathered since. What fails is gathered on and
 * comes with the next: a request need not be refused for it. The same credential may be used through any number of programs: their counts
 * are added. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_credential_use(struct smki_service *service, const struct smki_identity *identity, const char *peer,
                                               struct smki_error *err);
/* Writes all that was gathered: before a program ends (smki_service_close does it). Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_credential_use_flush(struct smki_service *service, struct smki_error *err);
/* What is known of it, with what this program has gathered. All {0} when it was never used. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_credential_use_find(struct smki_service *service, uint64_t credential, struct smki_credential_use *out,
                                                    struct smki_error *err);
/* "new-network", "silence", "night": of one bit. Static storage. */
SMKI_API const char *smki_unusual_word(enum smki_unusual reason);
/* A new object; the caller frees, NULL: no memory. Times as smki_json_time of smki/portal.h.
 *
 *   - "last": {"time", "network", "peer"} or null
 *   - "previous": {"time", "network", "peer"} or null: the last use before this visit (struct smki_use_previous)
 *   - "networks": array: "network", "first", "last", "peer"
 *   - "days": array of the 30 days up to that of `now`, oldest first, used or not: "day" ("2026-11-23"), "local", "gateway", "internet"
 *   - "unusual": array, newest first: "time", "network", "peer", "reasons" (words), "text" */
SMKI_API struct cJSON *smki_credential_use_json(const struct smki_credential_use *use, struct smki_time now);

#endif
