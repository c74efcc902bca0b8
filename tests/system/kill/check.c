#include "kill/check.h"

#include <cjson/cJSON.h>
#include <expat.h>
#include <mbedtls/md.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct fate {
    bool granted;
    char code[CAST_NAME]; /* refused */
    struct smki_serial serial;
    uint8_t digest[32]; /* of what was signed */
    unsigned decided;   /* csr-decide records */
};

struct home {
    const struct check *check;
    struct smki_service *service;
    const struct smki_certificate *issuer;
    struct fate fate[CAST_LINES]; /* one a line of the cast */
    size_t granted;
};

static bool no(const struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool no(const struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(check->why, WHY_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

bool program_runs(const char *const argv[])
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&actions);
    return status == 0;
}

static bool sha256_of(uint8_t out[32], struct smki_bytes bytes)
{
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), bytes.at, bytes.size, out) == 0;
}

/* ---- one result ---- */

static bool equal(struct smki_bytes a, struct smki_bytes b)
{
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static bool certificate_is_for(const struct home *home, const struct cast_line *line, const struct smki_certificate *certificate)
{
    const struct smki_csr *csr = &line->request->csr;
    struct smki_error err = {0};

    if (smki_certificate_verify(certificate, home->issuer, &err) != 0)
        return no(home->check, "batch %u, %s: %s", line->batch + 1, line->id, err.text);
    if (!equal(certificate->spki, csr->spki) || memcmp(&certificate->device_id, &csr->device_id, sizeof(csr->device_id)) != 0 ||
        certificate->key_usage != (uint16_t)csr->key_usage)
        return no(home->check, "batch %u, %s: the certificate is not for the request", line->batch + 1, line->id);
    return true;
}

static bool certificate_is_stored(const struct home *home, const struct cast_line *line, const struct smki_certificate *certificate)
{
    struct smki_stored_certificate stored;
    struct smki_error err = {0};

    if (smki_service_certificate(home->service, &certificate->serial, &stored, &err) != 0)
        return no(home->check, "batch %u, %s: the certificate is not in the store: %s", line->batch + 1, line->id, err.text);
    if (!equal(certificate->der, (struct smki_bytes){stored.der, stored.size}) || stored.batch != line->batch + 1 ||
        stored.index != line->index)
        return no(home->check, "batch %u, %s: the store has another certificate for it", line->batch + 1, line->id);
    return true;
}

static bool grant_is_right(struct home *home, const struct cast_line *line, struct fate *fate, const char *base64)
{
    struct smki_certificate certificate;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    char label[64];
    bool good;

    if (strcmp(line->request->code, "OK") != 0)
        return no(home->check, "batch %u, %s: granted, though the request is bad", line->batch + 1, line->id);
    if (smki_pem_decode(&der, label, (struct smki_bytes){(const uint8_t *)base64, strlen(base64)}, &err) != 0 ||
        smki_certificate_read(&certificate, (struct smki_bytes){der.at, der.size}, &err) != 0) {
        good = no(home->check, "batch %u, %s: %s", line->batch + 1, line->id, err.text);
    } else {
        fate->serial = certificate.serial;
        good = sha256_of(fate->digest, certificate.tbs) && certificate_is_for(home, line, &certificate) &&
               certificate_is_stored(home, line, &certificate);
    }
    smki_buffer_finish(&der);
    return good;
}

/* ---- a result document ---- */

struct reading {
    struct home *home;
    unsigned batch, count; /* from 0; DeviceCertificates so far */
    const struct cast_line *line;
    struct fate *fate;
    char status[CAST_NAME], code[CAST_NAME], certificate[4096];
    char *into; /* the element's text goes here */
    size_t room;
    bool good;
};

static const struct cast_line *line_of(const struct cast *cast, unsigned batch, unsigned index)
{
    for (size_t i = 0; i < cast->lines; i++)
        if (cast->line[i].batch == batch && cast->line[i].index == index)
            return &cast->line[i];
    return NULL;
}

static void start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = context;
    const struct cast *cast = reading->home->check->cast;

    reading->into = NULL;
    if (strcmp(name, "DeviceCertificate") == 0) {
        reading->line = line_of(cast, reading->batch, ++reading->count);
        reading->status[0] = reading->code[0] = reading->certificate[0] = '\0';
        if (reading->line == NULL || attributes[0] == NULL || strcmp(attributes[1], reading->line->id) != 0)
            reading->good =
                reading->good && no(reading->home->check, "batch %u: result %u is not that of its CSR", reading->batch + 1, reading->count);
        else
            reading->fate = &reading->home->fate[reading->line - cast->line];
    } else if (strcmp(name, "Status") == 0) {
        reading->into = reading->status, reading->room = sizeof(reading->status);
    } else if (strcmp(name, "ErrorCode") == 0) {
        reading->into = reading->code, reading->room = sizeof(reading->code);
    } else if (strcmp(name, "Certificate") == 0) {
        reading->into = reading->certificate, reading->room = sizeof(reading->certificate);
    }
}

