/* The documents in which the web services take requests, streamed through expat: SubmitCSRBatch (batch-1.0.xsd, IDS App. E) and
 * DeviceCertificateSigningRequest (adhoc-1.0.xsd, IDS App. B).
 *
 * What the schemas say of them is small enough to be the code below: a root with an ID, a Version, then requests in base64, all in no
 * namespace, nested two deep. The form says what they are called and how many there may be. Verdicts are held against libxml2's over
 * tests/data/batch-xml and adhoc-xml; the differences that are meant are listed there in differences.txt.
 *
 * Memory does not grow with the document: one request is held at a time (csr_field), 16 octets an ID (name_set), and what xml_reader_i.h
 * says. */
#include "message/csr_field_i.h"
#include "message/message_i.h"
#include "message/text_i.h"
#include "message/xml_reader_i.h"

#include <stdlib.h>
#include <string.h>

#define CSR_REF_MAX 100 /* characters: EntryRef */

static const char version_word[] = "1.0";

const struct request_form request_form_batch = {
    .schema = "batch-1.0.xsd", .root = "SubmitCSRBatch", .csr = "DeviceCSR", .ref_max = 256, .many = true};
const struct request_form request_form_adhoc = {
    .schema = "adhoc-1.0.xsd", .root = "DeviceCertificateSigningRequest", .csr = "CertificateSigningRequest", .ref_max = 32};

enum place { PROLOG, ROOT, VERSION, CSR, EPILOG };

struct request_xml_reader {
    struct xml_reader xml;
    const struct request_form *form;
    uint32_t max_csrs;
    batch_request_fn each;
    void *context;
    enum place place;
    bool has_version;
    uint32_t count;
    struct name_set refs;
    char version[sizeof(version_word) + 1]; /* as much as tells 1.0 from anything else */
    size_t version_size;
    char ref[SMKI_BATCH_REF_SIZE];
    char csr_ref[SMKI_BATCH_CSR_REF_SIZE];
    struct csr_field field;
};

/* ---- attributes ---- */

/* The value of the only attribute that the element may have, NULL when it is missing; refuses all others: xsi:nil, as nothing is nillable,
 * and xsi:type, as no named type derives from the anonymous ones of these schemas. */
static const char *only_attribute(struct request_xml_reader *reader, const char *element, const char **attributes, const char *allowed)
{
    const char *value = NULL;

    for (; *attributes != NULL; attributes += 2) {
        if (allowed != NULL && strcmp(attributes[0], allowed) == 0)
            value = attributes[1];
        else if (!xml_is_schema_hint(attributes[0]))
            xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s has an attribute \"%.60s\", which %s does not know; take it away", element,
                       xml_local(attributes[0]), reader->form->schema);
    }
    if (allowed != NULL && value == NULL)
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s has no attribute %s, which it must have", element, allowed);
    return value;
}

/* xs:string with 1 to so many characters. */
static void take_ref(struct request_xml_reader *reader, const char *value)
{
    size_t length;

    if (value == NULL)
        return;
    length = text_length(value, strlen(value));
    if (length < 1 || length > reader->form->ref_max) {
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "the ID of %s has %zu characters, it must have 1 to %zu", reader->form->root, length,
                   reader->form->ref_max);
        return;
    }
    memcpy(reader->ref, value, strlen(value) + 1);
}

static void check_csr_ref(struct request_xml_reader *reader, const char *value, size_t size)
{
    size_t length = text_length(value, size);

    if (!text_is_ncname(value, size))
        xml_refuse(&reader->xml, SMKI_XML_INVALID,
                   "%s %lu: the ID \"%.*s\" is not an XML name (it starts with a letter or _ and goes on with "
                   "letters, digits, - . _)",
                   reader->form->csr, (unsigned long)reader->count, (int)(size < 60 ? size : 60), value);
    else if (length > CSR_REF_MAX)
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s %lu: the ID has %zu characters, it may have %d", reader->form->csr,
                   (unsigned long)reader->count, length, CSR_REF_MAX);
}

static void take_csr_ref(struct request_xml_reader *reader, const char *value)
{
    bool added = false;
    size_t size;
    int rc;

    if (value == NULL)
        return;
    size = xml_collapse(&value);
    check_csr_ref(reader, value, size);
    if (reader->xml.rc != 0)
        return;
    if ((rc = name_set_add(&reader->refs, value, size, &added, &reader->xml.error)) != 0)
        xml_stop(&reader->xml, rc);
    else if (!added)
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s %lu: the ID \"%.*s\" was used before; each must be unique in the batch",
                   reader->form->csr, (unsigned long)reader->count, (int)(size < 100 ? size : 100), value);
    memcpy(reader->csr_ref, value, size);
    reader->csr_ref[size] = '\0';
}

/* ---- elements ---- */

static void start_root(struct request_xml_reader *reader, const char *name, const char **attributes)
{
    const char *root = reader->form->root;

    if (strcmp(name, root) != 0) {
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "the document is a \"%.60s\"%s, it must be a %s in no namespace", xml_local(name),
                   xml_namespace_words(name), root);
        return;
    }
    take_ref(reader, only_attribute(reader, root, attributes, "ID"));
    reader->place = ROOT;
}

static void start_version(struct request_xml_reader *reader, const char **attributes)
{
    (void)only_attribute(reader, "Version", attributes, NULL);
    reader->has_version = true;
    reader->version_size = 0;
    reader->place = VERSION;
}

