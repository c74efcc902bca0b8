/* The documents in which the web services take requests, streamed through expat: SubmitCSRBatch (batch-1.0.xsd, IDS App. E) and
 * DeviceCertificateSigningRequest (adhoc-1.0.xsd, IDS App. B).
 *
 * What the schemas say of them is small enough to be the code below: a root with an ID, a Version, then requests in base64, all in no
 * namespace, nested two deep. The form says what they are called and how many there may be. Verdicts are held against libxml2's over
 * tests/data/batch-xml and adhoc-xml; the differences that are meant are listed there in differences.txt.
 *
 * Invariants:
 * - The first mistake stops the parser; from then on every feed gives the same refusal.
 * - Memory does not grow with the document: one request is held at a time (csr_field), 16 octets an ID (name_set), and of expat's own
 *   state an unfinished token is bounded by TOKEN_MAX and the namespace prefixes, which expat keeps for good, by PREFIXES_MAX. */
#include "message/csr_field_i.h"
#include "message/message_i.h"
#include "message/name_set_i.h"
#include "message/text_i.h"
#include "message/versions_i.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_SIZE   ((size_t)64 * 1024)    /* octets given to expat at once */
#define TOKEN_MAX    ((int64_t)1024 * 1024) /* octets of one tag, comment or instruction; expat holds an unfinished one whole */
#define WAITING_MAX  (2 * TOKEN_MAX + (int64_t)PIECE_SIZE) /* expat looks at it again only when twice as much has come (2.6.0) */
#define PREFIXES_MAX ((size_t)64 * 1024)                   /* octets of all namespace prefixes together */
#define CSR_REF_MAX  100                                   /* characters: EntryRef */
#define SEPARATOR    '\f'                                  /* between namespace and name, as expat gives them; no document can hold one */
#define XSI          "http://www.w3.org/2001/XMLSchema-instance\f"

static const char version_word[] = "1.0";

const struct request_form request_form_batch = {
    .schema = "batch-1.0.xsd", .root = "SubmitCSRBatch", .csr = "DeviceCSR", .ref_max = 256, .many = true};
const struct request_form request_form_adhoc = {
    .schema = "adhoc-1.0.xsd", .root = "DeviceCertificateSigningRequest", .csr = "CertificateSigningRequest", .ref_max = 32};

enum place { PROLOG, ROOT, VERSION, CSR, EPILOG };

struct request_xml_reader {
    XML_Parser parser;
    const struct request_form *form;
    struct batch_limits limits;
    batch_request_fn each;
    void *context;
    enum place place;
    uint64_t fed; /* octets given to expat */
    int64_t done; /* octets up to the token that it waits for the end of */
    bool finished;
    bool has_version;
    uint32_t count;
    struct name_set refs;
    struct name_set prefixes;
    size_t prefix_octets;
    char version[sizeof(version_word) + 1]; /* as much as tells 1.0 from anything else */
    size_t version_size;
    char ref[SMKI_BATCH_REF_SIZE];
    char csr_ref[SMKI_BATCH_CSR_REF_SIZE];
    struct csr_field field;
    int rc; /* the first refusal, with its words */
    struct smki_error error;
};

/* ---- the first mistake ---- */

