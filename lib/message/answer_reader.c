/* The answers of the web services, streamed through expat. What the two schemas say is the table `steps`: which element may follow which,
 * inside which; its rows stand beside the lines of the schemas.
 * One field is held at a time, at most FIELD_SIZE octets of it; for the rest see xml_reader_i.h. */
#include "message/answer_reader_i.h"
#include "message/message_i.h"
#include "message/text_i.h"
#include "message/xml_reader_i.h"

#include <smki/certificate.h>

#include <stdlib.h>
#include <string.h>

#define FIELD_SIZE    (((size_t)SMKI_CERTIFICATE_MAX_SIZE + 2) / 3 * 4 + 1)
#define ENTRY_REF_MAX 100 /* characters: EntryRef */

/* ---- the schemas ---- */

enum level { LEVEL_DOCUMENT, LEVEL_ADHOC, LEVEL_SUBMIT, LEVEL_RESULT, LEVEL_ENTRY, LEVEL_ERROR, LEVEL_FIELD };

enum field {
    NO_FIELD,
    FIELD_VERSION,
    FIELD_BUILD,
    FIELD_TRANSACTION,
    FIELD_STATUS,
    FIELD_BATCH_STATUS,
    FIELD_BATCH_ID,
    FIELD_CERTIFICATE,
    FIELD_CODE,
    FIELD_TEXT,
};

/* In an element of `level`, after step number `from`, `name` may stand; what follows it is at step `to`. */
struct step {
    enum level level;
    uint8_t from;
    const char *name;
    uint8_t to;
    enum level inside; /* LEVEL_FIELD: text */
    enum field field;
    bool end; /* the element of `level` may end after it */
};

static const struct step steps[] = {
    {LEVEL_ADHOC, 0, "Version", 1, LEVEL_FIELD, FIELD_VERSION, false},
    {LEVEL_ADHOC, 1, "Build", 2, LEVEL_FIELD, FIELD_BUILD, false},
    {LEVEL_ADHOC, 2, "TransactionId", 3, LEVEL_FIELD, FIELD_TRANSACTION, false},
    {LEVEL_ADHOC, 3, "Status", 4, LEVEL_FIELD, FIELD_STATUS, false},
    {LEVEL_ADHOC, 4, "Certificate", 5, LEVEL_FIELD, FIELD_CERTIFICATE, true},
    {LEVEL_ADHOC, 4, "Error", 5, LEVEL_ERROR, NO_FIELD, true},
    {LEVEL_SUBMIT, 0, "Version", 1, LEVEL_FIELD, FIELD_VERSION, false},
    {LEVEL_SUBMIT, 1, "Build", 2, LEVEL_FIELD, FIELD_BUILD, false},
    {LEVEL_SUBMIT, 2, "BatchStatus", 3, LEVEL_FIELD, FIELD_BATCH_STATUS, false},
    {LEVEL_SUBMIT, 3, "BatchId", 4, LEVEL_FIELD, FIELD_BATCH_ID, true},
    {LEVEL_SUBMIT, 3, "Error", 4, LEVEL_ERROR, NO_FIELD, true},
    {LEVEL_RESULT, 0, "Version", 1, LEVEL_FIELD, FIELD_VERSION, false},
    {LEVEL_RESULT, 1, "Build", 2, LEVEL_FIELD, FIELD_BUILD, false},
    {LEVEL_RESULT, 2, "BatchStatus", 3, LEVEL_FIELD, FIELD_BATCH_STATUS, true},
    {LEVEL_RESULT, 3, "Error", 5, LEVEL_ERROR, NO_FIELD, true},
    {LEVEL_RESULT, 3, "BatchId", 4, LEVEL_FIELD, FIELD_BATCH_ID, true},
    {LEVEL_RESULT, 4, "DeviceCertificate", 4, LEVEL_ENTRY, NO_FIELD, true},
    {LEVEL_ENTRY, 0, "Status", 1, LEVEL_FIELD, FIELD_STATUS, false},
    {LEVEL_ENTRY, 1, "Certificate", 2, LEVEL_FIELD, FIELD_CERTIFICATE, true},
    {LEVEL_ENTRY, 1, "Error", 2, LEVEL_ERROR, NO_FIELD, true},
    {LEVEL_ERROR, 0, "ErrorCode", 1, LEVEL_FIELD, FIELD_CODE, false},
    {LEVEL_ERROR, 1, "ErrorText", 2, LEVEL_FIELD, FIELD_TEXT, true},
};

