/* What became of CSRs: a certificate file for each that was granted, a line in the report, and the same as JSON.
 *
 * A certificate that is right is NAME.crt; one that came and is not right is kept too, as NAME.crt.wrong, so that nobody takes it for good.
 */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_SIZE 240 /* octets: file systems take 255, with the extension */

int report_open(struct report *report, struct session *session, const char *folder, const char *name)
{
    struct call *call = session->call;
    int rc;

    *report = (struct report){.session = session};
    if (snprintf(report->folder, sizeof(report->folder), "%s", folder) >= (int)sizeof(report->folder))
        return call_fail(call, SMKI_TOO_LARGE, "the path %.80s... is too long", folder);
    if ((rc = folder_make(call, folder)) != 0)
        return rc;
    if (call->json)
        json_list_start(&report->list);
    if (name == NULL)
        return 0;
    snprintf(report->text_path, sizeof(report->text_path), "%.3800s/%.250s", folder, name);
    if ((report->text = fopen(report->text_path, "we")) == NULL)
        return call_fail(call, SMKI_IO, "%s: %s", report->text_path, strerror(errno));
    return 0;
}

/* ---- certificates ---- */

static void certificate_path(const struct report *report, const struct smki_client_item *item, char out[PATH_SIZE])
{
    const char *name = report->name != NULL ? report->name : item->ref;

    if (strlen(name) <= NAME_MAX_SIZE)
        snprintf(out, PATH_SIZE, "%.3800s/%.240s.crt%s", report->folder, name, item->code == 0 ? "" : ".wrong");
    else
        snprintf(out, PATH_SIZE, "%.3800s/csr-%" PRIu32 ".crt%s", report->folder, report->index, item->code == 0 ? "" : ".wrong");
}

static bool fill(int fd, const struct smki_buffer *pem, bool durable)
{
    size_t done = 0;

    while (done < pem->size) {
        const ssize_t wrote = write(fd, pem->at + done, pem->size - done);
        if (wrote < 0 && errno != EINTR)
            return false;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return !durable || fsync(fd) == 0;
}

/* Whole or not at all. */
static int certificate_write(const struct report *report, const char *path, struct smki_bytes der, struct smki_error *err)
{
    char temporary[PATH_SIZE + 8];
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, "CERTIFICATE", der, err), fd = -1;
    bool written = false;

    snprintf(temporary, sizeof(temporary), "%s.part", path);
    if (rc == 0 && (fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) >= 0)
        written = fill(fd, &pem, report->durable);
    if (fd >= 0)
        written = close(fd) == 0 && written;
    if (rc == 0 && (!written || rename(temporary, path) != 0)) {
        rc = err->code = errno == ENOSPC ? SMKI_DISK_FULL : SMKI_IO;
        snprintf(err->text, sizeof(err->text), "%.400s: %s", path, strerror(errno));
    }
    smki_buffer_finish(&pem);
    return rc;
}

/* ---- the report ---- */

static const char *verdict_of(int code)
{
    return code == 0 ? "good" : code == SMKI_CLIENT_REFUSED ? "refused" : code == SMKI_CLIENT_CERTIFICATE ? "wrong" : "failed";
}

/* RFC 4180. */
static void field_print(FILE *file, const char *text, const char *after)
{
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;

    if (quoted)
        putc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putc('"', file);
        putc(*text, file);
    }
    fprintf(file, "%s%s", quoted ? "\"" : "", after);
}

/* identifier, certificate's file, verdict, Status, error code, text */
static void line_print(const struct report *report, const struct smki_client_item *item, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (report->text == NULL)
        return;
    field_print(report->text, item->ref, ",");
    field_print(report->text, slash != NULL ? slash + 1 : path, ",");
    field_print(report->text, verdict_of(item->code), ",");
    field_print(report->text, smki_status_word(item->status), ",");
    field_print(report->text, item->error_code, ",");
    field_print(report->text, item->text, "\r\n");
}

