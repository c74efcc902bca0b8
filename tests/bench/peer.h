/* Other certification programs at work on the requests of a batch. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <smki/error.h>

#include <stddef.h>

struct request;

/* The folder that they work in: it is the process's own while they do. The requests lie there as 1.csr, 2.csr ... (PEM), one of a simple
 * kind as plain.der, and a CA with a P-256 key as ca.pem, ca.key. */
struct peer_work {
    char disk[240], memory[60]; /* memory: on a tmpfs; "": there is none */
    size_t count;
    unsigned cores;
};

struct peer_result {
    double seconds;
    double processor; /* seconds of the peer's processes, which others on the machine do not lengthen */
    size_t done;
};

struct peer {
    const char *name, *program, *package; /* package: Debian's */
    const char *note;                     /* what is different from ours; NULL: nothing but that it checks and records less */
    int (*run)(const struct peer *peer, const struct peer_work *work, struct peer_result *out, struct smki_error *err);
    unsigned parts;          /* openssl ca: processes */
    int in_memory;           /* openssl ca: database on a tmpfs */
    const char *const *each; /* a process a certificate: its arguments; "IN" and "OUT" are the files */
};

extern const struct peer peers[]; /* ended by {NULL} */

int peer_work_begin(struct peer_work *work, const struct request *requests, struct smki_error *err);
void peer_work_end(struct peer_work *work);
/* Is the program on the PATH? */
int peer_is_installed(const struct peer *peer);

#endif
