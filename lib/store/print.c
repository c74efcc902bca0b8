/* Key prints: which device has a certificate on a key.
 *
 * Prints come in no order at all. As rows of their own each would cost a page to write once there are millions, so they lie in a tree that
 * is written lazily. A *run* is a row of prints with their devices, in their order. New prints go into the *buffer*, a short run. What is
 * full hands all it holds down to the next level: the buffer to the first *node*, that to its 4 children, and every other node to its 16,
 * one for each value of the print's next bits. On all levels what comes down at once is a sixteenth of what there is room for, so each
 * writing of a row serves hundreds of prints; 16 times as many prints take one level more, and a print is found by a look at one node a
 * level.
 *
 * LMDB's own pages on the way to thousands of rows would not stay warm: where the nodes of the lower levels lie is kept in memory, and is
 * true as long as a *stamp* in the store is the same: print_place.c.
 *
 * A node's row has room for ROW_MIN at least, the rest is padding, so that LMDB keeps it on pages of its own.
 *
 * Nodes are read from the file in pieces: their prints are spread evenly, so where one would be is known well enough.
 *
 * Invariant: a node stays when it has handed down what it held. Where there is none, there is none below. */
#include "store/engine_i.h"

#include <stdlib.h>
#include <string.h>

#define PRINT_SIZE   8
#define ENTRY_SIZE   (PRINT_SIZE + SMKI_DEVICE_ID_SIZE)
#define BUFFER_MAX   254   /* entries: one page of LMDB's, 4096 octets with a header of 16 */
#define FIRST_MAX    4095  /* entries of the first node: 16 pages */
#define NODE_MAX     16383 /* entries of every other: 64 pages */
#define NODE_SIZE    ((size_t)NODE_MAX * ENTRY_SIZE)
#define ROW_MIN      128                    /* entries: 2048 octets, more than LMDB keeps among others */
#define DEPTH_WARM   2                      /* nodes above it are few and looked at all the time: they are read where they lie */
#define DEPTH_PLACED 3                      /* nodes from it on are so many that where they lie is kept in memory: print_place.c */
#define DEPTH_WHOLE  4                      /* down to it all nodes of a subtree are placed at once: 16, 256 */
#define DEPTH_KEPT   64                     /* added to a depth in print_place.c: that they were */
#define DEPTH_LAST   STORE_PRINT_DEPTH_LAST /* all that is in a node so deep has one print */
#define KEY_SIZE     (1 + PRINT_SIZE)
#define PIECE_MAX    192 /* entries of a node that are read at once: most guesses are nearer than half of it */
#define GUESSES      4   /* pieces looked for where the print would be; then the rest is halved */

static const struct smki_bytes buffer_key = {.at = (const uint8_t *)"\x20", .size = 1}; /* sorts before the nodes */

static uint64_t number_of(const uint8_t print[PRINT_SIZE])
{
    struct cursor cursor = cursor_of(BYTES(print, PRINT_SIZE));

    return cursor_u64(&cursor);
}

/* How many bits of the print lead to a node so deep: its path. */
static unsigned path_bits(unsigned depth)
{
    return depth == 0 ? 0 : depth == DEPTH_LAST ? 8 * PRINT_SIZE : 4 * depth - 2;
}

/* The key of the node at `depth` on the way to `print`: a number for the depth, and its path. */
static struct smki_bytes node_key(uint8_t key[KEY_SIZE], unsigned depth, const uint8_t print[PRINT_SIZE])
{
    const unsigned bits = path_bits(depth);
    const size_t size = (bits + 7) / 8;

    key[0] = (uint8_t)(buffer_key.at[0] + 1 + depth);
    memcpy(key + 1, print, size);
    if (bits % 8 != 0)
        key[size] &= (uint8_t)(0xff << (8 - bits % 8));
    return BYTES(key, 1 + size);
}

/* How many entries the node takes before it hands them down. No two nodes the same: prints are spread so evenly that all nodes of a level
 * would otherwise be full at once, and one change would have to write them all. */
static size_t node_room(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    const size_t half = (size_t)(depth == 0 ? FIRST_MAX : NODE_MAX) / 2;
    uint8_t octets[KEY_SIZE];
    const struct smki_bytes key = node_key(octets, depth, print);
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.at[i]) * UINT32_C(16777619);
    return depth == DEPTH_LAST ? NODE_MAX : half + hash % half;
}

