/* Octets of other rooms under a key: the counters of the demand rules, and the small values of the home. */
#include "store/engine_i.h"

#include <string.h>

static struct smki_bytes demand_key(struct number_key *key, uint64_t party, uint32_t rule)
{
    struct writer writer = writer_of(key->octet, sizeof(key->octet));

    write_u64(&writer, party);
    write_u32(&writer, rule);
    return BYTES(key->octet, writer_size(&writer));
}

int store_demand_get(struct store_view *view, uint64_t party, uint32_t rule, struct smki_bytes *out, struct smki_error *err)
{
    struct number_key key;

    return row_get(view, DB_DEMAND, demand_key(&key, party, rule), out, err);
}

int store_demand_put(struct store_change *change, uint64_t party, uint32_t rule, struct smki_bytes value, struct smki_error *err)
{
    struct number_key key;

    return row_put(change, DB_DEMAND, demand_key(&key, party, rule), value, err);
}

int store_value_get(struct store_view *view, const char *name, struct smki_bytes *out, struct smki_error *err)
{
    return row_get(view, DB_VALUES, BYTES(name, strlen(name)), out, err);
}

int store_value_put(struct store_change *change, const char *name, struct smki_bytes value, struct smki_error *err)
{
    return row_put(change, DB_VALUES, BYTES(name, strlen(name)), value, err);
}

int store_value_remove(struct store_change *change, const char *name, struct smki_error *err)
{
    return row_remove(change, DB_VALUES, BYTES(name, strlen(name)), err);
}
