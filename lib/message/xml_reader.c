#include "message/xml_reader_i.h"

#include <stdarg.h>
#include <string.h>

#define PIECE_SIZE   ((size_t)64 * 1024)    /* octets given to expat at once */
#define TOKEN_MAX    ((int64_t)1024 * 1024) /* octets of one tag, comment or instruction; expat holds an unfinished one whole */
#define WAITING_MAX  (2 * TOKEN_MAX + (int64_t)PIECE_SIZE) /* expat looks at it again only when twice as much has come (2.6.0) */
#define PREFIXES_MAX ((size_t)64 * 1024)                   /* octets of all namespace prefixes together */

static const char white[] = " \t\r\n";

/* ---- names and values ---- */

const char *xml_local(const char *name)
{
    const char *separator = strstr(name, XML_SEPARATOR);

    return separator != NULL ? separator + 1 : name;
}

const char *xml_namespace_words(const char *name)
{
    return xml_local(name) != name ? " in a namespace" : "";
}

bool xml_is_schema_hint(const char *name)
{
    return strcmp(name, XML_XSI "schemaLocation") == 0 || strcmp(name, XML_XSI "noNamespaceSchemaLocation") == 0;
}

size_t xml_collapse(const char **value)
{
    size_t size;

    *value += strspn(*value, white);
    size = strlen(*value);
    while (size != 0 && strchr(white, (*value)[size - 1]) != NULL)
        size--;
    return size;
}

/* ---- the first mistake ---- */

void xml_stop(struct xml_reader *reader, int rc)
{
    reader->rc = rc;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

void xml_refuse(struct xml_reader *reader, int code, const char *format, ...)
{
    char words[SMKI_ERROR_TEXT_SIZE - 80];
    va_list arguments;

    if (reader->rc != 0)
        return;
    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    text_tidy(words);
    xml_stop(reader,
             smki_fail(&reader->error, code, "%sline %llu, column %llu: %s", reader->kind->where,
                       (unsigned long long)expat_line(reader->parser), (unsigned long long)expat_column(reader->parser) + 1, words));
}

/* ---- what expat tells ---- */

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
    struct xml_reader *reader = context;

    if (reader->rc == 0)
        reader->kind->start(reader->context, name, attributes);
}

static void XMLCALL on_end(void *context, const char *name)
{
    struct xml_reader *reader = context;

    (void)name;
    if (reader->rc == 0)
        reader->kind->end(reader->context);
}

static void XMLCALL on_text(void *context, const char *text, int size)
{
    struct xml_reader *reader = context;
    const char *element;

    if (reader->rc != 0)
        return;
    if ((element = reader->kind->between(reader->context)) == NULL) {
        reader->kind->text(reader->context, text, (size_t)size);
        return;
    }
    for (int i = 0; i < size; i++)
        if (strchr(white, text[i]) == NULL) {
            xml_refuse(reader, reader->kind->invalid, "text stands between the elements of %s; only white space may", element);
            return;
        }
}

/* libxml2 takes a CDATA section for content even when it is empty or white space. */
static void XMLCALL on_cdata(void *context)
{
    struct xml_reader *reader = context;
    const char *element = reader->rc == 0 ? reader->kind->between(reader->context) : NULL;

    if (element != NULL)
        xml_refuse(reader, reader->kind->invalid, "a CDATA section stands between the elements of %s; only white space may", element);
}

static void XMLCALL on_doctype(void *context, const char *name, const char *system, const char *public, int has_subset)
{
    struct xml_reader *reader = context;

    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    xml_refuse(reader, reader->kind->dtd, "the document has a DOCTYPE; DTDs and entity declarations are never accepted, take it away");
}

/* expat asks nothing of the number. XML 1.0 (5th edition) 2.8: "1." and digits. */
static void XMLCALL on_declaration(void *context, const char *version, const char *encoding, int standalone)
{
    struct xml_reader *reader = context;

    (void)encoding;
    (void)standalone;
    if (version == NULL)
        return;
    if (strncmp(version, "1.", 2) != 0 || version[2] == '\0' || strspn(version + 2, "0123456789") != strlen(version + 2))
        xml_refuse(reader, reader->kind->invalid, "XML version \"%.20s\": it must be 1.0", version);
}

static void XMLCALL on_namespace(void *context, const char *prefix, const char *uri)
{
    struct xml_reader *reader = context;
    bool added = false;
    int rc;

    (void)uri;
    if (prefix == NULL || reader->rc != 0)
        return;
    if ((rc = name_set_add(&reader->prefixes, prefix, strlen(prefix), &added, &reader->error)) != 0) {
        xml_stop(reader, rc);
        return;
    }
    reader->prefix_octets += added ? strlen(prefix) + 1 : 0;
    if (reader->prefix_octets > PREFIXES_MAX)
        xml_refuse(reader, reader->kind->invalid, "too many different namespace prefixes (more than %zu octets); the schema needs none",
                   PREFIXES_MAX);
}

/* ---- the reader ---- */

static void set_handlers(struct xml_reader *reader)
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

int xml_reader_open(struct xml_reader *reader, const struct xml_kind *kind, void *context, uint64_t max, struct smki_error *err)
{
    int rc;

    *reader = (struct xml_reader){.kind = kind, .context = context, .max = max};
    if ((rc = name_set_init(&reader->prefixes, err)) != 0)
        return rc;
    if ((reader->parser = XML_ParserCreateNS(NULL, XML_SEPARATOR[0])) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    set_handlers(reader);
    return 0;
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

static void refuse_by_expat(struct xml_reader *reader)
{
    enum XML_Error error = XML_GetErrorCode(reader->parser);

    if (error == XML_ERROR_NO_MEMORY)
        xml_stop(reader, smki_fail(&reader->error, SMKI_NO_MEMORY, NULL));
    else
        xml_refuse(reader, reader->kind->invalid, "%s%s", XML_ErrorString(error), advice(error));
}

static void feed_piece(struct xml_reader *reader, const uint8_t *at, size_t size, bool last)
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
        xml_refuse(reader, reader->kind->invalid, "a tag, comment or instruction of more than %lld octets", (long long)TOKEN_MAX);
}

static void feed_pieces(struct xml_reader *reader, struct smki_bytes bytes, bool last)
{
    size_t left = bytes.size;
    const uint8_t *at = bytes.at;

    for (; left > PIECE_SIZE && reader->rc == 0; at += PIECE_SIZE, left -= PIECE_SIZE)
        feed_piece(reader, at, PIECE_SIZE, false);
    if (reader->rc == 0 && (left != 0 || last))
        feed_piece(reader, left != 0 ? at : (const uint8_t *)"", left, last);
}

int xml_reader_feed(struct xml_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err)
{
    if (reader->rc == 0 && reader->finished)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the document was fed to its end before");
    if (reader->rc == 0 && bytes.size > reader->max - reader->fed)
        reader->rc = smki_fail(&reader->error, reader->kind->too_large, "%s is larger than %llu octets, which is the limit",
                               reader->kind->what, (unsigned long long)reader->max);
    if (reader->rc == 0) {
        feed_pieces(reader, bytes, last);
        reader->finished = last;
    }
    if (reader->rc != 0 && err != NULL)
        *err = reader->error;
    return reader->rc;
}

void xml_reader_close(struct xml_reader *reader)
{
    if (reader->parser != NULL)
        XML_ParserFree(reader->parser);
    name_set_finish(&reader->prefixes);
}
