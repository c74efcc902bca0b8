/* The operator's listener, on loopback, in plain HTTP: /healthz, /readyz, /metrics. */
#ifndef SERVE_ADMIN_I_H
#define SERVE_ADMIN_I_H

#include "serve/serve_i.h"

struct admin;

SMKI_MUST_USE int admin_open(struct admin **out, struct serve *serve, const char *address, struct smki_error *err);
void admin_close(struct admin *admin);
const char *admin_address(const struct admin *admin);

#endif
