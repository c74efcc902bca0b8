/* A runner's sign of life: a file in the home's runners folder under a lock that the kernel lets go when the process dies, however it dies.
 */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int runner_path(const struct smki_service *service, const uint8_t id[RUNNER_ID_SIZE], char out[PATH_MAX], struct smki_error *err)
{
    char name[2 * RUNNER_ID_SIZE + 1];

    return home_path_in(service, out, SMKI_HOME_RUNNERS, hex_encode(name, id, RUNNER_ID_SIZE), err);
}

int runner_start(struct runner *runner, struct smki_service *service, struct smki_error *err)
{
    int rc;

    runner->fd = -1;
    if ((rc = service->random.fill(service->random.context, runner->id, sizeof(runner->id))) != 0)
        return smki_fail(err, rc, NULL);
    if ((rc = runner_path(service, runner->id, runner->path, err)) != 0)
        return rc;
    runner->fd = open(runner->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (runner->fd < 0 || flock(runner->fd, LOCK_EX | LOCK_NB) != 0) {
        rc = smki_fail_errno(err, errno, "%s", runner->path);
        runner_end(runner);
    }
    return rc;
}

void runner_end(struct runner *runner)
{
    if (runner->fd < 0)
        return;
    unlink(runner->path);
    close(runner->fd);
    runner->fd = -1;
}

/* The id is drawn anew at each start and no claim is made before the lock is held, so a claim whose file is gone or unlocked has no living
 * owner. */
bool runner_lives(const struct smki_service *service, const uint8_t id[RUNNER_ID_SIZE])
{
    char path[PATH_MAX];
    bool lives;
    int fd;

    if (runner_path(service, id, path, NULL) != 0)
        return false;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return errno != ENOENT;
    lives = flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (!lives)
        unlink(path);
    close(fd);
    return lives;
}