static void stop(struct request_xml_reader *reader, int rc)
{
    reader->rc = rc;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static void refuse(struct request_xml_reader *reader, int code, const char *format, ...) SMKI_PRINTF(3, 4);
static void refuse(struct request_xml_reader *reader, int code, const char *format, ...)
{
    char what[SMKI_ERROR_TEXT_SIZE];
    va_list arguments;

    if (reader->rc != 0)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    stop(reader, smki_fail(&reader->error, code, "line %llu, column %llu: %s", (unsigned long long)expat_line(reader->parser),
                           (unsigned long long)expat_column(reader->parser) + 1, what));
}

/* ---- attributes ---- */

/* Names come as "namespace\fname": people know the name only. */
static const char *local(const char *name)
{
    const char *separator = strchr(name, SEPARATOR);

    return separator != NULL ? separator + 1 : name;
}

/* xsi:schemaLocation and its twin may stand on any element (XML Schema 1.0 part 1, 2.6). xsi:nil may not, as nothing is nillable, nor
 * xsi:type, as no named type derives from the anonymous ones of this schema. */
static bool is_schema_hint(const char *name)
{
    return strcmp(name, XSI "schemaLocation") == 0 || strcmp(name, XSI "noNamespaceSchemaLocation") == 0;
}

/* The value of the only attribute that the element may have, NULL when it is missing; refuses all others. */
static const char *only_attribute(struct request_xml_reader *reader, const char *element, const char **attributes, const char *allowed)
{
    const char *value = NULL;

    for (; *attributes != NULL; attributes += 2) {
        if (allowed != NULL && strcmp(attributes[0], allowed) == 0)
            value = attributes[1];
        else if (!is_schema_hint(attributes[0]))
            refuse(reader, SMKI_XML_INVALID, "%s has an attribute \"%.60s\", which %s does not know; take it away", element,
                   local(attributes[0]), reader->form->schema);
    }
    if (allowed != NULL && value == NULL)
        refuse(reader, SMKI_XML_INVALID, "%s has no attribute %s, which it must have", element, allowed);
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
        refuse(reader, SMKI_XML_INVALID, "the ID of %s has %zu characters, it must have 1 to %zu", reader->form->root, length,
               reader->form->ref_max);
        return;
    }
    memcpy(reader->ref, value, strlen(value) + 1);
}

/* xs:ID is read with the white space around it taken away (XML Schema 1.0 part 2, 4.3.6). */
static size_t collapse(const char **value)
{
    static const char white[] = " \t\r\n";
    size_t size;

    *value += strspn(*value, white);
    size = strlen(*value);
    while (size != 0 && strchr(white, (*value)[size - 1]) != NULL)
        size--;
    return size;
}

static void check_csr_ref(struct request_xml_reader *reader, const char *value, size_t size)
{
    size_t length = text_length(value, size);

    if (!text_is_ncname(value, size))
        refuse(reader, SMKI_XML_INVALID,
               "%s %lu: the ID \"%.*s\" is not an XML name (it starts with a letter or _ and goes on with "
               "letters, digits, - . _)",
               reader->form->csr, (unsigned long)reader->count, (int)(size < 60 ? size : 60), value);
    else if (length > CSR_REF_MAX)
        refuse(reader, SMKI_XML_INVALID, "%s %lu: the ID has %zu characters, it may have %d", reader->form->csr,
               (unsigned long)reader->count, length, CSR_REF_MAX);
}

static void take_csr_ref(struct request_xml_reader *reader, const char *value)
{
    bool added = false;
    size_t size;
    int rc;

    if (value == NULL)
        return;
    size = collapse(&value);
    check_csr_ref(reader, value, size);
    if (reader->rc != 0)
        return;
    if ((rc = name_set_add(&reader->refs, value, size, &added, &reader->error)) != 0)
        stop(reader, rc);
    else if (!added)
        refuse(reader, SMKI_XML_INVALID, "%s %lu: the ID \"%.*s\" was used before; each must be unique in the batch", reader->form->csr,
               (unsigned long)reader->count, (int)(size < 100 ? size : 100), value);
    memcpy(reader->csr_ref, value, size);
    reader->csr_ref[size] = '\0';
}

/* ---- elements ---- */

static void start_root(struct request_xml_reader *reader, const char *name, const char **attributes)
{
    const char *root = reader->form->root;

    if (strcmp(name, root) != 0) {
        refuse(reader, SMKI_XML_INVALID, "the document is a \"%.60s\"%s, it must be a %s in no namespace", local(name),
               local(name) != name ? " in a namespace" : "", root);
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
        refuse(reader, SMKI_XML_INVALID, "a second %s; %s holds one", form->csr, form->root);
        return;
    }
    if (reader->count == reader->limits.max_csrs) {
        refuse(reader, SMKI_BATCH_TOO_MANY, "more than %lu %s, the most a batch may hold; split it", (unsigned long)reader->limits.max_csrs,
               form->csr);
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
        refuse(reader, SMKI_XML_INVALID, "\"%.60s\"%s stands where a %s must stand", local(name),
               local(name) != name ? " in a namespace" : "", wanted);
    else if (reader->has_version)
        start_csr(reader, attributes);
    else
        start_version(reader, attributes);
}

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
    struct request_xml_reader *reader = context;

    if (reader->rc != 0)
        return;
    if (reader->place == PROLOG)
        start_root(reader, name, attributes);
    else if (reader->place == ROOT)
        start_child(reader, name, attributes);
    else
        refuse(reader, SMKI_XML_INVALID, "\"%.60s\" stands inside a %s, which may hold text only", local(name),
               reader->place == VERSION ? "Version" : reader->form->csr);
}