static const struct {
    const char *name;
    enum level level;
    size_t ref_max; /* characters of its ID */
} roots[] = {
    [ANSWER_ADHOC] = {"DeviceCertificateSigningResponse", LEVEL_ADHOC, 32},
    [ANSWER_SUBMIT] = {"SubmitCSRBatchStatus", LEVEL_SUBMIT, 256},
    [ANSWER_RESULT] = {"CSRBatchResult", LEVEL_RESULT, 256},
};

#define DEPTH_MAX 5 /* document, root, entry, error, field */

struct frame {
    enum level level;
    uint8_t at; /* the last step's `to` */
    bool may_end;
    const char *name; /* of the element, for words */
};

struct answer_reader {
    struct xml_reader xml;
    enum answer_kind kind;
    answer_entry_fn each;
    void *context;
    struct frame frames[DEPTH_MAX];
    size_t depth; /* frames in use */
    enum field field;
    bool nil; /* xsi:nil stood on the Certificate */
    struct name_set refs;
    struct answer answer;
    /* the entry that is being read */
    char entry_ref[SMKI_BATCH_CSR_REF_SIZE];
    enum smki_status status;
    bool has_certificate, has_error;
    uint8_t der[FIELD_SIZE / 4 * 3 + 3];
    size_t der_size;
    char code[ANSWER_CODE_SIZE], words[SMKI_ERROR_TEXT_SIZE];
    /* text of the field that is being read */
    char text[FIELD_SIZE + 1];
    size_t text_size;
    bool text_cut;
};

#define REFUSE(reader, ...) xml_refuse(&(reader)->xml, SMKI_CLIENT_ANSWER, __VA_ARGS__)

static struct frame *top(struct answer_reader *reader)
{
    return &reader->frames[reader->depth - 1];
}

/* ---- fields ---- */

static bool is_code(const char *text)
{
    size_t size = strlen(text), at = 3;

    if (size < 4 || size >= ANSWER_CODE_SIZE || text[0] < 'A' || text[0] > 'Z' || text[1] < 'A' || text[1] > 'Z' || text[2] != ':')
        return false;
    while ((text[at] >= '0' && text[at] <= '9') || (text[at] >= 'A' && text[at] <= 'Z') || (text[at] >= 'a' && text[at] <= 'z'))
        at++;
    return at == size;
}

/* xs:positiveInteger, as large as ours can be. */
static bool read_number(uint64_t *out, const char *text)
{
    static const char white[] = " \t\r\n";
    const char *at = text + strspn(text, white);

    *out = 0;
    at += *at == '+';
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) || __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out))
            return false;
    at += strspn(at, white);
    return *at == '\0' && *out != 0;
}

static void end_number(struct answer_reader *reader, const char *name, uint64_t *out)
{
    if (!read_number(out, reader->text))
        REFUSE(reader, "the %s is \"%.40s\", it must be a positive whole number", name, reader->text);
}

static void end_status(struct answer_reader *reader)
{
    const bool adhoc = reader->kind == ANSWER_ADHOC;

    for (int status = SMKI_STATUS_SUCCESS; status <= SMKI_STATUS_WORKFLOW_ERROR; status++) {
        const bool here =
            adhoc ? status != SMKI_STATUS_INELIGIBLE : status != SMKI_STATUS_UNKNOWN_DEVICE && status != SMKI_STATUS_FORMAT_ERROR;
        if (here && strcmp(reader->text, smki_status_word((enum smki_status)status)) == 0) {
            reader->status = (enum smki_status)status;
            return;
        }
    }
    REFUSE(reader, "the Status \"%.40s\" is none of %s", reader->text, adhoc ? "adhoc-1.0.xsd" : "batch-1.0.xsd");
}

