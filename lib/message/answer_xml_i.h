/* What the answers of both web services have in common (IDS App. B, E): how they begin, and how they fail. */
#ifndef SMKI_MESSAGE_ANSWER_XML_I_H
#define SMKI_MESSAGE_ANSWER_XML_I_H

#include "message/xml_writer_i.h"

/* The root with its ID, Version and Build. An ID of more than `ref_max` characters, or none, is left out, as the schemas allow. */
void answer_start(struct xml_writer *writer, const char *root, const char *ref, size_t ref_max, const char *build);
/* Error, with `text` or the refusal's own. */
void answer_error(struct xml_writer *writer, const struct smki_refusal *refusal, const char *text);
void answer_end(struct xml_writer *writer, const char *root);

#endif
