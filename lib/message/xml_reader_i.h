/* What the readers of documents share: expat, and what may stand in a document whatever its schema says. No DTD, one version of XML, text
 * where the reader takes it and white space elsewhere. Its words begin with where in the document the mistake is.
 *
 * Invariants:
 * - The first mistake stops the parser; from then on every feed gives the same refusal.
 * - Memory does not grow with the document: of expat's own state an unfinished token is bounded (TOKEN_MAX), and so are the namespace
 *   prefixes, which expat keeps for good (PREFIXES_MAX). */
#ifndef SMKI_MESSAGE_XML_READER_I_H
#define SMKI_MESSAGE_XML_READER_I_H

#include "message/name_set_i.h"
#include "message/versions_i.h"

#define XML_SEPARATOR "\f" /* between namespace and name, as expat gives them; no document can hold one */
#define XML_XSI       "http://www.w3.org/2001/XMLSchema-instance" XML_SEPARATOR

/* A kind of reader. None of its functions is called after a mistake. */
struct xml_kind {
    const char *what;            /* "the document" */
    const char *where;           /* before "line 3, column 7: ..." */
    int invalid, dtd, too_large; /* the codes of its refusals */
    void (*start)(void *context, const char *name, const char **attributes);
    void (*end)(void *context);
    /* The element between whose children we are, for words: only white space may stand there. NULL: `text` takes it. */
    const char *(*between)(const void *context);
    void (*text)(void *context, const char *text, size_t size);
};

struct xml_reader {
    XML_Parser parser;
    const struct xml_kind *kind;
    void *context;
    uint64_t max; /* octets of the document */
    uint64_t fed; /* octets given to expat */
    int64_t done; /* octets up to the token that it waits for the end of */
    bool finished;
    struct name_set prefixes;
    size_t prefix_octets;
    int rc; /* the first refusal, with its words */
    struct smki_error error;
};

/* `kind` and `context` outlive it. To be closed whatever comes of it; one that is all zero can be closed too. */
SMKI_MUST_USE int xml_reader_open(struct xml_reader *reader, const struct xml_kind *kind, void *context, uint64_t max,
                                  struct smki_error *err);
SMKI_MUST_USE int xml_reader_feed(struct xml_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err);
void xml_reader_close(struct xml_reader *reader);

/* The first mistake; later ones are not heard. */
void xml_refuse(struct xml_reader *reader, int code, const char *format, ...) SMKI_PRINTF(3, 4);
/* The same with words that are in reader->error already. */
void xml_stop(struct xml_reader *reader, int rc);

/* ---- names and values ---- */

const char *xml_local(const char *name);           /* names come as "namespace\fname": people know the name only */
const char *xml_namespace_words(const char *name); /* " in a namespace", or "" */
/* xsi:schemaLocation and its twin may stand on any element (XML Schema 1.0 part 1, 2.6). */
bool xml_is_schema_hint(const char *name);
/* xs:ID is read with the white space around it taken away (XML Schema 1.0 part 2, 4.3.6). Moves *value past it, returns the size that is
 * left. */
size_t xml_collapse(const char **value);

#endif
