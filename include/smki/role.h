/* The Remote Party Roles (GBCS 12; interfaces.md 7): what an organisation is, as it stands in the OU of its certificates. */
#ifndef SMKI_ROLE_H
#define SMKI_ROLE_H

#include <smki/base.h>

#define SMKI_ROLE_TEXT_SIZE 3 /* two upper-case hexadecimal digits and NUL */

/* The codes that this product gives a meaning of its own. */
enum smki_role_code {
    SMKI_ROLE_ROOT = 0x00,
    SMKI_ROLE_SUPPLIER = 0x02,
    SMKI_ROLE_ISSUING_AUTHORITY = 0x07,
};

/* One line of the table. */
struct smki_role {
    uint8_t code;
    const char *name; /* "networkOperator", as GBCS writes it */
};

/* The table in the order of the codes; *count lines. Static storage. */
SMKI_API const struct smki_role *smki_role_list(size_t *count);
/* The line with this code, or NULL. */
SMKI_API const struct smki_role *smki_role_find(uint8_t code);
/* The line with this name: "networkOperator", or in the command line's form "network-operator"; any case. NULL when there is none. */
SMKI_API const struct smki_role *smki_role_find_name(const char *name);
/* Reads an OU: exactly two hexadecimal digits, letters in upper case, of a code in the table. NULL otherwise. */
SMKI_API const struct smki_role *smki_role_find_text(const char *text);
/* "02", "7F": the code as it stands in the OU. Returns out. */
SMKI_API const char *smki_role_text(uint8_t code, char out[SMKI_ROLE_TEXT_SIZE]);

#endif
