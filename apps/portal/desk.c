/* The Service Desk's form, and the thread that tells the webhook. */
#include "portal/portal_i.h"

#include <smki/desk.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* ---- the thread ---- */

struct bell {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t rings;
    struct smki_service *service;
    bool rung, stop;
};

/* False: the program ends. */
static bool bell_wait(struct bell *bell)
{
    bool goes_on;

    pthread_mutex_lock(&bell->lock);
    while (!bell->rung && !bell->stop)
        pthread_cond_wait(&bell->rings, &bell->lock);
    bell->rung = false;
    goes_on = !bell->stop;
    pthread_mutex_unlock(&bell->lock);
    return goes_on;
}

/* What cannot be sent is on record with the reason, and goes with the next, or by 'smki desk list --retry'. */
static void *bell_run(void *context)
{
    struct bell *bell = context;

    while (bell_wait(bell)) {
        if (smki_service_config(bell->service)->desk_webhook[0] != '\0')
            (void)!smki_desk_send_due(bell->service, NULL, NULL);
    }
    return NULL;
}

static void bell_tell(struct bell *bell, bool stop)
{
    pthread_mutex_lock(&bell->lock);
    bell->rung = true;
    bell->stop = bell->stop || stop;
    pthread_cond_signal(&bell->rings);
    pthread_mutex_unlock(&bell->lock);
}

/* Signals are the main thread's. */
static int thread_start(struct bell *bell)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&bell->thread, NULL, bell_run, bell);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

int bell_begin(struct portal *portal, struct smki_error *err)
{
    struct bell *bell = calloc(1, sizeof(*bell));

    if (bell != NULL) {
        pthread_mutex_init(&bell->lock, NULL);
        pthread_cond_init(&bell->rings, NULL);
        bell->service = portal->call->service;
        if (thread_start(bell) == 0) {
            portal->bell = bell;
            return 0;
        }
        pthread_cond_destroy(&bell->rings);
        pthread_mutex_destroy(&bell->lock);
        free(bell);
    }
    snprintf(err->text, sizeof(err->text), "no thread can be started");
    return SMKI_NO_MEMORY;
}

void bell_end(struct portal *portal)
{
    struct bell *bell = portal->bell;

    if (bell == NULL)
        return;
    bell_tell(bell, true);
    pthread_join(bell->thread, NULL);
    pthread_cond_destroy(&bell->rings);
    pthread_mutex_destroy(&bell->lock);
    free(bell);
}

/* ---- the form ---- */

static int entry_read(struct smki_desk_entry *out, const struct serve_request *request, struct smki_error *err)
{
    cJSON *body = body_read(request, err);
    int rc = body != NULL ? body_text(body, "name", out->name, sizeof(out->name), err) : SMKI_INVALID_ARGUMENT;

    if (rc == 0)
        rc = body_text(body, "contact", out->contact, sizeof(out->contact), err);
    if (rc == 0)
        rc = body_text(body, "text", out->text, sizeof(out->text), err);
    cJSON_Delete(body);
    return rc;
}

int desk_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_desk_entry entry = {0};
    struct smki_time retry_at = {0};
    cJSON *json;
    int rc = entry_read(&entry, request, err);

    if (rc == 0)
        rc = smki_desk_report(serve_service(request), serve_identity(request), serve_site_of(request)->network, serve_peer(request), &entry,
                              &retry_at, err);
    if (rc == SMKI_DESK_BUSY)
        return answer_refusal(request, rc, err->text, retry_at);
    if (rc != 0)
        return rc;
    bell_tell(portal_of(request)->bell, false);
    json = cJSON_CreateObject();
    return answer_json(request, 201, json_whole(json, json_add_number(json, "number", entry.number)));
}
