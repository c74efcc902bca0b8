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

/* A token's own count against what the log knows of the CA's signatures. Fewer cannot be; more are signatures that nobody has recorded. */
struct token_count {
    bool wanted;
    const char *ca;
    uint64_t token, allowed;
    struct smki_signatures known;
};

static uint64_t known_all(const struct token_count *count)
{
    return count->known.certificates + count->known.crls + count->known.others;
}

static int token_count_take(struct call *call, struct token_count *count)
{
    enum smki_ca_name name;

    *count = (struct token_count){.wanted = call_has(call, "token-signatures"),
                                  .ca = call_has(call, "ca") ? call_text(call, "ca") : "dca",
                                  .token = call_number(call, "token-signatures"),
                                  .allowed = call_number(call, "unrecorded")};
    if (!count->wanted)
        return call_has(call, "ca") || call_has(call, "unrecorded") ? call_usage(call, "--ca and --unrecorded go with --token-signatures")
                                                                    : 0;
    if (!smki_ca_find(count->ca, &name))
        return call_usage(call, "there is no CA '%s'", count->ca);
    return smki_service_signatures(call->service, name, &count->known, &call->err);
}

static int token_count_judge(struct call *call, const struct token_count *count)
{
    const uint64_t known = known_all(count);

    if (!count->wanted)
        return 0;
    if (!call->json)
        printf("%s: the token counts %" PRIu64 " signatures; known are %" PRIu64 ": %" PRIu64 " certificates, %" PRIu64 " CRLs, %" PRIu64
               " others\n",
               count->ca, count->token, known, count->known.certificates, count->known.crls, count->known.others);
    if (count->token < known)
        return call_fail(call, SMKI_AUDIT_BROKEN,
                         "%s: %" PRIu64 " signatures more are known than the token has made: it is another token, its count began anew, or "
                         "something was signed without it",
                         count->ca, known - count->token);
    if (count->token - known > count->allowed)
        return call_fail(call, SMKI_AUDIT_BROKEN,
                         "%s: the token has made %" PRIu64 " signatures that are not in the log; a process that was killed leaves those it "
                         "had under way and its proofs of the key (--unrecorded N says how many that may be)",
                         count->ca, count->token - known);
    return 0;
}

static bool token_count_json(cJSON *json, const struct token_count *count)
{
    cJSON *object = count->wanted ? cJSON_AddObjectToObject(json, "signatures") : json;

    return !count->wanted ||
           (object != NULL && cJSON_AddStringToObject(object, "ca", count->ca) != NULL && json_add_number(object, "token", count->token) &&
            json_add_number(object, "known", known_all(count)) && json_add_number(object, "certificates", count->known.certificates) &&
            json_add_number(object, "crls", count->known.crls) && json_add_number(object, "others", count->known.others));
}

