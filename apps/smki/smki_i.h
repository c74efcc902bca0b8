/* The tables of smki's commands, a file each, and the few things that these files share. */
#ifndef SMKI_SMKI_I_H
#define SMKI_SMKI_I_H

#include "command/command.h"

#include <inttypes.h>

extern const struct command home_commands[], party_commands[], officer_commands[], credential_commands[], device_commands[],
    agreement_commands[], maintenance_commands[], bulletin_commands[], document_commands[], installer_commands[], desk_commands[], certificate_commands[],
    ca_commands[], ca_key_commands[], tls_commands[], audit_commands[], config_commands[], lint_commands[], errors_commands[],
    token_commands[];

#define FILE_MAX (256u << 20) /* octets of a file read whole: no request or certificate is near it */

/* The operand N of a command on something with a number. */
extern const struct command_value number_operand[];

/* The interface that --interface names. */
SMKI_MUST_USE int interface_take(struct call *call, enum smki_interface *out);
/* The option's value into `out` ("" when it was not given); a usage error when it does not fit. */
SMKI_MUST_USE int text_take(const struct call *call, const char *option, char *out, size_t size);
/* A file with one request or certificate, in PEM, DER or bare base64, appended to out as DER. */
SMKI_MUST_USE int der_take(struct smki_buffer *out, const char *path, struct smki_error *err);
/* The same for a chain: its first certificate. */
SMKI_MUST_USE int der_take_first(struct smki_buffer *out, const char *path, struct smki_error *err);
/* The first PEM block of *rest, with what stands before it; moves *rest past it. All of *rest when there is no other block; empty at the
 * end. */
struct smki_bytes pem_block_next(struct smki_bytes *rest);
/* Writes DER as PEM ("CERTIFICATE" ...) to a file; NULL and "-": standard output. */
SMKI_MUST_USE int pem_put(const char *path, const char *label, struct smki_bytes der, struct smki_error *err);
/* The same for a certificate that was just issued: it stays issued when it cannot be written, and the refusal says how to have it. */
SMKI_MUST_USE int issued_put(const char *path, const struct smki_stored_certificate *issued, struct smki_error *err);
/* That refusal, for whoever writes it otherwise. Returns its code. */
int issued_unwritten(const struct smki_stored_certificate *issued, const struct smki_error *why, struct smki_error *err);
/* The record of the last act of this kind on `subject` that was recorded at this very moment: NOT_FOUND when there is none. */
SMKI_MUST_USE int record_at(struct call *call, struct smki_time time, enum smki_act act, uint64_t subject, struct smki_audit_record *out);

#define USAGE_TEXT_SIZE 128
/* "digitalSignature, cRLSign". Returns out. */
const char *usage_words(uint16_t key_usage, char out[USAGE_TEXT_SIZE]);
#define SUBJECT_TEXT_SIZE 640
/* "CN=Z1, OU=07", "(empty)". Returns out. */
const char *subject_words(const struct smki_subject *subject, char out[SUBJECT_TEXT_SIZE]);
/* A stored certificate as --json prints it; the caller frees. NULL: no memory. */
cJSON *certificate_json(const struct smki_stored_certificate *stored, const struct smki_certificate *certificate);
#define HOST_NAME_SIZE 256
/* What this machine is called; NULL when it does not say. Returns out. */
const char *host_name(char out[HOST_NAME_SIZE]);
/* The certificate of one of the home's CAs, without its key; for smki_ca_close. */
SMKI_MUST_USE int ca_look(struct smki_ca **out, const struct smki_service *service, enum smki_ca_name name, struct smki_error *err);

#endif
