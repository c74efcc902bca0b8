/* Where a life is played: a folder for its home, the memory that its processes leave behind, and the processes themselves. */
#ifndef STAGE_H
#define STAGE_H

#include "kill/check.h"

#include <sys/types.h>

#define STAGE_DONE "done" /* the home whose batches have been run */

struct stage {
    const char *folder; /* the test's: the homes that are copied */
    const char *schema;
    const struct cast *cast;
    struct knife_scene *scene;
    char home[4200], scratch[4200], backup[4300]; /* this stage's own */
    char why[WHY_SIZE];
    uint32_t seed;
    uint64_t lives;
    bool signed_here; /* this life began before any certificate */
};

/* What a process of the stage does; 0 or an error's code. */
typedef int (*stage_act)(const struct stage *stage, struct smki_error *err);

/* The stage's own folders, below the test's. */
bool stage_open(struct stage *stage, unsigned number);
/* A new life: the home is a copy of the folder of this name (NULL: none), nothing is signed yet. */
bool stage_set(struct stage *stage, const char *name);
/* Every file in the home's folders of uploads and runners is two days old now. */
bool stage_age(struct stage *stage);
/* Starts a process that does `act` under the knife. */
pid_t stage_start(const struct stage *stage, stage_act act, enum knife_cut cut, uint64_t at);
/* Waits for it to end, or to stop; its status as of waitpid. */
int stage_wait(pid_t pid);
/* A process that must do it undisturbed and end with 0. */
bool stage_do(struct stage *stage, stage_act act);
/* All that must hold once the batches are run. Every 8th life's results are held against the schema. */
bool stage_check(struct stage *stage, const char *home);
bool stage_no(struct stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- what processes do ---- */

int act_found(const struct stage *stage, struct smki_error *err);  /* init, two Parties, small chunks */
int act_create(const struct stage *stage, struct smki_error *err); /* init alone */
int act_prove(const struct stage *stage, struct smki_error *err);  /* open the issuing CA */
int act_submit_1(const struct stage *stage, struct smki_error *err);
int act_submit_2(const struct stage *stage, struct smki_error *err);
int act_submit_3(const struct stage *stage, struct smki_error *err);
int act_run(const struct stage *stage, struct smki_error *err);       /* one worker */
int act_run_two(const struct stage *stage, struct smki_error *err);   /* two workers */
int act_run_later(const struct stage *stage, struct smki_error *err); /* when every lease is over */
int act_result_xml(const struct stage *stage, struct smki_error *err);
int act_result_zip(const struct stage *stage, struct smki_error *err);
int act_backup(const struct stage *stage, struct smki_error *err);
int act_restore(const struct stage *stage, struct smki_error *err);

#endif
