/* The LMDB environment: one a process, its gate, and the map that grows. */
#include "store/engine_i.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DATA_FILE      "data.mdb" /* the names are LMDB's */
#define LOCK_FILE      "lock.mdb"
#define PROCESSES_FILE "processes"

/* ---- what LMDB says, in the library's words ---- */

static int code_of_lmdb(int rc)
{
    static const struct {
        int rc, code;
    } codes[] = {
        {MDB_VERSION_MISMATCH, SMKI_STORE_VERSION},
        {MDB_READERS_FULL, SMKI_STORE_LOCKED},
        {MDB_TXN_FULL, SMKI_TOO_LARGE},
        {MDB_BAD_VALSIZE, SMKI_INVALID_ARGUMENT},
        {MDB_MAP_FULL, SMKI_DISK_FULL},
        {MDB_PANIC, SMKI_IO},
        {MDB_BAD_TXN, SMKI_INTERNAL},
        {EFBIG, SMKI_DISK_FULL},
    };

    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        if (codes[i].rc == rc)
            return codes[i].code;
    return SMKI_STORE_CORRUPT;
}

/* LMDB reports a write that the disk cut short as EIO; only the next one would have said ENOSPC. */
static bool disk_is_full(const struct smki_store *store)
{
    struct statvfs disk;
    struct rlimit limit;
    struct stat status;
    mdb_filehandle_t fd;

    if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &status) != 0)
        return false;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && (rlim_t)status.st_size + 4096 > limit.rlim_cur)
        return true;
    return fstatvfs(fd, &disk) == 0 && disk.f_bavail * disk.f_frsize < 65536;
}

int lmdb_fail(const struct smki_store *store, struct smki_error *err, int rc, const char *what)
{
    if (rc == EIO && disk_is_full(store))
        rc = ENOSPC;
    if (rc > 0 && rc != EFBIG)
        return smki_fail_errno(err, rc, "%s: %s", store->folder, what);
    return smki_fail(err, code_of_lmdb(rc), "%s: %s: %s", store->folder, what, mdb_strerror(rc));
}

/* ---- the gate ---- */

/* The process's number, without asking the kernel each time: a child of a fork asks anew. */
static atomic_int process_number;

static void process_forked(void)
{
    process_number = 0;
}

static bool process_watched;

static void process_watch(void)
{
    process_watched = pthread_atfork(NULL, NULL, process_forked) == 0;
}

static pid_t process(void)
{
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    int number = process_number;

    if (number == 0) {
        pthread_once(&watched, process_watch);
        number = (int)getpid();
        if (process_watched)
            process_number = number;
    }
    return number;
}

int environment_check(struct smki_store *store, struct smki_error *err)
{
    if (store->pid != process())
        return smki_fail(err, SMKI_STORE_LOCKED, "%s: this store was opened before a fork; open it again in the new process",
                         store->folder);
    if (store->unmapped)
        return smki_fail(err, SMKI_IO, "%s: the store's file could not be mapped again after it grew; close and open the store",
                         store->folder);
    return 0;
}

static int gate_enter(struct smki_store *store, struct smki_error *err)
{
    int rc;

    pthread_mutex_lock(&store->gate);
    while (store->remapping)
        pthread_cond_wait(&store->gate_moved, &store->gate);
    if ((rc = environment_check(store, err)) == 0)
        store->inside++;
    pthread_mutex_unlock(&store->gate);
    return rc;
}

void gate_leave(struct smki_store *store)
{
    pthread_mutex_lock(&store->gate);
    store->inside--;
    pthread_cond_broadcast(&store->gate_moved);
    pthread_mutex_unlock(&store->gate);
}

static void gate_close(struct smki_store *store)
{
    pthread_mutex_lock(&store->gate);
    while (store->remapping)
        pthread_cond_wait(&store->gate_moved, &store->gate);
    store->remapping = true;
    while (store->inside != 0)
        pthread_cond_wait(&store->gate_moved, &store->gate);
    pthread_mutex_unlock(&store->gate);
}

static void gate_open(struct smki_store *store)
{
    pthread_mutex_lock(&store->gate);
    store->remapping = false;
    pthread_cond_broadcast(&store->gate_moved);
    pthread_mutex_unlock(&store->gate);
}

/* ---- the map ---- */

