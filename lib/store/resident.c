/* The pages of the map that a process has touched count as its resident memory although they are page cache. In a store of gigabytes that
 * would be gigabytes, so they are given back: the mapping is shared and never written through, so nothing is lost and whoever still reads
 * faults them in again. */
#include "store/engine_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Octets of files that are resident in this process; 0 when the kernel does not say. */
static size_t resident_files(const struct smki_store *store)
{
    char text[128], *at;
    ssize_t size = store->statm < 0 ? -1 : pread(store->statm, text, sizeof(text) - 1, 0);

    if (size <= 0)
        return 0;
    text[size] = '\0';
    strtoul(text, &at, 10); /* size, resident, shared: proc(5) */
    strtoul(at, &at, 10);
    return (size_t)strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void map_of(struct smki_store *store, const void *inside)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    uintptr_t start, end;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        char *at;
        start = (uintptr_t)strtoull(line, &at, 16);
        end = *at == '-' ? (uintptr_t)strtoull(at + 1, NULL, 16) : 0;
        if ((uintptr_t)inside >= start && (uintptr_t)inside < end) {
            store->map_size = end - start;
            store->map = (uint8_t *)(uintptr_t)inside - ((uintptr_t)inside - start);
            break;
        }
    }
    if (maps != NULL)
        fclose(maps);
}

/* LMDB does not tell where its map is, but what it returns in a reading transaction lies inside. A kernel that keeps files in huge pages
 * would map 2 MiB for every page that is looked at: it is asked not to. */
void resident_find(struct smki_store *store)
{
    MDB_cursor *cursor = NULL;
    MDB_txn *txn = NULL;
    MDB_val key, value;

    store->map = NULL;
    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
        return;
    if (mdb_cursor_open(txn, store->database[DB_META], &cursor) == 0 && mdb_cursor_get(cursor, &key, &value, MDB_FIRST) == 0)
        map_of(store, value.mv_data);
    if (store->map != NULL)
        (void)madvise(store->map, store->map_size, MADV_NOHUGEPAGE); /* EINVAL: it has no such pages */
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}

void resident_start(struct smki_store *store)
{
    store->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    store->resident_start = resident_files(store);
    store_resident_let(store, STORE_RESIDENT);
    resident_find(store);
}

void store_resident_let(struct smki_store *store, size_t octets)
{
    store->resident_let = octets;
}

void resident_keep(struct smki_store *store)
{
    if (store->map != NULL && resident_files(store) > store->resident_start + store->resident_let)
        madvise(store->map, store->map_size, MADV_DONTNEED);
}

/* Nothing becomes resident without a fault, and to ask how many this thread had is much cheaper than to ask what is resident. */
static bool has_faulted(void)
{
    static _Thread_local long seen;
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return true;
    if (usage.ru_minflt + usage.ru_majflt - seen < STORE_FAULTS_CHECK)
        return false;
    seen = usage.ru_minflt + usage.ru_majflt;
    return true;
}

void resident_touch(struct smki_store *store)
{
    if (atomic_fetch_add_explicit(&store->touched, 1, memory_order_relaxed) % STORE_TOUCH_CHECK == 0 && has_faulted())
        resident_keep(store);
}

/* A page that is touched through the map brings its neighbours with it and has to be given back; a read is cheaper than both. What a change
 * wrote lies outside the map until its commit. */
int resident_copy(const struct smki_store *store, void *out, struct smki_bytes from, struct smki_error *err)
{
    const uintptr_t start = (uintptr_t)store->map, at = (uintptr_t)from.at;
    mdb_filehandle_t fd;
    ssize_t size;

    if (from.size == 0)
        return 0;
    if (store->map == NULL || at < start || at - start >= store->map_size || mdb_env_get_fd(store->env, &fd) != 0) {
        memcpy(out, from.at, from.size);
        return 0;
    }
    size = pread(fd, out, from.size, (off_t)(at - start));
    if (size < 0)
        return smki_fail_errno(err, errno, "%s: reading the store", store->folder);
    return (size_t)size == from.size ? 0 : smki_fail(err, SMKI_STORE_CORRUPT, "%s: the store's file ends early", store->folder);
}

void resident_finish(struct smki_store *store)
{
    if (store->statm >= 0)
        close(store->statm);
}
