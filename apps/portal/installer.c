/* The download area of the Authentication Client (interfaces.md 8): for anybody. */
#include "portal/portal_i.h"

#include <smki/installer.h>

#include <string.h>

int installer_list_answer(struct serve_request *request, struct smki_error *err)
{
    char base[SMKI_CONFIG_TEXT_SIZE] = "";
    cJSON *json = NULL;
    int rc;

    for (size_t i = 0; i < PORTAL_SITES; i++) {
        if (portal_sites[i].part == PART_DOWNLOAD)
            site_url(base, sizeof(base), request, i);
    }
    rc = smki_installer_updates(&json, serve_service(request), base, err);
    return rc != 0 ? rc : answer_json(request, 200, json);
}

static int sha256_reply(struct serve_request *request, uint64_t number, struct smki_error *err)
{
    struct smki_installer installer;
    char line[SMKI_SHA256_LINE_SIZE], name[SMKI_FILE_NAME_SIZE + 8];
    struct smki_buffer body = {0};
    int rc = smki_installer_find(serve_service(request), number, &installer, err);

    if (rc == 0)
        rc = smki_buffer_printf(&body, err, "%s", smki_installer_sha256_line(&installer, line));
    if (rc != 0)
        return rc;
    snprintf(name, sizeof(name), "%s.sha256", installer.name);
    answer_headers(request, true);
    answer_file_name(request, name);
    return serve_reply(request, 200, "text/plain;charset=UTF-8", &body);
}

static int part_reply(struct serve_request *request, uint64_t number, enum smki_installer_part part, struct smki_error *err)
{
    const bool signature = part == SMKI_INSTALLER_SIGNATURE;
    char name[SMKI_FILE_NAME_SIZE + 8];
    struct smki_installer installer;
    int fd, rc = smki_installer_open(serve_service(request), number, part, &fd, &installer, err);

    if (rc != 0)
        return rc;
    snprintf(name, sizeof(name), "%s%s", installer.name, signature ? ".p7s" : "");
    return file_reply(request, fd, signature ? installer.signature_size : installer.size,
                      signature ? "application/pkcs7-signature" : "application/octet-stream", name);
}

/* /files/7, /files/7.p7s, /files/7.sha256 */
int installer_answer(struct serve_request *request, struct smki_error *err)
{
    const char *name = path_last(request), *end = name + strcspn(name, ".");
    const uint64_t number = path_number(name, end);

    if (number != 0 && strcmp(end, ".sha256") == 0)
        return sha256_reply(request, number, err);
    if (number != 0 && strcmp(end, ".p7s") == 0)
        return part_reply(request, number, SMKI_INSTALLER_SIGNATURE, err);
    return number != 0 && end[0] == '\0' ? part_reply(request, number, SMKI_INSTALLER_FILE, err) : SMKI_NOT_FOUND;
}
