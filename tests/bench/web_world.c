/* See web_world.h. */
#include "web_world.h"
#include "batch_job.h"
#include "party.h"
#include "process.h"

#include "base/base_i.h"

#include <smki/key.h>

#include <lmdb.h>

#include <stdlib.h>
#include <string.h>

static int credentials_make(void *context, struct smki_error *err)
{
    const struct web_world *world = context;
    struct smki_stored_certificate certificate;
    struct smki_service *service;
    struct smki_key *key = NULL;
    int rc = smki_service_open(&service, world->home.path, NULL, err);

    if (rc != 0)
        return rc;
    rc = bench_key_make(&key, world->key, err);
    for (unsigned i = 0; i < world->parties && rc == 0; i++)
        if ((rc = bench_credential_issue(service, key, i + 1, SMKI_INTERFACE_ADHOC, 0, "System", &certificate, err)) == 0)
            rc = file_write(world->certificates[i], BYTES(certificate.der, certificate.size), 0600, err);
    smki_key_close(key);
    smki_service_close(service);
    return rc;
}

/* Only a device that has had a certificate gets one more by the ad hoc web service. */
static int devices_make(struct web_world *world, struct smki_error *err)
{
    struct batch_job *job;
    char file[240];
    int rc;

    bench_home_file(&world->home, file, "devices.xml");
    if (world->devices == 0)
        return 0;
    if ((job = batch_job_new(world->home.path, file, SMKI_BATCH_XML, world->devices)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    world->first_device = job->first_device;
    if ((rc = stage_run(NULL, batch_job_document, job, err)) != 0 || (rc = stage_run(NULL, batch_job_submit, job, err)) != 0)
        return rc;
    return stage_run(NULL, batch_job_run, job, err);
}

static int config_write(const struct web_world *world, struct smki_error *err)
{
    char path[260], text[1000];
    const int size =
        snprintf(text, sizeof(text),
                 "{\"web.adhoc.listen\": \"127.0.0.1:%d\", \"web.batch.listen\": \"\", \"admin.listen\": \"127.0.0.1:%d\",\n"
                 " \"demand.adhoc_pace_mode\": \"observe\", \"demand.adhoc_pace_day\": \"1ms\", \"demand.adhoc_pace_night\": \"1ms\"}\n",
                 world->port, world->admin);

    snprintf(path, sizeof(path), "%s/" SMKI_HOME_CONFIG, world->home.path);
    return file_write(path, BYTES(text, (size_t)size), 0600, err);
}

static int server_start(struct web_world *world, struct smki_error *err)
{
    char log[240];
    char *arguments[] = {(char[]){WEBSERVICE_PROGRAM}, (char[]){"--home"}, world->home.path, NULL};

    bench_home_file(&world->home, log, "server.log");
    if ((world->server = process_start_told(arguments, log)) > 0 && port_answers(world->port))
        return 0;
    world->home.stays = true;
    return smki_fail(err, SMKI_IO, "%s did not start: see %s", WEBSERVICE_PROGRAM, log);
}

int web_world_open(struct web_world *world, struct call *call)
{
    int rc = bench_home_begin(&world->home, call, "folder");

    if (rc != 0)
        return rc;
    bench_home_file(&world->home, world->key, "client.key");
    snprintf(world->server_key, sizeof(world->server_key), "%.200s/tls/server.key", world->home.path);
    for (unsigned i = 0; i < world->parties; i++) {
        bench_home_file(&world->home, world->certificates[i], "client-%u.der", i + 1);
        world->identities[i] = (struct load_identity){world->certificates[i], world->key};
    }
    world->port = free_port();
    world->admin = free_port();
    if ((rc = bench_home_found(world->home.path, world->parties, &call->err)) != 0 ||
        (rc = stage_run(NULL, credentials_make, world, &call->err)) != 0 || (rc = devices_make(world, &call->err)) != 0 ||
        (rc = config_write(world, &call->err)) != 0)
        return rc;
    return server_start(world, &call->err);
}

void web_world_close(struct web_world *world)
{
    if (world->server > 0 && !process_end(world->server))
        fprintf(stderr, "bench: smki-webservice did not end well\n");
    bench_home_end(&world->home);
}

uint64_t web_world_commits(const struct web_world *world)
{
    char folder[260];
    MDB_envinfo info = {0};
    MDB_env *env;

    snprintf(folder, sizeof(folder), "%s/" SMKI_HOME_STORE, world->home.path);
    if (mdb_env_create(&env) != 0)
        return 0;
    mdb_env_set_maxdbs(env, 64);
    if (mdb_env_open(env, folder, MDB_RDONLY | MDB_NOLOCK, 0600) == 0)
        (void)mdb_env_info(env, &info);
    mdb_env_close(env);
    return info.me_last_txnid;
}
