/* --json. */
#include "command/command_i.h"

#include <inttypes.h>

static int text_write(struct call *call, char *text)
{
    if (text == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    fputs(text, stdout);
    cJSON_free(text);
    return 0;
}

int json_print(struct call *call, cJSON *json)
{
    int rc = json != NULL ? text_write(call, cJSON_Print(json)) : call_fail(call, SMKI_NO_MEMORY, NULL);

    if (rc == 0)
        putchar('\n');
    cJSON_Delete(json);
    return rc;
}

void json_list_start(struct json_list *list)
{
    list->any = false;
    putchar('[');
}

int json_list_add(struct json_list *list, struct call *call, cJSON *json)
{
    int rc;

    fputs(list->any ? ",\n" : "\n", stdout);
    list->any = true;
    rc = json != NULL ? text_write(call, cJSON_PrintUnformatted(json)) : call_fail(call, SMKI_NO_MEMORY, NULL);
    cJSON_Delete(json);
    return rc;
}

void json_list_end(struct json_list *list)
{
    fputs(list->any ? "\n]\n" : "]\n", stdout);
}

bool json_add_time(cJSON *object, const char *name, struct smki_time time)
{
    char text[SMKI_TIME_TEXT_SIZE];

    if (time.us == 0)
        return cJSON_AddNullToObject(object, name) != NULL;
    return cJSON_AddStringToObject(object, name, smki_time_text_utc(time, text)) != NULL;
}

bool json_add_number(cJSON *object, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return cJSON_AddRawToObject(object, name, text) != NULL;
}

bool json_add_number_if(cJSON *object, const char *name, uint64_t number)
{
    return number != 0 ? json_add_number(object, name, number) : cJSON_AddNullToObject(object, name) != NULL;
}