/* With the gate closed. When the new size cannot be had the old one is put back: LMDB has let go of it by then. */
static int map_set(struct smki_store *store, size_t size, size_t before, struct smki_error *err)
{
    int rc = mdb_env_set_mapsize(store->env, size);

    if (rc == 0)
        return 0;
    if (mdb_env_set_mapsize(store->env, before) != 0)
        store->unmapped = true;
    return lmdb_fail(store, err, rc, "mapping more of the store's file");
}

static int map_resize(struct smki_store *store, bool grow, struct smki_error *err)
{
    MDB_envinfo now;
    size_t size = 0; /* LMDB: as large as the file says */
    int rc;

    gate_close(store);
    if ((rc = mdb_env_info(store->env, &now)) != 0) {
        rc = lmdb_fail(store, err, rc, "reading the size of the map");
    } else {
        if (grow)
            size = now.me_mapsize + (now.me_mapsize < STORE_MAP_STEP ? now.me_mapsize : STORE_MAP_STEP);
        rc = map_set(store, size, now.me_mapsize, err);
    }
    if (!store->unmapped)
        resident_find(store);
    gate_open(store);
    return rc;
}

int map_grow(struct smki_store *store, struct smki_error *err)
{
    return map_resize(store, true, err);
}

int transaction_begin(struct smki_store *store, unsigned flags, MDB_txn **out, struct smki_error *err)
{
    bool cleared = false;
    int rc, dead;

    for (;;) {
        if ((rc = gate_enter(store, err)) != 0)
            return rc;
        if ((rc = mdb_txn_begin(store->env, NULL, flags, out)) == 0)
            return 0;
        gate_leave(store);
        if (rc == MDB_READERS_FULL && !cleared) {
            cleared = true;
            mdb_reader_check(store->env, &dead);
        } else if (rc != MDB_MAP_RESIZED) {
            return lmdb_fail(store, err, rc, "beginning a transaction");
        } else if ((rc = map_resize(store, false, err)) != 0) {
            return rc;
        }
    }
}

/* LMDB's newest meta page. It may be ahead of what views see for the moment between the writing of that page and the end of the commit: a
 * view's version is its own. The map is only replaced when nobody is inside, so whoever holds a view need not wait for that. */
int store_version(struct smki_store *store, uint64_t *out, struct smki_error *err)
{
    MDB_envinfo now;
    int rc;

    pthread_mutex_lock(&store->gate);
    while (store->remapping && store->inside == 0)
        pthread_cond_wait(&store->gate_moved, &store->gate);
    if ((rc = environment_check(store, err)) == 0 && (rc = mdb_env_info(store->env, &now)) != 0)
        rc = lmdb_fail(store, err, rc, "reading the newest version");
    pthread_mutex_unlock(&store->gate);
    if (rc == 0)
        *out = now.me_last_txnid;
    return rc;
}

/* ---- opening ---- */

/* A file of the store that cannot be opened for writing. Readers write too: LMDB's table of readers. */
static int open_fail(struct smki_error *err, int errnum, const char *path)
{
    if (errnum == EROFS)
        return smki_fail(err, SMKI_PERMISSION,
                         "%s: the file system is read-only, and a home has to be writable, also to be looked at: make one of a backup with "
                         "'smki restore', in a folder that can be written",
                         path);
    return smki_fail_errno(err, errnum, "%s", path);
}