static void end_version(struct request_xml_reader *reader)
{
    if (reader->version_size != strlen(version_word) || memcmp(reader->version, version_word, reader->version_size) != 0)
        refuse(reader, SMKI_XML_VERSION, "the Version is \"%.*s\", it must be exactly %s", (int)reader->version_size, reader->version,
               version_word);
    reader->place = ROOT;
}

static void refuse_content(struct request_xml_reader *reader)
{
    static const char why[] = "the content is not base64 (a character of it, its length, padding or the bits under that)";

    if (reader->form->many)
        refuse(reader, SMKI_XML_INVALID, "%s %lu (ID \"%.100s\"): %s", reader->form->csr, (unsigned long)reader->count, reader->csr_ref,
               why);
    else
        refuse(reader, SMKI_XML_INVALID, "%s: %s", reader->form->csr, why);
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
    if ((rc = reader->each(reader->context, &request, &reader->error)) != 0)
        stop(reader, rc);
}

static void XMLCALL on_end(void *context, const char *name)
{
    struct request_xml_reader *reader = context;

    (void)name;
    if (reader->rc != 0)
        return;
    if (reader->place == VERSION) {
        end_version(reader);
    } else if (reader->place == CSR) {
        end_csr(reader);
    } else {
        if (reader->count == 0)
            refuse(reader, SMKI_XML_INVALID, "%s ends without a %s", reader->form->root,
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

static void XMLCALL on_text(void *context, const char *text, int size)
{
    struct request_xml_reader *reader = context;

    if (reader->rc != 0)
        return;
    if (reader->place == CSR) {
        csr_field_add(&reader->field, text, (size_t)size);
        return;
    }
    if (reader->place == VERSION) {
        add_version(reader, text, (size_t)size);
        return;
    }
    for (int i = 0; i < size; i++)
        if (strchr(" \t\r\n", text[i]) == NULL) {
            refuse(reader, SMKI_XML_INVALID, "text stands between the elements of %s; only white space may", reader->form->root);
            return;
        }
}

/* libxml2 takes a CDATA section for content even when it is empty or white space. */
static void XMLCALL on_cdata(void *context)
{
    struct request_xml_reader *reader = context;

    if (reader->place == ROOT)
        refuse(reader, SMKI_XML_INVALID, "a CDATA section stands between the elements of %s; only white space may", reader->form->root);
}

/* ---- what XML itself brings ---- */

static void XMLCALL on_doctype(void *context, const char *name, const char *system, const char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    refuse(context, SMKI_XML_DTD, "the document has a DOCTYPE; DTDs and entity declarations are never accepted, take it away");
}

/* expat asks nothing of the number. XML 1.0 (5th edition) 2.8: "1." and digits. */
static void XMLCALL on_declaration(void *context, const char *version, const char *encoding, int standalone)
{
    (void)encoding;
    (void)standalone;
    if (version == NULL)
        return;
    if (strncmp(version, "1.", 2) != 0 || version[2] == '\0' || strspn(version + 2, "0123456789") != strlen(version + 2))
        refuse(context, SMKI_XML_INVALID, "XML version \"%.20s\": it must be 1.0", version);
}

static void XMLCALL on_namespace(void *context, const char *prefix, const char *uri)
{
    struct request_xml_reader *reader = context;
    bool added = false;
    int rc;

    (void)uri;
    if (prefix == NULL || reader->rc != 0)
        return;
    if ((rc = name_set_add(&reader->prefixes, prefix, strlen(prefix), &added, &reader->error)) != 0) {
        stop(reader, rc);
        return;
    }
    reader->prefix_octets += added ? strlen(prefix) + 1 : 0;
    if (reader->prefix_octets > PREFIXES_MAX)
        refuse(reader, SMKI_XML_INVALID, "too many different namespace prefixes (more than %zu octets); the schema needs none",
               PREFIXES_MAX);
}

/* ---- the reader ---- */

static void set_handlers(struct request_xml_reader *reader)
{
    XML_Parser parser = reader->parser;

    XML_SetUserData(parser, reader);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartCdataSectionHandler(parser, on_cdata);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    XML_SetXmlDeclHandler(parser, on_declaration);
    XML_SetStartNamespaceDeclHandler(parser, on_namespace);
}

int request_xml_open(struct request_xml_reader **out, const struct request_form *form, const struct batch_limits *limits,
                     batch_request_fn each, void *context, struct smki_error *err)
{
    struct request_xml_reader *reader = calloc(1, sizeof(*reader));
    int rc;

    *out = NULL;
    if (reader == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    reader->form = form;
    reader->limits = *limits;
    reader->each = each;
    reader->context = context;
    if ((rc = name_set_init(&reader->refs, err)) != 0 || (rc = name_set_init(&reader->prefixes, err)) != 0)
        goto out;
    if ((reader->parser = XML_ParserCreateNS(NULL, SEPARATOR)) == NULL) {
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
        goto out;
    }
    set_handlers(reader);
    *out = reader;
    return 0;
out:
    request_xml_close(reader);
    return rc;
}

/* What expat says is in the words of XML; where our own words help more, they follow. */
static const char *advice(enum XML_Error error)
{
    switch (error) {
    case XML_ERROR_UNKNOWN_ENCODING:
        return "; use UTF-8, UTF-16, ISO-8859-1 or US-ASCII";
    case XML_ERROR_NO_ELEMENTS:
        return "; the document is empty or ends too early";
    case XML_ERROR_INVALID_TOKEN:
        return "; the octets here are no XML, or not in the encoding that the document declares";
    case XML_ERROR_UNDEFINED_ENTITY:
        return "; only &amp; &lt; &gt; &quot; &apos; and character references are accepted";
    case XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
        return "; nothing may follow the end of its root element";
    default:
        return "";
    }
}

static void refuse_by_expat(struct request_xml_reader *reader)
{
    enum XML_Error error = XML_GetErrorCode(reader->parser);

    if (error == XML_ERROR_NO_MEMORY)
        stop(reader, smki_fail(&reader->error, SMKI_NO_MEMORY, NULL));
    else
        refuse(reader, SMKI_XML_INVALID, "%s%s", XML_ErrorString(error), advice(error));
}

static void feed_piece(struct request_xml_reader *reader, const uint8_t *at, size_t size, bool last)
{
    int64_t done;

    reader->fed += size;
    if (XML_Parse(reader->parser, (const char *)at, (int)size, last) != XML_STATUS_OK)
        refuse_by_expat(reader);
    if (reader->rc != 0 || last)
        return;
    done = expat_offset(reader->parser); /* negative when it has moved its buffer without looking at it */
    if (done > reader->done)
        reader->done = done;
    if ((int64_t)reader->fed - reader->done > WAITING_MAX)
        refuse(reader, SMKI_XML_INVALID, "a tag, comment or instruction of more than %lld octets", (long long)TOKEN_MAX);
}

static void feed_pieces(struct request_xml_reader *reader, struct smki_bytes bytes, bool last)
{
    size_t left = bytes.size;
    const uint8_t *at = bytes.at;

    while (left > PIECE_SIZE && reader->rc == 0) {
        feed_piece(reader, at, PIECE_SIZE, false);
        at += PIECE_SIZE;
        left -= PIECE_SIZE;
    }
    if (reader->rc == 0 && (left != 0 || last))
        feed_piece(reader, left != 0 ? at : (const uint8_t *)"", left, last);
}

static int fail_again(const struct request_xml_reader *reader, struct smki_error *err)
{
    if (err != NULL)
        *err = reader->error;
    return reader->rc;
}

int request_xml_feed(struct request_xml_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err)
{
    if (reader->rc != 0)
        return fail_again(reader, err);
    if (reader->finished)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the document was fed to its end before");
    if (bytes.size > reader->limits.max_upload - reader->fed) {
        reader->rc = smki_fail(&reader->error, SMKI_TOO_LARGE, "the document is larger than %llu octets, which is the limit",
                               (unsigned long long)reader->limits.max_upload);
        return fail_again(reader, err);
    }
    feed_pieces(reader, bytes, last);
    reader->finished = last;
    return reader->rc != 0 ? fail_again(reader, err) : 0;
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
    if (reader->parser != NULL)
        XML_ParserFree(reader->parser);
    name_set_finish(&reader->refs);
    name_set_finish(&reader->prefixes);
    free(reader);
}
