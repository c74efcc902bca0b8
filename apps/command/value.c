/* The kinds of values: what each looks like, and what it is. */
#include "command/command_i.h"

#include <string.h>

static bool wrong(struct smki_error *why, const char *text, const char *kind)
{
    why->code = SMKI_INVALID_ARGUMENT;
    snprintf(why->text, sizeof(why->text), "'%s' is not %s", text, kind);
    text_tame(why->text);
    return false;
}

/* Decimal digits that fit `max`. */
static bool number_read(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;

    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)(unsigned char)*text - '0';
        if (digit > 9 || number > (max - digit) / 10)
            return false;
        number = 10 * number + digit;
    }
    *out = number;
    return true;
}

static bool word_check(const struct command_value *value, const char *text, struct smki_error *why)
{
    char list[256] = "";
    const char *near;
    size_t count = 0;

    for (; value->words[count] != NULL; count++) {
        if (strcmp(value->words[count], text) == 0)
            return true;
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", count > 0 ? ", " : "", value->words[count]);
    }
    why->code = SMKI_INVALID_ARGUMENT;
    if ((near = smki_nearest_word(text, value->words, count)) != NULL)
        snprintf(why->text, sizeof(why->text), "'%s' is not known, did you mean '%s'", text, near);
    else
        snprintf(why->text, sizeof(why->text), "'%s' is not one of %s", text, list);
    text_tame(why->text);
    return false;
}

bool value_check(const struct command_value *value, const char *text, struct smki_error *why)
{
    struct smki_device_id eui;
    struct smki_serial serial;
    struct smki_time time;
    uint64_t number;

    if (text[0] == '\0')
        return wrong(why, text, "a value: it is empty");
    switch (value->kind) {
    case VALUE_NUMBER:
        if (text[strspn(text, "0123456789")] == '\0' && !number_read(text, UINT64_MAX, &number))
            return wrong(why, text, "a number that fits: the largest is 18446744073709551615");
        return number_read(text, UINT64_MAX, &number) || wrong(why, text, "a number (digits only)");
    case VALUE_COUNT:
        return number_read(text, UINT32_MAX, &number) || wrong(why, text, "a number from 0 to 4294967295");
    case VALUE_TIME:
        return smki_time_parse(&time, text, why) == 0;
    case VALUE_EUI:
        return smki_device_id_parse(&eui, text, why) == 0;
    case VALUE_SERIAL:
        return smki_serial_parse(&serial, text, why) == 0;
    case VALUE_WORD:
        return word_check(value, text, why);
    case VALUE_FLAG:
    case VALUE_TEXT:
    case VALUE_FILE:
    case VALUE_FOLDER:
        break;
    }
    return true;
}

const char *value_shown(const struct command_value *value)
{
    static const char *const shown[] = {
        [VALUE_TEXT] = "TEXT", [VALUE_NUMBER] = "N",      [VALUE_COUNT] = "N",   [VALUE_TIME] = "TIME",  [VALUE_EUI] = "EUI",
        [VALUE_WORD] = "WORD", [VALUE_SERIAL] = "SERIAL", [VALUE_FILE] = "FILE", [VALUE_FOLDER] = "DIR",
    };

    return value->shown != NULL ? value->shown : shown[value->kind];
}

uint64_t value_number(const char *text)
{
    uint64_t number = 0;

    return text != NULL && number_read(text, UINT64_MAX, &number) ? number : 0;
}

struct smki_device_id value_eui(const char *text)
{
    struct smki_device_id eui = {0};

    return text != NULL && smki_device_id_parse(&eui, text, NULL) == 0 ? eui : (struct smki_device_id){0};
}

struct smki_serial value_serial(const char *text)
{
    struct smki_serial serial = {0};

    return text != NULL && smki_serial_parse(&serial, text, NULL) == 0 ? serial : (struct smki_serial){0};
}

uint64_t call_number(const struct call *call, const char *option)
{
    return value_number(call_text(call, option));
}

struct smki_time call_time(const struct call *call, const char *option)
{
    const char *text = call_text(call, option);
    struct smki_time time = {0};

    return text != NULL && smki_time_parse(&time, text, NULL) == 0 ? time : (struct smki_time){0};
}