/* One open store a process: see engine_i.h. */
static int process_lock(struct smki_store *store, struct smki_error *err)
{
    struct flock octet = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = store->pid, .l_len = 1};
    char path[PATH_MAX];
    int rc;

    if ((rc = path_join(path, sizeof(path), store->folder, PROCESSES_FILE, err)) != 0)
        return rc;
    if ((store->processes = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return open_fail(err, errno, path);
    if (fcntl(store->processes, F_OFD_SETLK, &octet) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return smki_fail(
            err, SMKI_STORE_LOCKED,
            "%s: process %ld has the store open already. If that is this one, share what it opened; if it is of another container "
            "(pid namespace), let both see the same process numbers, or start this one again: it then has another number",
            store->folder, (long)store->pid);
    return smki_fail_errno(err, errno, "%s", path);
}

static void process_unlock(struct smki_store *store)
{
    struct flock octet = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = store->pid, .l_len = 1};

    if (store->processes < 0)
        return;
    if (store->pid == getpid()) /* children of a fork share the lock: closing alone would leave it to them */
        fcntl(store->processes, F_OFD_SETLK, &octet);
    close(store->processes);
}

/* LMDB maps its lock file and leaves it sparse: on a full disk the first touch of a new page would be a SIGBUS. */
static int lock_file_fill(const struct smki_store *store, struct smki_error *err)
{
    char path[PATH_MAX];
    int fd, rc = 0;

    if ((rc = path_join(path, sizeof(path), store->folder, LOCK_FILE, err)) != 0)
        return rc;
    if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return open_fail(err, errno, path);
    if (fallocate(fd, 0, 0, STORE_READERS * 64 + 8192) != 0 && errno != EOPNOTSUPP)
        rc = smki_fail_errno(err, errno, "%s", path);
    close(fd);
    return rc;
}

/* A file that was cut short (a copy that broke off) would be a SIGBUS where a page is missing. With its length made good the missing pages
 * are empty, and LMDB says that they are corrupt. fallocate only ever lengthens, so other processes may be writing. */
static void data_file_lengthen(struct smki_store *store)
{
    mdb_filehandle_t fd;
    MDB_envinfo now;
    MDB_stat main;

    if (mdb_env_get_fd(store->env, &fd) != 0 || mdb_env_info(store->env, &now) != 0 || mdb_env_stat(store->env, &main) != 0)
        return;
    if (fallocate(fd, 0, (off_t)(now.me_last_pgno * main.ms_psize), (off_t)main.ms_psize) != 0)
        return; /* not on this file system, or the disk is full: then a whole file stays as good as it was */
}

static int environment_prepare(struct smki_store *store, enum environment_use use, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc;

    if ((rc = path_join(path, sizeof(path), store->folder, DATA_FILE, err)) != 0)
        return rc;
    if (use == ENVIRONMENT_OPEN && access(path, F_OK) != 0)
        return errno == ENOENT ? smki_fail(err, SMKI_STORE_MISSING, "%s: there is no store here; make one with 'smki init'", store->folder)
                               : smki_fail_errno(err, errno, "%s", path);
    if ((rc = process_lock(store, err)) != 0 || (rc = lock_file_fill(store, err)) != 0)
        return rc;
    if ((rc = mdb_env_create(&store->env)) != 0)
        return lmdb_fail(store, err, rc, "opening");
    mdb_env_set_maxdbs(store->env, DB_COUNT);
    mdb_env_set_maxreaders(store->env, STORE_READERS);
    if (use == ENVIRONMENT_CREATE)
        mdb_env_set_mapsize(store->env, STORE_MAP_START); /* when opened it is what the file says */
    return 0;
}

static int environment_start(struct smki_store *store, enum environment_use use, struct smki_error *err)
{
    int rc, dead;

    if ((rc = environment_prepare(store, use, err)) != 0)
        return rc;
    /* NOTLS: views belong to their handle. NORDAHEAD: certificates are read one by one. */
    rc = mdb_env_open(store->env, store->folder, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (rc == MDB_INVALID && use == ENVIRONMENT_CREATE)
        return smki_fail(err, SMKI_STORE_NOT_EMPTY, "%s: there is a file data.mdb here, and it is no store", store->folder);
    if (rc != 0)
        return lmdb_fail(store, err, rc, "opening");
    if ((rc = mdb_reader_check(store->env, &dead)) != 0)
        return lmdb_fail(store, err, rc, "clearing away the views of dead processes");
    if (use == ENVIRONMENT_OPEN)
        data_file_lengthen(store);
    return 0;
}

int environment_open(struct smki_store **out, const char *folder, enum environment_use use, struct smki_error *err)
{
    struct smki_store *store = calloc(1, sizeof(*store));
    int rc;

    *out = NULL;
    if (store == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    store->processes = store->statm = -1;
    store->pid = getpid();
    store->clock = smki_clock_system;
    pthread_mutex_init(&store->gate, NULL);
    pthread_cond_init(&store->gate_moved, NULL);
    pthread_mutex_init(&store->queue, NULL);
    if ((store->folder = strdup(folder)) == NULL)
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    else if ((rc = print_places_open(store, err)) == 0)
        rc = environment_start(store, use, err);
    if (rc != 0)
        environment_close(store);
    else
        *out = store;
    return rc;
}

void environment_close(struct smki_store *store)
{
    if (store->env != NULL)
        mdb_env_close(store->env);
    process_unlock(store);
    resident_finish(store);
    print_finish(store);
    print_places_close(store);
    pthread_mutex_destroy(&store->queue);
    pthread_cond_destroy(&store->gate_moved);
    pthread_mutex_destroy(&store->gate);
    free(store->folder);
    free(store);
}
