/* What the processes of the test do: the library's main verbs, as the programs use them. */
#include "kill/stage.h"

#include <stdio.h>

static struct smki_time hour_ahead(void *context)
{
    struct smki_time now = smki_clock_system.now(NULL);

    (void)context;
    now.us += SMKI_HOUR;
    return now;
}

static struct smki_actor party_actor(uint64_t party)
{
    return (struct smki_actor){.name = "test", .party = party, .interface = SMKI_INTERFACE_OPERATOR};
}

/* ---- founding ---- */

int act_create(const struct stage *stage, struct smki_error *err)
{
    return smki_service_create(stage->home, NULL, err);
}

/* By mbedTLS, whose signatures the knife sees (knife.c). */
static int config_write(const char *home)
{
    char path[4300];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", home, SMKI_HOME_CONFIG);
    if ((file = fopen(path, "w")) == NULL)
        return SMKI_IO;
    fputs("{ \"batch\": { \"chunk\": 3 }, \"p256\": { \"provider\": \"mbedtls\" } }\n", file);
    return fclose(file) == 0 ? 0 : SMKI_IO;
}

static int party_add(struct smki_store *store, const char *name, uint8_t eui, struct smki_error *err)
{
    const struct smki_actor actor = party_actor(0);
    struct smki_party party = {.eui_count = 1,
                               .user_roles = SMKI_USER_IMPORT_SUPPLIER,
                               .subscriber = SMKI_SUBSCRIBER_DEVICE,
                               .euis = {{{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0, 0, eui}}}};

    snprintf(party.name, sizeof(party.name), "%s", name);
    return smki_party_add(store, &actor, &party, err);
}

int act_found(const struct stage *stage, struct smki_error *err)
{
    struct smki_service *service = NULL;
    int rc;

    if ((rc = act_create(stage, err)) != 0 || (rc = config_write(stage->home)) != 0 ||
        (rc = smki_service_open(&service, stage->home, NULL, err)) != 0)
        return rc;
    if ((rc = party_add(smki_service_store(service), "Example Energy", 1, err)) == 0)
        rc = party_add(smki_service_store(service), "Example Meters", 2, err);
    smki_service_close(service);
    return rc;
}

int act_prove(const struct stage *stage, struct smki_error *err)
{
    struct smki_service *service;
    const struct smki_ca *ca;
    int rc = smki_service_open(&service, stage->home, NULL, err);

    if (rc != 0)
        return rc;
    rc = smki_service_ca(service, SMKI_DCA, &ca, err);
    smki_service_close(service);
    return rc;
}

/* ---- submitting ---- */

static int submit(const struct stage *stage, unsigned document, uint64_t party, struct smki_error *err)
{
    const struct smki_actor actor = party_actor(party);
    struct smki_service *service;
    struct smki_batch batch;
    int rc = smki_service_open(&service, stage->home, NULL, err);

    if (rc != 0)
        return rc;
    rc = smki_batch_submit_file(service, &actor, stage->cast->document[document], &batch, NULL, err);
    smki_service_close(service);
    return rc;
}

int act_submit_1(const struct stage *stage, struct smki_error *err)
{
    return submit(stage, 0, 1, err);
}

int act_submit_2(const struct stage *stage, struct smki_error *err)
{
    return submit(stage, 1, 2, err);
}

int act_submit_3(const struct stage *stage, struct smki_error *err)
{
    return submit(stage, 2, 1, err);
}

/* ---- running ---- */

static int run(const struct stage *stage, unsigned workers, const struct smki_clock *clock, struct smki_error *err)
{
    const struct smki_service_options options = {.clock = clock};
    const struct smki_run_options run_options = {.ignore_window = true, .workers = workers};
    const struct smki_actor actor = party_actor(0);
    struct smki_service *service;
    int rc = smki_service_open(&service, stage->home, &options, err);

    if (rc != 0)
        return rc;
    rc = smki_batch_run(service, &actor, &run_options, NULL, err);
    smki_service_close(service);
    return rc;
}

int act_run(const struct stage *stage, struct smki_error *err)
{
    return run(stage, 1, NULL, err);
}

int act_run_two(const struct stage *stage, struct smki_error *err)
{
    return run(stage, 2, NULL, err);
}

int act_run_later(const struct stage *stage, struct smki_error *err)
{
    static const struct smki_clock clock = {.now = hour_ahead};

    return run(stage, 1, &clock, err);
}

/* ---- results, backup ---- */

static int result(const struct stage *stage, uint64_t batch, enum smki_result_format format, struct smki_error *err)
{
    const struct smki_actor actor = party_actor(0);
    struct smki_service *service;
    char path[4300];
    int rc = smki_service_open(&service, stage->home, NULL, err);

    if (rc != 0)
        return rc;
    snprintf(path, sizeof(path), "%s/result", stage->scratch);
    rc = smki_batch_result(service, &actor, batch, format, path, true, err);
    smki_service_close(service);
    return rc;
}

int act_result_xml(const struct stage *stage, struct smki_error *err)
{
    return result(stage, 1, SMKI_RESULT_XML, err);
}

int act_result_zip(const struct stage *stage, struct smki_error *err)
{
    return result(stage, 2, SMKI_RESULT_ZIP, err);
}

int act_backup(const struct stage *stage, struct smki_error *err)
{
    const struct smki_actor actor = party_actor(0);
    struct smki_service *service;
    int rc = smki_service_open(&service, stage->home, NULL, err);

    if (rc != 0)
        return rc;
    rc = smki_service_backup(service, &actor, stage->backup, false, err);
    smki_service_close(service);
    return rc;
}

int act_restore(const struct stage *stage, struct smki_error *err)
{
    char home[4400];

    snprintf(home, sizeof(home), "%s/restored", stage->scratch);
    return smki_service_restore(stage->backup, home, NULL, err);
}
