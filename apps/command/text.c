/* Text for people: tables, facts, moments, durations, sizes. */
#include "command/command_i.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FACT_WIDTH 20

char *text_tame(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++)
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)) /* C0, DEL, and C1 in UTF-8 */
            *at = '?';
    return text;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* not a continuation octet */
    return width;
}

/* ---- tables ---- */

void table_start(struct table *table, const char *const *headings)
{
    *table = (struct table){.headings = headings};
    while (table->columns < TABLE_MAX_COLUMNS && headings[table->columns] != NULL)
        table->columns++;
}

static bool table_grow(struct table *table)
{
    size_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
    char **cells;

    if (table->count < table->capacity)
        return true;
    if ((cells = realloc(table->cells, capacity * sizeof(*cells))) == NULL)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void table_add(struct table *table, const char *format, ...)
{
    char *cell = NULL;
    va_list values;

    va_start(values, format);
    if (vasprintf(&cell, format, values) < 0)
        cell = NULL;
    va_end(values);
    if (cell == NULL || !table_grow(table)) {
        free(cell);
        table->failed = true;
        return;
    }
    table->cells[table->count++] = text_tame(cell);
}

void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}

static bool on_the_right(const struct table *table, size_t column)
{
    return table->headings[column][0] == '>';
}

static const char *heading(const struct table *table, size_t column)
{
    return table->headings[column] + on_the_right(table, column);
}

static void cell_print(const struct table *table, size_t column, const char *text, size_t width)
{
    int space = (int)(width - text_width(text));

    if (on_the_right(table, column))
        printf("%*s%s", space, "", text);
    else if (column + 1 < table->columns)
        printf("%s%*s", text, space, "");
    else
        printf("%s", text);
    printf(column + 1 < table->columns ? "  " : "\n");
}

static void rows_print(const struct table *table)
{
    size_t width[TABLE_MAX_COLUMNS];

    for (size_t i = 0; i < table->columns; i++)
        width[i] = text_width(heading(table, i));
    for (size_t i = 0; i < table->count; i++) {
        size_t needed = text_width(table->cells[i]), column = i % table->columns;
        width[column] = needed > width[column] ? needed : width[column];
    }
    for (size_t i = 0; i < table->columns; i++)
        cell_print(table, i, heading(table, i), width[i]);
    for (size_t i = 0; i < table->count; i++)
        cell_print(table, i % table->columns, table->cells[i], width[i % table->columns]);
}

int table_print(struct table *table, struct call *call, const char *empty)
{
    int rc = table->failed ? call_fail(call, SMKI_NO_MEMORY, NULL) : 0;

    if (rc == 0 && table->count == 0)
        printf("%s\n", empty);
    else if (rc == 0)
        rows_print(table);
    table_finish(table);
    return rc;
}

int table_list(struct call *call, const char *const *headings, int (*walk)(struct call *call, struct table *table, struct json_list *list),
               const char *empty)
{
    struct json_list list;
    struct table table;
    int rc;

    table_start(&table, headings);
    if (call->json)
        json_list_start(&list);
    rc = walk(call, &table, &list);
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, empty);
    table_finish(&table);
    return rc;
}

void fact_print(const char *name, const char *format, ...)
{
    char text[1024];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    printf("%-*s %s\n", FACT_WIDTH, name, text[0] != '\0' ? text_tame(text) : "-");
}

/* ---- moments, durations, sizes ---- */

const char *time_words(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE])
{
    const struct smki_time no_end = {INT64_C(253402300799) * SMKI_SECOND}; /* 99991231235959Z (RFC 5280 4.1.2.5) */
    struct smki_civil uk = smki_time_to_uk(time);

    if (time.us == 0)
        snprintf(out, SMKI_TIME_TEXT_SIZE, "-");
    else if (time.us >= no_end.us)
        snprintf(out, SMKI_TIME_TEXT_SIZE, "no end");
    else
        snprintf(out, SMKI_TIME_TEXT_SIZE, "%04d-%02u-%02u %02u:%02u:%02u %s", (int)uk.year, uk.month, uk.day, uk.hour, uk.minute,
                 uk.second, smki_time_is_bst(time) ? "BST" : "GMT");
    return out;
}

const char *duration_words(double seconds, char out[DURATION_TEXT_SIZE])
{
    unsigned long whole = seconds > 0 && seconds < 4e9 ? (unsigned long)(seconds + 0.5) : 0;

    if (seconds >= 4e9)
        snprintf(out, DURATION_TEXT_SIZE, "very long");
    else if (whole < 60)
        snprintf(out, DURATION_TEXT_SIZE, "%lu s", whole);
    else if (whole < 3600)
        snprintf(out, DURATION_TEXT_SIZE, "%lu min %02lu s", whole / 60, whole % 60);
    else if (whole < 48 * 3600)
        snprintf(out, DURATION_TEXT_SIZE, "%lu h %02lu min", whole / 3600, whole / 60 % 60);
    else
        snprintf(out, DURATION_TEXT_SIZE, "%lu days", whole / 86400);
    return out;
}

const char *size_words(uint64_t octets, char out[DURATION_TEXT_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)octets / 1024;
    size_t unit = 0;

    if (octets < 1024) {
        snprintf(out, DURATION_TEXT_SIZE, "%u octets", (unsigned)octets);
        return out;
    }
    while (size >= 1024 && unit + 1 < COUNT_OF(units)) {
        size /= 1024;
        unit++;
    }
    snprintf(out, DURATION_TEXT_SIZE, "%.1f %s", size, units[unit]);
    return out;
}
