/* The map of libsmki: the service side of the GB Smart Metering Key Infrastructure. CSRs in, certificates out.
 *
 *   header          what is in it
 *   --------------  -----------------------------------------------------------------------------------------------------
 *   error.h         the one list of refusals: name, number, wire status and code, HTTP status, text
 *   base.h          bytes, Device ID, serial number, moments and UK civil time, where clock and randomness come from
 *   role.h          the Remote Party Roles, by code, name or OU
 *   csr.h           reading requests: device, organisation, IKI; in every accepted text form
 *   certificate.h   reading certificates, verifying them, PEM
 *   key.h           private keys: where they live, what they sign
 *   p256.h          who does the arithmetic on P-256: mbedTLS, or OpenSSL, which is much faster
 *   lint.h          the rules of the profiles, one by one
 *   issue.h         draft, then certificate; CRLs; the CAs of a test PKI
 *   store.h         what is kept: its read-only face and its read-write face
 *   config.h        the configuration: every key, its default and its source in the spec
 *   party.h         Parties, their officers, IKI credentials and agreements
 *   device.h        devices: the inventory, and the certificates they hold
 *   demand.h        how much may come when: pace, windows, nights, retrieval
 *   batch.h         batches: intake, chunks, results
 *   audit.h         the chained log: record, verify, export
 *   tls.h           the TLS certificate of a home's servers
 *   access.h        IKI authentication: from a TLS client's certificate to who it is, or the refusal
 *   adhoc.h         the Ad Hoc Device CSR Web Service: one document in, one out
 *   portal.h        what an officer does: a pasted CSR, pickup, finding, the night and the demand as pictures
 *   maintenance.h   Planned Maintenance: announced, on, over
 *   bulletin.h      what the operator tells everybody on the portal
 *   notice.h        notices of extra demand: announced, approved, declined
 *   document.h      the document library
 *   installer.h     the Authentication Client's download area: files, signatures, updates.json
 *   desk.h          reports to the Service Desk, and their webhook
 *   client.h        a Party's side of the web services: submit, wait, retrieve, check (when built with it)
 *   token.h         officers' tokens, by PKCS#11 (when built with it)
 *   service.h       an opened home and the flows that join these: what a portal, a web service or a runner opens first
 *
 * NULL. Pointers must not be NULL but where the comment at the function says so. `struct smki_error *err` may always be NULL: the details
 * are then lost, the code is still returned. Every _finish, _destroy and _close takes NULL.
 *
 * Failing. Functions that can fail return int: 0, or one negative code of error.h. When they fail, out parameters are not to be used,
 * except to pass them to their _finish. The library never prints, exits or aborts; out of memory is an error like any other.
 *
 * Memory. Two pairs: _init or {0} and _finish for memory that the caller owns; _create or _open and _destroy or _close for what the library
 * allocates. `struct smki_bytes` is somebody else's memory, which must outlive it. `struct smki_buffer` is the caller's, on the heap.
 * Functions that write text into a char array return that array.
 *
 * Threads. There is no hidden thread but those that sign with a key on a token (key.h: a module may never answer), and no global state but the choice of
 * p256.h and what was read of a Party before, kept beside the octets that say it, which change nothing but speed, and the PKCS#11 modules that are loaded,
 * which a process has once. Functions may be called from any thread; an object by one thread at a time, but where
 * its header says that it is thread-safe. The functions inside smki_clock and smki_random are called from several threads at once.
 *
 * Time. Moments are struct smki_time: microseconds since 1970 UTC, years 1970 to 9999. They come in as values or from the smki_clock that
 * a service was opened with; no function asks the system behind the caller's back. Rules of the day are in UK civil time, computed by
 * rule: TZ and the locale change nothing. */
#ifndef SMKI_SMKI_H
#define SMKI_SMKI_H

#include <smki/error.h>

/* The library's version, "0.1.0": of what is running, not of the headers. Static storage. */
SMKI_API const char *smki_version(void);

#endif
