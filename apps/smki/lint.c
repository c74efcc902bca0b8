/* smki lint: requests and certificates in files, held against the rules of their profiles. */
#include "smki/smki_i.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_SIZE 64

/* What is judged, and what has been found so far. */
struct judge {
    struct call *call;
    enum smki_lint_subject subject;
    const struct smki_certificate *issuer;
    struct json_list list;
    bool broken;
};

/* One request or certificate of a file; `place` counts from 1 when the file holds several, else 0. */
struct sample {
    const char *path;
    unsigned place;
    struct smki_bytes text;
};

static const char *sample_name(const struct sample *sample, char *out, size_t size)
{
    const char *path = strcmp(sample->path, "-") == 0 ? "standard input" : sample->path;

    if (sample->place != 0)
        snprintf(out, size, "%s (%u)", path, sample->place);
    else
        snprintf(out, size, "%s", path);
    return out;
}

/* ---- what is said ---- */

static bool finding_add(cJSON *array, const struct smki_lint_finding *finding)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddStringToObject(json, "rule", finding->rule->name) != NULL &&
        cJSON_AddStringToObject(json, "severity", finding->rule->severity == SMKI_LINT_ERROR ? "error" : "notice") != NULL &&
        cJSON_AddStringToObject(json, "citation", finding->rule->citation) != NULL &&
        cJSON_AddStringToObject(json, "text", finding->rule->text) != NULL &&
        cJSON_AddStringToObject(json, "detail", finding->detail) != NULL && cJSON_AddItemToArray(array, json))
        return true;
    cJSON_Delete(json);
    return false;
}

static cJSON *sample_json(const struct sample *sample)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddStringToObject(json, "file", sample->path) != NULL &&
        json_add_number(json, "place", sample->place != 0 ? sample->place : 1))
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* "device-cert"; "file" for what is neither a request nor a certificate. */
static const char *report_word(const struct smki_lint_report *report)
{
    return report->subject != SMKI_LINT_AUTO ? smki_lint_subject_word(report->subject) : "file";
}

