#include "kill/cast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool file_read(struct smki_buffer *out, const char *path)
{
    uint8_t buffer[4096];
    FILE *file = fopen(path, "rb");
    size_t n;
    bool good = file != NULL;

    while (good && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        good = smki_buffer_append(out, buffer, n, NULL) == 0;
    if (file != NULL)
        fclose(file);
    return good;
}

static bool request_read(struct cast_request *request, const char *folder)
{
    struct smki_buffer text = {0};
    char path[4096], label[64];
    bool good;

    snprintf(path, sizeof(path), "%s/%s.csr", folder, request->name);
    good = file_read(&text, path) && smki_pem_decode(&request->der, label, (struct smki_bytes){text.at, text.size}, NULL) == 0;
    smki_buffer_finish(&text);
    if (!good || strcmp(request->code, "OK") != 0)
        return good;
    return smki_csr_read(&request->csr, SMKI_PROFILE_DEVICE, (struct smki_bytes){request->der.at, request->der.size}, NULL) == 0;
}

static struct cast_request *request_of(struct cast *cast, const char *name, const char *code, const char *folder)
{
    struct cast_request *request = cast->request;

    while (request < cast->request + cast->requests && strcmp(request->name, name) != 0)
        request++;
    if (request == cast->request + CAST_REQUESTS)
        return NULL;
    if (request == cast->request + cast->requests) {
        snprintf(request->name, sizeof(request->name), "%s", name);
        snprintf(request->code, sizeof(request->code), "%s", code);
        if (!request_read(request, folder))
            return NULL;
        cast->requests++;
        cast->good += strcmp(code, "OK") == 0;
    }
    return strcmp(request->code, code) == 0 ? request : NULL;
}

/* A line of the table: batch from 1, ID, request, code. */
static bool line_read(struct cast *cast, const char *text, const char *folder)
{
    char name[CAST_NAME], code[CAST_NAME];
    struct cast_line *line = &cast->line[cast->lines];

    if (cast->lines == CAST_LINES || sscanf(text, "%u %31s %31s %31s", &line->batch, line->id, name, code) != 4 || line->batch < 1 ||
        line->batch > CAST_BATCHES)
        return false;
    line->batch--;
    line->index = ++cast->csrs[line->batch];
    line->request = request_of(cast, name, code, folder);
    if (line->request == NULL)
        return false;
    line->request->lines++;
    cast->lines++;
    return true;
}

/* XML or zip, whichever is there. */
static bool document_find(char path[CAST_PATH], const char *folder, unsigned number)
{
    snprintf(path, CAST_PATH, "%s/batch-%u.xml", folder, number);
    if (access(path, R_OK) == 0)
        return true;
    memcpy(strrchr(path, '.'), ".zip", sizeof(".zip"));
    return access(path, R_OK) == 0;
}

static bool documents_find(struct cast *cast, const char *folder)
{
    bool good = true;

    for (unsigned i = 0; i < CAST_BATCHES && good; i++)
        good = document_find(cast->document[i], folder, i + 1);
    return good;
}

bool cast_read(struct cast *cast, const char *folder)
{
    char path[4096], text[256];
    FILE *file;
    bool good;

    snprintf(path, sizeof(path), "%s/cast", folder);
    if ((file = fopen(path, "r")) == NULL)
        return false;
    good = documents_find(cast, folder);
    while (good && fgets(text, sizeof(text), file) != NULL)
        if (!(good = line_read(cast, text, folder)))
            printf("# %s: this line of the cast cannot be read: %s", path, text);
    fclose(file);
    return good;
}

void cast_finish(struct cast *cast)
{
    for (size_t i = 0; i < cast->requests; i++)
        smki_buffer_finish(&cast->request[i].der);
}