static uint64_t path_of(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    const unsigned bits = path_bits(depth);

    return bits == 0 ? 0 : number_of(print) >> (64 - bits);
}

/* Which of the node's children is the print's. */
static uint64_t child_of(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    const unsigned from = path_bits(depth), to = path_bits(depth + 1);

    return number_of(print) << from >> (64 - (to - from));
}

/* ---- runs ---- */

static void entry_write(uint8_t entry[ENTRY_SIZE], const uint8_t print[PRINT_SIZE], const struct smki_device_id *id)
{
    memcpy(entry, print, PRINT_SIZE);
    memcpy(entry + PRINT_SIZE, id->octet, sizeof(id->octet));
}

/* `count` entries of a run from the `from`th on. */
static struct smki_bytes run_part(struct smki_bytes run, size_t from, size_t count)
{
    return BYTES(run.at + from * ENTRY_SIZE, count * ENTRY_SIZE);
}

static bool run_is_sound(struct smki_bytes row, size_t max)
{
    return row.size % ENTRY_SIZE == 0 && row.size <= max * ENTRY_SIZE;
}

/* The run as it lies in the store. After a failure it is empty; NOT_FOUND leaves err untouched. */
static int run_get(struct store_view *view, struct smki_bytes key, size_t max, struct smki_bytes *run, struct smki_error *err)
{
    struct smki_bytes row = {0};
    int rc;

    *run = row;
    if ((rc = row_get(view, DB_KEY_PRINTS, key, &row, err)) != 0)
        return rc;
    if (!run_is_sound(row, max))
        return smki_fail(err, SMKI_STORE_CORRUPT, "a run of key prints with %zu octets", row.size);
    *run = row;
    return 0;
}

/* ---- stamps: one for all placed nodes below a node above them ---- */

#define STAMP_SIZE 8
#define STAMPS     64 /* nodes at DEPTH_PLACED - 1: six bits of the print */

static const struct smki_bytes stamps_key = {.at = (const uint8_t *)"\x40", .size = 1}; /* sorts behind the nodes */

static int stamps_get(struct store_view *view, uint8_t stamps[STAMPS * STAMP_SIZE], struct smki_error *err)
{
    struct smki_bytes row;
    int rc = row_get(view, DB_KEY_PRINTS, stamps_key, &row, err);

    memset(stamps, 0, STAMPS * STAMP_SIZE);
    if (rc == SMKI_NOT_FOUND)
        return 0;
    if (rc == 0 && row.size != STAMPS * STAMP_SIZE)
        rc = smki_fail(err, SMKI_STORE_CORRUPT, "stamps of key prints with %zu octets", row.size);
    if (rc == 0)
        memcpy(stamps, row.at, row.size);
    return rc;
}

static uint8_t *stamp_in(uint8_t stamps[STAMPS * STAMP_SIZE], const uint8_t print[PRINT_SIZE])
{
    return stamps + path_of(DEPTH_PLACED - 1, print) * STAMP_SIZE;
}

static int stamp_get(struct store_view *view, const uint8_t print[PRINT_SIZE], uint64_t *stamp, struct smki_error *err)
{
    uint8_t stamps[STAMPS * STAMP_SIZE];
    int rc = stamps_get(view, stamps, err);

    *stamp = rc == 0 ? number_of(stamp_in(stamps, print)) : 0;
    return rc;
}

static int stamp_renew(struct store_change *change, const uint8_t print[PRINT_SIZE], struct smki_error *err)
{
    uint8_t stamps[STAMPS * STAMP_SIZE];
    int rc = stamps_get(store_change_view(change), stamps, err);

    if (rc != 0)
        return rc;
    if (smki_random_system.fill(smki_random_system.context, stamp_in(stamps, print), STAMP_SIZE) != 0)
        return smki_fail(err, SMKI_INTERNAL, "no random octets for a stamp of key prints");
    return row_put(change, DB_KEY_PRINTS, stamps_key, BYTES(stamps, sizeof(stamps)), err);
}

static struct smki_bytes run_trim(struct smki_bytes run)
{
    uint8_t padding[ENTRY_SIZE];

    memset(padding, 0xff, sizeof(padding));
    while (run.size > 0 && memcmp(run.at + run.size - ENTRY_SIZE, padding, ENTRY_SIZE) == 0)
        run.size -= ENTRY_SIZE;
    return run;
}