static void text(void *context, const XML_Char *at, int size)
{
    struct reading *reading = context;
    const size_t there = reading->into != NULL ? strlen(reading->into) : 0;

    if (reading->into != NULL && there + (size_t)size < reading->room) {
        memcpy(reading->into + there, at, (size_t)size);
        reading->into[there + (size_t)size] = '\0';
    }
}

static void end(void *context, const XML_Char *name)
{
    struct reading *reading = context;
    struct fate *fate = reading->fate;

    reading->into = NULL;
    if (strcmp(name, "DeviceCertificate") != 0 || !reading->good)
        return;
    fate->granted = strcmp(reading->status, "SUCCESS") == 0;
    memcpy(fate->code, reading->code, sizeof(fate->code));
    if (fate->granted)
        reading->good = grant_is_right(reading->home, reading->line, fate, reading->certificate);
    reading->home->granted += fate->granted;
}

static bool document_read(struct reading *reading, const char *path)
{
    XML_Parser parser = XML_ParserCreate(NULL);
    FILE *file = fopen(path, "rb");
    char buffer[16384];
    size_t n = 1;

    XML_SetUserData(parser, reading);
    XML_SetElementHandler(parser, start, end);
    XML_SetCharacterDataHandler(parser, text);
    while (file != NULL && n > 0 && reading->good) {
        n = fread(buffer, 1, sizeof(buffer), file);
        if (XML_Parse(parser, buffer, (int)n, n == 0) != XML_STATUS_OK)
            reading->good = no(reading->home->check, "batch %u: the result is not XML", reading->batch + 1);
    }
    XML_ParserFree(parser);
    if (file == NULL)
        return no(reading->home->check, "%s: there is no result", path);
    fclose(file);
    if (reading->good && reading->count != reading->home->check->cast->csrs[reading->batch])
        return no(reading->home->check, "batch %u: the result has %u CSRs", reading->batch + 1, reading->count);
    return reading->good;
}

static bool result_is_right(struct home *home, unsigned batch)
{
    static const struct smki_actor actor = {.name = "check", .interface = SMKI_INTERFACE_OPERATOR};
    const struct check *check = home->check;
    struct reading reading = {.home = home, .batch = batch, .good = true};
    struct smki_error err = {0};
    char path[4200];

    snprintf(path, sizeof(path), "%s/result-%u.xml", check->scratch, batch + 1);
    if (smki_batch_result(home->service, &actor, batch + 1, SMKI_RESULT_XML, path, true, &err) != 0)
        return no(check, "batch %u: no result: %s", batch + 1, err.text);
    if (check->schema != NULL && !program_runs((const char *const[]){"xmllint", "--noout", "--schema", check->schema, path, NULL}))
        return no(check, "%s: not as the schema says", path);
    return document_read(&reading, path);
}

static bool batches_are_done(struct home *home)
{
    const struct check *check = home->check;

    for (unsigned i = 0; i < CAST_BATCHES; i++) {
        const size_t before = home->granted;
        struct smki_batch batch;

        if (smki_batch_find(home->service, i + 1, &batch, NULL) != 0)
            return no(check, "batch %u is not there", i + 1);
        if (batch.state != SMKI_STATE_COMPLETED || batch.csrs != check->cast->csrs[i] || batch.processed != batch.csrs ||
            batch.chunks_done != batch.chunks || batch.granted + batch.refused != batch.csrs)
            return no(check, "batch %u is %s with %u of %u CSRs and %u of %u chunks done, %u granted and %u refused", i + 1,
                      smki_batch_state_word(batch.state), batch.processed, batch.csrs, batch.chunks_done, batch.chunks, batch.granted,
                      batch.refused);
        if (!result_is_right(home, i))
            return false;
        if (home->granted - before != batch.granted)
            return no(check, "batch %u counts %u granted, its result has %zu", i + 1, batch.granted, home->granted - before);
    }
    return smki_batch_find(home->service, CAST_BATCHES + 1, &(struct smki_batch){0}, NULL) != 0 || no(check, "there is a batch too many");
}