static void start_csr(struct request_xml_reader *reader, const char **attributes)
{
    const struct request_form *form = reader->form;

    if (!form->many && reader->count == 1) {
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "a second %s; %s holds one", form->csr, form->root);
        return;
    }
    if (reader->count == reader->max_csrs) {
        xml_refuse(&reader->xml, SMKI_BATCH_TOO_MANY, "more than %lu %s, the most a batch may hold; split it",
                   (unsigned long)reader->max_csrs, form->csr);
        return;
    }
    reader->count++;
    take_csr_ref(reader, only_attribute(reader, form->csr, attributes, form->many ? "ID" : NULL));
    csr_field_start(&reader->field);
    reader->place = CSR;
}

static void start_child(struct request_xml_reader *reader, const char *name, const char **attributes)
{
    const char *wanted = reader->has_version ? reader->form->csr : "Version";

    if (strcmp(name, wanted) != 0)
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "\"%.60s\"%s stands where a %s must stand", xml_local(name), xml_namespace_words(name),
                   wanted);
    else if (reader->has_version)
        start_csr(reader, attributes);
    else
        start_version(reader, attributes);
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct request_xml_reader *reader = context;

    if (reader->place == PROLOG)
        start_root(reader, name, attributes);
    else if (reader->place == ROOT)
        start_child(reader, name, attributes);
    else
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "\"%.60s\" stands inside a %s, which may hold text only", xml_local(name),
                   reader->place == VERSION ? "Version" : reader->form->csr);
}

static void end_version(struct request_xml_reader *reader)
{
    if (reader->version_size != strlen(version_word) || memcmp(reader->version, version_word, reader->version_size) != 0)
        xml_refuse(&reader->xml, SMKI_XML_VERSION, "the Version is \"%.*s\", it must be exactly %s", (int)reader->version_size,
                   reader->version, version_word);
    reader->place = ROOT;
}

static void refuse_content(struct request_xml_reader *reader)
{
    static const char why[] = "the content is not base64 (length, padding or the bits under it)";

    if (reader->form->many)
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s %lu (ID \"%.100s\"): %s", reader->form->csr, (unsigned long)reader->count,
                   reader->csr_ref, why);
    else
        xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s: %s", reader->form->csr, why);
}

static void end_csr(struct request_xml_reader *reader)
{
    struct batch_request request = {.index = reader->count, .ref = reader->csr_ref};
    int rc;

    reader->place = ROOT;
    if (!csr_field_end(&reader->field, &request.der, &request.decode_code)) {
        refuse_content(reader);
        return;
    }
    if ((rc = reader->each(reader->context, &request, &reader->xml.error)) != 0)
        xml_stop(&reader->xml, rc);
}

static void on_end(void *context)
{
    struct request_xml_reader *reader = context;

    if (reader->place == VERSION) {
        end_version(reader);
    } else if (reader->place == CSR) {
        end_csr(reader);
    } else {
        if (reader->count == 0)
            xml_refuse(&reader->xml, SMKI_XML_INVALID, "%s ends without a %s", reader->form->root,
                       reader->has_version ? reader->form->csr : "Version");
        reader->place = EPILOG;
    }
}

/* ---- text ---- */

static void add_version(struct request_xml_reader *reader, const char *text, size_t size)
{
    size_t room = sizeof(reader->version) - reader->version_size;

    memcpy(reader->version + reader->version_size, text, size < room ? size : room);
    reader->version_size += size < room ? size : room;
}

static const char *between(const void *context)
{
    const struct request_xml_reader *reader = context;

    return reader->place == VERSION || reader->place == CSR ? NULL : reader->form->root;
}

static void on_text(void *context, const char *text, size_t size)
{
    struct request_xml_reader *reader = context;

    if (reader->place == CSR)
        csr_field_add(&reader->field, text, size);
    else
        add_version(reader, text, size);
}

/* ---- the reader ---- */

static const struct xml_kind kind = {.what = "the document",
                                     .where = "",
                                     .invalid = SMKI_XML_INVALID,
                                     .dtd = SMKI_XML_DTD,
                                     .too_large = SMKI_TOO_LARGE,
                                     .start = on_start,
                                     .end = on_end,
                                     .between = between,
                                     .text = on_text};

int request_xml_open(struct request_xml_reader **out, const struct request_form *form, const struct batch_limits *limits,
                     batch_request_fn each, void *context, struct smki_error *err)
{
    struct request_xml_reader *reader = calloc(1, sizeof(*reader));
    int rc;

    *out = NULL;
    if (reader == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    reader->form = form;
    reader->max_csrs = limits->max_csrs;
    reader->each = each;
    reader->context = context;
    if ((rc = name_set_init(&reader->refs, err)) != 0 ||
        (rc = xml_reader_open(&reader->xml, &kind, reader, limits->max_upload, err)) != 0) {
        request_xml_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

int request_xml_feed(struct request_xml_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err)
{
    return xml_reader_feed(&reader->xml, bytes, last, err);
}

const char *request_xml_ref(const struct request_xml_reader *reader)
{
    return reader->ref;
}

uint32_t request_xml_count(const struct request_xml_reader *reader)
{
    return reader->count;
}

void request_xml_close(struct request_xml_reader *reader)
{
    if (reader == NULL)
        return;
    xml_reader_close(&reader->xml);
    name_set_finish(&reader->refs);
    free(reader);
}
