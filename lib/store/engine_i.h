/* The engine below the nouns: one LMDB environment in a folder.
 *
 * Words: a *database* is one of LMDB's named B-trees (database.c lists them); a *row* is a key with its value there.
 * Every row that the store itself shapes starts with one octet that says by which layout it is written (but runs of key prints:
 * the store's format says it); numbers are big endian.
 *
 * Invariants:
 * - LMDB must be opened once a process (it uses POSIX locks, which end with the first close). An open file description lock on octet
 *   <pid> of the file `processes` sees to it, and goes with the process however that ends.
 * - Whoever uses a transaction is inside the *gate*. The map is only replaced (grown, or another process's growth taken over) when nobody
 * is inside.
 * - A thread holds one view at a time (a second one is the first again) and none while it asks for a change; so the gate never waits for
 * itself.
 * - Changes are run by one leader at a time, the thread that found no other leading; LMDB's own lock keeps the processes apart. */
#ifndef SMKI_STORE_ENGINE_I_H
#define SMKI_STORE_ENGINE_I_H

#include "store/store_i.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define STORE_FORMAT 5 /* what this version writes; upgrade.c has a step from each older one */

#define STORE_MAP_START ((size_t)64 << 20) /* octets of address space to start with */
#define STORE_MAP_STEP  ((size_t)1 << 30)  /* the map doubles, but by no more than this at once */
#define STORE_READERS   1024               /* views open at once, of all processes */
#define STORE_KEY_MAX   511                /* octets; LMDB's own limit */
#define STORE_TOUCH_CHECK  32 /* rows read or written between two looks at the faults: each can fault in 64 KiB a level */
#define STORE_FAULTS_CHECK 8  /* faults of a thread between two looks at the resident size */

#define STORE_PRINT_DEPTH_LAST 17 /* levels of the tree of key prints below its first: print.c */

enum database {
    DB_META,
    DB_NUMBERS,
    DB_DOCUMENTS,
    DB_NAMES,
    DB_DEVICES,
    DB_CLAIMS,
    DB_KEY_PRINTS,
    DB_CERTIFICATES, /* the first of five, one a CA: see database_of_ca */
    DB_CERTIFICATES_LAST = DB_CERTIFICATES + 4,
    DB_REVOKED,
    DB_BATCHES,
    DB_BATCHES_OPEN,
    DB_CHUNKS,
    DB_DEMAND,
    DB_VALUES,
    DB_RECORDS,
    DB_CHECKPOINTS,
    DB_PICKUP,
    DB_PARTY_BATCHES,
    DB_ORGANISATIONS,
    DB_COUNT
};

struct store_view {
    struct smki_store *store;
    MDB_txn *txn;
    struct store_change *change; /* the change that this is the reading face of; NULL: a view of its own */
    pthread_t thread;
    unsigned uses;                    /* how often its thread has begun it */
    struct store_view *before, *next; /* in the store's list */
};

/* Where the chain of audit records ends. */
struct head {
    uint64_t sequence; /* 0: no record yet */
    struct smki_time time;
    uint8_t hash[SHA256_SIZE];
};

struct store_change {
    struct store_view view;
    struct smki_time now;
    struct head head;
    bool head_read; /* `head` is what the store says, or what this change made of it */
    bool recorded;  /* records were appended: the head has to be signed */
    bool full;      /* the map is too small: the group runs again in a larger one */
    int failed;     /* the first failure of the engine; the change cannot succeed any more */
};

struct waiting; /* a change in the queue: change.c */

struct smki_store {
    char *folder;
    MDB_env *env;
    MDB_dbi database[DB_COUNT];
    struct smki_clock clock;
    pid_t pid;
    int processes; /* the file whose octet <pid> is locked */
    uint32_t format;

