/* kill -9 at any moment, then run again: every CSR has exactly one fate, every signature a record made before it, results complete.
 *
 *   kill FOLDER SCHEMA     FOLDER was made by kill.sh
 *
 * A life is a home in which something is killed, once or often, and which is then run to its end and checked (check.h). The lives:
 * - each act of a process in its turn: n from 1 to as many acts as the process does undisturbed, and each way to end at the n-th (knife.h).
 * LMDB commits by writing pages, syncing them and writing its meta page, all of which are such acts, and so each commit point is met;
 * - one and two runners at once, of one and two workers, killed at random moments again and again until the batches are done;
 * - a runner that sleeps on a signature until its lease is over and another has taken its chunk.
 *
 * KILL_EVERY=n in the environment: of all these points only each n-th, beginning with another one each day. */
#include "kill/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAGES         2   /* played at the same time */
#define RANDOM_KILLS   320 /* at least, over all stages */
#define ROUNDS_MAX     8   /* kills of a runner in one life; then it may finish */
#define POINTS_MAX     4096
#define EVERY_MAX      100
#define DAY            86400 /* s */
#define COMPLAINTS_MAX 5     /* of a stage; then it stops */

/* ---- the table of lives with a kill at the n-th act ---- */

static bool then_run(struct stage *stage, bool killed);
static bool then_submit_1(struct stage *stage, bool killed);
static bool then_submit_2(struct stage *stage, bool killed);
static bool then_result_xml(struct stage *stage, bool killed);
static bool then_result_zip(struct stage *stage, bool killed);
static bool then_restore(struct stage *stage, bool killed);
static bool then_create(struct stage *stage, bool killed);
static bool then_woken(struct stage *stage, bool killed);

struct scenario {
    const char *name;
    const char *home; /* the one that is copied; NULL: none */
    stage_act act;
    bool (*then)(struct stage *stage, bool killed);
    unsigned every; /* n goes up by it */
    enum knife_cut cuts[5];
    uint64_t acts; /* counted */
};

