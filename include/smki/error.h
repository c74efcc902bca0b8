/* The one list of refusals: every way libsmki says no is a line of SMKI_ERROR_LIST.
 *
 * Functions that can fail return int: 0, or one of the negative SMKI_<NAME> codes below, and write the details into the
 * struct smki_error that the caller passes (it may be NULL). Numbers are stored in records and never reused.
 * XML answers, JSON, batch reports, audit records and the table in apps/smki/errors.md are made from this list. */
#ifndef SMKI_ERROR_H
#define SMKI_ERROR_H

#include <stddef.h>

#if defined(__GNUC__)
#define SMKI_MUST_USE __attribute__((warn_unused_result))
#define SMKI_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SMKI_API __attribute__((visibility("default")))
#else
#define SMKI_MUST_USE
#define SMKI_PRINTF(f, a)
#define SMKI_API
#endif

/* Which Status word of the wire a refusal belongs to (IDS App. B and E; the report's words are in message/).
 * NONE: never leaves the operator's side under its own name; on the wire it is WORKFLOW_ERROR with the code given. */
enum smki_status {
    SMKI_STATUS_SUCCESS,
    SMKI_STATUS_ISSUANCE_ANOMALY,
    SMKI_STATUS_UNKNOWN_DEVICE,
    SMKI_STATUS_INELIGIBLE,
    SMKI_STATUS_CSR_ERROR,
    SMKI_STATUS_CA_ERROR,
    SMKI_STATUS_FORMAT_ERROR,
    SMKI_STATUS_WORKFLOW_ERROR,
};