/* The place of the first entry that does not sort before these octets. */
static size_t run_place(struct smki_bytes run, const uint8_t *start, size_t size)
{
    size_t low = 0, high = run.size / ENTRY_SIZE;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(run.at + middle * ENTRY_SIZE, start, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Moves so many entries from the front of a run, or what there is room for. */
static uint8_t *run_move(uint8_t *out, const uint8_t *end, struct smki_bytes *run, size_t entries)
{
    const size_t size = entries * ENTRY_SIZE, room = (size_t)(end - out), moved = size < room ? size : room;

    if (moved != 0)
        memcpy(out, run->at, moved);
    *run = BYTES(run->at + moved, run->size - moved);
    return out + moved;
}

/* Two runs as one, of NODE_MAX entries at most; what is in both comes once. The end of what was written. */
static uint8_t *run_merge(uint8_t *out, struct smki_bytes a, struct smki_bytes b)
{
    const uint8_t *const end = out + (a.size + b.size < NODE_SIZE ? a.size + b.size : NODE_SIZE);

    while (a.size > 0 && b.size > 0 && out < end) {
        out = run_move(out, end, &a, run_place(a, b.at, ENTRY_SIZE));
        if (a.size > 0 && memcmp(a.at, b.at, ENTRY_SIZE) == 0)
            a = BYTES(a.at + ENTRY_SIZE, a.size - ENTRY_SIZE);
        out = run_move(out, end, &b, 1);
    }
    out = run_move(out, end, &a, a.size / ENTRY_SIZE);
    return run_move(out, end, &b, b.size / ENTRY_SIZE);
}

/* Writes two runs as one row, neither of which may lie in the store. Padding is of entries with all bits set, which sort last. */
static int run_put(struct store_change *change, struct smki_bytes key, struct smki_bytes a, struct smki_bytes b, struct smki_error *err)
{
    const size_t min = ROW_MIN * ENTRY_SIZE, sum = a.size + b.size;
    const size_t size = sum < min ? min : sum > NODE_SIZE ? NODE_SIZE : sum;
    uint8_t *at, *end;
    int rc = row_reserve(change, DB_KEY_PRINTS, key, size, &at, err);

    if (rc != 0)
        return rc;
    end = run_merge(at, a, b);
    memset(end, 0xff, size - (size_t)(end - at));
    return 0;
}

/* ---- looking ---- */

/* What is left of the print below the node's path, its first 32 bits. */
static uint64_t rest_of(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    return depth == DEPTH_LAST ? 0 : number_of(print) << path_bits(depth) >> 32;
}

/* Takes the entry's device for the next one when it is the first so far. */
static void next_offer(const uint8_t *entry, const uint8_t print[PRINT_SIZE], struct smki_device_id *next, bool *found)
{
    const uint8_t *device = entry + PRINT_SIZE;

    if (memcmp(entry, print, PRINT_SIZE) != 0 || (*found && memcmp(device, next->octet, sizeof(next->octet)) >= 0))
        return;
    memcpy(next->octet, device, sizeof(next->octet));
    *found = true;
}

/* Looks in a run, or in a piece of one, for the first entry behind `last`. False: it may lie behind the piece. */
static bool run_look(struct smki_bytes run, bool is_end, const uint8_t last[ENTRY_SIZE], struct smki_device_id *next, bool *found)
{
    size_t place = run_place(run, last, ENTRY_SIZE);

    if (place * ENTRY_SIZE < run.size && memcmp(run.at + place * ENTRY_SIZE, last, ENTRY_SIZE) == 0)
        place++;
    if (place * ENTRY_SIZE == run.size)
        return is_end;
    next_offer(run.at + place * ENTRY_SIZE, last, next, found);
    return true;
}

/* Where in a node the entry behind the last one may be: from `low` on and before `high`, or at it. */
struct span {
    size_t low, high;
    uint64_t low_rest, high_rest; /* of the prints next to its ends */
};

/* Where to look next: where the print would be if all in the span were spread evenly, or in the middle. */
static size_t span_guess(const struct span *span, uint64_t rest, bool halve)
{
    const uint64_t width = span->high_rest - span->low_rest;
    const size_t count = span->high - span->low;

    if (halve || width == 0 || rest < span->low_rest || rest > span->high_rest)
        return span->low + count / 2;
    return span->low + (size_t)((rest - span->low_rest) * count / width);
}

/* One piece of the node: *done when what is looked for is in it, or nowhere; else the span is less. */
static int piece_look(struct store_view *view, unsigned depth, struct smki_bytes run, const uint8_t last[ENTRY_SIZE], struct span *span,
                      bool halve, struct smki_device_id *next, bool *found, bool *done, struct smki_error *err)
{
    const size_t count = span->high - span->low, size = count < PIECE_MAX ? count : PIECE_MAX;
    size_t from = span_guess(span, rest_of(depth, last), halve);
    uint8_t room[PIECE_MAX * ENTRY_SIZE];
    struct smki_bytes piece;
    int rc;

    from = from < span->low + size / 2 ? span->low : from - size / 2;
    if (from + size > span->high)
        from = span->high - size;
    piece = run_part(run, from, size);
    if (depth >= DEPTH_WARM) {
        if ((rc = resident_copy(view->store, room, piece, err)) != 0)
            return rc;
        piece.at = room;
    }
    *done = true;
    if (from > span->low && memcmp(piece.at, last, ENTRY_SIZE) > 0) {
        span->high = from + 1;
        span->high_rest = rest_of(depth, piece.at);
        *done = false;
    } else if (!run_look(run_trim(piece), from + size == run.size / ENTRY_SIZE, last, next, found)) {
        span->low = from + size;
        span->low_rest = rest_of(depth, piece.at + piece.size - ENTRY_SIZE);
        *done = false;
    }
    return 0;
}

/* Reads pieces of the node, the first where the print would be. */
static int node_look(struct store_view *view, unsigned depth, struct smki_bytes run, const uint8_t last[ENTRY_SIZE],
                     struct smki_device_id *next, bool *found, struct smki_error *err)
{
    struct span span = {.high = run.size / ENTRY_SIZE, .high_rest = UINT32_MAX};
    bool done = false;
    int rc = 0;

    for (unsigned look = 0; !done && rc == 0 && span.low < span.high; look++)
        rc = piece_look(view, depth, run, last, &span, look >= GUESSES, next, found, &done, err);
    return rc;
}

/* A path at `depth` as the start of a print. */
static void path_print(uint8_t print[PRINT_SIZE], unsigned depth, uint64_t path)
{
    struct writer writer = writer_of(print, PRINT_SIZE);

    write_u64(&writer, path << (8 * PRINT_SIZE - path_bits(depth)));
}

/* The row of the first node at `depth` that has this path or a greater one, and its path; `end` when there is none before it. */
static int path_next(struct store_view *view, unsigned depth, uint64_t path, uint64_t end, uint64_t *out, struct smki_bytes *row,
                     struct smki_error *err)
{
    uint8_t print[PRINT_SIZE] = {0}, octets[KEY_SIZE];
    struct smki_bytes key, found;
    int rc;

    *out = path;
    path_print(print, depth, path);
    key = node_key(octets, depth, print);
    if ((rc = row_get(view, DB_KEY_PRINTS, key, row, err)) != SMKI_NOT_FOUND)
        return rc;
    *out = end;
    if ((rc = row_after(view, DB_KEY_PRINTS, key, &found, row, err)) != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    if (found.size == key.size && found.at[0] == key.at[0]) {
        memset(print, 0, sizeof(print));
        memcpy(print, found.at + 1, found.size - 1);
        if ((path = path_of(depth, print)) < end)
            *out = path;
    }
    return 0;
}

/* Keeps where all nodes of the subtree lie that are so deep, and where there is none. Their keys are neighbours on a few of LMDB's pages,
 * which a new process, or one that finds the stamp changed, would else come back to for each, when they are no longer warm. */
static int places_keep(struct store_view *view, unsigned depth, const uint8_t print[PRINT_SIZE], uint64_t stamp, struct smki_error *err)
{
    const unsigned below = path_bits(depth) - path_bits(DEPTH_PLACED - 1);
    const uint64_t subtree = path_of(DEPTH_PLACED - 1, print), end = (subtree + 1) << below;
    struct smki_bytes row = {0};
    uint64_t next;
    int rc = 0;

    for (uint64_t path = subtree << below; path < end && rc == 0; path = next + 1) {
        rc = path_next(view, depth, path, end, &next, &row, err);
        for (; rc == 0 && path < next; path++)
            print_place_keep(view->store, depth, path, stamp, BYTES(NULL, 0));
        if (rc == 0 && next < end && run_is_sound(row, NODE_MAX)) /* else whoever looks for it is told */
            print_place_keep(view->store, depth, next, stamp, row);
    }
    if (rc == 0)
        print_place_keep(view->store, depth + DEPTH_KEPT, subtree, stamp, BYTES(NULL, 0));
    return rc;
}

/* Whether it is worth while, and was not done. */
static bool places_wanted(struct store_view *view, unsigned depth, const uint8_t print[PRINT_SIZE], uint64_t stamp)
{
    struct smki_bytes none;

    return depth <= DEPTH_WHOLE && view->store->map != NULL &&
           !print_place_find(view->store, depth + DEPTH_KEPT, path_of(DEPTH_PLACED - 1, print), stamp, &none);
}

/* The node at `depth` on the way to the print. `stamp`: of its subtree, for nodes that are placed. */
static int node_find(struct store_view *view, unsigned depth, const uint8_t print[PRINT_SIZE], uint64_t stamp, struct smki_bytes *run,
                     struct smki_error *err)
{
    const uint64_t path = path_of(depth, print);
    uint8_t key[KEY_SIZE];
    int rc;

    if (depth >= DEPTH_PLACED) {
        if (print_place_find(view->store, depth, path, stamp, run))
            return run->size > 0 ? 0 : SMKI_NOT_FOUND;
        if (places_wanted(view, depth, print, stamp) && (rc = places_keep(view, depth, print, stamp, err)) != 0)
            return rc;
    }
    rc = run_get(view, node_key(key, depth, print), NODE_MAX, run, err);
    if (depth >= DEPTH_PLACED && (rc == 0 || rc == SMKI_NOT_FOUND))
        print_place_keep(view->store, depth, path, stamp, *run);
    return rc;
}

int print_next(struct store_view *view, const uint8_t print[PRINT_SIZE], struct smki_device_id *id, struct smki_error *err)
{
    uint8_t last[ENTRY_SIZE];
    struct smki_bytes run;
    uint64_t stamp = 0;
    bool found = false;
    int rc = run_get(view, buffer_key, BUFFER_MAX, &run, err);

    entry_write(last, print, id);
    run_look(run_trim(run), true, last, id, &found);
    for (unsigned depth = 0; depth <= DEPTH_LAST && rc == 0; depth++) {
        if (depth == DEPTH_PLACED && (rc = stamp_get(view, print, &stamp, err)) != 0)
            break;
        if ((rc = node_find(view, depth, print, stamp, &run, err)) == 0)
            rc = node_look(view, depth, run, last, id, &found, err);
    }
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    return found ? 0 : SMKI_NOT_FOUND;
}

/* ---- adding ---- */

static int node_add(struct store_change *change, unsigned depth, struct smki_bytes more, struct smki_error *err);

/* To each child its share of a run. */
static int children_add(struct store_change *change, unsigned depth, struct smki_bytes run, struct smki_error *err)
{
    const size_t count = run.size / ENTRY_SIZE;
    int rc = 0;

    for (size_t from = 0, to; from < count && rc == 0; from = to) {
        for (to = from + 1; to < count && child_of(depth, run.at + to * ENTRY_SIZE) == child_of(depth, run.at + from * ENTRY_SIZE);)
            to++;
        rc = node_add(change, depth + 1, run_part(run, from, to - from), err);
    }
    return rc;
}

/* Where a change keeps the node that it writes anew: one place a depth, for one change is made at a time. */
static uint8_t *room_of(struct store_change *change, unsigned depth)
{
    uint8_t **room = &change->view.store->print_room[depth];

    return *room != NULL ? *room : (*room = malloc(depth == 0 ? FIRST_MAX * ENTRY_SIZE : NODE_SIZE));
}

void print_finish(struct smki_store *store)
{
    for (unsigned depth = 0; depth <= DEPTH_LAST; depth++)
        free(store->print_room[depth]);
}

/* The node as it is, in its room, without padding. */
static int node_get(struct store_change *change, unsigned depth, struct smki_bytes key, struct smki_bytes *run, struct smki_error *err)
{
    uint8_t *room = room_of(change, depth);
    int rc;

    if (room == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = run_get(store_change_view(change), key, depth == 0 ? FIRST_MAX : NODE_MAX, run, err)) != 0)
        return rc;
    if ((rc = resident_copy(change->view.store, room, *run, err)) != 0)
        return rc;
    *run = run_trim(BYTES(room, run->size));
    return 0;
}

/* Writes the node on the way to the print as two runs. */
static int node_put(struct store_change *change, unsigned depth, struct smki_bytes key, struct smki_bytes a, struct smki_bytes b,
                    const uint8_t print[PRINT_SIZE], struct smki_error *err)
{
    int rc = run_put(change, key, a, b, err);

    return rc == 0 && depth >= DEPTH_PLACED ? stamp_renew(change, print, err) : rc;
}

/* Adds at most NODE_MAX entries, all of this node. When there is no room for them, what it holds goes down. */
static int node_add(struct store_change *change, unsigned depth, struct smki_bytes more, struct smki_error *err)
{
    uint8_t octets[KEY_SIZE];
    const struct smki_bytes key = node_key(octets, depth, more.at);
    struct smki_bytes old;
    int rc = node_get(change, depth, key, &old, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (old.size + more.size > node_room(depth, more.at) * ENTRY_SIZE && depth < DEPTH_LAST) {
        if ((rc = children_add(change, depth, old, err)) != 0)
            return rc;
        old.size = 0;
    }
    return node_put(change, depth, key, old, more, more.at, err);
}

/* The buffer, copied to `room`: the first write takes away what the store shows. */
static int buffer_get(struct store_change *change, uint8_t room[BUFFER_MAX * ENTRY_SIZE], struct smki_bytes *run, struct smki_error *err)
{
    int rc = run_get(store_change_view(change), buffer_key, BUFFER_MAX, run, err);

    if (rc != 0)
        return rc;
    memcpy(room, run->at, run->size);
    *run = run_trim(BYTES(room, run->size));
    return 0;
}

int print_add(struct store_change *change, const uint8_t print[PRINT_SIZE], const struct smki_device_id *id, struct smki_error *err)
{
    uint8_t entry[ENTRY_SIZE], room[BUFFER_MAX * ENTRY_SIZE];
    struct smki_bytes old;
    int rc = buffer_get(change, room, &old, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (old.size == BUFFER_MAX * ENTRY_SIZE) {
        if ((rc = node_add(change, 0, old, err)) != 0)
            return rc;
        old.size = 0;
    }
    entry_write(entry, print, id);
    return run_put(change, buffer_key, old, BYTES(entry, ENTRY_SIZE), err);
}

/* ---- taking away ---- */

/* Writes the run without the entry, if it is there. `depth`: of the node; -1: it is the buffer. */
static int run_take(struct store_change *change, int depth, struct smki_bytes key, struct smki_bytes run, const uint8_t entry[ENTRY_SIZE],
                    bool *taken, struct smki_error *err)
{
    const size_t place = run_place(run, entry, ENTRY_SIZE), count = run.size / ENTRY_SIZE;

    if (place == count || memcmp(run.at + place * ENTRY_SIZE, entry, ENTRY_SIZE) != 0)
        return 0;
    *taken = true;
    return node_put(change, depth < 0 ? 0 : (unsigned)depth, key, run_part(run, 0, place), run_part(run, place + 1, count - place - 1),
                    entry, err);
}

int print_remove(struct store_change *change, const uint8_t print[PRINT_SIZE], const struct smki_device_id *id, struct smki_error *err)
{
    uint8_t entry[ENTRY_SIZE], octets[KEY_SIZE], room[BUFFER_MAX * ENTRY_SIZE];
    struct smki_bytes run, key = buffer_key;
    bool taken = false;
    int rc = buffer_get(change, room, &run, err);

    entry_write(entry, print, id);
    for (int depth = -1; rc == 0; depth++) {
        if ((rc = run_take(change, depth, key, run, entry, &taken, err)) != 0 || depth == DEPTH_LAST)
            break;
        key = node_key(octets, (unsigned)depth + 1, print);
        rc = node_get(change, (unsigned)depth + 1, key, &run, err);
    }
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    return taken ? 0 : SMKI_NOT_FOUND;
}