static struct scenario scenarios[] = {
    {"a run", "submitted", act_run, then_run, 1, {KNIFE_BEFORE, KNIFE_TORN, KNIFE_POWER, KNIFE_POWER_PART}},
    {"a submission of XML", "empty", act_submit_1, then_submit_1, 1, {KNIFE_BEFORE, KNIFE_TORN, KNIFE_POWER, KNIFE_POWER_PART}},
    {"a submission of a zip", "one", act_submit_2, then_submit_2, 1, {KNIFE_BEFORE, KNIFE_TORN, KNIFE_POWER, KNIFE_POWER_PART}},
    {"writing an XML result", STAGE_DONE, act_result_xml, then_result_xml, 1, {KNIFE_BEFORE, KNIFE_TORN}},
    {"writing a response zip", STAGE_DONE, act_result_zip, then_result_zip, 1, {KNIFE_BEFORE, KNIFE_TORN}},
    {"a backup", STAGE_DONE, act_backup, then_restore, 1, {KNIFE_BEFORE, KNIFE_TORN}},
    {"init", NULL, act_create, then_create, 16, {KNIFE_BEFORE}},
    {"a runner asleep on a signature beyond its lease", "submitted", act_run, then_woken, 1, {KNIFE_SLEEP}},
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* A life each: the n-th act of a scenario, and what happens there. */
static struct point {
    const struct scenario *scenario;
    uint64_t n;
    enum knife_cut cut;
} points[POINTS_MAX];
static size_t points_count;

static unsigned every = 1; /* only each so-manieth point is played, and so many fewer kills at random */

/* Shared by the stages. */
struct totals {
    _Atomic uint64_t points, random_kills, random_lives, overtaken, bad;
    uint64_t run_us; /* that an undisturbed run takes */
};

/* ---- what follows a kill ---- */

/* What the dead left is taken for old by then. */
static bool then_run(struct stage *stage, bool killed)
{
    (void)killed;
    return stage_age(stage) && stage_do(stage, act_run) && stage_check(stage, stage->home);
}

/* How many batches there are; -1 when the home cannot be opened. */
static int batches_of(const struct stage *stage)
{
    struct smki_store_statistics statistics;
    struct smki_service *service;
    int count = -1;

    if (smki_service_open(&service, stage->home, NULL, NULL) != 0)
        return -1;
    if (smki_store_statistics(smki_service_store(service), &statistics, NULL) == 0)
        count = (int)statistics.batches;
    smki_service_close(service);
    return count;
}

/* The killed submission was the `before`-th after this many: it is there as a whole, or it is not and can be done again. */
static bool submitted_or_not(struct stage *stage, int before, stage_act again)
{
    const int count = batches_of(stage);

    if (count != before && count != before + 1)
        return stage_no(stage, "%d batches after a submission to %d", count, before);
    return count > before || stage_do(stage, again);
}

static bool then_submit_1(struct stage *stage, bool killed)
{
    return submitted_or_not(stage, 0, act_submit_1) && stage_do(stage, act_submit_2) && stage_do(stage, act_submit_3) &&
           then_run(stage, killed);
}

static bool then_submit_2(struct stage *stage, bool killed)
{
    return submitted_or_not(stage, 1, act_submit_2) && stage_do(stage, act_submit_3) && then_run(stage, killed);
}

/* The result is there as a whole or not at all, and can be had. */
static bool result_then(struct stage *stage, stage_act again)
{
    char path[4300], other[4300];

    snprintf(path, sizeof(path), "%s/result", stage->scratch);
    snprintf(other, sizeof(other), "%s/killed", stage->scratch);
    rename(path, other);
    if (!stage_do(stage, again))
        return false;
    if (access(other, F_OK) != 0 || program_runs((const char *const[]){"cmp", "-s", path, other, NULL}))
        return true;
    return stage_no(stage, "the result of the killed process is there and not whole");
}

static bool then_result_xml(struct stage *stage, bool killed)
{
    (void)killed;
    return result_then(stage, act_result_xml);
}

static bool then_result_zip(struct stage *stage, bool killed)
{
    (void)killed;
    return result_then(stage, act_result_zip);
}

/* A backup that was not ended is refused, or has everything. */
static bool then_restore(struct stage *stage, bool killed)
{
    const int status = stage_wait(stage_start(stage, act_restore, KNIFE_NONE, 0));
    char home[4400], keys[4500];

    snprintf(home, sizeof(home), "%s/restored", stage->scratch);
    snprintf(keys, sizeof(keys), "%s/%s/dca.key", home, SMKI_HOME_KEYS);
    if (status == 0)
        return access(keys, R_OK) == 0 ? stage_check(stage, home) : stage_no(stage, "a broken-off backup was restored, and lacks keys");
    if (!killed)
        return stage_no(stage, "a whole backup is not restored: %s", stage->scene->last_words);
    return access(home, F_OK) != 0 || stage_no(stage, "a refused restore left %s", home);
}

/* What was made can be removed; until then init leaves it alone, and says so. */
static bool then_create(struct stage *stage, bool killed)
{
    struct smki_error err = {0};

    (void)killed;
    if (access(stage->home, F_OK) == 0 && rmdir(stage->home) != 0 && smki_service_create(stage->home, NULL, &err) != SMKI_STORE_NOT_EMPTY)
        return stage_no(stage, "init over what a killed one left: %s", err.text);
    return stage_set(stage, NULL);
}

static bool then_woken(struct stage *stage, bool killed)
{
    (void)killed;
    return stage_check(stage, stage->home);
}

/* ---- a life ---- */

/* The runner stops at its n-th signature; another, for whom every lease is over, does the rest; then it wakes up. */
static bool play_sleep(struct stage *stage, const struct scenario *scenario, uint64_t n, struct totals *totals)
{
    const pid_t sleeper = stage_start(stage, scenario->act, KNIFE_SLEEP, n);
    int status = stage_wait(sleeper);
    bool good = true;

    if (!WIFSTOPPED(status))
        return stage_no(stage, "the runner did not come to its signature %llu", (unsigned long long)n);
    good = stage_do(stage, act_run_later);
    kill(sleeper, SIGCONT);
    status = stage_wait(sleeper);
    if (good && status != 0)
        good = stage_no(stage, "the runner that was overtaken ended with %#x: %s", (unsigned)status, stage->scene->last_words);
    totals->overtaken++;
    return good && scenario->then(stage, false);
}

static bool play_cut(struct stage *stage, const struct scenario *scenario, uint64_t n, enum knife_cut cut, struct totals *totals)
{
    const int status = stage_wait(stage_start(stage, scenario->act, cut, n));
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

    if (!killed && status != 0)
        return stage_no(stage, "the victim ended with %#x: %s", (unsigned)status, stage->scene->last_words);
    totals->points += killed;
    return scenario->then(stage, killed);
}

static bool play_point(struct stage *stage, const struct point *point, struct totals *totals)
{
    const struct scenario *scenario = point->scenario;
    char why[WHY_SIZE];
    bool good = stage_set(stage, scenario->home);

    if (good && point->cut == KNIFE_SLEEP)
        good = play_sleep(stage, scenario, point->n, totals);
    else if (good)
        good = play_cut(stage, scenario, point->n, point->cut, totals);
    if (good)
        return true;
    memcpy(why, stage->why, sizeof(why));
    return stage_no(stage, "%s, act %llu of %llu, cut %d: %.400s", scenario->name, (unsigned long long)point->n,
                    (unsigned long long)scenario->acts, (int)point->cut, why);
}

static void sleep_us(uint64_t us)
{
    const struct timespec span = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

    nanosleep(&span, NULL);
}

/* One round: so many runners at once, each killed at a moment of its own. False when one of them failed by itself. *ended: all came to
 * their end. */
static bool play_round(struct stage *stage, unsigned runners, struct totals *totals, bool *ended)
{
    pid_t pids[2];
    bool good = true;

    *ended = true;
    for (unsigned i = 0; i < runners; i++)
        pids[i] = stage_start(stage, rand_r(&stage->seed) % 2 == 0 ? act_run : act_run_two, KNIFE_NONE, 0);
    for (unsigned i = 0; i < runners; i++) {
        int status;

        sleep_us((uint64_t)rand_r(&stage->seed) % totals->run_us);
        kill(pids[i], SIGKILL);
        status = stage_wait(pids[i]);
        totals->random_kills += WIFSIGNALED(status);
        *ended = *ended && status == 0;
        if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
            good = stage_no(stage, "a runner ended with %#x: %s", (unsigned)status, stage->scene->last_words);
    }
    return good;
}

static bool play_random(struct stage *stage, struct totals *totals)
{
    const unsigned runners = 1 + (unsigned)(stage->lives % 2);
    const uint32_t seed = stage->seed;
    bool ended = false, good = stage_set(stage, "submitted");
    char why[WHY_SIZE];

    for (unsigned round = 0; round < ROUNDS_MAX && good && !ended; round++)
        good = play_round(stage, runners, totals, &ended);
    totals->random_lives++;
    if (good && then_run(stage, true))
        return true;
    memcpy(why, stage->why, sizeof(why));
    return stage_no(stage, "%u runners killed at random, seed %u: %.400s", runners, seed, why);
}

/* ---- stages ---- */

static void complain(const struct stage *stage, struct totals *totals, unsigned *complaints)
{
    printf("# %s\n", stage->why);
    fflush(stdout);
    totals->bad++;
    ++*complaints;
}

/* Plays every STAGES-th of the points that are wanted, then random lives as long as kills are. */
static void play(struct stage *stage, unsigned number, struct totals *totals)
{
    const size_t first = (size_t)(time(NULL) / DAY) % every;
    unsigned complaints = 0;

    for (size_t i = first + number * every; i < points_count && complaints < COMPLAINTS_MAX; i += STAGES * every)
        if (!play_point(stage, &points[i], totals))
            complain(stage, totals, &complaints);
    while (totals->random_kills < RANDOM_KILLS / every && complaints < COMPLAINTS_MAX)
        if (!play_random(stage, totals))
            complain(stage, totals, &complaints);
}

static bool play_all(struct stage stages[STAGES], struct totals *totals)
{
    pid_t pids[STAGES];
    bool good = true;

    fflush(stdout);
    for (unsigned i = 0; i < STAGES; i++) {
        if ((pids[i] = fork()) == 0) {
            play(&stages[i], i, totals);
            fflush(stdout);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < STAGES; i++)
        good = stage_wait(pids[i]) == 0 && good;
    return good && totals->bad == 0;
}

/* ---- beginning ---- */

static bool home_keep(const struct stage *stage, const char *name)
{
    char to[4200];

    snprintf(to, sizeof(to), "%s/%s", stage->folder, name);
    return program_runs((const char *const[]){"cp", "-a", stage->home, to, NULL});
}

/* The key that issues, and what it signs when it is opened: it is the last to sign then. */
static bool issuer_learn(struct stage *stage)
{
    struct knife_scene *scene = stage->scene;

    scene->signatures = 0;
    if (!stage_do(stage, act_prove))
        return false;
    for (size_t i = scene->signatures; i-- > 0 && scene->proofs < KNIFE_PROOFS;) {
        if (scene->proofs == 0)
            memcpy(scene->issuer, scene->signature[i].key, KNIFE_KEY_SIZE);
        if (memcmp(scene->issuer, scene->signature[i].key, KNIFE_KEY_SIZE) == 0)
            memcpy(scene->proof[scene->proofs++], scene->signature[i].digest, sizeof(scene->proof[0]));
    }
    return scene->proofs > 0 || stage_no(stage, "the issuing key signs nothing that is seen here");
}

static bool run_timed(struct stage *stage, struct totals *totals)
{
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    if (!stage_do(stage, act_run))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &to);
    totals->run_us = (uint64_t)((to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
    return true;
}

/* The homes that lives begin with: empty, with one batch, with all of them, and done, which must pass the check itself. */
static bool homes_make(struct stage *stage, struct totals *totals)
{
    return stage_set(stage, NULL) && stage_do(stage, act_found) && issuer_learn(stage) && home_keep(stage, "empty") &&
           stage_do(stage, act_submit_1) && home_keep(stage, "one") && stage_do(stage, act_submit_2) && stage_do(stage, act_submit_3) &&
           home_keep(stage, "submitted") && run_timed(stage, totals) && stage_check(stage, stage->home) && home_keep(stage, STAGE_DONE);
}

static bool point_differs(enum knife_cut cut, enum knife_kind kind)
{
    return (cut != KNIFE_TORN || kind == KNIFE_LARGE) && ((cut != KNIFE_POWER && cut != KNIFE_POWER_PART) || kind == KNIFE_SYNC);
}

/* A write of a page or less is not torn, and a power cut loses most before a sync. */
static void points_add(const struct scenario *scenario, uint64_t n, const uint8_t kind[KNIFE_ACTS])
{
    for (const enum knife_cut *cut = scenario->cuts; *cut != KNIFE_NONE && points_count < POINTS_MAX; cut++)
        if (n < KNIFE_ACTS && point_differs(*cut, (enum knife_kind)kind[n]))
            points[points_count++] = (struct point){scenario, n, *cut};
}

/* What each scenario's process does when nothing happens to it. */
static bool points_find(struct stage *stage)
{
    for (struct scenario *scenario = scenarios; scenario < scenarios + SCENARIOS; scenario++) {
        const size_t before = points_count;

        if (!stage_set(stage, scenario->home) || !stage_do(stage, scenario->act))
            return false;
        scenario->acts = scenario->cuts[0] == KNIFE_SLEEP ? stage->cast->good : stage->scene->acts;
        for (uint64_t n = 1; n <= scenario->acts; n += scenario->every)
            points_add(scenario, n, stage->scene->kind);
        printf("# %s: %llu acts, %llu commits, %zu lives\n", scenario->name, (unsigned long long)scenario->acts,
               (unsigned long long)stage->scene->commits, points_count - before);
        if (stage->scene->commits == 0)
            return stage_no(stage, "%s: the knife sees no commit", scenario->name);
    }
    return points_count < POINTS_MAX;
}

static bool file_make(const char *path)
{
    FILE *file = fopen(path, "w");

    return file != NULL && fclose(file) == 0;
}

/* An upload that nobody names may be one that is still coming in: it goes when it is a day old. */
static bool leftovers_go(struct stage *stage)
{
    char path[4300];

    if (!stage_set(stage, STAGE_DONE))
        return false;
    snprintf(path, sizeof(path), "%s/%s/000102030405060708090a0b.xml", stage->home, SMKI_HOME_BATCHES);
    if (!file_make(path) || !stage_do(stage, act_run) || access(path, F_OK) != 0)
        return stage_no(stage, "a young upload was removed");
    if (!stage_age(stage) || !stage_do(stage, act_run) || access(path, F_OK) == 0)
        return stage_no(stage, "an old upload was not removed");
    return stage_check(stage, stage->home);
}

static bool claim(unsigned number, bool good, const char *words)
{
    printf("%s %u - %s\n", good ? "ok" : "not ok", number, words);
    return good;
}

static bool tell(const char *folder, const char *schema, struct cast *cast, struct totals *totals)
{
    static struct stage stages[STAGES];
    bool good = true, played;

    for (unsigned i = 0; i < STAGES && good; i++) {
        stages[i] = (struct stage){.folder = folder, .schema = schema, .cast = cast};
        good = stage_open(&stages[i], i);
    }
    good = good && homes_make(&stages[0], totals) && points_find(&stages[0]);
    if (!good)
        printf("# %s\n", stages[0].why);
    if (!claim(1, good, "undisturbed, everything that is checked holds"))
        return false;
    for (unsigned i = 1; i < STAGES; i++) {
        memcpy(stages[i].scene, stages[0].scene, sizeof(*stages[0].scene));
    }
    good = leftovers_go(&stages[0]);
    if (!good)
        printf("# %s\n", stages[0].why);
    claim(2, good, "uploads that became no batch are removed when they are old, and only then");
    played = play_all(stages, totals);
    printf("# killed at %llu points (before each act of a process, amid each large write, and as power cuts before each sync), and %llu "
           "times at random in %llu "
           "homes;\n"
           "# %llu runners overtaken in their sleep\n",
           (unsigned long long)totals->points, (unsigned long long)totals->random_kills, (unsigned long long)totals->random_lives,
           (unsigned long long)totals->overtaken);
    return claim(3, played, "killed anywhere and run again: one fate for every CSR, a record before every signature, results complete") &&
           good;
}

int main(int argc, char **argv)
{
    static struct cast cast;
    const char *wanted = getenv("KILL_EVERY");
    struct totals *totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool good;

    if (argc != 3 || totals == MAP_FAILED || !cast_read(&cast, argv[1])) {
        printf("Bail out! the cast cannot be read\n");
        return 2;
    }
    if (wanted != NULL && atoi(wanted) >= 1 && atoi(wanted) <= EVERY_MAX)
        every = (unsigned)atoi(wanted);
    printf("1..3\n# one of %u points is played\n", every);
    good = tell(argv[1], argv[2], &cast, totals);
    cast_finish(&cast);
    munmap(totals, sizeof(*totals));
    return good ? 0 : 1;
}