/* X(number, NAME, status, wire code, HTTP status, text with its rule) */
#define SMKI_ERROR_LIST(X)                                                                                                                 \
    /* general */                                                                                                                          \
    X(1, NO_MEMORY, WORKFLOW_ERROR, "WF:GM1", 500, "out of memory")                                                                        \
    X(2, INVALID_ARGUMENT, WORKFLOW_ERROR, "WF:GA1", 500, "a value is not what the function takes")                                        \
    X(3, NOT_FOUND, WORKFLOW_ERROR, "WF:GN1", 404, "there is no such thing")                                                               \
    X(4, ALREADY_EXISTS, WORKFLOW_ERROR, "WF:GX1", 409, "it exists already")                                                               \
    X(5, IO, WORKFLOW_ERROR, "WF:GI1", 500, "a file cannot be read or written")                                                            \
    X(6, PERMISSION, WORKFLOW_ERROR, "WF:GP1", 500, "permission refused")                                                                  \
    X(7, DISK_FULL, WORKFLOW_ERROR, "WF:GD1", 503, "the disk is full; nothing was lost, free space and repeat")                            \
    X(8, INTERRUPTED, WORKFLOW_ERROR, "WF:GS1", 503, "stopped on request; what was done stays done")                                       \
    X(9, TOO_LARGE, FORMAT_ERROR, "FM:GL1", 413, "larger than its limit")                                                                  \
    X(10, TRUNCATED, FORMAT_ERROR, "FM:GT1", 400, "ends before it should")                                                                 \
    X(11, INTERNAL, WORKFLOW_ERROR, "WF:BB1", 500, "internal error; give the Service Desk this code and the time")                         \
    X(12, ENCODING_INVALID, FORMAT_ERROR, "FM:GE1", 400, "not valid base64 or hexadecimal")                                                \
    X(13, DEVICE_ID_INVALID, FORMAT_ERROR, "FM:GV1", 400, "not an EUI-64 (16 hexadecimal digits, or 8 pairs joined by -)")                 \
    X(14, TIME_INVALID, FORMAT_ERROR, "FM:GC1", 400, "not a date or time of the calendar")                                                 \
    X(15, RANDOM, CA_ERROR, "CA:GR1", 500, "no random numbers to be had from the system")                                                  \
    /* reading requests and certificates */                                                                                                \
    X(100, CSR_MALFORMED, CSR_ERROR, "CR:AA1", 200, "not a well-formed PKCS#10 request in DER (RFC 2986, X.690)")                          \
    X(101, CSR_TEXT_INVALID, CSR_ERROR, "CR:AA2", 200, "not base64 PKCS#10 in an accepted form (IDS 2.3)")                                 \
    X(102, CSR_VERSION, CSR_ERROR, "CR:AA3", 200, "the request's version is not 0 (RFC 2986 4.1)")                                         \
    X(103, CSR_SUBJECT, CSR_ERROR, "CR:AA4", 200, "the subject is not what the profile asks for (GBCS 12)")                                \
    X(104, CSR_KEY, CSR_ERROR, "CR:AA5", 200, "the public key is not what the profile asks for (GBCS 12: P-256, uncompressed)")            \
    X(105, CSR_SIGNATURE_ALGORITHM, CSR_ERROR, "CR:AA6", 200, "the signature algorithm is not what the profile asks for")                  \
    X(106, CSR_SIGNATURE, CSR_ERROR, "CR:AA7", 200, "the request's own signature does not verify")                                         \
    X(107, CSR_KEY_USAGE, CSR_ERROR, "CR:AA8", 200, "keyUsage must be exactly one of digitalSignature, keyAgreement (IDS App. F)")         \
    X(108, CSR_SUBJECT_ALT_NAME, CSR_ERROR, "CR:AA9", 200,                                                                                 \
      "subjectAltName must be one hardwareModuleName with the 8 octets of the Device ID (IDS App. F)")                                     \
    X(109, CSR_OID, CSR_ERROR, "CR:CC1", 200, "wrong OID in the request")                                                                  \
    X(110, CSR_EXTENSIONS, CSR_ERROR, "CR:AB1", 200, "the requested extensions are not what the profile asks for")                         \
    X(111, CSR_DUPLICATE, CSR_ERROR, "CR:9999", 200, "Request for duplicate certificate not permitted")                                    \
    X(112, CSR_TOO_LARGE, CSR_ERROR, "CR:AB2", 200, "the request is larger than a request can be")                                         \
    X(120, CERTIFICATE_MALFORMED, CA_ERROR, "CA:AC1", 500, "not a well-formed certificate in DER (RFC 5280, X.690)")                       \
    X(121, SIGNATURE_INVALID, CA_ERROR, "CA:AC2", 500, "the signature does not verify")                                                    \
    X(122, CRL_MALFORMED, CA_ERROR, "CA:AC3", 500, "not a well-formed CRL in DER (RFC 5280 5)")                                            \
    /* keys and signing */                                                                                                                 \
    X(140, KEY_UNREADABLE, CA_ERROR, "CA:KA1", 500, "the private key cannot be read")                                                      \
    X(141, KEY_PERMISSIONS, CA_ERROR, "CA:KA2", 500, "the private key's file can be read by others; chmod 600 it")                         \
    X(142, KEY_PASSPHRASE, CA_ERROR, "CA:KA3", 500, "the private key's passphrase is missing or wrong")                                    \
    X(143, KEY_MISMATCH, CA_ERROR, "CA:KA4", 500, "the private key does not belong to the certificate")                                    \
    X(144, KEY_TYPE, CA_ERROR, "CA:KA5", 500, "the private key is of a kind that cannot do this")                                          \
    X(145, CA_KEY_UNAVAILABLE, CA_ERROR, "CA:KA6", 500, "the CA's key cannot be used just now; resubmission may help")                     \
    X(146, CA_SIGNATURE_MISMATCH, CA_ERROR, "CA:KA7", 500, "what was signed is not what was checked, or the signature does not verify")    \
    X(147, DRAFT_NOT_LINTED, CA_ERROR, "CA:KA8", 500, "a draft is signed once, after lint has passed it")                                  \
    X(148, LINT_FAILED, CA_ERROR, "CA:KA9", 500, "the draft breaks a rule of its profile")                                                 \
    X(149, P256_POINT, CSR_ERROR, "CR:AB3", 200, "the public key is not a point of P-256")                                                 \
    X(150, TOKEN_MODULE, CA_ERROR, "CA:KB1", 500, "the PKCS#11 module cannot be used")                                                     \
    X(151, TOKEN_MISSING, CA_ERROR, "CA:KB2", 500, "the token is not there; plug it in, or look at its network")                           \
    X(152, TOKEN_PIN, CA_ERROR, "CA:KB3", 500, "the token's PIN is missing or wrong; it is not tried again by itself")                     \
    X(153, TOKEN_PIN_LOCKED, CA_ERROR, "CA:KB4", 500, "the token's PIN is locked; unblock it with the SO PIN")                             \
    X(154, TOKEN_PIN_EXPIRED, CA_ERROR, "CA:KB5", 500, "the token's PIN must be changed before it can be used")                            \
    X(155, TOKEN_SESSION, CA_ERROR, "CA:KB6", 500, "the session with the token was lost; repeat")                                          \
    X(156, TOKEN_OBJECT, CA_ERROR, "CA:KB7", 500, "the key or certificate is not on the token")                                            \
    X(157, TOKEN_URI, CA_ERROR, "CA:KB8", 500, "not a pkcs11: URI (RFC 7512)")                                                             \
    X(158, TOKEN_FAILED, CA_ERROR, "CA:KB9", 500, "the token failed")                                                                      \
    /* store, audit, configuration, home */                                                                                                \
    X(200, STORE_CORRUPT, WORKFLOW_ERROR, "WF:SA1", 500, "the store holds something it should not; restore a backup and report it")        \
    X(201, STORE_VERSION, WORKFLOW_ERROR, "WF:SA2", 500, "the store was written by a newer version; use that version")                     \
    X(202, STORE_NOT_EMPTY, WORKFLOW_ERROR, "WF:SA3", 500, "the folder is not empty")                                                      \
    X(203, STORE_MISSING, WORKFLOW_ERROR, "WF:SA4", 500, "there is no store here; make one with 'smki init'")                              \
    X(204, STORE_LOCKED, WORKFLOW_ERROR, "WF:SA5", 503, "the store is in use in a way that excludes this")                                 \
    X(205, AUDIT_BROKEN, WORKFLOW_ERROR, "WF:SA6", 500, "the audit log is not as it was written")                                          \
    X(206, CONFIG_INVALID, WORKFLOW_ERROR, "WF:SA7", 500, "the configuration is wrong")                                                    \
    X(207, SERIALS_EXHAUSTED, CA_ERROR, "CA:SA8", 500, "no serial numbers left")                                                           \
    X(208, HOME_MISSING, WORKFLOW_ERROR, "WF:SA9", 500, "no home given; use --home or SMKI_HOME")                                          \
    X(209, INVENTORY_INVALID, WORKFLOW_ERROR, "WF:SB1", 400, "the inventory is not as it should be")                                       \
    /* wire documents */                                                                                                                   \
    X(300, XML_INVALID, FORMAT_ERROR, "FM:AA1", 200, "invalid XML in request")                                                             \
    X(301, BATCH_TOO_MANY, FORMAT_ERROR, "FM:AA2", 200, "number of submitted CSRs exceeds maximum volume")                                 \
    X(302, BATCH_UNKNOWN, FORMAT_ERROR, "FM:AA3", 200, "unknown BatchId")                                                                  \
    X(303, XML_DTD, FORMAT_ERROR, "FM:AA4", 200, "the document has a DTD or entity declaration, which is never accepted")                  \
    X(304, XML_VERSION, FORMAT_ERROR, "FM:AA5", 200, "the interface version is not 1.0")                                                   \
    X(310, ZIP_INVALID, FORMAT_ERROR, "FM:ZA1", 200, "not a ZIP file, or a damaged one")                                                   \
    X(311, ZIP_EMPTY, FORMAT_ERROR, "FM:ZA2", 200, "the ZIP file holds no CSR")                                                            \
    X(312, ZIP_ENTRY_PATH, FORMAT_ERROR, "FM:ZA3", 200, "entries must lie in the ZIP file's root, without folders or dotted paths")        \
    X(313, ZIP_ENTRY_NAME, FORMAT_ERROR, "FM:ZA4", 200, "entries must be named *.csr")                                                     \
    X(314, ZIP_ENTRY_DUPLICATE, FORMAT_ERROR, "FM:ZA5", 200, "every entry needs a name of its own")                                        \
    X(315, ZIP_ENCRYPTED, FORMAT_ERROR, "FM:ZA6", 200, "encrypted entries are not accepted")                                               \
    X(316, ZIP_METHOD, FORMAT_ERROR, "FM:ZA7", 200, "entries must be stored or deflated")                                                  \
    X(317, ZIP_ENTRY_TOO_LARGE, FORMAT_ERROR, "FM:ZA8", 200, "an entry is larger than a CSR can be")                                       \
    X(318, ZIP_BOMB, FORMAT_ERROR, "FM:ZA9", 200, "the entries unpack to more than a batch can hold")                                      \
    /* who may do what */                                                                                                                  \
    X(400, PARTY_UNKNOWN, WORKFLOW_ERROR, "WF:PA1", 403, "there is no such Party")                                                         \
    X(401, PARTY_BARRED, WORKFLOW_ERROR, "WF:PA2", 403, "the Party is barred")                                                             \
    X(402, NOT_SUBSCRIBER, WORKFLOW_ERROR, "WF:PA3", 403, "the Party is not an Authorised Subscriber for these certificates")              \
    X(403, EUI_TAKEN, WORKFLOW_ERROR, "WF:PA4", 409, "the EUI-64 belongs to another Party")                                                \
    X(404, EUI_NOT_OWN, CSR_ERROR, "CR:PA5", 200, "the EUI-64 in the request does not belong to this Party")                               \
    X(405, ROLE_NOT_OWN, CSR_ERROR, "CR:PA6", 200, "the Party does not hold the Remote Party Role in the request")                         \
    X(406, OFFICER_STATE, WORKFLOW_ERROR, "WF:PA7", 409, "the officer's state does not allow this")                                        \
    X(407, CREDENTIAL_STATE, WORKFLOW_ERROR, "WF:PA8", 409, "the credential's state does not allow this")                                  \
    X(408, CREDENTIAL_NAME_TAKEN, WORKFLOW_ERROR, "WF:PA9", 409, "the CN is in use by another credential of this Party and interface")     \
    X(409, AGREEMENT_NOTICE, WORKFLOW_ERROR, "WF:PB1", 409, "extra load needs at least seven days' notice (CoCo 3)")                       \
    X(410, USER_ROLE, WORKFLOW_ERROR, "WF:PB2", 403, "the Party's user role does not allow this interface")                                \
    X(411, ORGANISATION_NOT_OWN, CSR_ERROR, "CR:PB3", 200, "the organisation in the request is not this Party by its name")                \
    /* IKI authentication (IDS App. G) */                                                                                                  \
    X(420, IKI_MISSING, WORKFLOW_ERROR, "WF:IA1", 403, "no IKI Certificate was given")                                                     \
    X(421, IKI_FOREIGN, WORKFLOW_ERROR, "WF:IA2", 403, "the certificate was not issued by this service's IKICA")                           \
    X(422, IKI_DATES, WORKFLOW_ERROR, "WF:IA3", 403, "the IKI Certificate has expired, or is not yet valid")                               \
    X(423, IKI_UNREGISTERED, WORKFLOW_ERROR, "WF:IA4", 403, "the IKI Certificate is not that of a registered credential")                  \
    X(424, IKI_SUSPENDED, WORKFLOW_ERROR, "WF:IA5", 403, "the credential is suspended")                                                    \
    X(425, IKI_REVOKED, WORKFLOW_ERROR, "WF:IA6", 403, "the credential is revoked")                                                        \
    X(426, IKI_INTERFACE, WORKFLOW_ERROR, "WF:IA7", 403, "the credential is for another interface")                                        \
    X(427, IKI_NETWORK, WORKFLOW_ERROR, "WF:IA8", 403, "the Party may come by the Gateway Connection only")                                \
    X(428, PROOF, WORKFLOW_ERROR, "WF:IA9", 403, "the request was not proven to come from the portal's own pages; load the page again")    \
    /* eligibility (spec: eligibility.md) */                                                                                               \
    X(450, INELIGIBLE_DCC_ONLY, INELIGIBLE, "IN:EA1", 200, "only the DCC may hold certificates of a CHF or GPF")                           \
    X(451, INELIGIBLE_SUPPLIER, INELIGIBLE, "IN:EA2", 200, "the device is in service and its supplier is another Party")                   \
    X(452, INELIGIBLE_WITHDRAWN, INELIGIBLE, "IN:EA3", 200, "the device is decommissioned or withdrawn: nobody is eligible")               \
    X(453, INELIGIBLE_SUBSCRIBER, INELIGIBLE, "IN:EA4", 200, "the Party is not an Authorised Subscriber for Device Certificates")          \
    /* issuing out of the ordinary */                                                                                                      \
    X(460, DEVICE_LIMIT, ISSUANCE_ANOMALY, "CA:LA1", 200, "the device already has its limit of certificates (100 unless raised)")          \
    X(461, KEY_OF_ANOTHER_DEVICE, ISSUANCE_ANOMALY, "CA:LA2", 200, "this public key is already certified for another device")              \
    X(462, DEVICE_UNKNOWN, UNKNOWN_DEVICE, "UD:LA3", 200, "no earlier certificate for this Device ID")                                     \
    /* demand (CoCo 3) */                                                                                                                  \
    X(500, RATE_ADHOC_DAY, WORKFLOW_ERROR, "WF:RA1", 429, "ad hoc web service: one CSR in any 0.8 s from 07:00 to 20:00")                  \
    X(501, RATE_ADHOC_NIGHT, WORKFLOW_ERROR, "WF:RA2", 429, "ad hoc web service: one CSR in any 4 s from 20:00 to 07:00")                  \
    X(502, RATE_PORTAL_ADHOC, WORKFLOW_ERROR, "WF:RA3", 429, "portal: at most 150 ad hoc Device CSRs of a Party in any 24 hours")          \
    X(503, RATE_BATCH_BUSY, WORKFLOW_ERROR, "WF:RA4", 429, "batch web service: one submission of a Party at a time")                       \
    X(504, POLL_TOO_EARLY, WORKFLOW_ERROR, "WF:RA5", 429, "this batch may not be polled yet")                                              \
    X(505, POLL_TOO_OFTEN, WORKFLOW_ERROR, "WF:RA6", 429, "a batch may be polled once an hour")                                            \
    X(506, POLL_DONE, WORKFLOW_ERROR, "WF:RA7", 429, "this batch has been retrieved; ask the operator to release it again")                \
    X(507, NOT_RELEASED, WORKFLOW_ERROR, "WF:RA8", 429, "the results of this batch are not released yet")                                  \
    X(508, OUTSIDE_WINDOW, WORKFLOW_ERROR, "WF:RA9", 503, "outside the processing window (20:00 to 08:00)")                                \
    X(509, OVER_QUOTA, WORKFLOW_ERROR, "WF:RB1", 200, "more than 50,000 portal batch CSRs of a Party in 24 hours: queued behind due work") \
    /* batches */                                                                                                                          \
    X(550, BATCH_STATE, WORKFLOW_ERROR, "WF:BA1", 409, "the batch's state does not allow this")                                            \
    X(551, BATCH_TAMPERED, WORKFLOW_ERROR, "WF:BA2", 500, "the batch's content changed between upload and parsing")                        \
    X(552, BATCH_NOT_COMPLETED, WORKFLOW_ERROR, "WF:BA3", 409, "the batch is not completed")                                               \
    X(553, BATCH_REJECTED, WORKFLOW_ERROR, "WF:BA4", 409, "the batch was rejected by the RA")                                              \
    X(554, LEASE_LOST, WORKFLOW_ERROR, "WF:BA5", 500, "another runner took this chunk over")                                               \
    X(555, RESULT_EXPIRED, WORKFLOW_ERROR, "WF:BA6", 410, "the results were kept for their 30 days and are gone")                          \
    X(556, SUBMISSION, WORKFLOW_ERROR, "WF:BB2", 500, "internal error at submission; nothing was accepted, submit again")                  \
    X(570, MAINTENANCE, WORKFLOW_ERROR, "WF:MA1", 503, "Planned Maintenance")                                                              \
    X(571, MAINTENANCE_STATE, WORKFLOW_ERROR, "WF:MA2", 409, "the maintenance's state does not allow this")                                \
    /* HTTP */                                                                                                                             \
    X(580, HTTP_PATH, FORMAT_ERROR, "FM:HA1", 404, "there is nothing at this address; see the interface specification for the paths")      \
    X(581, HTTP_METHOD, FORMAT_ERROR, "FM:HA2", 405, "this method is not for this address; the Allow header names those that are")         \
    X(582, HTTP_MEDIA_TYPE, FORMAT_ERROR, "FM:HA3", 415, "the Content-Type is not what this address takes")                                \
    X(583, HTTP_HOST, FORMAT_ERROR, "FM:HA4", 421, "the Host of the request is not the server name that the connection was opened for")    \
    X(584, HTTP_MALFORMED, FORMAT_ERROR, "FM:HA5", 400, "not a well-formed HTTP request (RFC 9112)")                                       \
    X(585, HTTP_BUSY, WORKFLOW_ERROR, "WF:HA6", 503, "the service has more to do than it can; try again in a moment")                      \
    X(586, HTTP_SLOW, WORKFLOW_ERROR, "WF:HA7", 408, "the request took too long to arrive")                                                \
    X(587, HTTP_HEAD_SIZE, FORMAT_ERROR, "FM:HA8", 431, "the head of the request is too large, or has too many fields or arguments")       \
    X(588, HTTP_TARGET_SIZE, FORMAT_ERROR, "FM:HA9", 414, "the target of the request is too long, or has too many arguments")              \
    X(589, HTTP_EXPECT, FORMAT_ERROR, "FM:HB1", 417, "an Expect other than 100-continue is not met")                                       \
    X(590, HTTP_VERSION, FORMAT_ERROR, "FM:HB2", 505, "this version of HTTP is not spoken here; use HTTP/1.1")                             \
    /* announcing and the Service Desk */                                                                                                  \
    X(591, NOTICE_STATE, WORKFLOW_ERROR, "WF:NA1", 409, "the notice of extra demand was decided already")                                  \
    X(592, NOTICE_MANY, WORKFLOW_ERROR, "WF:NA2", 429, "too many notices of extra demand of a Party wait for the operator")                \
    X(593, DESK_BUSY, WORKFLOW_ERROR, "WF:NA3", 429, "too many reports to the Service Desk in a short time; telephone if it is urgent")    \
    X(594, DESK_STATE, WORKFLOW_ERROR, "WF:NA4", 409, "the report to the Service Desk is closed already")                                  \
    X(595, DESK_WEBHOOK, WORKFLOW_ERROR, "WF:NA5", 502, "the Service Desk's webhook did not take the report")                              \
    X(596, DESK_REFUSED, WORKFLOW_ERROR, "WF:NA6", 502, "the Service Desk's webhook refused the report")                                   \
    /* a Party's client */                                                                                                                 \
    X(600, CLIENT_CONNECTION, WORKFLOW_ERROR, "WF:CA1", 503, "the service cannot be reached")                                              \
    X(601, CLIENT_TLS, WORKFLOW_ERROR, "WF:CA2", 503, "the TLS session cannot be made: one side does not trust the other")                 \
    X(602, CLIENT_ANSWER, WORKFLOW_ERROR, "WF:CA3", 502, "the answer is not what the interface specification says")                        \
    X(603, CLIENT_CERTIFICATE, WORKFLOW_ERROR, "WF:CA4", 502, "a certificate in the answer is not the one that was asked for")             \
    X(604, CLIENT_REFUSED, WORKFLOW_ERROR, "WF:CA5", 403, "the service refused")                                                           \
    X(605, CLIENT_STATE, WORKFLOW_ERROR, "WF:CA6", 500, "the state file is not of this client, or damaged")                          \
    X(606, CLIENT_FATE_UNKNOWN, WORKFLOW_ERROR, "WF:CA7", 502, "the request was sent and no answer came: it may have been accepted")       \
    X(607, CLIENT_TWICE, WORKFLOW_ERROR, "WF:CA8", 409, "this was submitted before")