static void end_batch_status(struct answer_reader *reader)
{
    struct answer *answer = &reader->answer;

    if (strcmp(reader->text, "FORMAT_ERROR") == 0)
        answer->failure = ANSWER_FORMAT_ERROR;
    else if (strcmp(reader->text, "WORKFLOW_ERROR") == 0)
        answer->failure = ANSWER_WORKFLOW_ERROR;
    for (int state = SMKI_STATE_PENDING; state <= SMKI_STATE_TAMPERED; state++)
        if (strcmp(reader->text, message_state_words[state]) == 0)
            answer->state = (enum smki_batch_state)state;
    if ((answer->state == 0 && answer->failure == ANSWER_NO_FAILURE) ||
        (reader->kind == ANSWER_SUBMIT && answer->state != 0 && answer->state != SMKI_STATE_PENDING))
        REFUSE(reader, "the BatchStatus \"%.40s\" is none that a %s may have", reader->text, roots[reader->kind].name);
}

static void end_certificate(struct answer_reader *reader)
{
    reader->has_certificate = !reader->nil;
    if (reader->nil && reader->text_size != 0)
        REFUSE(reader, "a Certificate with xsi:nil has content");
    else if (reader->text_cut)
        REFUSE(reader, "a certificate of more than %d octets", SMKI_CERTIFICATE_MAX_SIZE);
    else if (base64_decode(reader->der, sizeof(reader->der), &reader->der_size, reader->text, reader->text_size, BASE64_SPACES, NULL) != 0)
        REFUSE(reader, "a Certificate is not base64");
}

static void keep_line(char *out, size_t size, const char *text)
{
    const size_t length = strnlen(text, size - 1);

    memcpy(out, text, length);
    out[length] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (strchr("\t\r\n", *at) != NULL)
            *at = ' ';
    text_tidy(out);
}

static void end_code(struct answer_reader *reader)
{
    if (!is_code(reader->text))
        REFUSE(reader, "the ErrorCode is \"%.40s\", it must be two capitals, a colon, and letters and digits", reader->text);
    else
        memcpy(reader->code, reader->text, strlen(reader->text) + 1);
}

static void end_field(struct answer_reader *reader)
{
    reader->text[reader->text_size] = '\0';
    switch (reader->field) {
    case FIELD_VERSION:
        if (strcmp(reader->text, "1.0") != 0)
            REFUSE(reader, "the Version is \"%.40s\", it must be exactly 1.0", reader->text);
        break;
    case FIELD_BUILD:
        keep_line(reader->answer.build, sizeof(reader->answer.build), reader->text);
        break;
    case FIELD_TRANSACTION:
        end_number(reader, "TransactionId", &reader->answer.transaction);
        break;
    case FIELD_BATCH_ID:
        end_number(reader, "BatchId", &reader->answer.batch_id);
        break;
    case FIELD_STATUS:
        end_status(reader);
        break;
    case FIELD_BATCH_STATUS:
        end_batch_status(reader);
        break;
    case FIELD_CERTIFICATE:
        end_certificate(reader);
        break;
    case FIELD_CODE:
        end_code(reader);
        break;
    case FIELD_TEXT:
        keep_line(reader->words, sizeof(reader->words), reader->text);
        reader->has_error = true;
        break;
    case NO_FIELD:
        break;
    }
}

/* ---- one CSR's fate ---- */

static void start_entry(struct answer_reader *reader)
{
    reader->has_certificate = reader->has_error = false;
    reader->code[0] = reader->words[0] = '\0';
    reader->der_size = 0;
}

static void end_entry(struct answer_reader *reader)
{
    struct answer_entry entry = {.index = ++reader->answer.entries, .ref = reader->entry_ref, .status = reader->status};
    int rc;

    if (reader->status == SMKI_STATUS_SUCCESS && (!reader->has_certificate || reader->der_size == 0)) {
        REFUSE(reader, "SUCCESS without a certificate");
        return;
    }
    if (reader->status != SMKI_STATUS_SUCCESS && !reader->has_error) {
        REFUSE(reader, "%s without an Error that says why", smki_status_word(reader->status));
        return;
    }
    entry.certificate = reader->has_certificate ? BYTES(reader->der, reader->der_size) : (struct smki_bytes){0};
    entry.error_code = reader->code;
    entry.error_text = reader->words;
    if (reader->each != NULL && (rc = reader->each(reader->context, &entry, &reader->xml.error)) != 0)
        xml_stop(&reader->xml, rc);
}

/* ---- the whole ---- */

