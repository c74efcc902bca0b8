/* A session with a token: how its signer comes to the key, proves it, and signs. Here a call can take for ever. */
#include "pki/key_pkcs11_pool_i.h"

#include "pki/p256_i.h"

#include <string.h>

#define P256_RAW 64 /* octets of r and s */

/* The time of the last step out of the module, by which others see that it does not hang. */
static void moved(struct key_signer *signer)
{
    pthread_mutex_lock(&signer->pool->lock);
    signer->moved = signer->job->moved = signer->pool->moved = key_pool_now();
    pthread_mutex_unlock(&signer->pool->lock);
}

static int pin_take(struct key_pool *pool, struct pkcs11_pin *pin, bool *by_hand, struct smki_error *err)
{
    pthread_mutex_lock(&pool->lock);
    *pin = pool->pin;
    *by_hand = pool->pin_is_new;
    pool->pin_is_new = false;
    pthread_mutex_unlock(&pool->lock);
    return pin->size != 0 ? 0 : pkcs11_pin_read(pin, pool->uri.pin_source, pool->folder, err);
}

static int log_in(struct key_signer *signer, struct smki_error *err)
{
    struct pkcs11_pin pin;
    bool by_hand;
    int rc = pin_take(signer->pool, &pin, &by_hand, err);

    if (rc == 0)
        rc = pkcs11_login(signer->module, signer->session, CKU_USER, &pin, by_hand, err);
    pkcs11_pin_wipe(&pin);
    return rc;
}

static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/* RSA: PKCS#1 v1.5 of a DigestInfo (RFC 8017 9.2); P-256: the token gives r and s, PKCS#11 2.3.1. */
static CK_RV sign_rsa(CK_FUNCTION_LIST *calls, CK_SESSION_HANDLE session, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    uint8_t info[sizeof(digest_info) + SHA256_SIZE];
    CK_ULONG length = SMKI_SIGNATURE_MAX_SIZE;
    CK_RV rv;

    memcpy(info, digest_info, sizeof(digest_info));
    memcpy(info + sizeof(digest_info), digest, SHA256_SIZE);
    if ((rv = calls->C_Sign(session, info, sizeof(info), out, &length)) == CKR_OK && length > SMKI_SIGNATURE_MAX_SIZE)
        rv = CKR_FUNCTION_FAILED;
    *size = rv == CKR_OK ? length : 0;
    return rv;
}

static CK_RV sign_p256(CK_FUNCTION_LIST *calls, CK_SESSION_HANDLE session, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    struct p256_signature signature;
    uint8_t octets[SHA256_SIZE], raw[P256_RAW];
    CK_ULONG length = sizeof(raw);
    CK_RV rv;

    memcpy(octets, digest, sizeof(octets));
    if ((rv = calls->C_Sign(session, octets, sizeof(octets), raw, &length)) != CKR_OK)
        return rv;
    if (length != sizeof(raw))
        return CKR_FUNCTION_FAILED;
    memcpy(signature.r, raw, sizeof(signature.r));
    memcpy(signature.s, raw + sizeof(signature.r), sizeof(signature.s));
    p256_signature_write(out, size, &signature);
    return CKR_OK;
}

static CK_RV sign_once(struct key_signer *signer, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(signer->module);
    const bool rsa = signer->pool->type == SMKI_KEY_RSA;
    CK_MECHANISM mechanism = {.mechanism = rsa ? CKM_RSA_PKCS : CKM_ECDSA};
    CK_RV rv = calls->C_SignInit(signer->session, &mechanism, signer->key);

    if (rv == CKR_OK)
        rv = rsa ? sign_rsa(calls, signer->session, digest, out, size) : sign_p256(calls, signer->session, digest, out, size);
    moved(signer);
    if (rv == CKR_OK) {
        pthread_mutex_lock(&signer->pool->lock);
        signer->pool->counts.made++;
        pthread_mutex_unlock(&signer->pool->lock);
    }
    return rv;
}