    pthread_mutex_t gate;
    pthread_cond_t gate_moved;
    unsigned inside;          /* views, and the leader */
    bool remapping;           /* nobody enters until the map is replaced */
    atomic_bool unmapped;     /* the map could not be replaced: nothing works any more but close; looked at before the gate too */
    struct store_view *views; /* open ones */

    pthread_mutex_t queue;
    struct waiting *first, *last;
    bool leading;
    pthread_t leader;
    store_sign_fn sign;
    void *sign_context;
    uint64_t sign_interval;

    uint8_t *map; /* as the kernel shows it; NULL: not known, nothing is given back */
    size_t map_size;
    size_t resident_start; /* octets of files that were resident when the store was opened */
    atomic_size_t resident_let;
    int statm;             /* /proc/self/statm, or -1 */
    atomic_uint touched;

    struct print_places *print_places;
    uint8_t *print_room[STORE_PRINT_DEPTH_LAST + 1]; /* print.c: nodes that a change writes anew; NULL until there is one so deep */
};

/* ---- environment.c: the LMDB environment, its gate and its map ---- */
enum environment_use { ENVIRONMENT_CREATE, ENVIRONMENT_OPEN };
SMKI_MUST_USE int environment_open(struct smki_store **out, const char *folder, enum environment_use use, struct smki_error *err);
void environment_close(struct smki_store *store);
/* Refuses a store that was opened before a fork, or that lost its map. */
SMKI_MUST_USE int environment_check(struct smki_store *store, struct smki_error *err);
/* Enters the gate and begins a transaction, taking over the map size of other processes and clearing away dead readers. gate_leave comes
 * after its end. */
SMKI_MUST_USE int transaction_begin(struct smki_store *store, unsigned flags, MDB_txn **out, struct smki_error *err);
void gate_leave(struct smki_store *store);
/* Makes the map larger when nobody is inside any more; the caller must not be. */
SMKI_MUST_USE int map_grow(struct smki_store *store, struct smki_error *err);
/* The refusal for what LMDB returned: "<folder>: <what>: <LMDB's words>". */
int lmdb_fail(const struct smki_store *store, struct smki_error *err, int rc, const char *what);

/* ---- database.c: the databases and their rows ---- */
/* Opens them all, making those that are not there. `format` gets what the store says it is, 0 when it says nothing. */
SMKI_MUST_USE int databases_open(struct smki_store *store, uint32_t *format, struct smki_error *err);
/* Makes them in an environment that is empty (STORE_NOT_EMPTY), and writes the format. */
SMKI_MUST_USE int databases_create(struct smki_store *store, struct smki_error *err);
SMKI_MUST_USE int format_put(struct store_change *change, uint32_t format, struct smki_error *err);
SMKI_MUST_USE int format_get(struct store_view *view, uint32_t *format, struct smki_error *err);
SMKI_MUST_USE int database_count(struct store_view *view, enum database database, uint64_t *rows, struct smki_error *err);

/* NOT_FOUND leaves err untouched, here and below. */
SMKI_MUST_USE int row_get(struct store_view *view, enum database database, struct smki_bytes key, struct smki_bytes *value,
                          struct smki_error *err);
/* The first row whose key is greater than `after` (an empty one: the first row). `value` may be NULL. */
SMKI_MUST_USE int row_after(struct store_view *view, enum database database, struct smki_bytes after, struct smki_bytes *key,
                            struct smki_bytes *value, struct smki_error *err);
/* The last row whose key is less than `before`. `value` may be NULL. */
SMKI_MUST_USE int row_before(struct store_view *view, enum database database, struct smki_bytes before, struct smki_bytes *key,
                             struct smki_bytes *value, struct smki_error *err);
SMKI_MUST_USE int row_last(struct store_view *view, enum database database, struct smki_bytes *key, struct smki_bytes *value,
                           struct smki_error *err);
SMKI_MUST_USE int row_put(struct store_change *change, enum database database, struct smki_bytes key, struct smki_bytes value,
                          struct smki_error *err);