static cJSON *verified_json(const struct smki_audit_report *report, bool whole, const struct token_count *count)
{
    cJSON *json = report_json(report, whole);

    if (json == NULL || token_count_json(json, count))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int audit_verify(struct call *call)
{
    struct smki_audit_report report = {0};
    struct token_count count;
    struct progress progress;
    int rc, printed = 0;

    if ((rc = token_count_take(call, &count)) != 0)
        return rc;

    progress_start(&progress, "records");
    rc = smki_audit_verify(&report, smki_service_store(call->service), smki_key_public(smki_service_audit_key(call->service)),
                           verify_progress, &progress, &call->err);
    progress_end(&progress);
    if (call->json && (rc == 0 || rc == SMKI_AUDIT_BROKEN))
        printed = json_print(call, verified_json(&report, rc == 0, &count));
    else if (rc == 0)
        printf("the audit log is whole: %" PRIu64 " records, its head signed, %" PRIu64 " kept checkpoints\n", report.records,
               report.checkpoints);
    if (rc == 0 && printed == 0)
        rc = token_count_judge(call, &count);
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

/* ---- records for people ---- */

static const char *const record_headings[] = {">RECORD", "TIME",     "ACT",     "ACTOR",  "INTERFACE",
                                              ">PARTY",  ">SUBJECT", "OUTCOME", "DETAIL", NULL};

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

/* ---- record_at: the log is in the order of time, so that a moment is found by halving ---- */

/* The first record at or after `time`; the one after the last when there is none. */
static int sequence_at(struct call *call, struct smki_time time, uint64_t *out)
{
    struct smki_store *store = smki_service_store(call->service);
    struct smki_store_statistics statistics;
    struct smki_audit_record record;
    uint64_t low = 1, high;
    int rc = smki_store_statistics(store, &statistics, &call->err);

    high = statistics.audit_records + 1;
    while (rc == 0 && low < high) {
        const uint64_t middle = low + (high - low) / 2;

        if ((rc = smki_audit_find(store, middle, &record, &call->err)) == 0 && record.time.us < time.us)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return rc;
}

int record_at(struct call *call, struct smki_time time, enum smki_act act, uint64_t subject, struct smki_audit_record *out)
{
    struct smki_store *store = smki_service_store(call->service);
    uint64_t sequence;
    bool found = false;
    struct smki_audit_record record;
    int rc = sequence_at(call, time, &sequence);

    while (rc == 0 && (rc = smki_audit_find(store, sequence, &record, &call->err)) == 0 && record.time.us == time.us) {
        if (record.act == act && record.subject == subject) {
            *out = record;
            found = true;
        }
        sequence++;
    }
    return found ? 0 : rc != 0 ? rc : SMKI_NOT_FOUND;
}

/* From `sequence` on, to the end. */
static int records_walk(struct call *call, uint64_t sequence, struct table *table, struct json_list *list)
{
    struct smki_audit_record record;
    int rc;

    while ((rc = smki_audit_find(smki_service_store(call->service), sequence, &record, &call->err)) == 0) {
        sequence++;
        if (!call->json)
            record_row(table, &record);
        else if ((rc = json_list_add(list, call, smki_audit_json(&record))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* ---- find ---- */

struct search {
    uint64_t transaction; /* 0: any */
    bool by_serial, by_device;
    struct smki_serial serial;
    struct smki_device_id device;
};

/* Of the ad hoc web service: what is recorded of a request has its TransactionId for subject. */
static bool is_of_transaction(const struct smki_audit_record *record, uint64_t transaction)
{
    return record->subject == transaction && record->actor.interface == SMKI_INTERFACE_ADHOC;
}

static bool is_found(const struct search *search, const struct smki_audit_record *record)
{
    return (search->transaction == 0 || is_of_transaction(record, search->transaction)) &&
           (!search->by_serial || smki_serial_equal(&search->serial, &record->serial)) &&
           (!search->by_device || memcmp(&search->device, &record->device_id, sizeof(search->device)) == 0);
}

static int found_walk(struct call *call, const struct search *search, struct table *table, struct json_list *list)
{
    struct smki_store *store = smki_service_store(call->service);
    struct smki_store_statistics statistics;
    struct smki_audit_record record;
    struct progress progress;
    int rc = smki_store_statistics(store, &statistics, &call->err);

    progress_start(&progress, "records");
    for (uint64_t sequence = 1; rc == 0 && (rc = smki_audit_find(store, sequence, &record, &call->err)) == 0; sequence++) {
        progress_show(&progress, sequence, statistics.audit_records, -1);
        if (!is_found(search, &record))
            continue;
        if (!call->json)
            record_row(table, &record);
        else
            rc = json_list_add(list, call, smki_audit_json(&record));
    }
    progress_end(&progress);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int audit_find(struct call *call)
{
    const struct search search = {.transaction = call_number(call, "transaction"),
                                  .by_serial = call_has(call, "serial"),
                                  .by_device = call_has(call, "device"),
                                  .serial = value_serial(call_text(call, "serial")),
                                  .device = value_eui(call_text(call, "device"))};
    struct json_list list;
    struct table table;
    int rc;

    if (search.transaction == 0 && !search.by_serial && !search.by_device)
        return call_usage(call, "what is looked for: give --transaction (from 1), --serial or --device");
    table_start(&table, record_headings);
    if (call->json)
        json_list_start(&list);
    rc = found_walk(call, &search, &table, &list);
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, "no such records");
    table_finish(&table);
    return rc;
}

/* ---- show ---- */

static int audit_show(struct call *call)
{
    uint64_t last = call_has(call, "last") ? call_number(call, "last") : SHOW_DEFAULT;
    struct smki_store_statistics statistics;
    struct json_list list;
    struct table table;
    int rc;

    if (call_has(call, "transaction"))
        return call_has(call, "last") ? call_usage(call, "--last and --transaction: give one of them") : audit_find(call);
    if ((rc = smki_store_statistics(smki_service_store(call->service), &statistics, &call->err)) != 0)
        return rc;
    table_start(&table, record_headings);
    if (call->json)
        json_list_start(&list);
    rc = records_walk(call, statistics.audit_records > last ? statistics.audit_records - last + 1 : 1, &table, &list);
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, "no records");
    table_finish(&table);
    return rc;
}

static const char *const ca_words[] = {"oca", "dca", "ikica", "oca-root", "dca-root", NULL};
static const struct command_value verify_options[] = {
    {"token-signatures", VALUE_NUMBER, 0, NULL, "how many signatures the CA's token counts for its key: held against the log", NULL},
    {"ca", VALUE_WORD, 0, "NAME", "with --token-signatures: whose; without: dca", ca_words},
    {"unrecorded", VALUE_NUMBER, 0, NULL, "with --token-signatures: how many more the token may have made, after processes were killed",
     NULL},
    {0},
};
static const struct command_value find_options[] = {
    {"transaction", VALUE_NUMBER, 0, NULL, "a TransactionId of the ad hoc web service", NULL},
    {"serial", VALUE_SERIAL, 0, NULL, "a certificate's serial number, in hexadecimal", NULL},
    {"device", VALUE_EUI, 0, NULL, "a Device ID", NULL},
    {0},
};
static const struct command_value export_operands[] = {{"FILE", VALUE_FILE, REQUIRED, NULL, "where to; -: standard output", NULL}, {0}};
static const struct command_value show_options[] = {
    {"last", VALUE_COUNT, 0, NULL, "how many records; without: 20", NULL},
    {"transaction", VALUE_NUMBER, 0, NULL, "as 'audit find --transaction'", NULL},
    {0},
};

const struct command audit_commands[] = {
    {"audit verify", "Prove that the audit log is whole, and the certificates and revocations in the store those of the log",
     COMMAND_HOME | COMMAND_JSON, verify_options, NULL,
     "Exit status 1 when a record was changed, removed or reordered; the text says where. With --token-signatures also when\n"
     "the token has signed more, or less, than the log and the store know: certificates, CRLs, and what the log records\n"
     "beside them as key-use (proofs of the key when a session begins, answers after their deadline, benches). Stop the\n"
     "services before: they record those when they end.\n",
     audit_verify},
    {"audit export", "Write the audit log as JSON lines", COMMAND_HOME, NULL, export_operands,
     "Example:\n"
     "  smki audit export - | jq -r 'select(.act == \"override\") | [.time, .actor, .detail] | @tsv'\n",
     audit_export},
    {"audit find", "Find records in the whole log: of an ad hoc transaction, a certificate, a device", COMMAND_HOME | COMMAND_JSON,
     find_options, NULL,
     "Given more than one, all must hold.\n\n"
     "Example:\n"
     "  smki audit find --transaction 17\n",
     audit_find},
    {"audit show", "Show the last records", COMMAND_HOME | COMMAND_JSON, show_options, NULL, NULL, audit_show},
    {0},
};
