#include "kill/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCHEMA_EVERY 8  /* lives */
#define PATIENCE     60 /* seconds; a process that takes longer hangs, and SIGALRM ends it */

bool stage_no(struct stage *stage, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(stage->why, sizeof(stage->why), format, arguments);
    va_end(arguments);
    return false;
}

static bool folder_drop(const char *path)
{
    return program_runs((const char *const[]){"rm", "-rf", path, NULL});
}

bool stage_open(struct stage *stage, unsigned number)
{
    char folder[4100];

    snprintf(folder, sizeof(folder), "%s/stage-%u", stage->folder, number);
    snprintf(stage->home, sizeof(stage->home), "%s/home", folder);
    snprintf(stage->scratch, sizeof(stage->scratch), "%s/scratch", folder);
    snprintf(stage->backup, sizeof(stage->backup), "%s/backup", stage->scratch);
    stage->seed = number + 1;
    stage->scene = knife_scene_create();
    return stage->scene != NULL && mkdir(folder, 0700) == 0;
}

bool stage_set(struct stage *stage, const char *name)
{
    char from[4200];

    stage->lives++;
    stage->scene->signatures = 0;
    stage->signed_here = name == NULL || strcmp(name, STAGE_DONE) != 0;
    stage->why[0] = '\0';
    if (!folder_drop(stage->home) || !folder_drop(stage->scratch) || mkdir(stage->scratch, 0700) != 0)
        return stage_no(stage, "%s cannot be made anew", stage->home);
    snprintf(from, sizeof(from), "%s/%s", stage->folder, name != NULL ? name : "");
    return name == NULL || program_runs((const char *const[]){"cp", "-a", from, stage->home, NULL}) ||
           stage_no(stage, "%s cannot be copied", from);
}

bool stage_age(struct stage *stage)
{
    char uploads[4300], runners[4300];

    snprintf(uploads, sizeof(uploads), "%s/%s", stage->home, SMKI_HOME_BATCHES);
    snprintf(runners, sizeof(runners), "%s/%s", stage->home, SMKI_HOME_RUNNERS);
    return program_runs(
               (const char *const[]){"find", uploads, runners, "-type", "f", "-exec", "touch", "-d", "2 days ago", "{}", "+", NULL}) ||
           stage_no(stage, "the files of %s cannot be aged", stage->home);
}

pid_t stage_start(const struct stage *stage, stage_act act, enum knife_cut cut, uint64_t at)
{
    struct smki_error err = {0};
    pid_t pid;

    stage->scene->cut = cut;
    stage->scene->at = at;
    stage->scene->seed = (uint32_t)at;
    fflush(stdout);
    if ((pid = fork()) != 0)
        return pid;
    alarm(PATIENCE);
    knife_arm(stage->scene);
    if (act(stage, &err) == 0)
        _exit(0);
    snprintf(stage->scene->last_words, sizeof(stage->scene->last_words), "%s", err.text);
    _exit(1);
}

int stage_wait(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR)
        ;
    return status;
}

bool stage_do(struct stage *stage, stage_act act)
{
    const int status = stage_wait(stage_start(stage, act, KNIFE_NONE, 0));

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return stage_no(stage, "what followed ended with status %#x: %s", (unsigned)status, stage->scene->last_words);
}

bool stage_check(struct stage *stage, const char *home)
{
    const struct check check = {.home = home,
                                .scratch = stage->scratch,
                                .schema = stage->lives % SCHEMA_EVERY == 0 ? stage->schema : NULL,
                                .cast = stage->cast,
                                .scene = stage->scene,
                                .signed_here = stage->signed_here,
                                .why = stage->why};

    return check_home(&check);
}