static int prove(struct key_signer *signer, struct smki_error *err)
{
    static const char message[] = "libsmki: does this key belong to this certificate?";
    const struct key_pool *pool = signer->pool;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    CK_RV rv;

    sha256(digest, message, sizeof(message));
    if ((rv = sign_once(signer, digest, signature, &size)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "a first signature");
    if (spki_verify(BYTES(pool->spki, pool->spki_size), digest, BYTES(signature, size)) != 0)
        return smki_fail(err, SMKI_KEY_MISMATCH, "the key '%s' on the token does not belong to the CA's certificate", pool->uri.object);
    return 0;
}

static void open_count(struct key_pool *pool, bool more)
{
    pthread_mutex_lock(&pool->lock);
    pool->open += more ? 1U : -1U;
    pthread_mutex_unlock(&pool->lock);
}

static void disconnect(struct key_signer *signer)
{
    unsigned generation;

    if (!signer->connected)
        return;
    signer->connected = false;
    open_count(signer->pool, false);
    pkcs11_enter(signer->module, &generation);
    if (generation == signer->generation)
        pkcs11_calls(signer->module)->C_CloseSession(signer->session);
    pkcs11_leave(signer->module);
    pkcs11_session_drop(signer->module, &signer->kept);
}

/* Between enter and leave, and signer->generation is the present one. */
static int connect_inside(struct key_signer *signer, struct smki_error *err)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(signer->module);
    CK_SLOT_ID slot;
    CK_RV rv;
    int rc;

    if ((rc = pkcs11_token_find(signer->module, &signer->pool->uri, &slot, NULL, err)) != 0)
        return rc;
    moved(signer);
    open_count(signer->pool, true);
    if ((rv = calls->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &signer->session)) != CKR_OK)
        open_count(signer->pool, false);
    if ((signer->turned_away = rv == CKR_SESSION_COUNT))
        return smki_fail(err, SMKI_TOKEN_FAILED,
                         "the token '%s' has no room for another session (CKR_SESSION_COUNT): all its programs and keys together ask for "
                         "too many; lower pkcs11.sessions",
                         signer->pool->uri.token);
    if (rv != CKR_OK)
        return pkcs11_fail(err, 0, rv, "opening a session with the token");
    moved(signer);
    if ((rc = log_in(signer, err)) == 0 &&
        (rc = pkcs11_object_find(signer->module, signer->session, CKO_PRIVATE_KEY, &signer->pool->uri, &signer->key, err)) == 0)
        rc = prove(signer, err);
    if (rc != 0) {
        calls->C_CloseSession(signer->session);
        open_count(signer->pool, false);
    }
    moved(signer);
    return rc;
}

static int connect_token(struct key_signer *signer, struct smki_error *err)
{
    int rc = signer->module == NULL ? pkcs11_module_open(&signer->module, signer->pool->uri.module, err) : 0;

    if (rc != 0)
        return rc;
    moved(signer);
    pkcs11_enter(signer->module, &signer->generation);
    rc = connect_inside(signer, err);
    pkcs11_leave(signer->module);
    signer->connected = rc == 0;
    signer->kept.session = signer->session;
    if (rc == 0)
        pkcs11_session_keep(signer->module, &signer->kept);
    return rc;
}

/* ---- a job ---- */

/* A session was proven when it was made; that it still signs with this key is seen by the last of what it signed. */
static bool last_holds(const struct key_signer *signer, const struct key_job *job, size_t done)
{
    const struct key_pool *pool = signer->pool;

    return spki_verify(BYTES(pool->spki, pool->spki_size), job->digests[done - 1],
                       BYTES(job->signatures[done - 1], job->sizes[done - 1])) == 0;
}

static int sign_inside(struct key_signer *signer, struct key_job *job, size_t *done, struct smki_error *err)
{
    const size_t before = *done;
    CK_RV rv = CKR_OK;

    for (; *done < job->count && rv == CKR_OK; *done += rv == CKR_OK) {
        if (atomic_load(&job->left))
            return smki_fail(err, SMKI_INTERRUPTED, NULL);
        rv = sign_once(signer, job->digests[*done], job->signatures[*done], &job->sizes[*done]);
    }
    if (*done > before && !last_holds(signer, job, *done)) {
        *done = before;
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "what the token signs with the key '%s' does not verify",
                         signer->pool->uri.object);
    }
    return rv == CKR_OK ? 0 : pkcs11_fail(err, 0, rv, "signing with the key '%s' on the token", signer->pool->uri.object);
}

/* With the session that is there. What went wrong with it is known when it is made anew. */
static int sign_all(struct key_signer *signer, struct key_job *job, size_t *done, struct smki_error *err)
{
    unsigned generation;
    int rc;

    pkcs11_enter(signer->module, &generation);
    if (generation == signer->generation)
        rc = sign_inside(signer, job, done, err);
    else
        rc = pkcs11_fail(err, 0, CKR_SESSION_HANDLE_INVALID, "the session");
    pkcs11_leave(signer->module);
    return rc;
}

/* What a new session would not change. */
static bool is_lasting(int code)
{
    return code == SMKI_TOKEN_PIN || code == SMKI_TOKEN_PIN_LOCKED || code == SMKI_TOKEN_PIN_EXPIRED || code == SMKI_KEY_MISMATCH ||
           code == SMKI_KEY_UNREADABLE || code == SMKI_KEY_PERMISSIONS || code == SMKI_NO_MEMORY;
}

/* A session that failed is made anew, once, or as often as it has signed something before; a module that others have finalised, or that no
 * longer sees the token, is initialised anew. */
int key_session_serve(struct key_signer *signer, struct key_job *job, struct smki_error *err)
{
    size_t done = 0;
    int rc = 0;

    for (int attempt = 0; attempt < 2; attempt++) {
        const size_t before = done;

        if ((signer->connected || (rc = connect_token(signer, err)) == 0) && (rc = sign_all(signer, job, &done, err)) == 0)
            return 0;
        if (atomic_load(&job->left))
            return rc;
        disconnect(signer);
        if (is_lasting(rc) || signer->turned_away || signer->module == NULL)
            return rc;
        pkcs11_module_renew(signer->module);
        if (done > before)
            attempt = 0;
    }
    return rc;
}

void key_session_end(struct key_signer *signer)
{
    disconnect(signer);
    pkcs11_module_close(signer->module);
}
