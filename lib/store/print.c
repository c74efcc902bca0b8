/* Key prints: which device has a certificate on a key.
 *
 * Prints come in no order at all. As rows of their own each would cost a page to write once there are millions, so they lie in a tree that
 * is written lazily. A *run* is a row of prints with their devices, in their order. New prints go into the *buffer*, a short run; a full
 * buffer goes into the tree's first *node*, a run of up to NODE_MAX; a node without room hands all it holds down to its 16 children, one
 * for each value of the print's next four bits. So each writing of a row serves hundreds of prints, 16 times as many prints take one level
 * more, and a print is found by a look at one node a level.
 *
 * A node's row has room for ROW_MIN at least, the rest is padding, so that LMDB keeps it on pages of its own: those that it walks through
 * on its way to a node stay few and warm.
 *
 * Nodes of the lower levels are read from the file in pieces: their prints are spread evenly, so where one would be is known well enough.
 *
 * Invariant: a node stays when it has handed down what it held. Where there is none, there is none below. */
#include "store/engine_i.h"

#include <stdlib.h>
#include <string.h>

#define PRINT_SIZE 8
#define ENTRY_SIZE (PRINT_SIZE + SMKI_DEVICE_ID_SIZE)
#define BUFFER_MAX 254  /* entries: one page of LMDB's, 4096 octets with a header of 16 */
#define NODE_MAX   4095 /* entries: 16 pages */
#define NODE_SIZE  ((size_t)NODE_MAX * ENTRY_SIZE)
#define ROW_MIN    128              /* entries: 2048 octets, more than LMDB keeps among others */
#define DEPTH_WARM 2                /* nodes above it are few and looked at all the time: they are read where they lie */
#define DEPTH_LAST (2 * PRINT_SIZE) /* all that is in a node so deep has one print */
#define KEY_SIZE   (1 + PRINT_SIZE)
#define PIECE_MAX  256 /* entries read of a node: where the print would be, four deviations (of sqrt(NODE_MAX) / 2 at most) to either side \
                        */

static const struct smki_bytes buffer_key = {.at = (const uint8_t *)"", .size = 1}; /* sorts before the nodes */

/* The key of the node at `depth` on the way to `print`: one more than the depth, and as many times four bits of the print. */
static struct smki_bytes node_key(uint8_t key[KEY_SIZE], unsigned depth, const uint8_t print[PRINT_SIZE])
{
    size_t size = (depth + 1) / 2;

    key[0] = (uint8_t)(depth + 1);
    memcpy(key + 1, print, size);
    if (depth % 2 != 0)
        key[size] &= 0xf0;
    return BYTES(key, 1 + size);
}

/* How many entries the node takes before it hands them down. No two nodes the same: prints are spread so evenly that all nodes of a level
 * would otherwise be full at once, and one change would have to write them all. */
static size_t node_room(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    uint8_t octets[KEY_SIZE];
    const struct smki_bytes key = node_key(octets, depth, print);
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.at[i]) * UINT32_C(16777619);
    return depth == DEPTH_LAST ? NODE_MAX : NODE_MAX / 2 + hash % (NODE_MAX / 2);
}

