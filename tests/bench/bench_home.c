/* See bench_home.h. */
#include "bench_home.h"
#include "bench.h"
#include "party.h"

#include "base/base_i.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int bench_home_begin(struct bench_home *home, struct call *call, const char *option)
{
    const char *given = call_text(call, option);
    int rc = bench_svg_check(call);

    if (rc != 0)
        return rc;
    home->stays = given != NULL;
    snprintf(home->folder, sizeof(home->folder), "%s", given != NULL ? given : "/var/tmp/smki.bench-XXXXXX");
    if (given != NULL ? mkdir(home->folder, 0700) != 0 && errno != EEXIST : mkdtemp(home->folder) == NULL)
        return smki_fail_errno(&call->err, errno, "%s", home->folder);
    snprintf(home->path, sizeof(home->path), "%s/home", home->folder);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void bench_tree_remove(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void bench_home_end(struct bench_home *home)
{
    if (!home->stays && home->folder[0] != '\0')
        bench_tree_remove(home->folder);
}

void bench_home_file(const struct bench_home *home, char out[240], const char *format, ...)
{
    const int size = snprintf(out, 240, "%s/", home->folder);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(out + size, 240 - (size_t)size, format, arguments);
    va_end(arguments);
}

int bench_home_found(const char *path, unsigned parties, struct smki_error *err)
{
    return bench_home_found_with(path, parties, NULL, err);
}

int bench_home_found_with(const char *path, unsigned parties, const struct smki_service_options *options, struct smki_error *err)
{
    struct smki_service *service;
    int rc = smki_service_create(path, options, err);

    if (rc != 0 || (rc = smki_service_open(&service, path, NULL, err)) != 0)
        return rc;
    for (unsigned number = 1; number <= parties && rc == 0; number++)
        rc = bench_party_add(service, number, err);
    smki_service_close(service);
    return rc;
}
