/* The parts of chunks: octets of the batch room, kept as they come. */
#include "store/engine_i.h"

static struct smki_bytes chunk_key(struct number_key *key, uint64_t batch, uint32_t chunk, enum store_chunk_part part)
{
    struct writer writer = writer_of(key->octet, sizeof(key->octet));

    write_u64(&writer, batch);
    write_u32(&writer, chunk);
    write_u8(&writer, (uint8_t)part);
    return BYTES(key->octet, writer_size(&writer));
}

int store_chunk_get(struct store_view *view, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_bytes *out,
                    struct smki_error *err)
{
    struct number_key key;

    return row_get(view, DB_CHUNKS, chunk_key(&key, batch, chunk, part), out, err);
}

int store_chunk_put(struct store_change *change, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_bytes value,
                    struct smki_error *err)
{
    struct number_key key;

    return row_put(change, DB_CHUNKS, chunk_key(&key, batch, chunk, part), value, err);
}

int store_chunk_remove(struct store_change *change, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_error *err)
{
    struct number_key key;
    int rc = row_remove(change, DB_CHUNKS, chunk_key(&key, batch, chunk, part), err);

    return rc == SMKI_NOT_FOUND ? smki_fail(err, rc, "batch %llu has no such part of chunk %u", (unsigned long long)batch, chunk) : rc;
}
