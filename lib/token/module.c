/* The PKCS#11 module. */
#include "token/token_i.h"

#include <stdlib.h>
#include <string.h>

#ifndef SMKI_P11_PROXY
#define SMKI_P11_PROXY "p11-kit-proxy.so"
#endif

int smki_token_module_open(struct smki_token_module **out, const char *path, struct smki_error *err)
{
    struct smki_token_module *module = calloc(1, sizeof(*module));
    int rc;

    *out = NULL;
    if (module == NULL || (module->path = strdup(path != NULL ? path : SMKI_P11_PROXY)) == NULL) {
        free(module);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    if ((rc = pkcs11_module_open(&module->shared, module->path, err)) != 0) {
        smki_token_module_close(module);
        return rc;
    }
    module->call = pkcs11_calls(module->shared);
    *out = module;
    return 0;
}

void smki_token_module_close(struct smki_token_module *module)
{
    if (module == NULL)
        return;
    pkcs11_module_close(module->shared);
    free(module->path);
    free(module);
}

const char *smki_token_module_path(const struct smki_token_module *module)
{
    return module->path;
}
