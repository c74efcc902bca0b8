/* What other rooms need of the registry inside a view or a change of theirs. */
#ifndef SMKI_REGISTRY_I_H
#define SMKI_REGISTRY_I_H

#include "store/store_i.h"

#include <smki/bulletin.h>
#include <smki/desk.h>
#include <smki/installer.h>
#include <smki/maintenance.h>
#include <smki/notice.h>
#include <smki/party.h>

#include <pthread.h>

SMKI_MUST_USE int party_get(struct store_view *view, uint64_t number, struct smki_party *out, struct smki_error *err); /* PARTY_UNKNOWN */
SMKI_MUST_USE int officer_get(struct store_view *view, uint64_t number, struct smki_officer *out, struct smki_error *err); /* NOT_FOUND */
/* By the SHA-256 of its certificate; NOT_FOUND, err untouched. */
SMKI_MUST_USE int credential_of_certificate(struct store_view *view, const uint8_t sha256[SHA256_SIZE], struct smki_credential *out,
                                            struct smki_error *err);
/* Is the credential that somebody came in with still good? 0; or IKI_SUSPENDED, IKI_REVOKED, IKI_UNREGISTERED. `number` 0: there was none
 * (an operator), 0. Asked in the change that does what was asked for: it may have ended since access was granted. */
SMKI_MUST_USE int credential_stands(struct store_view *view, uint64_t number, struct smki_error *err);
SMKI_MUST_USE int device_get(struct store_view *view, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err);
SMKI_MUST_USE int agreement_limit(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time now, uint64_t *limit,
                                  struct smki_error *err);
/* The agreements of a store, read once and kept: they are only ever added. For questions that come with every request. */
struct agreements {
    pthread_mutex_t lock;
    uint64_t last; /* the number of the newest that is known */
    struct smki_agreement *known;
    size_t count, capacity;
};
void agreements_init(struct agreements *agreements);
void agreements_finish(struct agreements *agreements);
/* agreement_limit of a view that is no change's (what a change sees may come to nothing). Thread-safe. */
SMKI_MUST_USE int agreements_limit(struct agreements *agreements, struct store_view *view, uint64_t party, enum smki_rule rule,
                                   struct smki_time now, uint64_t *limit, struct smki_error *err);
/* The one that gives this limit; all {0}: none is in force. */
SMKI_MUST_USE int agreements_in_force(struct agreements *agreements, struct store_view *view, uint64_t party, enum smki_rule rule,
                                      struct smki_time now, struct smki_agreement *out, struct smki_error *err);
/* Would credential_add take it now? Asked before its certificate is signed; `credential` has the reserved serial. */
SMKI_MUST_USE int credential_admit(struct store_change *change, const struct smki_credential *credential, struct smki_error *err);
/* Registers a credential whose certificate was made: gives its number; CREDENTIAL_NAME_TAKEN when the CN is in use by an active one (but
 * the renewed). */
SMKI_MUST_USE int credential_add(struct store_change *change, const struct smki_actor *actor, struct smki_credential *credential,
                                 struct smki_error *err);
/* The certificate with this SHA-256 is being revoked: so is the credential that it is of, if there is one. */
SMKI_MUST_USE int credential_certificate_revoked(struct store_change *change, const struct smki_actor *actor,
                                                 const uint8_t sha256[SHA256_SIZE], struct smki_error *err);

/* ---- Planned Maintenance: see smki/maintenance.h ---- */
SMKI_MUST_USE int maintenance_plan(struct smki_store *store, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                                   struct smki_error *err);
SMKI_MUST_USE int maintenance_start(struct smki_store *store, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                                    struct smki_error *err);
SMKI_MUST_USE int maintenance_end(struct smki_store *store, const struct smki_actor *actor, uint64_t number, struct smki_error *err);
SMKI_MUST_USE int maintenance_next(struct store_view *view, uint64_t number, struct smki_maintenance *out,
                                   struct smki_error *err); /* NOT_FOUND after the last */
/* The one that is on at `now`, by maintenance_pick; NOT_FOUND, err untouched. Reads every notice. */
SMKI_MUST_USE int maintenance_at(struct store_view *view, struct smki_time now, struct smki_maintenance *out, struct smki_error *err);
/* Makes `best` (number 0: none yet) of two that are on: the one that ends last, pausing the night when one of them does. */
void maintenance_pick(struct smki_maintenance *best, const struct smki_maintenance *maintenance, struct smki_time now);
/* Another number with every change of a notice. */
SMKI_MUST_USE int maintenance_stamp(struct store_view *view, uint64_t *out, struct smki_error *err);