static cJSON *report_json(const struct sample *sample, const struct smki_lint_report *report)
{
    cJSON *json = sample_json(sample), *array = NULL;
    bool made = json != NULL && cJSON_AddStringToObject(json, "profile", report_word(report)) != NULL &&
                cJSON_AddStringToObject(json, "verdict", report->errors == 0 ? "good" : "bad") != NULL &&
                cJSON_AddBoolToObject(json, "signature_judged", report->signature_judged) != NULL &&
                (array = cJSON_AddArrayToObject(json, "findings")) != NULL;

    for (size_t i = 0; made && i < report->count; i++)
        made = finding_add(array, &report->findings[i]);
    if (made)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void report_print(const struct sample *sample, const struct smki_lint_report *report)
{
    const bool good = report->errors == 0;
    char name[512];

    printf("%s: %s %s%s\n", sample_name(sample, name, sizeof(name)), good ? "good" : "bad", report_word(report),
           good && !report->signature_judged ? " (its signature is not judged without --issuer)" : "");
    for (size_t i = 0; i < report->count; i++) {
        const struct smki_lint_finding *finding = &report->findings[i];
        printf("  %s %s: %s (%s)\n", finding->rule->severity == SMKI_LINT_ERROR ? "error" : "notice", finding->rule->name,
               finding->detail[0] != '\0' ? finding->detail : finding->rule->text, finding->rule->citation);
    }
}

/* A file that cannot be read at all: said on standard error, and in the JSON. */
static int unreadable(struct judge *judge, const struct sample *sample, struct smki_error *err)
{
    struct smki_error said = {.code = err->code};
    char name[200];
    cJSON *json;

    judge->broken = true;
    sample_name(sample, name, sizeof(name));
    snprintf(said.text, sizeof(said.text), "%s%s%.300s", strncmp(err->text, sample->path, strlen(sample->path)) == 0 ? "" : name,
             strncmp(err->text, sample->path, strlen(sample->path)) == 0 ? "" : ": ", err->text);
    call_complain(judge->call, &said);
    if (!judge->call->json)
        return 0;
    if ((json = sample_json(sample)) == NULL || cJSON_AddStringToObject(json, "verdict", "unreadable") == NULL ||
        cJSON_AddStringToObject(json, "error", err->text) == NULL) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_list_add(&judge->list, judge->call, json);
}

/* ---- judging ---- */

static int der_judge(struct judge *judge, const struct sample *sample, struct smki_bytes der)
{
    struct smki_lint_report *report = malloc(sizeof(*report));
    struct smki_error err;
    int rc;

    if (report == NULL)
        return call_fail(judge->call, SMKI_NO_MEMORY, NULL);
    if ((rc = smki_lint(report, judge->subject, der, judge->issuer, &err)) != 0) {
        rc = unreadable(judge, sample, &err);
    } else {
        judge->broken = judge->broken || report->errors > 0;
        if (judge->call->json)
            rc = json_list_add(&judge->list, judge->call, report_json(sample, report));
        else
            report_print(sample, report);
    }
    free(report);
    return rc;
}

/* Keys and parameters that stand beside a request in a file are none of lint's business. */
static bool is_judged(const char *label)
{
    return label[0] == '\0' || strstr(label, "CERTIFICATE") != NULL;
}

static int sample_judge(struct judge *judge, const struct sample *sample)
{
    struct smki_buffer der = {0};
    char label[LABEL_SIZE];
    struct smki_error err;
    int rc;

    if ((rc = smki_pem_decode(&der, label, sample->text, &err)) != 0)
        rc = unreadable(judge, sample, &err);
    else if (is_judged(label))
        rc = der_judge(judge, sample, (struct smki_bytes){der.at, der.size});
    smki_buffer_finish(&der);
    return rc;
}

/* Several PEM blocks are several samples. Anything else is one. */
static int file_split(struct judge *judge, const char *path, struct smki_bytes file)
{
    struct smki_bytes rest = file;
    struct sample sample = {.path = path, .text = pem_block_next(&rest)};
    int rc = 0;

    if (rest.size == 0)
        return sample_judge(judge, &sample);
    for (sample.place = 1; rc == 0 && sample.text.size > 0; sample.place++, sample.text = pem_block_next(&rest))
        rc = sample_judge(judge, &sample);
    return rc;
}

static int file_judge(struct judge *judge, const char *path)
{
    struct sample sample = {.path = path};
    struct smki_buffer file = {0};
    struct smki_error err;
    int rc;

    if (file_take(&file, path, FILE_MAX, &err) != 0)
        rc = unreadable(judge, &sample, &err);
    else
        rc = file_split(judge, path, (struct smki_bytes){file.at, file.size});
    smki_buffer_finish(&file);
    return rc;
}

static int files_judge(struct call *call, const struct smki_certificate *issuer)
{
    struct judge judge = {.call = call, .subject = SMKI_LINT_AUTO, .issuer = issuer};
    const char *profile = call_text(call, "profile"), *path;
    int rc = 0;

    for (int subject = 0; profile != NULL && subject < SMKI_LINT_AUTO; subject++)
        if (strcmp(profile, smki_lint_subject_word((enum smki_lint_subject)subject)) == 0)
            judge.subject = (enum smki_lint_subject)subject;
    if (call->json)
        json_list_start(&judge.list);
    for (size_t n = 0; rc == 0 && (path = call_operand(call, n)) != NULL; n++)
        rc = file_judge(&judge, path);
    if (call->json)
        json_list_end(&judge.list);
    return rc == 0 && judge.broken ? COMMAND_FAILED : rc;
}

/* ---- rules ---- */

/* "device-csr, device-cert" */
static const char *subjects_words(uint32_t subjects, char *out, size_t size)
{
    size_t length = 0;

    out[0] = '\0';
    for (int subject = 0; subject < SMKI_LINT_AUTO; subject++)
        if ((subjects & (1u << subject)) != 0)
            length += (size_t)snprintf(out + length, size - length, "%s%s", length > 0 ? ", " : "",
                                       smki_lint_subject_word((enum smki_lint_subject)subject));
    return out;
}

static cJSON *rule_json(const struct smki_lint_rule *rule)
{
    cJSON *json = cJSON_CreateObject(), *profiles = NULL, *word;
    bool made = json != NULL && cJSON_AddStringToObject(json, "name", rule->name) != NULL &&
                cJSON_AddStringToObject(json, "severity", rule->severity == SMKI_LINT_ERROR ? "error" : "notice") != NULL &&
                cJSON_AddStringToObject(json, "citation", rule->citation) != NULL &&
                cJSON_AddStringToObject(json, "text", rule->text) != NULL && (profiles = cJSON_AddArrayToObject(json, "profiles")) != NULL;

    for (int subject = 0; made && subject < SMKI_LINT_AUTO; subject++)
        if ((rule->subjects & (1u << subject)) != 0)
            made = (word = cJSON_CreateString(smki_lint_subject_word((enum smki_lint_subject)subject))) != NULL &&
                   cJSON_AddItemToArray(profiles, word);
    if (made)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int rules_list(struct call *call)
{
    size_t count;
    const struct smki_lint_rule *rules = smki_lint_rules(&count);
    struct json_list list;
    char words[256];
    int rc = 0;

    if (call->json)
        json_list_start(&list);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (call->json)
            rc = json_list_add(&list, call, rule_json(&rules[i]));
        else
            printf("%s (%s)\n  %s\n  %s: %s\n", rules[i].name, rules[i].citation, rules[i].text,
                   rules[i].severity == SMKI_LINT_ERROR ? "error" : "notice", subjects_words(rules[i].subjects, words, sizeof(words)));
    }
    if (call->json)
        json_list_end(&list);
    return rc;
}

static int lint_run(struct call *call)
{
    struct smki_certificate issuer;
    struct smki_buffer der = {0};
    int rc = 0;

    if (call_has(call, "rules"))
        return rules_list(call);
    if (call->operand_count == 0)
        return call_usage(call, "FILE is missing (what to judge)");
    if (!call_has(call, "issuer"))
        return files_judge(call, NULL);
    if ((rc = der_take_first(&der, call_text(call, "issuer"), &call->err)) == 0 &&
        (rc = smki_certificate_read(&issuer, (struct smki_bytes){der.at, der.size}, &call->err)) == 0)
        rc = files_judge(call, &issuer);
    smki_buffer_finish(&der);
    return rc;
}

static const char *const profile_words[] = {"auto",     "device-csr", "device-cert", "org-csr", "org-cert", "iki-csr",
                                            "iki-cert", "issuing-ca", "root-ca",     "iki-ca",  NULL};
static const struct command_value lint_operands[] = {
    {"FILE", VALUE_FILE, MANY, NULL, "PEM (each block of it), DER or bare base64; -: standard input", NULL},
    {0},
};
static const struct command_value lint_options[] = {
    {"profile", VALUE_WORD, 0, "PROFILE", "what the files shall be; auto: by what they hold", profile_words},
    {"issuer", VALUE_FILE, 0, NULL, "the certificate of the CA, or a chain that begins with it: its signature is judged too", NULL},
    {"rules", VALUE_FLAG, 0, NULL, "list the rules with their citations", NULL},
    {0},
};

const struct command lint_commands[] = {
    {"lint", "Judge requests and certificates by the rules of their profiles", COMMAND_JSON, lint_options, lint_operands,
     "Profiles: device-csr, device-cert, org-csr, org-cert, iki-csr, iki-cert, issuing-ca, root-ca, iki-ca, auto.\n"
     "Exit status 1 when a rule is broken or a file cannot be read; the other files are judged all the same.\n\n"
     "Examples:\n"
     "  smki lint meter.csr meter.pem\n"
     "  smki lint --profile device-cert --issuer dca.pem --json *.pem\n",
     lint_run},
    {0},
};