/* What the schema lets stand and makes no sense all the same. */
static void end_batch(struct answer_reader *reader)
{
    struct answer *answer = &reader->answer;
    const char *word = answer->state != 0 ? message_state_words[answer->state] : NULL;

    if (answer->failure != ANSWER_NO_FAILURE && !reader->has_error)
        REFUSE(reader, "a query that failed without an Error that says why");
    else if (word != NULL && reader->has_error && answer->batch_id == 0)
        REFUSE(reader, "BatchStatus %s with an Error", word);
    else if (reader->kind == ANSWER_SUBMIT && word != NULL && answer->batch_id == 0)
        REFUSE(reader, "BatchStatus %s without a BatchId", word);
    else if (answer->failure != ANSWER_NO_FAILURE && answer->batch_id != 0)
        REFUSE(reader, "a BatchId in the answer to a query that failed");
    else if (answer->state == SMKI_STATE_COMPLETED && answer->entries == 0)
        REFUSE(reader, "COMPLETED without results");
    else if (answer->state != SMKI_STATE_COMPLETED && answer->entries != 0)
        REFUSE(reader, "results before the batch is COMPLETED");
}

/* An Error outside of an entry is the answer's own. */
static void end_error(struct answer_reader *reader)
{
    if (reader->depth != 2 || reader->kind == ANSWER_ADHOC)
        return;
    memcpy(reader->answer.error_code, reader->code, sizeof(reader->answer.error_code));
    memcpy(reader->answer.error_text, reader->words, sizeof(reader->answer.error_text));
}

static void end_root(struct answer_reader *reader)
{
    if (reader->kind == ANSWER_ADHOC)
        end_entry(reader);
    else
        end_batch(reader);
}

static void on_end(void *context)
{
    struct answer_reader *reader = context;
    const struct frame frame = *top(reader);

    if (frame.level != LEVEL_FIELD && !frame.may_end) {
        REFUSE(reader, "%s ends before it is complete", frame.name);
        return;
    }
    reader->depth--;
    if (frame.level == LEVEL_FIELD)
        end_field(reader);
    else if (frame.level == LEVEL_ERROR)
        end_error(reader);
    else if (frame.level == LEVEL_ENTRY)
        end_entry(reader);
    else
        end_root(reader);
}

/* ---- attributes ---- */

static void take_root_ref(struct answer_reader *reader, const char *value)
{
    size_t length = text_length(value, strlen(value));

    if (length < 1 || length > roots[reader->kind].ref_max)
        REFUSE(reader, "the ID of %s has %zu characters", roots[reader->kind].name, length);
    else
        memcpy(reader->answer.ref, value, strlen(value) + 1);
}

static void take_entry_ref(struct answer_reader *reader, const char *value)
{
    const size_t size = xml_collapse(&value);
    bool added = false;
    int rc;

    if (!text_is_ncname(value, size) || text_length(value, size) > ENTRY_REF_MAX) {
        REFUSE(reader, "the ID \"%.60s\" of a DeviceCertificate is not an XML name of at most %d characters", value, ENTRY_REF_MAX);
        return;
    }
    if ((rc = name_set_add(&reader->refs, value, size, &added, &reader->xml.error)) != 0)
        xml_stop(&reader->xml, rc);
    else if (!added)
        REFUSE(reader, "two DeviceCertificates have the ID \"%.100s\"", value);
    memcpy(reader->entry_ref, value, size);
    reader->entry_ref[size] = '\0';
}

