/* The PKCS#11 module. */
#include "token/token_i.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#ifndef SMKI_P11_PROXY
#define SMKI_P11_PROXY "p11-kit-proxy.so"
#endif

/* p11-kit loads every module but its own proxy, which is for the programs that know one module only: so this is loaded as they do. */
static int proxy_open(struct smki_token_module *module, struct smki_error *err)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    void *symbol;
    CK_RV rv;

    if ((module->proxy = dlopen(module->path, RTLD_NOW | RTLD_LOCAL)) == NULL ||
        (symbol = dlsym(module->proxy, "C_GetFunctionList")) == NULL)
        return smki_fail(err, SMKI_TOKEN_MODULE,
                         "%s: p11-kit's proxy cannot be loaded (Debian: p11-kit-modules); name the token's own PKCS#11 module",
                         module->path);
    memcpy(&list, &symbol, sizeof(list)); /* ISO C has no cast from an object's to a function's pointer */
    if ((rv = list(&module->call)) != CKR_OK || (rv = module->call->C_Initialize(&arguments)) != CKR_OK) {
        module->call = NULL;
        return pkcs11_fail(err, SMKI_TOKEN_MODULE, rv, "%s: p11-kit's proxy cannot be initialised", module->path);
    }
    return 0;
}

static void proxy_close(struct smki_token_module *module)
{
    if (module->call != NULL)
        module->call->C_Finalize(NULL);
    if (module->proxy != NULL)
        dlclose(module->proxy);
}

static int module_load(struct smki_token_module *module, struct smki_error *err)
{
    int rc;

    if (module->is_proxy)
        return proxy_open(module, err);
    if ((rc = pkcs11_module_open(&module->shared, module->path, err)) == 0)
        module->call = pkcs11_calls(module->shared);
    return rc;
}

static bool is_proxy(const char *path)
{
    const char *name = strrchr(path, '/');

    return strcmp(name != NULL ? name + 1 : path, "p11-kit-proxy.so") == 0;
}

int smki_token_module_open(struct smki_token_module **out, const char *path, struct smki_error *err)
{
    struct smki_token_module *module = calloc(1, sizeof(*module));
    int rc;

    *out = NULL;
    if (module == NULL || (module->path = strdup(path != NULL ? path : SMKI_P11_PROXY)) == NULL) {
        free(module);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    module->is_proxy = path == NULL || is_proxy(path);
    if ((rc = module_load(module, err)) == 0)
        *out = module;
    else
        smki_token_module_close(module);
    return rc;
}

void smki_token_module_close(struct smki_token_module *module)
{
    if (module == NULL)
        return;
    if (module->is_proxy)
        proxy_close(module);
    else
        pkcs11_module_close(module->shared);
    free(module->path);
    free(module);
}

const char *smki_token_module_path(const struct smki_token_module *module)
{
    return module->path;
}
