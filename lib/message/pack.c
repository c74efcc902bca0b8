/* Batches as a Party makes them: CSRs in, a SubmitCSRBatch document (IDS App. E) or a zip of .csr files (interfaces.md 4) out. Nothing
 * stands under the path before it is whole. */
#include "message/archive_i.h"
#include "message/name_set_i.h"
#include "message/text_i.h"
#include "message/xml_writer_i.h"

#include <smki/certificate.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REF_MAX     256 /* characters: BatchRef */
#define CSR_REF_MAX 100 /* characters: EntryRef */

struct smki_pack {
    enum smki_batch_form form;
    char path[PATH_MAX], temporary[PATH_MAX];
    uint32_t count;
    struct name_set names;
    FILE *file; /* under the temporary name, until it is whole */
    struct xml_writer writer;
    bool writing;
    struct archive archive;
    int rc; /* the first failure; nothing goes in after it */
};

/* ---- the file ---- */

static int file_begin(struct smki_pack *pack, struct smki_error *err)
{
    const int fd = mkostemp(pack->temporary, O_CLOEXEC);
    int errnum;

    if (fd >= 0 && (pack->file = fdopen(fd, "wb")) != NULL)
        return 0;
    errnum = errno;
    if (fd >= 0) {
        close(fd);
        unlink(pack->temporary);
    }
    return smki_fail_errno(err, errnum, "cannot create a file beside %s", pack->path);
}

static int file_publish(struct smki_pack *pack, struct smki_error *err)
{
    int errnum = 0;

    if (fflush(pack->file) != 0 || fchmod(fileno(pack->file), 0644) != 0 || fsync(fileno(pack->file)) != 0)
        errnum = errno;
    if (fclose(pack->file) != 0 && errnum == 0)
        errnum = errno;
    pack->file = NULL;
    if (errnum == 0 && rename(pack->temporary, pack->path) != 0)
        errnum = errno;
    if (errnum != 0) {
        unlink(pack->temporary);
        return smki_fail_errno(err, errnum, "cannot write %s", pack->path);
    }
    return parent_sync(pack->path, err);
}

/* ---- XML ---- */

static int sink_to_file(void *context, struct smki_bytes bytes, struct smki_error *err)
{
    struct smki_pack *pack = context;

    return fwrite(bytes.at, 1, bytes.size, pack->file) == bytes.size ? 0 : smki_fail_errno(err, errno, "cannot write %s", pack->path);
}

static int document_begin(struct smki_pack *pack, const char *ref, struct smki_error *err)
{
    size_t length = text_length(ref, strlen(ref));
    int rc;

    if (length < 1 || length > REF_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the ID of a batch has 1 to %d characters (IDS App. E)", REF_MAX);
    if ((rc = file_begin(pack, err)) != 0)
        return rc;
    if ((rc = xml_open(&pack->writer, sink_to_file, pack, NULL)) != 0)
        return smki_fail(err, rc, NULL);
    pack->writing = true;
    xml_raw(&pack->writer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SubmitCSRBatch ID=\"");
    xml_text(&pack->writer, ref);
    xml_raw(&pack->writer, "\">\n<Version>1.0</Version>\n");
    return 0;
}

static int document_add(struct smki_pack *pack, const char *name, struct smki_bytes der, struct smki_error *err)
{
    if (!text_is_ncname(name, strlen(name)) || text_length(name, strlen(name)) > CSR_REF_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT,
                         "\"%.100s\" cannot be a CSR's ID: it must be an XML name (it starts with a letter or _ and goes on with letters, "
                         "digits, - . _) of at most %d characters",
                         name, CSR_REF_MAX);
    xml_raw(&pack->writer, "<DeviceCSR ID=\"");
    xml_text(&pack->writer, name);
    xml_raw(&pack->writer, "\">");
    xml_base64(&pack->writer, der);
    xml_raw(&pack->writer, "</DeviceCSR>\n");
    return pack->writer.rc != 0 ? smki_fail_errno(err, errno, "cannot write %s", pack->path) : 0;
}

static int document_finish(struct smki_pack *pack, struct smki_error *err)
{
    xml_raw(&pack->writer, "</SubmitCSRBatch>\n");
    pack->writing = false;
    if (xml_close(&pack->writer) != 0)
        return smki_fail_errno(err, errno, "cannot write %s", pack->path);
    return file_publish(pack, err);
}

/* ---- zip ---- */

static int archive_begin(struct smki_pack *pack, struct smki_error *err)
{
    int rc = file_begin(pack, err);

    return rc != 0 ? rc : archive_create(&pack->archive, fileno(pack->file), err);
}

/* The source frees what it was made of. */
static int archive_put(struct smki_pack *pack, const char *name, struct smki_buffer *pem, struct smki_error *err)
{
    zip_source_t *source = zip_source_buffer(pack->archive.zip, pem->at, pem->size, 1);
    zip_int64_t at;

    if (source == NULL) {
        smki_buffer_finish(pem);
        return archive_fail(&pack->archive, err);
    }
    if ((at = zip_file_add(pack->archive.zip, name, source, ZIP_FL_ENC_UTF_8)) < 0) {
        zip_source_free(source);
        return archive_fail(&pack->archive, err);
    }
    if (zip_file_set_mtime(pack->archive.zip, (zip_uint64_t)at, pack->archive.entry_time, 0) != 0)
        return archive_fail(&pack->archive, err);
    return 0;
}

static int archive_add(struct smki_pack *pack, const char *name, struct smki_bytes der, struct smki_error *err)
{
    char entry[SMKI_BATCH_CSR_REF_SIZE];
    struct smki_buffer pem = {0};
    int rc;

    if (strchr(name, '/') != NULL || strchr(name, '\\') != NULL || name[0] == '.' || name[0] == '\0' ||
        snprintf(entry, sizeof(entry), "%s.csr", name) >= (int)sizeof(entry))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "\"%.100s\" cannot be the name of an entry in the root of a zip", name);
    if ((rc = smki_pem_encode(&pem, "CERTIFICATE REQUEST", der, err)) != 0) {
        smki_buffer_finish(&pem);
        return rc;
    }
    return archive_put(pack, entry, &pem, err);
}

