/* Comments become spaces before cJSON reads the text. cJSON_Minify takes the same two forms, but loses the lines that errors should name,
 * takes the end of "x\\" for an escaped quote, and joins 10 20 to 1020 (1.7.15). */
#include "base/base_i.h"

#include <string.h>

/* The first character after the string that begins at `at`; the NUL when it is not closed, which cJSON will say. */
static char *string_end(char *at)
{
    for (at++; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
    }
    return *at == '"' ? at + 1 : at;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++)
        *from = *from == '\n' || *from == '\r' ? *from : ' ';
}

size_t line_of(const char *text, const char *at)
{
    size_t line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

int comments_blank(char *text, struct smki_error *err)
{
    char *at = text, *end;

    while (*at != '\0') {
        if (*at == '"') {
            at = string_end(at);
        } else if (at[0] == '/' && at[1] == '/') {
            end = at + strcspn(at, "\n");
            blank(at, end);
            at = end;
        } else if (at[0] == '/' && at[1] == '*') {
            if ((end = strstr(at + 2, "*/")) == NULL)
                return smki_fail(err, SMKI_CONFIG_INVALID, "line %zu: the comment that begins here is not closed with */",
                                 line_of(text, at));
            blank(at, end + 2);
            at = end + 2;
        } else {
            at++;
        }
    }
    return 0;
}
