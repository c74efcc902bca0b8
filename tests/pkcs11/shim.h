/* What tests share with the module shim.c. */
#ifndef TESTS_PKCS11_SHIM_H
#define TESTS_PKCS11_SHIM_H

#include <stdint.h>

/* The file SMKI_SHIM_COUNT: so many uint64_t. */
enum shim_count {
    SHIM_INITIALIZED,
    SHIM_LOGINS,         /* tries of C_Login */
    SHIM_SIGNED,         /* C_Sign that succeeded */
    SHIM_SIGNED_WATCHED, /* of these with the key whose label is SMKI_SHIM_KEY */
    SHIM_SIGNING,        /* calls of C_Sign that have not returned */
    SHIM_SIGNING_MOST,   /* the most of them there ever were */
    SHIM_COUNTS
};

#endif
