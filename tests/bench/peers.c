/* bench peers: other certification programs on the same requests, each at its best setting, beside a batch of ours with everything on. */
#include "batch_job.h"
#include "bench.h"
#include "bench_home.h"
#include "bound.h"
#include "curve.h"
#include "document.h"
#include "peer.h"
#include "report.h"
#include "requests.h"

#include "base/base_i.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CSRS          10000
#define PEERS_MAX     16
#define TURNS         2
#define BOUND_SECONDS 3.0

struct contest {
    struct bench_home home;
    struct peer_work work;
    struct batch_job *job;
    struct request *requests;
    double ours[2], rates[PEERS_MAX]; /* a second; ours before and after the peers; 0: missing */
};

/* ---- ours ---- */

static int ours_run(struct contest *contest, unsigned turn, struct report *report, struct smki_error *err)
{
    struct batch_job *job = contest->job;
    struct stage stage;
    int rc;

    snprintf(job->home, sizeof(job->home), "%.200s-%u", contest->home.path, turn);
    if ((rc = bench_home_found(job->home, 1, err)) != 0 || (rc = stage_run(NULL, batch_job_submit, job, err)) != 0)
        return rc;
    report_row(report, "ours", turn == 0 ? "libsmki, before the peers" : "libsmki, after them");
    report_figure(report, "intake_seconds", job->seconds, "s", "taken in");
    if ((rc = stage_run(&stage, batch_job_run, job, err)) != 0)
        return rc;
    contest->ours[turn] = (double)job->granted / job->seconds;
    report_figure(report, "per_second", contest->ours[turn], "/s", "run");
    report_figure(report, "processor_us", stage.processor / (double)job->csrs * 1e6, "us", "processor each");
    report_row_end(report);
    return job->granted == job->csrs
               ? 0
               : smki_fail(err, SMKI_INTERNAL, "%llu of %zu were granted", (unsigned long long)job->granted, job->csrs);
}

/* ---- theirs ---- */

static void peer_tell(struct report *report, const struct peer *peer, const struct peer_result *result)
{
    report_figure(report, "certificates", (double)result->done, "", "certificates");
    report_figure(report, "seconds", result->seconds, "s", "in");
    report_figure(report, "per_second", (double)result->done / result->seconds, "/s", "issued");
    report_figure(report, "processor_us", result->processor / (double)result->done * 1e6, "us", "processor each");
    if (peer->note != NULL)
        report_word(report, "note", peer->note, "");
}