static int archive_publish(struct smki_pack *pack, struct smki_error *err)
{
    int rc = archive_write(&pack->archive, err);

    return rc != 0 ? smki_error_prefix(err, "%s", pack->path), rc : file_publish(pack, err);
}

/* ---- either ---- */

int smki_pack_open(struct smki_pack **out, const char *path, enum smki_batch_form form, const char *ref, struct smki_error *err)
{
    struct smki_pack *pack = calloc(1, sizeof(*pack));
    int rc;

    *out = NULL;
    if (pack == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    pack->form = form;
    if ((size_t)snprintf(pack->path, sizeof(pack->path), "%s", path) >= sizeof(pack->path) ||
        (size_t)snprintf(pack->temporary, sizeof(pack->temporary), "%s.XXXXXX", path) >= sizeof(pack->temporary))
        rc = smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than a path can be", path);
    else if ((rc = name_set_init(&pack->names, err)) == 0)
        rc = form == SMKI_BATCH_XML ? document_begin(pack, ref, err) : archive_begin(pack, err);
    if (rc != 0) {
        smki_pack_close(pack);
        return rc;
    }
    *out = pack;
    return 0;
}

static int pack_add(struct smki_pack *pack, const char *name, struct smki_bytes der, struct smki_error *err)
{
    bool added = false;
    int rc;

    if (pack->count == SMKI_BATCH_MAX_CSRS)
        return smki_fail(err, SMKI_BATCH_TOO_MANY, "a batch holds at most %d CSRs: make several (IDS 2.3.1.7)", SMKI_BATCH_MAX_CSRS);
    if ((rc = name_set_add(&pack->names, name, strlen(name), &added, err)) != 0)
        return rc;
    if (!added)
        return smki_fail(err, SMKI_ALREADY_EXISTS, "two CSRs are called \"%.100s\"; each needs a name of its own in the batch", name);
    rc = pack->form == SMKI_BATCH_XML ? document_add(pack, name, der, err) : archive_add(pack, name, der, err);
    pack->count += rc == 0;
    return rc;
}

int smki_pack_add(struct smki_pack *pack, const char *name, struct smki_bytes der, struct smki_error *err)
{
    if (pack->rc != 0)
        return smki_fail(err, pack->rc, "an earlier CSR of this batch failed");
    return pack->rc = pack_add(pack, name, der, err);
}

int smki_pack_finish(struct smki_pack *pack, struct smki_error *err)
{
    if (pack->rc != 0)
        return smki_fail(err, pack->rc, "an earlier CSR of this batch failed");
    if (pack->count == 0)
        return smki_fail(err, SMKI_ZIP_EMPTY, "a batch holds at least one CSR");
    return pack->rc = pack->form == SMKI_BATCH_XML ? document_finish(pack, err) : archive_publish(pack, err);
}

void smki_pack_close(struct smki_pack *pack)
{
    if (pack == NULL)
        return;
    if (pack->writing)
        xml_drop(&pack->writer);
    archive_finish(&pack->archive);
    if (pack->file != NULL) {
        fclose(pack->file);
        unlink(pack->temporary);
    }
    name_set_finish(&pack->names);
    free(pack);
}
