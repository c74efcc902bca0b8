/* smki errors: the one list of refusals, for readers. */
#include "smki/smki_i.h"

static void refusal_row(struct table *table, const struct smki_refusal *refusal)
{
    table_add(table, "%d", -refusal->code);
    table_add(table, "%s", refusal->name);
    table_add(table, "%s", smki_status_word(refusal->status));
    table_add(table, "%s", refusal->wire_code);
    table_add(table, "%d", refusal->http_status);
    table_add(table, "%s", refusal->text);
}

static cJSON *refusal_json(const struct smki_refusal *refusal)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddNumberToObject(json, "number", -refusal->code) != NULL &&
        cJSON_AddStringToObject(json, "name", refusal->name) != NULL &&
        cJSON_AddStringToObject(json, "status", smki_status_word(refusal->status)) != NULL &&
        cJSON_AddStringToObject(json, "code", refusal->wire_code) != NULL &&
        cJSON_AddNumberToObject(json, "http_status", refusal->http_status) != NULL &&
        cJSON_AddStringToObject(json, "text", refusal->text) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* apps/smki/errors.md is what this prints; the test errors_md holds the two together. */
static int markdown_print(const struct smki_refusal *list, size_t count)
{
    puts("# Every way to say no\n\n"
         "Made from the list in include/smki/error.h by `smki errors --markdown` (`meson compile -C build-tests errors-md`).\n\n"
         "- **name**: in messages, JSON and the audit log; in C it is `SMKI_<name>`, the negative of the number.\n"
         "- **status** and **code**: what the web services and the batch report say.\n"
         "- **HTTP**: the status of an HTTP answer.\n\n"
         "| number | name | status | code | HTTP | what it means |\n"
         "|---|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++)
        printf("| %d | %s | %s | %s | %d | %s |\n", -list[i].code, list[i].name, smki_status_word(list[i].status), list[i].wire_code,
               list[i].http_status, list[i].text);
    return 0;
}

static int json_all(struct call *call, const struct smki_refusal *refusals, size_t count)
{
    struct json_list list;
    int rc = 0;

    json_list_start(&list);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = json_list_add(&list, call, refusal_json(&refusals[i]));
    json_list_end(&list);
    return rc;
}

static int errors_list(struct call *call)
{
    static const char *const headings[] = {">NUMBER", "NAME", "STATUS", "CODE", ">HTTP", "WHAT IT MEANS", NULL};
    size_t count;
    const struct smki_refusal *refusals = smki_refusal_list(&count);
    struct table table;

    if (call_has(call, "markdown"))
        return markdown_print(refusals, count);
    if (call->json)
        return json_all(call, refusals, count);
    table_start(&table, headings);
    for (size_t i = 0; i < count; i++)
        refusal_row(&table, &refusals[i]);
    return table_print(&table, call, "");
}

static const struct command_value errors_options[] = {{"markdown", VALUE_FLAG, 0, NULL, "as the table apps/smki/errors.md", NULL}, {0}};

const struct command errors_commands[] = {
    {"errors", "List every refusal: name, wire status and code, what it means", COMMAND_JSON, errors_options, NULL, NULL, errors_list},
    {0},
};
