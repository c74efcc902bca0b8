/* Parties of a bench, and their IKI credentials. */
#ifndef BENCH_PARTY_H
#define BENCH_PARTY_H

#include <smki/service.h>

/* The operator of the benches. */
extern const struct smki_actor bench_actor;

/* Party `number`, which the home's next Party gets, from 1: "Energy 1", an import supplier with one EUI-64. */
int bench_party_add(struct smki_service *service, unsigned number, struct smki_error *err);
/* One RSA key for all credentials of a bench, kept in `file` (PEM): what a key's making takes is not what is measured. */
int bench_key_make(struct smki_key **out, const char *file, struct smki_error *err);
/* A credential of Party `number` for the interface; officer 0: of a system. */
int bench_credential_issue(struct smki_service *service, const struct smki_key *key, unsigned number, enum smki_interface interface,
                           uint64_t officer, const char *name, struct smki_stored_certificate *out, struct smki_error *err);

#endif
