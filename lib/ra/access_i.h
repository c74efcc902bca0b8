/* What is known of the certificates that TLS clients hold, and how many refusals of access are recorded. */
#ifndef SMKI_ACCESS_I_H
#define SMKI_ACCESS_I_H

#include "ra/service_i.h"

#include <smki/access.h>

#define ACCESS_SETS 64 /* of ACCESS_WAYS certificates each: 1,024 in all; the least lately used of a set goes first */
#define ACCESS_WAYS 16

/* A certificate of the IKICA, and what the store said of it. Of other CAs' certificates nothing is kept, so that nobody outside can drive
 * the good ones out. */
struct standing {
    uint8_t sha256[SHA256_SIZE];
    uint64_t used; /* the turn of its set when it was last asked for; 0: an empty place */
    /* by the certificate itself: its signature was verified once */
    struct smki_time not_before, not_after;
    /* by the store */
    uint64_t version; /* the state of it that the rest is read from; 0: nothing was read */
    bool registered;
    enum smki_credential_state credential;
    enum smki_officer_state officer; /* 0: the credential is a system's */
    bool barred, gateway_only;
    struct smki_identity identity; /* without the network; the name is the certificate's */
};

/* How many records there were in the last second: the moments of the latest ones, in a ring. */
#define REFUSALS_OF_PEER  10  /* a second */
#define REFUSALS_OF_ALL   100 /* a second */
#define REFUSAL_PEERS     256 /* told apart; the one not heard of for longest is forgotten */
#define REFUSAL_PEER_SIZE 64  /* octets with NUL of a peer's address */

struct refusal_pace {
    int64_t at[REFUSALS_OF_PEER]; /* us */
    unsigned next;                /* the oldest */
};

struct refusal_peer {
    char name[REFUSAL_PEER_SIZE];
    int64_t heard; /* us; 0: an empty place */
    struct refusal_pace pace;
};

struct refusals {
    pthread_mutex_t lock;
    int64_t at[REFUSALS_OF_ALL];
    unsigned next;
    struct refusal_peer peers[REFUSAL_PEERS];
    uint64_t left_out;                     /* since the last record */
    char left_out_peer[REFUSAL_PEER_SIZE]; /* the last of those */
};

/* Uses of a credential by a network that are not written yet: see use.c. */
#define USE_PLACES 1024

struct use_gathered {
    uint64_t credential; /* 0: an empty place */
    enum smki_network network;
    bool officer;
    uint32_t uses;                          /* of this day, not written */
    struct smki_time day, last, written_at; /* written_at {0}: nothing of this day, by this program */
    char peer[SMKI_PEER_SIZE];
};

struct uses {
    pthread_mutex_t lock;
    struct use_gathered places[USE_PLACES];
};

struct access {
    struct uses uses;
    pthread_mutex_t locks[ACCESS_SETS];
    struct refusals refusals;
    uint64_t turns[ACCESS_SETS];
    struct standing standings[ACCESS_SETS][ACCESS_WAYS];
};

/* What is known of the certificate with this SHA-256, however old; false: nothing. */
bool standing_recall(struct access *access, const uint8_t sha256[SHA256_SIZE], struct standing *out);

#endif
