/* See batch_job.h. */
#include "batch_job.h"
#include "document.h"
#include "party.h"
#include "process.h"
#include "requests.h"

#include "base/base_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOMENT_APART 0.25 /* s */
#define FIRST_DEVICE UINT64_C(0x90b3d51f32000000)

struct batch_job *batch_job_new(const char *home, const char *file, enum smki_batch_form form, size_t csrs)
{
    struct batch_job *job = stage_memory(sizeof(*job));

    if (job == NULL)
        return NULL;
    snprintf(job->home, sizeof(job->home), "%s", home);
    snprintf(job->file, sizeof(job->file), "%s", file);
    snprintf(job->result, sizeof(job->result), "%.200s.result", file);
    job->form = form;
    job->csrs = csrs;
    job->party = 1;
    job->first_device = FIRST_DEVICE;
    return job;
}

/* ---- the document ---- */

static int size_of(double *megabytes, const char *path, struct smki_error *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return smki_fail_errno(err, errno, "%s", path);
    *megabytes = (double)status.st_size / 1e6;
    return 0;
}

int batch_job_document(void *context, struct smki_error *err)
{
    struct batch_job *job = context;
    struct request *requests = requests_make(job->csrs, job->first_device);
    int rc;

    if (requests == NULL)
        return smki_fail(err, SMKI_INTERNAL, "the requests could not be made");
    rc = document_make(job->file, job->form, requests, job->csrs, err);
    free(requests);
    return rc != 0 ? rc : size_of(&job->megabytes, job->file, err);
}

/* ---- with the home open ---- */

static struct smki_time clock_now(void *context)
{
    const int64_t *moved = context;
    struct smki_time now = smki_clock_system.now(smki_clock_system.context);

    now.us += *moved;
    return now;
}

/* Opens the home, times `act` in it and closes it again. */
static int in_home(struct batch_job *job, int (*act)(struct batch_job *, struct smki_service *, struct smki_error *),
                   struct smki_error *err)
{
    int64_t moved = job->clock.us != 0 ? job->clock.us - smki_clock_system.now(smki_clock_system.context).us : 0;
    const struct smki_clock clock = {.now = clock_now, .context = &moved};
    const struct smki_service_options options = {.clock = &clock};
    struct smki_service *service;
    double start;
    int rc = smki_service_open(&service, job->home, &options, err);

    if (rc != 0)
        return rc;
    start = seconds_now();
    rc = act(job, service, err);
    job->seconds = seconds_now() - start;
    smki_service_close(service);
    return rc;
}

static int submit(struct batch_job *job, struct smki_service *service, struct smki_error *err)
{
    struct smki_actor actor = bench_actor;
    struct smki_batch batch;
    int rc;

    actor.party = job->party;
    if (job->by_interface)
        actor.interface = job->form == SMKI_BATCH_XML ? SMKI_INTERFACE_BATCH : SMKI_INTERFACE_PORTAL_DEVICE;
    if ((rc = smki_batch_submit_file(service, &actor, job->file, &batch, NULL, err)) != 0)
        return rc;
    job->batch = batch.id;
    job->over_quota = batch.over_quota;
    return 0;
}

int batch_job_submit(void *job, struct smki_error *err)
{
    return in_home(job, submit, err);
}

/* One in MOMENT_APART seconds is kept, and the latest. */
static void moment_keep(void *context, const struct smki_run_progress *progress)
{
    struct batch_job *job = context;
    double seconds;

    if (job->moments == 0)
        job->first_seconds = progress->seconds;
    seconds = progress->seconds - job->first_seconds;
    if (job->moments == JOB_MOMENTS || (job->moments > 1 && seconds - job->moment[job->moments - 2] < MOMENT_APART))
        job->moments--;
    job->moment[job->moments] = seconds;
    job->processed[job->moments++] = (double)progress->processed;
}

static int run(struct batch_job *job, struct smki_service *service, struct smki_error *err)
{
    const struct smki_run_options options = {
        .ignore_window = !job->in_window, .workers = job->workers, .progress = moment_keep, .context = job};
    struct smki_run_progress summary;
    int rc;

    job->moments = 0;
    rc = smki_batch_run(service, &bench_actor, &options, &summary, err);
    job->granted = summary.granted;
    job->refused = summary.refused;
    job->working = summary.working;
    return rc;
}

int batch_job_run(void *job, struct smki_error *err)
{
    return in_home(job, run, err);
}

static int result(struct batch_job *job, struct smki_service *service, enum smki_result_format format, struct smki_error *err)
{
    return smki_batch_result(service, &bench_actor, job->batch, format, job->result, true, err);
}

static int result_xml(struct batch_job *job, struct smki_service *service, struct smki_error *err)
{
    return result(job, service, SMKI_RESULT_XML, err);
}

static int result_zip(struct batch_job *job, struct smki_service *service, struct smki_error *err)
{
    return result(job, service, SMKI_RESULT_ZIP, err);
}

static int result_txt(struct batch_job *job, struct smki_service *service, struct smki_error *err)
{
    return result(job, service, SMKI_RESULT_TXT, err);
}

static int result_stage(struct batch_job *job, int (*act)(struct batch_job *, struct smki_service *, struct smki_error *),
                        struct smki_error *err)
{
    int rc = in_home(job, act, err);

    return rc != 0 ? rc : size_of(&job->megabytes, job->result, err);
}

int batch_job_result_xml(void *job, struct smki_error *err)
{
    return result_stage(job, result_xml, err);
}

int batch_job_result_zip(void *job, struct smki_error *err)
{
    return result_stage(job, result_zip, err);
}

int batch_job_result_txt(void *job, struct smki_error *err)
{
    return result_stage(job, result_txt, err);
}

/* ---- the run's time ---- */

size_t batch_job_rate(const struct batch_job *job, double *seconds, double *rate)
{
    size_t count = 0;

    for (size_t i = 1; i < job->moments; i++) {
        const double time = job->moment[i] - job->moment[i - 1];

        if (i + 1 == job->moments && time < MOMENT_APART) /* the end is no whole moment */
            break;
        seconds[count] = job->moment[i];
        rate[count++] = (job->processed[i] - job->processed[i - 1]) / time;
    }
    return count;
}
