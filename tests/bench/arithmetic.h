/* What mbedTLS's arithmetic costs, as processor time of one thread: the bound of everything that speaks TLS. */
#ifndef BENCH_ARITHMETIC_H
#define BENCH_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>

#define FULL_BAR    0.8 /* full handshakes, of what the arithmetic alone allows */
#define RESUMED_BAR 5.0 /* resumed ones, times the full ones */

struct arithmetic {
    double rsa_private, rsa_public, ecdhe; /* us */
    double handshake; /* of a full handshake with a client certificate: one private operation, two public ones (the client's certificate and
                       * its CertificateVerify), one key pair and one secret */
};
void arithmetic_measure(struct arithmetic *out, const char *key_file);
/* us for the AES-256-GCM of a record of so many octets (at most 16384), sealed or opened. */
double arithmetic_record(size_t size, bool opened);

#endif