static double children_processor(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The better one of some turns: what else the machine does is not theirs. */
static int peer_turns(const struct peer *peer, const struct peer_work *work, struct peer_result *best, struct smki_error *err)
{
    for (int i = 0; i < TURNS; i++) {
        struct peer_result result = {0};
        const double used = children_processor();
        int rc = peer->run(peer, work, &result, err);

        if (rc != 0)
            return rc;
        result.processor = children_processor() - used;
        if (result.done == 0)
            return smki_fail(err, SMKI_IO, "it issued nothing");
        if (i == 0 || (double)result.done / result.seconds > (double)best->done / best->seconds)
            *best = result;
    }
    return 0;
}

static void peer_run(struct contest *contest, size_t index, struct report *report)
{
    const struct peer *peer = &peers[index];
    struct peer_result best = {0};
    struct smki_error err = {0};
    char words[200];

    report_row(report, "peers", peer->name);
    if (!peer_is_installed(peer)) {
        snprintf(words, sizeof(words), "missing: apt-get install %s", peer->package);
        report_word(report, "missing", words, "");
    } else if (peer_turns(peer, &contest->work, &best, &err) != 0) {
        snprintf(words, sizeof(words), "failed: %.150s", err.text);
        report_word(report, "failed", words, "");
    } else {
        contest->rates[index] = (double)best.done / best.seconds;
        peer_tell(report, peer, &best);
    }
    report_row_end(report);
}

/* The peers' folder is the process's own while they work: names of files are short then, and all fit on a command line. */
static int peers_run(struct contest *contest, struct report *report, struct smki_error *err)
{
    const int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = peer_work_begin(&contest->work, contest->requests, err);

    for (size_t i = 0; rc == 0 && peers[i].name != NULL; i++)
        peer_run(contest, i, report);
    peer_work_end(&contest->work);
    if (back >= 0 && fchdir(back) == 0)
        close(back);
    return rc;
}

/* ---- the report ---- */

static double ours_rate(const struct contest *contest)
{
    return (contest->ours[0] + contest->ours[1]) / 2;
}

static void report_ratios(const struct contest *contest, struct report *report, const struct bound *bound)
{
    const double ours = ours_rate(contest);

    report_figure(report, "bound_per_second", bound->per_second, "/s", "bound: the provider alone, verify + sign");
    report_figure(report, "ours_per_second", ours, "/s", "libsmki, everything on, the mean of both");
    report_figure(report, "ratio", ours / bound->per_second, "", "libsmki, of the bound");
    for (size_t i = 0; peers[i].name != NULL; i++) {
        char words[100];

        snprintf(words, sizeof(words), "libsmki, times %s", peers[i].name);
        if (contest->rates[i] > 0)
            report_bar(report, peers[i].name, ours / contest->rates[i], "", AT_LEAST, 1, words);
    }
}

static int draw(const struct contest *contest, const char *path, struct smki_error *err)
{
    struct pillar pillars[PEERS_MAX + 1] = {{"libsmki, all checks and records", ours_rate(contest), true}};
    size_t count = 1;

    for (size_t i = 0; peers[i].name != NULL; i++)
        pillars[count++] = (struct pillar){peers[i].name, contest->rates[i], false};
    return pillars_write(path, "The same requests, each program at its best", "certificates a second", pillars, count, err);
}

static int measure(struct contest *contest, struct report *report, struct call *call)
{
    struct smki_error *err = &call->err;
    struct bound before, after, bound;
    int rc;

    if ((rc = bound_measure(&before, bench_cores(), BOUND_SECONDS, err)) != 0 || (rc = ours_run(contest, 0, report, err)) != 0 ||
        (rc = peers_run(contest, report, err)) != 0 || (rc = ours_run(contest, 1, report, err)) != 0 ||
        (rc = bound_measure(&after, bench_cores(), BOUND_SECONDS, err)) != 0)
        return rc;
    bound = bound_mean(&before, &after);
    report_ratios(contest, report, &bound);
    return call_has(call, "svg") ? draw(contest, call_text(call, "svg"), err) : 0;
}

static int contest_begin(struct contest *contest, struct call *call, size_t csrs)
{
    char file[240];
    int rc = bench_home_begin(&contest->home, call, "folder");

    if (rc != 0)
        return rc;
    bench_home_file(&contest->home, contest->work.disk, "peers");
    bench_home_file(&contest->home, file, "batch.xml");
    contest->work.count = csrs;
    contest->work.cores = bench_cores();
    contest->job = batch_job_new(contest->home.path, file, SMKI_BATCH_XML, csrs);
    contest->requests = requests_make(csrs, UINT64_C(0x90b3d51f32000000));
    if (contest->job == NULL || contest->requests == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    contest->job->workers = bench_cores();
    return document_make(file, SMKI_BATCH_XML, contest->requests, csrs, &call->err);
}

static int peers_bench_run(struct call *call)
{
    struct contest contest = {0};
    struct report *report;
    uint64_t csrs = CSRS;
    int rc;

    if (!bench_number(call, "csrs", 1000, SMKI_BATCH_MAX_CSRS, &csrs))
        return EXIT_USAGE;
    if ((rc = contest_begin(&contest, call, csrs)) == 0) {
        report = report_open(call, "the same %zu CSRs", (size_t)csrs);
        rc = report != NULL ? measure(&contest, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    free(contest.requests);
    bench_home_end(&contest.home);
    return rc;
}

static const struct command_value options[] = {
    {"csrs", VALUE_COUNT, 0, "N", "10000 by default, at most 50000; at most 500 where each needs a process", NULL},
    BENCH_FOLDER,
    BENCH_SVG,
    {0}};

const struct command peers_commands[] = {
    {.name = "peers",
     .text = "openssl ca, cfssl, GnuTLS certtool and strongSwan pki on the same requests",
     .flags = COMMAND_JSON,
     .options = options,
     .more =
         "Each at its best setting, in the same run as a batch of ours with every check and record on. A peer that is not installed is\n"
         "said to be missing. Debian's packages: openssl golang-cfssl gnutls-bin strongswan-pki libstrongswan-standard-plugins.\n"
         "Bar: each is beaten.\n",
     .run = peers_bench_run},
    {0}};
