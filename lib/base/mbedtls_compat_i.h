/* The differences between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13), in one place: MBEDTLS_PRIVATE members, and functions whose
 * parameters changed. Every file that includes an mbedTLS header includes this one first. */
#ifndef SMKI_MBEDTLS_COMPAT_I_H
#define SMKI_MBEDTLS_COMPAT_I_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* 3.x hides struct members that 2.28 documents as public; see where they are used */
#include <mbedtls/version.h>

#endif
