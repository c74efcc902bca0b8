/* One record. */
#include "audit/audit_i.h"

int smki_audit_find(struct smki_store *store, uint64_t sequence, struct smki_audit_record *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(store, &view, err);

    if (rc != 0)
        return rc;
    rc = store_record_get(view, sequence, out, err);
    store_view_end(view);
    return rc;
}
