/* A batch through its life: made, taken in, run, its results written. Each verb is a stage; the job lies in memory that they share. */
#ifndef BENCH_BATCH_JOB_H
#define BENCH_BATCH_JOB_H

#include "stage.h"

#include <smki/service.h>

#define JOB_MOMENTS 4000 /* of a run's progress: a quarter of a second each */

struct batch_job {
    /* what is to be done */
    char home[220], file[240]; /* file: the document or zip */
    enum smki_batch_form form;
    uint64_t party, first_device;
    size_t csrs;
    unsigned workers;
    bool by_interface;      /* submitted by the web service or the portal, with their demand rules; else by the operator */
    bool in_window;         /* the run keeps the window, which the clock is moved into; else it ignores it */
    struct smki_time clock; /* when the service is opened it is this time; {0}: the time it is */

    /* what came of it */
    uint64_t batch;
    bool over_quota;
    double seconds;   /* of the stage run last, without opening the home */
    double working;   /* of the run, from its first claim to its last commit */
    double megabytes; /* of what it wrote */
    uint64_t granted, refused;
    char result[240];

    /* the run's progress, from the first call: the workers have just been started */
    double moment[JOB_MOMENTS], processed[JOB_MOMENTS];
    size_t moments;
    double first_seconds; /* of the run, at the first of them */
};

/* In shared memory; NULL: none is left. */
struct batch_job *batch_job_new(const char *home, const char *file, enum smki_batch_form form, size_t csrs);

int batch_job_document(void *job, struct smki_error *err);
int batch_job_submit(void *job, struct smki_error *err);
int batch_job_run(void *job, struct smki_error *err);
int batch_job_result_xml(void *job, struct smki_error *err);
int batch_job_result_zip(void *job, struct smki_error *err);
int batch_job_result_txt(void *job, struct smki_error *err);

/* The rate over the run's time, from its moments: `count` of at most JOB_MOMENTS. */
size_t batch_job_rate(const struct batch_job *job, double *seconds, double *rate);

#endif