/* ---- notices of extra demand: see smki/notice.h. `notice`: how long before the Party has to tell ---- */
SMKI_MUST_USE int demand_notice_add(struct smki_store *store, const struct smki_actor *actor, uint64_t officer, int64_t notice,
                                    struct smki_demand_notice *out, struct smki_error *err);
SMKI_MUST_USE int demand_notice_next(struct store_view *view, uint64_t party, uint64_t number, struct smki_demand_notice *out,
                                     struct smki_error *err);
SMKI_MUST_USE int demand_notice_find(struct store_view *view, uint64_t party, uint64_t number, struct smki_demand_notice *out,
                                     struct smki_error *err);
/* `agreement` has the limit and short_notice, and gets the rest. */
SMKI_MUST_USE int demand_notice_approve(struct smki_store *store, const struct smki_actor *actor, int64_t notice, uint64_t number,
                                        struct smki_agreement *agreement, struct smki_error *err);
SMKI_MUST_USE int demand_notice_decline(struct smki_store *store, const struct smki_actor *actor, uint64_t number, const char *reason,
                                        struct smki_error *err);

/* ---- bulletins ---- */
SMKI_MUST_USE int bulletin_next(struct store_view *view, uint64_t number, struct smki_bulletin *out, struct smki_error *err);
SMKI_MUST_USE int bulletin_add(struct store_change *change, const struct smki_actor *actor, struct smki_bulletin *bulletin,
                               struct smki_error *err);
SMKI_MUST_USE int bulletin_remove(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err);

/* ---- what is known of the document library's files; the files themselves are lib/ra/library.c's ---- */
/* Those that were removed are never found. */
SMKI_MUST_USE int library_get(struct store_view *view, uint64_t number, struct smki_document *out, struct smki_error *err);
SMKI_MUST_USE int library_next(struct store_view *view, uint64_t number, struct smki_document *out, struct smki_error *err);
/* Gives number and added_at, records. ALREADY_EXISTS: this title and version. */
SMKI_MUST_USE int library_add(struct store_change *change, const struct smki_actor *actor, struct smki_document *document,
                              struct smki_error *err);
SMKI_MUST_USE int library_remove(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err);
/* INVALID_ARGUMENT: title or version. */
SMKI_MUST_USE int library_check(const struct smki_document *document, struct smki_error *err);
/* The last part of a path, made safe: letters, digits and "._-", others are '-'; no '.' or '-' at its begin; cut in front of its ending. */
const char *file_name_tidy(char out[SMKI_FILE_NAME_SIZE], const char *path);

/* ---- the same of the Authentication Client's ---- */
SMKI_MUST_USE int installer_get(struct store_view *view, uint64_t number, struct smki_installer *out, struct smki_error *err);
SMKI_MUST_USE int installer_next(struct store_view *view, uint64_t number, struct smki_installer *out, struct smki_error *err);
/* ALREADY_EXISTS: this version for this platform. */
SMKI_MUST_USE int installer_add(struct store_change *change, const struct smki_actor *actor, struct smki_installer *installer,
                                struct smki_error *err);
SMKI_MUST_USE int installer_withdraw(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err);
SMKI_MUST_USE int installer_check(const struct smki_installer *installer, struct smki_error *err);

/* ---- reports to the Service Desk: see smki/desk.h ---- */
/* Who reports is in the entry already; the actor is for the record. */
SMKI_MUST_USE int desk_add(struct smki_store *store, const struct smki_actor *actor, struct smki_desk_entry *entry,
                           struct smki_time *retry_at, struct smki_error *err);
SMKI_MUST_USE int desk_get(struct store_view *view, uint64_t number, struct smki_desk_entry *out, struct smki_error *err);
SMKI_MUST_USE int desk_next(struct store_view *view, uint64_t number, struct smki_desk_entry *out, struct smki_error *err);
SMKI_MUST_USE int desk_forget(struct smki_store *store, const struct smki_actor *actor, uint64_t *count, struct smki_error *err);
SMKI_MUST_USE int desk_close(struct smki_store *store, const struct smki_actor *actor, uint64_t number, struct smki_error *err);
/* What became of an attempt to send it: `failure` NULL, it was sent. */
SMKI_MUST_USE int desk_note(struct smki_store *store, uint64_t number, const char *failure, struct smki_error *err);

#endif
