/* Characters as XML 1.0 sees them: UTF-8, Char (2.2) and NCName (Namespaces in XML 3). */
#ifndef SMKI_MESSAGE_TEXT_I_H
#define SMKI_MESSAGE_TEXT_I_H

#include "base/base_i.h"

#define TEXT_BROKEN UINT32_MAX

/* The character at *at, which moves past it; TEXT_BROKEN (and one octet further) when the octets there are not UTF-8 (RFC 3629). */
uint32_t text_next(const char **at, const char *end);
/* Characters in `size` octets; SIZE_MAX when they are not UTF-8. */
size_t text_length(const char *at, size_t size);
/* Whether XML 1.0 2.2 lets the character stand in a document. */
bool text_is_xml_char(uint32_t character);
/* Whether it is a control character (C0, DEL, C1). */
bool text_is_control(uint32_t character);
/* Whether all of it is an NCName, by the letters of XML 1.0 (4th edition) App. B, to which XML Schema 1.0 refers. */
bool text_is_ncname(const char *at, size_t size);

#endif