enum smki_error_code {
    SMKI_OK = 0,
#define SMKI_X(number, name, status, code, http, text) SMKI_##name = -(number),
    SMKI_ERROR_LIST(SMKI_X)
#undef SMKI_X
};

#define SMKI_ERROR_TEXT_SIZE 512 /* octets with the closing NUL; longer details are cut */

struct smki_error {
    int code;                        /* 0, or one of enum smki_error_code */
    char text[SMKI_ERROR_TEXT_SIZE]; /* for the person who must act; one line */
};

/* What the list says of one code. */
struct smki_refusal {
    int code;
    const char *name; /* "CSR_MALFORMED" */
    enum smki_status status;
    const char *wire_code; /* "CR:AA1", at most 10 characters */
    int http_status;
    const char *text;
};

/* The list's line for `code`; an unknown code gives the line of SMKI_INTERNAL. Never NULL, static storage. */
SMKI_API const struct smki_refusal *smki_refusal_find(int code);

/* The whole list in its order; *count lines. Static storage. */
SMKI_API const struct smki_refusal *smki_refusal_list(size_t *count);

/* "SUCCESS", "ISSUANCE_ANOMALY" ...: the Status word of the wire (IDS App. B). */
SMKI_API const char *smki_status_word(enum smki_status status);

#endif
