/* Building objects: what was not made whole is not sent. */
#include "portal/portal_i.h"

bool json_add(cJSON *object, const char *name, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToObject(object, name, item))
        return true;
    cJSON_Delete(item);
    return false;
}

bool json_push(cJSON *array, cJSON *item)
{
    if (item != NULL && array != NULL && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

bool json_add_text(cJSON *object, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return cJSON_AddNullToObject(object, name) != NULL;
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

cJSON *json_whole(cJSON *object, bool ok)
{
    if (ok)
        return object;
    cJSON_Delete(object);
    return NULL;
}
