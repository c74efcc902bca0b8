#undef _FILE_OFFSET_BITS /* else these functions get other names when they are compiled, and LMDB would call the system's */
#include "kill/knife.h"

#include <lmdb.h>
#include <mbedtls/ecdsa.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

static struct knife_scene *armed;

struct knife_scene *knife_scene_create(void)
{
    void *at = mmap(NULL, sizeof(struct knife_scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

void knife_scene_destroy(struct knife_scene *scene)
{
    if (scene != NULL)
        munmap(scene, sizeof(*scene));
}

void knife_arm(struct knife_scene *scene)
{
    atomic_store(&scene->acts, 0);
    atomic_store(&scene->issued, 0);
    atomic_store(&scene->commits, 0);
    armed = scene;
}

/* The function that this program's own hides; ISO C knows no way from an object's pointer to a function's. */
#define REAL(name)                                                                                                                         \
    static __typeof__(&name) real;                                                                                                         \
    if (real == NULL) {                                                                                                                    \
        void *found = dlsym(RTLD_NEXT, #name);                                                                                             \
        memcpy(&real, &found, sizeof(found));                                                                                              \
    }

static ssize_t real_pwrite(int fd, const void *at, size_t size, off_t offset)
{
    REAL(pwrite)
    return real(fd, at, size, offset);
}

static int real_ftruncate(int fd, off_t size)
{
    REAL(ftruncate)
    return real(fd, size);
}

/* ---- what a power cut undoes ---- */

struct unsynced {
    struct unsynced *before;
    int fd;
    ino_t file;
    off_t offset, file_size; /* before the write */
    size_t size;             /* of the write */
    uint8_t octets[];
};

static pthread_mutex_t unsynced_lock = PTHREAD_MUTEX_INITIALIZER;
static struct unsynced *unsynced_last;

static bool power_is_cut(void)
{
    return armed != NULL && (armed->cut == KNIFE_POWER || armed->cut == KNIFE_POWER_PART);
}

/* Files that are only written cannot be read through the same descriptor. */
static int open_again(int fd)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* LMDB writes its meta page so. */
static bool is_synced_at_once(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static void unsynced_add(int fd, off_t offset, size_t size)
{
    struct unsynced *fresh;
    struct stat status;

    if (!power_is_cut() || is_synced_at_once(fd) || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        (fresh = calloc(1, sizeof(*fresh) + size)) == NULL)
        return;
    *fresh = (struct unsynced){
        .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .file = status.st_ino, .offset = offset, .file_size = status.st_size, .size = size};
    const int readable = open_again(fd);
    if (readable < 0 || pread(readable, fresh->octets, size, offset) < 0)
        abort();
    close(readable);
    pthread_mutex_lock(&unsynced_lock);
    fresh->before = unsynced_last;
    unsynced_last = fresh;
    pthread_mutex_unlock(&unsynced_lock);
}

static void unsynced_forget(int fd)
{
    struct stat status;

    if (!power_is_cut() || fstat(fd, &status) != 0)
        return;
    pthread_mutex_lock(&unsynced_lock);
    for (struct unsynced **link = &unsynced_last, *one; (one = *link) != NULL;) {
        if (one->file != status.st_ino) {
            link = &one->before;
            continue;
        }
        *link = one->before;
        close(one->fd);
        free(one);
    }
    pthread_mutex_unlock(&unsynced_lock);
}

/* The last first, so that what was written twice is as it was before both. */
static void unsynced_undo(void)
{
    pthread_mutex_lock(&unsynced_lock);
    for (const struct unsynced *one = unsynced_last; one != NULL; one = one->before) {
        struct stat status;

        if (armed->cut == KNIFE_POWER_PART && rand_r(&armed->seed) % 2 == 0)
            continue;
        if (real_pwrite(one->fd, one->octets, one->size, one->offset) < 0)
            abort();
        if (fstat(one->fd, &status) == 0 && status.st_size > one->file_size && armed->cut == KNIFE_POWER &&
            real_ftruncate(one->fd, one->file_size) != 0)
            abort();
    }
    pthread_mutex_unlock(&unsynced_lock);
}

/* ---- the acts ---- */

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* True for the act at whose end, or in whose middle, the process dies. */
static bool act_begins(enum knife_kind kind)
{
    const uint64_t n = armed != NULL ? atomic_fetch_add(&armed->acts, 1) + 1 : 0;

    if (n > 0 && n < KNIFE_ACTS)
        armed->kind[n] = (uint8_t)kind;
    if (n == 0 || n != armed->at || armed->cut == KNIFE_SLEEP)
        return false;
    if (power_is_cut())
        unsynced_undo();
    if (armed->cut == KNIFE_BEFORE || power_is_cut())
        die();
    return armed->cut != KNIFE_NONE;
}

static void act_ends(bool last)
{
    if (last)
        die();
}

static enum knife_kind kind_of(size_t octets)
{
    return octets > PAGE ? KNIFE_LARGE : KNIFE_OTHER;
}

static size_t part_of(size_t size, bool last)
{
    return last && armed->cut == KNIFE_TORN && size > PAGE ? size / 2 / PAGE * PAGE : size;
}

static size_t size_of(const struct iovec *parts, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

ssize_t pwrite(int fd, const void *at, size_t size, off_t offset)
{
    const bool last = act_begins(kind_of(size));

    if (armed != NULL && is_synced_at_once(fd))
        atomic_fetch_add(&armed->commits, 1);
    unsynced_add(fd, offset, size);
    const ssize_t n = real_pwrite(fd, at, part_of(size, last), offset);
    act_ends(last);
    return n;
}

ssize_t pwrite64(int fd, const void *at, size_t size, off64_t offset)
{
    return pwrite(fd, at, size, offset);
}

ssize_t write(int fd, const void *at, size_t size)
{
    REAL(write)
    const bool last = act_begins(kind_of(size));

    unsynced_add(fd, lseek(fd, 0, SEEK_CUR), size);
    const ssize_t n = real(fd, at, part_of(size, last));
    act_ends(last);
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev)
    const bool last = act_begins(kind_of(size_of(parts, count)));

    unsynced_add(fd, lseek(fd, 0, SEEK_CUR), size_of(parts, count));
    const ssize_t n = real(fd, parts, last && armed->cut == KNIFE_TORN && count > 1 ? count / 2 : count);
    act_ends(last);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    REAL(pwritev)
    const bool last = act_begins(kind_of(size_of(parts, count)));

    unsynced_add(fd, offset, size_of(parts, count));
    const ssize_t n = real(fd, parts, last && armed->cut == KNIFE_TORN && count > 1 ? count / 2 : count, offset);
    act_ends(last);
    return n;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev(fd, parts, count, offset);
}

static int sync_of(int fd)
{
    const bool last = act_begins(KNIFE_SYNC);

    unsynced_forget(fd);
    act_ends(last);
    return 0;
}

int fsync(int fd)
{
    REAL(fsync)
    return armed != NULL ? sync_of(fd) : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync)
    return armed != NULL ? sync_of(fd) : real(fd);
}

int msync(void *at, size_t size, int flags)
{
    REAL(msync)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(at, size, flags);

    act_ends(last);
    return rc;
}

int ftruncate(int fd, off_t size)
{
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real_ftruncate(fd, size);

    act_ends(last);
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int rename(const char *from, const char *to)
{
    REAL(rename)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(from, to);

    act_ends(last);
    return rc;
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    REAL(linkat)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(from_folder, from, to_folder, to, flags);

    act_ends(last);
    return rc;
}

int unlink(const char *path)
{
    REAL(unlink)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(path);

    act_ends(last);
    return rc;
}

int unlinkat(int folder, const char *path, int flags)
{
    REAL(unlinkat)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(folder, path, flags);

    act_ends(last);
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir)
    const bool last = act_begins(KNIFE_OTHER);
    const int rc = real(path, mode);

    act_ends(last);
    return rc;
}

/* ---- signatures ---- */

static void signature_note(const uint8_t key[32], const uint8_t *digest, size_t size)
{
    const size_t n = atomic_fetch_add(&armed->signatures, 1);

    if (n >= KNIFE_SIGNATURES || size != sizeof(armed->signature[n].digest))
        abort();
    memcpy(armed->signature[n].key, key, KNIFE_KEY_SIZE);
    memcpy(armed->signature[n].digest, digest, size);
}

/* Held by the thread that is at the store with LMDB's lock, which a process that sleeps must not keep from others. */
static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local MDB_txn *store_writer;

static bool sleep_is_wanted(void)
{
    return armed != NULL && armed->cut == KNIFE_SLEEP;
}

/* A commit that fails ends with an abort, inside. */
static void store_leave(bool writes)
{
    if (!writes || store_writer == NULL)
        return;
    store_writer = NULL;
    pthread_mutex_unlock(&store_lock);
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    REAL(mdb_txn_begin)
    if (!sleep_is_wanted() || store_writer != NULL)
        return real(env, parent, flags, txn);
    pthread_mutex_lock(&store_lock);
    const int rc = real(env, parent, flags, txn);
    if (rc == 0 && (flags & MDB_RDONLY) == 0)
        store_writer = *txn;
    else
        pthread_mutex_unlock(&store_lock);
    return rc;
}

int mdb_txn_commit(MDB_txn *txn)
{
    REAL(mdb_txn_commit)
    const bool writes = store_writer != NULL && txn == store_writer;
    const int rc = real(txn);
    store_leave(writes);
    return rc;
}

void mdb_txn_abort(MDB_txn *txn)
{
    REAL(mdb_txn_abort)
    const bool writes = store_writer != NULL && txn == store_writer;
    real(txn);
    store_leave(writes);
}

/* Of all its threads none is at the store then. */
static void sleep_at_signature(const uint8_t key[32])
{
    if (memcmp(key, armed->issuer, KNIFE_KEY_SIZE) == 0 && atomic_fetch_add(&armed->issued, 1) + 1 == armed->at && sleep_is_wanted()) {
        pthread_mutex_lock(&store_lock);
        raise(SIGSTOP);
        pthread_mutex_unlock(&store_lock);
    }
}

int mbedtls_ecdsa_sign_det_ext(mbedtls_ecp_group *group, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d, const unsigned char *digest,
                               size_t size, mbedtls_md_type_t hash, int (*blind)(void *, unsigned char *, size_t), void *context)
{
    REAL(mbedtls_ecdsa_sign_det_ext)
    uint8_t key[32];

    if (armed == NULL)
        return real(group, r, s, d, digest, size, hash, blind, context);
    if (mbedtls_mpi_write_binary(d, key, sizeof(key)) != 0)
        abort();
    const bool last = act_begins(KNIFE_OTHER);
    sleep_at_signature(key);
    signature_note(key, digest, size);
    const int rc = real(group, r, s, d, digest, size, hash, blind, context);
    act_ends(last);
    return rc;
}