static void take_nil(struct answer_reader *reader, const char *value)
{
    if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        reader->nil = true;
    else if (strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        REFUSE(reader, "xsi:nil is \"%.20s\"", value);
}

static void take_attributes(struct answer_reader *reader, const struct frame *frame, const char **attributes)
{
    bool has_ref = false;

    for (; *attributes != NULL && reader->xml.rc == 0; attributes += 2) {
        if (strcmp(attributes[0], "ID") == 0 && frame->level == LEVEL_ENTRY) {
            take_entry_ref(reader, attributes[1]);
            has_ref = true;
        } else if (strcmp(attributes[0], "ID") == 0 && reader->depth == 2) {
            take_root_ref(reader, attributes[1]);
        } else if (strcmp(attributes[0], XML_XSI "nil") == 0 && reader->kind == ANSWER_ADHOC && reader->field == FIELD_CERTIFICATE) {
            take_nil(reader, attributes[1]);
        } else if (!xml_is_schema_hint(attributes[0])) {
            REFUSE(reader, "%s has an attribute \"%.60s\", which the schema does not know", frame->name, xml_local(attributes[0]));
        }
    }
    if (frame->level == LEVEL_ENTRY && !has_ref)
        REFUSE(reader, "a DeviceCertificate has no ID");
}

/* ---- elements ---- */

static const struct step *step_find(const struct frame *frame, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
        if (steps[i].level == frame->level && steps[i].from == frame->at && strcmp(steps[i].name, name) == 0)
            return &steps[i];
    return NULL;
}

static void push(struct answer_reader *reader, struct frame frame)
{
    reader->frames[reader->depth++] = frame;
}

static void start_root(struct answer_reader *reader, const char *name)
{
    if (strcmp(name, roots[reader->kind].name) != 0)
        REFUSE(reader, "the document is a \"%.60s\"%s, it must be a %s in no namespace", xml_local(name), xml_namespace_words(name),
               roots[reader->kind].name);
    else
        push(reader, (struct frame){.level = roots[reader->kind].level, .name = roots[reader->kind].name});
}

static void start_child(struct answer_reader *reader, const char *name)
{
    struct frame *frame = top(reader);
    const struct step *step = frame->level != LEVEL_FIELD ? step_find(frame, name) : NULL;

    if (step == NULL) {
        REFUSE(reader, "\"%.60s\"%s stands where the schema does not let it, in %s", xml_local(name), xml_namespace_words(name),
               frame->name);
        return;
    }
    frame->at = step->to;
    frame->may_end = step->end;
    reader->field = step->field;
    reader->text_size = 0;
    reader->text_cut = reader->nil = false;
    if (step->inside == LEVEL_ENTRY)
        start_entry(reader);
    push(reader, (struct frame){.level = step->inside, .name = step->name});
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct answer_reader *reader = context;

    if (reader->depth == 1)
        start_root(reader, name);
    else
        start_child(reader, name);
    if (reader->xml.rc == 0)
        take_attributes(reader, top(reader), attributes);
}

/* White space in base64 takes no room; what is longer than any field may be is cut, which only ErrorText and Build survive. */
static void on_text(void *context, const char *text, size_t size)
{
    struct answer_reader *reader = context;

    for (size_t i = 0; i < size; i++) {
        if (reader->field == FIELD_CERTIFICATE && strchr(" \t\r\n", text[i]) != NULL)
            continue;
        if (reader->text_size == FIELD_SIZE) {
            reader->text_cut = true;
            return;
        }
        reader->text[reader->text_size++] = text[i];
    }
}

static const char *between(const void *context)
{
    const struct answer_reader *reader = context;
    const struct frame *frame = &reader->frames[reader->depth - 1];

    return frame->level == LEVEL_FIELD ? NULL : frame->name;
}

/* ---- the reader ---- */

static const struct xml_kind xml_kind = {.what = "the service's answer",
                                         .where = "the service's answer, ",
                                         .invalid = SMKI_CLIENT_ANSWER,
                                         .dtd = SMKI_CLIENT_ANSWER,
                                         .too_large = SMKI_CLIENT_ANSWER,
                                         .start = on_start,
                                         .end = on_end,
                                         .between = between,
                                         .text = on_text};

int answer_reader_open(struct answer_reader **out, enum answer_kind kind, answer_entry_fn each, void *context, struct smki_error *err)
{
    const uint64_t max = kind == ANSWER_RESULT ? RESULT_MAX_SIZE : ANSWER_MAX_SIZE;
    struct answer_reader *reader = calloc(1, sizeof(*reader));
    int rc;

    *out = NULL;
    if (reader == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    reader->kind = kind;
    reader->each = each;
    reader->context = context;
    push(reader, (struct frame){.level = LEVEL_DOCUMENT, .name = "the document"});
    if ((rc = name_set_init(&reader->refs, err)) != 0 || (rc = xml_reader_open(&reader->xml, &xml_kind, reader, max, err)) != 0) {
        answer_reader_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

int answer_reader_feed(struct answer_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err)
{
    return xml_reader_feed(&reader->xml, bytes, last, err);
}

const struct answer *answer_reader_told(const struct answer_reader *reader)
{
    return &reader->answer;
}

void answer_reader_close(struct answer_reader *reader)
{
    if (reader == NULL)
        return;
    xml_reader_close(&reader->xml);
    name_set_finish(&reader->refs);
    free(reader);
}