/* Adds a row of `size` octets that the caller writes at *at before anything else. Keys that only grow fill their pages (MDB_APPEND); others
 * may come in any order. ALREADY_EXISTS leaves err untouched. */
SMKI_MUST_USE int row_append(struct store_change *change, enum database database, struct smki_bytes key, size_t size, uint8_t **at,
                             struct smki_error *err);
/* Writes a row of `size` octets, there already or not, which the caller fills at *at before anything else. */
SMKI_MUST_USE int row_reserve(struct store_change *change, enum database database, struct smki_bytes key, size_t size, uint8_t **at,
                              struct smki_error *err);
SMKI_MUST_USE int row_remove(struct store_change *change, enum database database, struct smki_bytes key, struct smki_error *err);
/* Reads the layout octet; STORE_CORRUPT when it is none of ours. */
SMKI_MUST_USE int layout_check(struct cursor *cursor, uint8_t newest, const char *what, struct smki_error *err);

/* ---- print.c: key prints, and the device each leads to ---- */
/* The first device behind *id (all zero: the first of all) that the print leads to. NOT_FOUND leaves err untouched. */
SMKI_MUST_USE int print_next(struct store_view *view, const uint8_t print[8], struct smki_device_id *id, struct smki_error *err);
/* Once is as good as twice. Of thousands of devices on one print not all are kept. */
SMKI_MUST_USE int print_add(struct store_change *change, const uint8_t print[8], const struct smki_device_id *id, struct smki_error *err);
SMKI_MUST_USE int print_remove(struct store_change *change, const uint8_t print[8], const struct smki_device_id *id,
                               struct smki_error *err);

/* ---- pickup.c ---- */
/* The batch is one of the Party's. */
SMKI_MUST_USE int party_batch_note(struct store_change *change, uint64_t party, uint64_t id, struct smki_error *err);

void print_finish(struct smki_store *store);

/* ---- print_place.c: where nodes of key prints lie in the file. Thread-safe ---- */
SMKI_MUST_USE int print_places_open(struct smki_store *store, struct smki_error *err);
void print_places_close(struct smki_store *store);
/* The node's row as it was kept under the same stamp (octets to be read by resident_copy alone; none: there is no such node); false: it was
 * not. */
bool print_place_find(struct smki_store *store, unsigned depth, uint64_t path, uint64_t stamp, struct smki_bytes *row);
/* Keeps where the row lies. `stamp` is what the same view says of the subtree. */
void print_place_keep(struct smki_store *store, unsigned depth, uint64_t path, uint64_t stamp, struct smki_bytes row);

/* ---- the rest ---- */
bool view_is_open(struct smki_store *store);                                       /* this thread holds a view: view.c */
bool change_is_led(struct smki_store *store);                                      /* this thread is inside a change: change.c */
SMKI_MUST_USE int store_upgrade(struct smki_store *store, struct smki_error *err); /* upgrade.c */
/* record.c: signs and writes the head of a change that appended records; the last thing before its commit. */
SMKI_MUST_USE int head_close(struct store_change *change, store_sign_fn sign, void *context, uint64_t interval, struct smki_error *err);
/* resident.c: gives the map back to the page cache when too much of it is resident. */
void resident_start(struct smki_store *store);
void resident_find(struct smki_store *store);  /* where the map is now; nobody else is inside the gate */
void resident_keep(struct smki_store *store);  /* looks, and gives back; from inside the gate */
void resident_touch(struct smki_store *store); /* one more row was touched: looks now and then */
/* Copies what LMDB points to: what lies in the map by reading the file, so that its pages do not become resident. For large rows that are
 * looked at in no order. */
SMKI_MUST_USE int resident_copy(const struct smki_store *store, void *out, struct smki_bytes from, struct smki_error *err);
void resident_finish(struct smki_store *store);
/* Keys of numbers. */
struct number_key {
    uint8_t octet[16];
};
struct smki_bytes key_u64(struct number_key *key, uint64_t number);

#endif
