/* smki audit ... */
#include "smki/smki_i.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SHOW_DEFAULT 20 /* records */

/* ---- verify ---- */

static bool verify_progress(void *context, uint64_t done, uint64_t all)
{
    progress_show(context, done, all, -1);
    return true;
}

static cJSON *report_json(const struct smki_audit_report *report, bool whole)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddBoolToObject(json, "whole", whole) != NULL && json_add_number(json, "records", report->records) &&
        json_add_number(json, "checkpoints", report->checkpoints) &&
        (report->first_bad == 0 ? cJSON_AddNullToObject(json, "first_bad") != NULL
                                : json_add_number(json, "first_bad", report->first_bad)) &&
        cJSON_AddStringToObject(json, "text", report->text) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int audit_verify(struct call *call)
{
    struct smki_audit_report report = {0};
    struct progress progress;
    int rc, printed = 0;

    progress_start(&progress, "records");
    rc = smki_audit_verify(&report, smki_service_store(call->service), smki_key_public(smki_service_audit_key(call->service)),
                           verify_progress, &progress, &call->err);
    progress_end(&progress);
    if (call->json && (rc == 0 || rc == SMKI_AUDIT_BROKEN))
        printed = json_print(call, report_json(&report, rc == 0));
    else if (rc == 0)
        printf("the audit log is whole: %" PRIu64 " records, its head signed, %" PRIu64 " kept checkpoints\n", report.records,
               report.checkpoints);
    return rc != 0 ? rc : printed;
}

/* ---- export ---- */

static int audit_export(struct call *call)
{
    const char *path = call_operand(call, 0);
    bool out = strcmp(path, "-") == 0;
    int fd = out ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;

    if (fd < 0)
        return call_fail(call, errno == EACCES ? SMKI_PERMISSION : SMKI_IO, "%s: %s", path, strerror(errno));
    rc = smki_audit_export(smki_service_store(call->service), fd, &call->err);
    if (!out && close(fd) != 0 && rc == 0)
        rc = call_fail(call, SMKI_IO, "%s: %s", path, strerror(errno));
    return rc;
}

/* ---- show ---- */

static void record_row(struct table *table, const struct smki_audit_record *record)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, record->sequence);
    table_add(table, "%s", time_words(record->time, text));
    table_add(table, "%s", smki_act_word(record->act));
    table_add(table, "%s", record->actor.name);
    table_add(table, "%s", smki_interface_word(record->actor.interface));
    if (record->party != 0)
        table_add(table, "%" PRIu64, record->party);
    else
        table_add(table, "-");
    if (record->subject != 0)
        table_add(table, "%" PRIu64, record->subject);
    else
        table_add(table, "-");
    table_add(table, "%s", record->outcome == 0 ? "OK" : smki_refusal_find(record->outcome)->name);
    table_add(table, "%s", record->detail);
}

/* What an answer of the ad hoc web service is about: its TransactionId is the subject of its records. */
static bool is_of_transaction(const struct smki_audit_record *record, uint64_t transaction)
{
    return record->actor.interface == SMKI_INTERFACE_ADHOC && record->subject == transaction && record->index == 0;
}

/* From `sequence` on, to the end; `transaction` 0: all. */
static int records_walk(struct call *call, uint64_t sequence, uint64_t transaction, struct table *table, struct json_list *list)
{
    struct smki_audit_record record;
    int rc;

    while ((rc = smki_audit_find(smki_service_store(call->service), sequence, &record, &call->err)) == 0) {
        sequence++;
        if (transaction != 0 && !is_of_transaction(&record, transaction))
            continue;
        if (!call->json)
            record_row(table, &record);
        else if ((rc = json_list_add(list, call, smki_audit_json(&record))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int audit_show(struct call *call)
{
    static const char *const headings[] = {">RECORD", "TIME", "ACT", "ACTOR", "INTERFACE", ">PARTY", ">SUBJECT", "OUTCOME", "DETAIL", NULL};
    const uint64_t transaction = call_number(call, "transaction");
    uint64_t last = call_has(call, "last") ? call_number(call, "last") : transaction != 0 ? UINT64_MAX : SHOW_DEFAULT;
    struct smki_store_statistics statistics;
    struct json_list list;
    struct table table;
    int rc = smki_store_statistics(smki_service_store(call->service), &statistics, &call->err);

    if (rc != 0)
        return rc;
    table_start(&table, headings);
    if (call->json)
        json_list_start(&list);
    rc = records_walk(call, statistics.audit_records > last ? statistics.audit_records - last + 1 : 1, transaction, &table, &list);
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, "no records");
    table_finish(&table);
    return rc;
}

static const struct command_value export_operands[] = {{"FILE", VALUE_FILE, REQUIRED, NULL, "where to; -: standard output", NULL}, {0}};
static const struct command_value show_options[] = {
    {"last", VALUE_COUNT, 0, NULL, "of how many records; without: 20, or all for a transaction", NULL},
    {"transaction", VALUE_NUMBER, 0, "ID", "only those of this TransactionId of the ad hoc web service", NULL},
    {0},
};

const struct command audit_commands[] = {
    {"audit verify", "Prove that the audit log is whole, and the certificates and revocations in the store those of the log",
     COMMAND_HOME | COMMAND_JSON, NULL, NULL, "Exit status 1 when a record was changed, removed or reordered; the text says where.\n",
     audit_verify},
    {"audit export", "Write the audit log as JSON lines", COMMAND_HOME, NULL, export_operands,
     "Example:\n"
     "  smki audit export - | jq -r 'select(.act == \"override\") | [.time, .actor, .detail] | @tsv'\n",
     audit_export},
    {"audit show", "Show the last records, or those of one ad hoc request", COMMAND_HOME | COMMAND_JSON, show_options, NULL, NULL,
     audit_show},
    {0},
};
