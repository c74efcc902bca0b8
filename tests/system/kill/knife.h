/* The knife: counts what a process does to the world (writes, syncs, renames, removals, signatures of P-256 keys) and kills it at the n-th
 * of these acts. The functions that do these acts are replaced in this program, so that those of the library and of LMDB, which come from
 * shared libraries, pass here.
 *
 * Only a process that called knife_arm is watched. What it did lies in memory shared with its parent, and outlives it.
 * Nothing is synced to the disk in a watched process: a kill leaves the kernel's pages as they are, and the power cut is made here. */
#ifndef KNIFE_H
#define KNIFE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNIFE_SIGNATURES 4096
#define KNIFE_KEY_SIZE   8
#define KNIFE_PROOFS     4
#define KNIFE_ACTS       1024

enum knife_cut {
    KNIFE_NONE,       /* only watch */
    KNIFE_BEFORE,     /* kill before the n-th act */
    KNIFE_AFTER,      /* after it */
    KNIFE_TORN,       /* a write of more than a page is done by half, then the kill */
    KNIFE_POWER,      /* before it, and what was written since the last sync of its file is undone: a power cut */
    KNIFE_POWER_PART, /* the same, each such write undone with an even chance */
    KNIFE_SLEEP,      /* stop (SIGSTOP) before the n-th signature of the key `issuer` */
};

enum knife_kind {
    KNIFE_OTHER,
    KNIFE_LARGE, /* a write of more than a page, which a kill can tear */
    KNIFE_SYNC,  /* of a file: what was written before it is lost in a power cut */
};

struct knife_signature {
    uint8_t key[KNIFE_KEY_SIZE]; /* the first octets of the private key */
    uint8_t digest[32];
};

struct knife_scene {
    enum knife_cut cut;
    uint64_t at; /* the n of the n-th, from 1 */
    uint32_t seed;
    uint8_t issuer[KNIFE_KEY_SIZE];
    uint8_t proof[KNIFE_PROOFS][32]; /* what that key signs when it is opened, to see whether it works */
    size_t proofs;
    _Atomic uint64_t acts, issued, commits; /* commits: writes of LMDB's meta page */
    uint8_t kind[KNIFE_ACTS];               /* enum knife_kind of the n-th act */
    _Atomic size_t signatures;              /* begun: written down before each is made */
    struct knife_signature signature[KNIFE_SIGNATURES];
    char last_words[512]; /* why a process ended with a failure */
};

/* In memory that is shared with children. NULL: none. */
struct knife_scene *knife_scene_create(void);
void knife_scene_destroy(struct knife_scene *scene);
/* From here on this process is watched; its acts count from 0. */
void knife_arm(struct knife_scene *scene);

#endif