/* ---- fates ---- */

static bool request_has_its_fate(const struct home *home, const struct cast_request *request)
{
    const struct cast *cast = home->check->cast;
    const bool good = strcmp(request->code, "OK") == 0;
    unsigned granted = 0;

    for (size_t i = 0; i < cast->lines; i++) {
        if (cast->line[i].request != request)
            continue;
        if (home->fate[i].granted)
            granted++;
        else if (strcmp(home->fate[i].code, good ? "CR:9999" : request->code) != 0)
            return no(home->check, "batch %u, %s: refused with %s", cast->line[i].batch + 1, cast->line[i].id, home->fate[i].code);
    }
    return granted == good || no(home->check, "%s is granted %u times", request->name, granted);
}

static bool device_has_its_certificates(const struct home *home, const struct cast_request *request, size_t *found)
{
    struct smki_stored_certificate stored;
    struct smki_serial after = {0};

    while (smki_service_device_certificate(home->service, &request->csr.device_id, &after, &stored, NULL) == 0) {
        struct smki_certificate certificate;

        if (smki_certificate_read(&certificate, (struct smki_bytes){stored.der, stored.size}, NULL) != 0)
            return no(home->check, "%s: an unreadable certificate in the store", request->name);
        *found += equal(certificate.spki, request->csr.spki) && certificate.key_usage == (uint16_t)request->csr.key_usage;
    }
    return true;
}

static bool store_has_no_others(const struct home *home)
{
    const struct cast *cast = home->check->cast;
    struct smki_store_statistics statistics;
    size_t found = 0;

    for (size_t i = 0; i < cast->requests; i++)
        if (strcmp(cast->request[i].code, "OK") == 0 && !device_has_its_certificates(home, &cast->request[i], &found))
            return false;
    if (found != home->granted || found != cast->good)
        return no(home->check, "%zu certificates are found by device, %zu were granted, %zu should be", found, home->granted, cast->good);
    if (smki_store_statistics(smki_service_store(home->service), &statistics, NULL) != 0 ||
        statistics.certificates != home->granted + SMKI_CA_COUNT)
        return no(home->check, "the store has %llu certificates", (unsigned long long)statistics.certificates);
    return true;
}

static bool fates_are_right(const struct home *home)
{
    for (size_t i = 0; i < home->check->cast->requests; i++)
        if (!request_has_its_fate(home, &home->check->cast->request[i]))
            return false;
    return store_has_no_others(home);
}

/* ---- records ---- */

static unsigned number_of(const cJSON *record, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(record, name);

    return cJSON_IsNumber(item) ? (unsigned)item->valuedouble : 0;
}

static const char *text_of(const cJSON *record, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, name));

    return value != NULL ? value : "";
}

static bool decision_fits(struct home *home, const cJSON *record)
{
    const struct cast *cast = home->check->cast;
    const unsigned batch = number_of(record, "subject"), index = number_of(record, "index");
    const struct cast_line *line = line_of(cast, batch - 1, index);
    char serial[2 * 20 + 1];
    struct fate *fate;

    if (index == 0) /* a CA's own certificate */
        return true;
    if (line == NULL)
        return no(home->check, "a csr-decide record of CSR %u of batch %u, which is not there", index, batch);
    fate = &home->fate[line - cast->line];
    if (++fate->decided > 1)
        return no(home->check, "batch %u, %s: decided twice", batch, line->id);
    if (strcmp(text_of(record, "serial"), fate->granted ? smki_serial_text(&fate->serial, serial) : "") != 0)
        return no(home->check, "batch %u, %s: its record names the serial '%s'", batch, line->id, text_of(record, "serial"));
    return strcmp(text_of(record, "code"), fate->code) == 0 ||
           no(home->check, "batch %u, %s: its record has another outcome", batch, line->id);
}