static cJSON *item_json(const struct report *report, const struct smki_client_item *item, const char *path)
{
    cJSON *json = cJSON_CreateObject();
    bool made = json != NULL && cJSON_AddStringToObject(json, "id", item->ref) != NULL;

    if (report->csr != NULL)
        made = made && cJSON_AddStringToObject(json, "file", report->csr) != NULL;
    made = made && cJSON_AddStringToObject(json, "verdict", verdict_of(item->code)) != NULL &&
           cJSON_AddStringToObject(json, "status", smki_status_word(item->status)) != NULL;
    made = made && (path[0] != '\0' ? cJSON_AddStringToObject(json, "certificate", path) != NULL
                                    : cJSON_AddNullToObject(json, "certificate") != NULL);
    if (item->code != 0)
        made = made && cJSON_AddStringToObject(json, "refusal", smki_refusal_find(item->code)->name) != NULL &&
               cJSON_AddStringToObject(json, "error_code", item->error_code) != NULL &&
               cJSON_AddStringToObject(json, "text", item->text) != NULL;
    if (item->transaction != 0)
        made = made && json_add_number(json, "transaction", item->transaction);
    if (made)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* One by one on standard error: what does not fit. Refusals of a batch are in the report. */
static void complain_of(struct report *report, const struct smki_client_item *item)
{
    struct smki_error said = {.code = item->code};

    if (item->code == 0 || (item->code == SMKI_CLIENT_REFUSED && report->csr == NULL))
        return;
    session_hush(report->session);
    snprintf(said.text, sizeof(said.text), "%.150s: %s%s%.300s", report->csr != NULL ? report->csr : item->ref, item->error_code,
             item->error_code[0] != '\0' ? " " : "", item->text);
    (void)call_complain(report->session->call, &said);
}

int report_item(void *context, const struct smki_client_item *item, struct smki_error *err)
{
    struct report *report = context;
    struct call *call = report->session->call;
    char path[PATH_SIZE] = "";
    int rc;

    report->index++;
    report->good += item->code == 0;
    report->refused += item->code == SMKI_CLIENT_REFUSED;
    report->wrong += item->code != 0 && item->code != SMKI_CLIENT_REFUSED;
    if (item->certificate.size != 0) {
        certificate_path(report, item, path);
        if ((rc = certificate_write(report, path, item->certificate, err)) != 0)
            return rc;
    }
    line_print(report, item, path);
    complain_of(report, item);
    if (call->json && (rc = json_list_add(&report->list, call, item_json(report, item, path))) != 0) {
        *err = call->err;
        return rc;
    }
    if (!call->json && report->csr != NULL && item->code == 0) {
        session_hush(report->session);
        printf("%s\n", path);
    }
    return 0;
}

int report_here(struct report *report, const char *ref, const char *path)
{
    const struct smki_client_item item = {.ref = ref, .status = SMKI_STATUS_SUCCESS, .error_code = "", .text = ""};
    struct call *call = report->session->call;

    report->good++;
    if (call->json)
        return json_list_add(&report->list, call, item_json(report, &item, path));
    printf("%s\n", path);
    return 0;
}

int report_failure(struct report *report, const char *ref, const struct smki_error *why)
{
    const struct smki_client_item item = {
        .ref = ref, .code = why->code, .status = SMKI_STATUS_WORKFLOW_ERROR, .error_code = "", .text = why->text};

    return report_item(report, &item, &report->session->call->err);
}

int report_close(struct report *report, int rc)
{
    struct call *call = report->session->call;
    int folder;

    session_hush(report->session);
    if (call->json)
        json_list_end(&report->list);
    if (report->text != NULL && (fflush(report->text) != 0 || fsync(fileno(report->text)) != 0) && rc == 0)
        rc = call_fail(call, SMKI_IO, "%s: %s", report->text_path, strerror(errno));
    if (report->text != NULL)
        fclose(report->text);
    if ((folder = open(report->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        if (!report->durable)
            (void)syncfs(folder); /* all of them at once */
        (void)fsync(folder);
        close(folder);
    }
    if (rc != 0)
        return rc;
    return report->refused + report->wrong != 0 ? COMMAND_FAILED : 0;
}
