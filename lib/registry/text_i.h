/* What is accepted as a text that a person gave: a name, an address, a line for the Service Desk. */
#ifndef SMKI_TEXT_I_H
#define SMKI_TEXT_I_H

#include "base/base_i.h"

/* Not empty, shorter than `size`, no space at either end, printable UTF-8 (RFC 3629): INVALID_ARGUMENT naming `field`. */
SMKI_MUST_USE int text_check(const char *text, size_t size, const char *field, struct smki_error *err);
/* The same of several lines, ended by \n: empty lines and spaces at their ends are fine. */
SMKI_MUST_USE int text_lines_check(const char *text, size_t size, const char *field, struct smki_error *err);

#endif
