/* One submission of a Party at a time (CoCo 3; interfaces.md 10), over all processes of the home. A turn is a lock on an octet of the file
 * `turns`; a Party has as many octets as an agreement can allow it. The locks are those of open files: they keep threads of one process
 * apart too, and end with the process. */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define TURNS_FILE "turns"

/* A turn is given back when the peer has taken the whole answer, which is noticed some milliseconds after the peer has read it. One that
 * then posts at once on another connection has waited for its answer, as the rule wants: so a turn is waited for before it is refused. */
#define TURN_STEP  (SMKI_SECOND / 200) /* us between two tries: 5 ms */
#define TURN_STEPS 50                  /* 250 ms: far more than the notice takes, and little for a thread of the server's pool */

static struct flock lock_of(off_t octet, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = octet, .l_len = 1};
}

static bool is_taken(int fd, off_t octet)
{
    struct flock lock = lock_of(octet, F_WRLCK);

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* One of the Party's octets that is free: true, and it is ours. *failed gets what else than another's lock stood against it. */
static bool octet_lock(struct submission_turn *turn, off_t first, uint64_t count, int *failed)
{
    *failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct flock lock = lock_of(first + (off_t)i, F_WRLCK);

        if (fcntl(turn->fd, F_OFD_SETLK, &lock) == 0) {
            turn->octet = lock.l_start;
            return true;
        }
        if (errno != EAGAIN && errno != EACCES)
            *failed = errno;
    }
    return false;
}

/* The same, and for a moment waits for one. */
static bool octet_wait(struct submission_turn *turn, off_t first, uint64_t count, int *failed)
{
    const struct timespec step = {.tv_nsec = TURN_STEP * 1000};

    for (int i = 0; !octet_lock(turn, first, count, failed); i++) {
        if (*failed != 0 || i == TURN_STEPS)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

/* How many of them others hold. */
static uint64_t count_taken(const struct submission_turn *turn, off_t first, uint64_t count)
{
    uint64_t taken = 0;

    for (uint64_t i = 0; i < count; i++)
        taken += is_taken(turn->fd, first + (off_t)i);
    return taken;
}

static int judge(struct submission_turn *turn, const struct smki_service *service, off_t first, uint64_t agreed,
                 struct smki_verdict *verdict, const char *path, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(service)->limits;
    const uint64_t count = agreed > 1 ? agreed : 1;
    int failed;

    if (octet_wait(turn, first, count, &failed)) {
        smki_demand_batch_one(verdict, limits, count_taken(turn, first, count), agreed, smki_service_now(service));
        return 0;
    }
    if (failed != 0)
        return smki_fail_errno(err, failed, "%s", path);
    smki_demand_batch_one(verdict, limits, count, agreed, smki_service_now(service));
    return verdict->allowed ? 0 : smki_fail(err, verdict->code, "%s", verdict->text);
}

int submission_turn_take(struct submission_turn *turn, const struct smki_service *service, uint64_t party, uint64_t agreed,
                         struct smki_verdict *verdict, struct smki_error *err)
{
    const off_t first = (off_t)(party * SMKI_AGREEMENT_MAX_AT_ONCE);
    char path[PATH_MAX];
    int rc;

    *turn = (struct submission_turn){.fd = -1, .octet = -1, .pid = getpid()};
    smki_demand_batch_one(verdict, &smki_service_config(service)->limits, 0, agreed, smki_service_now(service));
    if (smki_service_config(service)->limits.mode[SMKI_RULE_BATCH_ONE] == SMKI_RULE_OFF)
        return 0;
    if ((rc = home_path(service, path, TURNS_FILE, err)) != 0)
        return rc;
    if ((turn->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return smki_fail_errno(err, errno, "%s", path);
    rc = judge(turn, service, first, agreed <= SMKI_AGREEMENT_MAX_AT_ONCE ? agreed : SMKI_AGREEMENT_MAX_AT_ONCE, verdict, path, err);
    if (rc != 0 || turn->octet < 0)
        submission_turn_end(turn);
    return rc;
}

void submission_turn_end(struct submission_turn *turn)
{
    struct flock lock = lock_of(turn->octet, F_UNLCK);

    if (turn->fd < 0)
        return;
    if (turn->octet >= 0 && turn->pid == getpid()) /* children of a fork share the lock: closing alone would leave it to them */
        fcntl(turn->fd, F_OFD_SETLK, &lock);
    close(turn->fd);
    turn->fd = -1;
}
