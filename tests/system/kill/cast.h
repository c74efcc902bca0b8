/* The requests of the test and where each stands in which batch, read from the folder that kill.sh made. */
#ifndef CAST_H
#define CAST_H

#include <smki/service.h>

#define CAST_REQUESTS 64
#define CAST_LINES    64
#define CAST_BATCHES  3
#define CAST_NAME     32
#define CAST_PATH     4096

struct cast_request {
    char name[CAST_NAME];
    struct smki_buffer der;
    struct smki_csr csr;  /* of a good one */
    char code[CAST_NAME]; /* "OK", or the wire code of its refusal */
    unsigned lines;       /* that ask for it */
};

struct cast_line {
    unsigned batch; /* from 0 */
    unsigned index; /* in the batch, from 1 */
    char id[CAST_NAME];
    struct cast_request *request;
};

struct cast {
    struct cast_request request[CAST_REQUESTS];
    struct cast_line line[CAST_LINES];
    size_t requests, lines, good; /* good: requests that end in a certificate */
    unsigned csrs[CAST_BATCHES];
    char document[CAST_BATCHES][CAST_PATH]; /* paths */
};

/* Prints why and returns false when something does not fit. */
bool cast_read(struct cast *cast, const char *folder);
void cast_finish(struct cast *cast);

#endif
