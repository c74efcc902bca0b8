/* What an officer does on the portal, without one: announces extra demand, reports to the Service Desk.
 *
 *   officer HOME notice PARTY portal-batch FROM TO EXPECTED TEXT    prints the notice's number
 *   officer HOME report PEER NAME CONTACT TEXT                      prints the report's number
 *   officer HOME updates BASE                                       prints updates.json */
#include <smki/desk.h>
#include <smki/installer.h>
#include <smki/notice.h>
#include <smki/service.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int notice(struct smki_service *service, char **words, struct smki_error *err)
{
    struct smki_identity identity = {.actor = {.name = "Ann Other", .interface = SMKI_INTERFACE_PORTAL_DEVICE}};
    struct smki_demand_notice extra = {.expected = strtoull(words[4], NULL, 10)};
    int rc;

    identity.actor.party = strtoull(words[0], NULL, 10);
    if (!smki_agreement_rule_find(words[1], &extra.rule))
        return SMKI_INVALID_ARGUMENT;
    if ((rc = smki_time_parse(&extra.from, words[2], err)) != 0 || (rc = smki_time_parse(&extra.to, words[3], err)) != 0)
        return rc;
    snprintf(extra.text, sizeof(extra.text), "%s", words[5]);
    if ((rc = smki_notice_add(service, &identity, &extra, err)) == 0)
        printf("%llu\n", (unsigned long long)extra.number);
    return rc;
}

static int report(struct smki_service *service, char **words, struct smki_error *err)
{
    struct smki_desk_entry entry = {.number = 0};
    int rc;

    snprintf(entry.name, sizeof(entry.name), "%s", words[1]);
    snprintf(entry.contact, sizeof(entry.contact), "%s", words[2]);
    snprintf(entry.text, sizeof(entry.text), "%s", words[3]);
    if ((rc = smki_desk_report(service, NULL, SMKI_INTERFACE_PORTAL_LANDING, SMKI_NETWORK_INTERNET, words[0], &entry, NULL, err)) == 0)
        printf("%llu\n", (unsigned long long)entry.number);
    return rc;
}

static int updates(struct smki_service *service, char **words, struct smki_error *err)
{
    cJSON *json;
    char *text;
    int rc = smki_installer_updates(&json, service, words[0], err);

    if (rc != 0)
        return rc;
    text = cJSON_Print(json);
    cJSON_Delete(json);
    printf("%s\n", text != NULL ? text : "");
    cJSON_free(text);
    return 0;
}

static const struct {
    const char *word;
    int count;
    int (*act)(struct smki_service *service, char **words, struct smki_error *err);
} acts[] = {{"notice", 6, notice}, {"report", 4, report}, {"updates", 1, updates}};

int main(int argc, char **argv)
{
    struct smki_service *service;
    struct smki_error err = {0};
    int rc = SMKI_INVALID_ARGUMENT;

    if (argc < 3)
        return 2;
    if ((rc = smki_service_open(&service, argv[1], NULL, &err)) != 0) {
        fprintf(stderr, "officer: %s: %s\n", smki_refusal_find(rc)->name, err.text);
        return 1;
    }
    rc = SMKI_INVALID_ARGUMENT;
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (strcmp(acts[i].word, argv[2]) == 0 && argc - 3 == acts[i].count)
            rc = acts[i].act(service, argv + 3, &err);
    smki_service_close(service);
    if (rc != 0)
        fprintf(stderr, "officer: %s: %s\n", smki_refusal_find(rc)->name, err.text);
    return rc == 0 ? 0 : 1;
}
