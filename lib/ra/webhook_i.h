/* One POST of a JSON document to an address that the operator configured. */
#ifndef SMKI_WEBHOOK_I_H
#define SMKI_WEBHOOK_I_H

#include "base/base_i.h"

/* 0 when it was answered with 2xx within `time` us. DESK_REFUSED: 4xx; DESK_WEBHOOK: anything else; NO_MEMORY; CONFIG_INVALID: built without libcurl;
 * INTERRUPTED: *stop (may be NULL) was set meanwhile, by another thread or a signal handler. */
SMKI_MUST_USE int webhook_post(const char *url, const char *json, int64_t time, const volatile int *stop, struct smki_error *err);

#endif