static bool record_fits(struct home *home, const char *line)
{
    cJSON *record = cJSON_Parse(line);
    const char *act = text_of(record, "act");
    bool good = true;

    if (record == NULL || strcmp(act, "csr-void") == 0)
        good = no(home->check, "a record that should not be there: %s", line);
    else if (strcmp(act, "csr-decide") == 0)
        good = decision_fits(home, record);
    cJSON_Delete(record);
    return good;
}

static bool records_fit(struct home *home)
{
    struct smki_error err = {0};
    FILE *file = tmpfile();
    char *line = NULL;
    size_t room = 0;
    bool good = true;

    if (file == NULL || smki_audit_export(smki_service_store(home->service), fileno(file), &err) != 0)
        good = no(home->check, "the log cannot be exported: %s", err.text);
    if (file != NULL)
        rewind(file);
    while (good && getline(&line, &room, file) > 0)
        good = record_fits(home, line);
    for (size_t i = 0; i < home->check->cast->lines && good; i++)
        if (home->fate[i].decided != 1)
            good = no(home->check, "batch %u, %s: no record of its decision", home->check->cast->line[i].batch + 1,
                      home->check->cast->line[i].id);
    free(line);
    if (file != NULL)
        fclose(file);
    return good;
}

static bool log_verifies(const struct home *home)
{
    struct smki_audit_report report;
    struct smki_error err = {0};

    return smki_audit_verify(&report, smki_service_store(home->service), smki_key_public(smki_service_audit_key(home->service)), NULL, NULL,
                             &err) == 0 ||
           no(home->check, "the audit log: %s", err.text);
}

/* ---- signatures ---- */

static bool digest_is_granted(const struct home *home, const uint8_t digest[32])
{
    for (size_t i = 0; i < home->check->cast->lines; i++)
        if (home->fate[i].granted && memcmp(home->fate[i].digest, digest, 32) == 0)
            return true;
    return false;
}

static bool is_proof(const struct knife_scene *scene, const uint8_t digest[32])
{
    for (size_t i = 0; i < scene->proofs; i++)
        if (memcmp(scene->proof[i], digest, 32) == 0)
            return true;
    return false;
}

static bool signatures_have_records(const struct home *home)
{
    const struct knife_scene *scene = home->check->scene;
    size_t issued = 0;

    for (size_t i = 0; i < scene->signatures; i++) {
        const struct knife_signature *signature = &scene->signature[i];

        if (memcmp(signature->key, scene->issuer, KNIFE_KEY_SIZE) != 0 || is_proof(scene, signature->digest))
            continue;
        if (!digest_is_granted(home, signature->digest))
            return no(home->check, "signature %zu is of nothing that has a record", i + 1);
        issued++;
    }
    return !home->check->signed_here || issued >= home->granted ||
           no(home->check, "%zu certificates and only %zu signatures were seen", home->granted, issued);
}

/* ---- what is left behind ---- */

static size_t files_in(const char *home, const char *name)
{
    const struct dirent *entry;
    char path[4200];
    size_t count = 0;
    DIR *folder;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    if ((folder = opendir(path)) == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static bool folders_are_clean(const struct check *check)
{
    const size_t runners = files_in(check->home, SMKI_HOME_RUNNERS), uploads = files_in(check->home, SMKI_HOME_BATCHES);

    return (runners == 0 && uploads == CAST_BATCHES) ||
           no(check, "%zu signs of life of dead runners are left, and %zu uploads", runners, uploads);
}

bool check_home(const struct check *check)
{
    struct home home = {.check = check};
    const struct smki_ca *issuer;
    struct smki_error err = {0};
    bool good;

    if (smki_service_open(&home.service, check->home, NULL, &err) != 0)
        return no(check, "the home cannot be opened: %s", err.text);
    if (smki_service_ca(home.service, SMKI_DCA, &issuer, &err) != 0) {
        good = no(check, "%s", err.text);
    } else {
        home.issuer = smki_ca_certificate(issuer);
        good = batches_are_done(&home) && fates_are_right(&home) && records_fit(&home) && log_verifies(&home) &&
               signatures_have_records(&home) && folders_are_clean(check);
    }
    smki_service_close(home.service);
    return good;
}