/* Which of the node's children is the print's. */
static unsigned child_of(unsigned depth, const uint8_t print[PRINT_SIZE])
{
    return depth % 2 == 0 ? print[depth / 2] >> 4 : print[depth / 2] & 0x0f;
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

/* The run as it lies in the store. After a failure it is empty; NOT_FOUND leaves err untouched. */
static int run_get(struct store_view *view, struct smki_bytes key, size_t max, struct smki_bytes *run, struct smki_error *err)
{
    struct smki_bytes row = {0};
    int rc;

    *run = row;
    if ((rc = row_get(view, DB_KEY_PRINTS, key, &row, err)) != 0)
        return rc;
    if (row.size % ENTRY_SIZE != 0 || row.size > max * ENTRY_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a run of key prints with %zu octets", row.size);
    *run = row;
    return 0;
}

/* Padding is of entries with all bits set, which sort last. `run` has room for ROW_MIN entries. */
static int run_put(struct store_change *change, struct smki_bytes key, uint8_t *run, size_t size, struct smki_error *err)
{
    const size_t min = ROW_MIN * ENTRY_SIZE;

    if (size < min)
        memset(run + size, 0xff, min - size);
    return row_put(change, DB_KEY_PRINTS, key, BYTES(run, size < min ? min : size), err);
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

/* Two runs as one; what is in both comes once. */
static struct smki_bytes run_merge(uint8_t *out, struct smki_bytes a, struct smki_bytes b)
{
    uint8_t *const start = out;

    for (; a.size > 0 || b.size > 0; out += ENTRY_SIZE) {
        const int order = a.size == 0 ? 1 : b.size == 0 ? -1 : memcmp(a.at, b.at, ENTRY_SIZE);
        memcpy(out, order <= 0 ? a.at : b.at, ENTRY_SIZE);
        if (order <= 0)
            a = BYTES(a.at + ENTRY_SIZE, a.size - ENTRY_SIZE);
        if (order >= 0)
            b = BYTES(b.at + ENTRY_SIZE, b.size - ENTRY_SIZE);
    }
    return BYTES(start, (size_t)(out - start));
}

/* ---- looking ---- */

/* How many of `count` evenly spread prints of the node's would sort before this one: 32 bits below the node's path tell. */
static size_t place_guess(unsigned depth, const uint8_t print[PRINT_SIZE], size_t count)
{
    struct cursor cursor = cursor_of(BYTES(print, PRINT_SIZE));
    const uint64_t number = cursor_u64(&cursor);
    const uint64_t rest = depth < DEPTH_LAST ? number << (4 * depth) : 0;

    return (size_t)((rest >> 32) * count >> 32);
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

static int node_look_whole(struct store_view *view, struct smki_bytes run, const uint8_t last[ENTRY_SIZE], struct smki_device_id *next,
                           bool *found, struct smki_error *err)
{
    uint8_t *room = malloc(run.size);
    int rc;

    if (room == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = resident_copy(view->store, room, run, err)) == 0)
        run_look(run_trim(BYTES(room, run.size)), true, last, next, found);
    free(room);
    return rc;
}

/* Reads the piece of the node in which the print would be; all of it when the guess was wrong. */
static int node_look(struct store_view *view, unsigned depth, struct smki_bytes run, const uint8_t last[ENTRY_SIZE],
                     struct smki_device_id *next, bool *found, struct smki_error *err)
{
    const size_t count = run.size / ENTRY_SIZE, size = count < PIECE_MAX ? count : PIECE_MAX;
    uint8_t room[PIECE_MAX * ENTRY_SIZE];
    size_t from = place_guess(depth, last, count);
    int rc;

    from = from < size / 2 ? 0 : from - size / 2;
    if (from + size > count)
        from = count - size;
    if ((rc = resident_copy(view->store, room, run_part(run, from, size), err)) != 0)
        return rc;
    if ((from == 0 || memcmp(room, last, ENTRY_SIZE) <= 0) &&
        run_look(run_trim(BYTES(room, size * ENTRY_SIZE)), from + size == count, last, next, found))
        return 0;
    return node_look_whole(view, run, last, next, found, err);
}

int print_next(struct store_view *view, const uint8_t print[PRINT_SIZE], struct smki_device_id *id, struct smki_error *err)
{
    uint8_t last[ENTRY_SIZE], key[KEY_SIZE];
    struct smki_bytes run;
    bool found = false;
    int rc = run_get(view, buffer_key, BUFFER_MAX, &run, err);

    entry_write(last, print, id);
    run_look(run_trim(run), true, last, id, &found);
    for (unsigned depth = 0; depth <= DEPTH_LAST && rc == 0; depth++) {
        if ((rc = run_get(view, node_key(key, depth, print), NODE_MAX, &run, err)) != 0)
            break;
        if (depth >= DEPTH_WARM)
            rc = node_look(view, depth, run, last, id, &found, err);
        else
            run_look(run_trim(run), true, last, id, &found);
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

/* `room`: for the node as it is and as it will be. */
static int node_add_in(struct store_change *change, unsigned depth, struct smki_bytes more, uint8_t room[3 * NODE_SIZE],
                       struct smki_error *err)
{
    uint8_t key[KEY_SIZE];
    struct smki_bytes old, all;
    int rc = run_get(store_change_view(change), node_key(key, depth, more.at), NODE_MAX, &old, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if ((rc = resident_copy(change->view.store, room, old, err)) != 0)
        return rc;
    old = run_trim(BYTES(room, old.size));
    if (old.size + more.size > node_room(depth, more.at) * ENTRY_SIZE && depth < DEPTH_LAST) {
        if ((rc = children_add(change, depth, old, err)) != 0)
            return rc;
        old.size = 0;
    }
    all = run_merge(room + NODE_SIZE, old, more);
    if (all.size > NODE_SIZE) /* of one print: the devices it leads to already will do */
        all.size = NODE_SIZE;
    return run_put(change, node_key(key, depth, more.at), room + NODE_SIZE, all.size, err);
}

/* Adds at most NODE_MAX entries, all of this node. When there is no room for them, what it holds goes down. */
static int node_add(struct store_change *change, unsigned depth, struct smki_bytes more, struct smki_error *err)
{
    uint8_t *room = malloc(3 * NODE_SIZE);
    int rc = room == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL) : node_add_in(change, depth, more, room, err);

    free(room);
    return rc;
}

int print_add(struct store_change *change, const uint8_t print[PRINT_SIZE], const struct smki_device_id *id, struct smki_error *err)
{
    uint8_t entry[ENTRY_SIZE], room[(BUFFER_MAX + 1) * ENTRY_SIZE];
    struct smki_bytes old;
    int rc = run_get(store_change_view(change), buffer_key, BUFFER_MAX, &old, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    old = run_trim(old);
    if (old.size == BUFFER_MAX * ENTRY_SIZE) {
        memcpy(room, old.at, old.size); /* the first write takes away what it points to */
        if ((rc = node_add(change, 0, BYTES(room, old.size), err)) != 0)
            return rc;
        old.size = 0;
    }
    entry_write(entry, print, id);
    return run_put(change, buffer_key, room, run_merge(room, old, BYTES(entry, ENTRY_SIZE)).size, err);
}

/* ---- taking away ---- */

/* The run without the entry, if it is there. `room`: for all of it. */
static int run_take_in(struct store_change *change, struct smki_bytes key, const uint8_t entry[ENTRY_SIZE], uint8_t room[NODE_SIZE],
                       bool *taken, struct smki_error *err)
{
    struct smki_bytes run;
    size_t place;
    int rc = run_get(store_change_view(change), key, NODE_MAX, &run, err);

    if (rc != 0 || (rc = resident_copy(change->view.store, room, run, err)) != 0)
        return rc;
    run = run_trim(BYTES(room, run.size));
    place = run_place(run, entry, ENTRY_SIZE) * ENTRY_SIZE;
    if (place == run.size || memcmp(room + place, entry, ENTRY_SIZE) != 0)
        return 0;
    *taken = true;
    memmove(room + place, room + place + ENTRY_SIZE, run.size - place - ENTRY_SIZE);
    return run_put(change, key, room, run.size - ENTRY_SIZE, err);
}

int print_remove(struct store_change *change, const uint8_t print[PRINT_SIZE], const struct smki_device_id *id, struct smki_error *err)
{
    uint8_t entry[ENTRY_SIZE], key[KEY_SIZE], *room = malloc(NODE_SIZE);
    bool taken = false;
    int rc;

    if (room == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    entry_write(entry, print, id);
    rc = run_take_in(change, buffer_key, entry, room, &taken, err);
    for (unsigned depth = 0; depth <= DEPTH_LAST && rc == 0; depth++)
        rc = run_take_in(change, node_key(key, depth, print), entry, room, &taken, err);
    free(room);
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    return taken ? 0 : SMKI_NOT_FOUND;
}
