/* See report.h. */
#include "report.h"

#include <smki/p256.h>
#include <smki/smki.h>

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_WIDTH 56

struct report {
    bool json;
    cJSON *all, *bars;
    cJSON *row; /* NULL: none is open */
    bool row_began;
};

static double load_now(void)
{
    double load = 0;

    return getloadavg(&load, 1) == 1 ? load : 0;
}

/* As many digits as are worth reading. */
static const char *number_words(double value, char out[40])
{
    const double size = value == floor(value) ? 100 : fabs(value); /* what is counted has no digits behind the point */

    snprintf(out, 40, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3, value);
    return out;
}

static double number_round(double value)
{
    char text[40];

    snprintf(text, sizeof(text), "%.5g", value);
    return strtod(text, NULL);
}

static cJSON *target(struct report *report)
{
    return report->row != NULL ? report->row : report->all;
}

struct report *report_open(const struct call *call, const char *format, ...)
{
    struct report *report = calloc(1, sizeof(*report));
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    char title[200];
    va_list arguments;

    if (report == NULL)
        return NULL;
    va_start(arguments, format);
    vsnprintf(title, sizeof(title), format, arguments);
    va_end(arguments);
    *report = (struct report){.json = call->json, .all = cJSON_CreateObject(), .bars = cJSON_CreateArray()};
    cJSON_AddStringToObject(report->all, "bench", call->command->name);
    cJSON_AddStringToObject(report->all, "title", title);
    cJSON_AddStringToObject(report->all, "version", smki_version());
    cJSON_AddStringToObject(report->all, "provider", smki_p256_name());
    cJSON_AddNumberToObject(report->all, "cores", (double)cores);
    cJSON_AddNumberToObject(report->all, "load_before", number_round(load_now()));
    report_note(report, "bench %s: %s", call->command->name, title);
    report_note(report, "libsmki %s, P-256 by %s, %ld cores, load %.2f", smki_version(), smki_p256_name(), cores, load_now());
    return report;
}

void report_note(struct report *report, const char *format, ...)
{
    va_list arguments;

    if (report->json)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* "words   12.3 ms" on a line of its own, or in a row after the others. */
static void words_print(struct report *report, const char *text, const char *value, const char *unit)
{
    if (report->json)
        return;
    if (report->row == NULL)
        printf("  %-*s %10s %-5s", WORDS_WIDTH, text, value, unit);
    else
        printf("%s%s %s%s%s", report->row_began ? ", " : "", text, value, unit[0] != '\0' ? " " : "", unit);
    report->row_began = true;
}

static void line_end(struct report *report)
{
    if (report->json || report->row != NULL)
        return;
    putchar('\n');
    fflush(stdout);
}

void report_figure(struct report *report, const char *key, double value, const char *unit, const char *text)
{
    char number[40];

    cJSON_AddNumberToObject(target(report), key, number_round(value));
    words_print(report, text, number_words(value, number), unit);
    line_end(report);
}

void report_word(struct report *report, const char *key, const char *value, const char *text)
{
    cJSON_AddStringToObject(target(report), key, value);
    if (report->json)
        return;
    if (report->row != NULL)
        printf("%s%s", report->row_began ? ", " : "", value);
    else
        printf("  %-*s %s", WORDS_WIDTH, text, value);
    report->row_began = true;
    line_end(report);
}

void report_bar(struct report *report, const char *key, double value, const char *unit, enum report_sense sense, double bar,
                const char *text)
{
    const bool met = sense == AT_LEAST ? value >= bar : value < bar;
    cJSON *object = cJSON_CreateObject();
    char number[40];

    cJSON_AddStringToObject(object, "name", key);
    cJSON_AddNumberToObject(object, "value", number_round(value));
    cJSON_AddStringToObject(object, "unit", unit);
    cJSON_AddStringToObject(object, "sense", sense == AT_LEAST ? "at least" : "below");
    cJSON_AddNumberToObject(object, "bar", bar);
    cJSON_AddBoolToObject(object, "met", met);
    cJSON_AddItemToArray(report->bars, object);
    cJSON_AddNumberToObject(target(report), key, number_round(value));
    words_print(report, text, number_words(value, number), unit);
    if (!report->json)
        printf("%sbar %s %s%s%s: %s", report->row != NULL ? " (" : " ", sense == AT_LEAST ? ">=" : "<", number_words(bar, number),
               unit[0] != '\0' ? " " : "", unit, met ? "met" : "MISSED");
    if (!report->json && report->row != NULL)
        putchar(')');
    line_end(report);
}

void report_row(struct report *report, const char *key, const char *title)
{
    cJSON *list = cJSON_GetObjectItem(report->all, key);

    if (list == NULL)
        list = cJSON_AddArrayToObject(report->all, key);
    report->row = cJSON_CreateObject();
    report->row_began = false;
    cJSON_AddItemToArray(list, report->row);
    cJSON_AddStringToObject(report->row, "name", title);
    if (!report->json)
        printf("  %-34s ", title);
}

void report_row_end(struct report *report)
{
    report->row = NULL;
    line_end(report);
}

int report_close(struct report *report, struct call *call)
{
    int rc = 0;

    cJSON_AddNumberToObject(report->all, "load_after", number_round(load_now()));
    cJSON_AddItemToObject(report->all, "bars", report->bars);
    report->bars = NULL;
    report_note(report, "load at the end %.2f", load_now());
    if (report->json) {
        rc = json_print(call, report->all);
        report->all = NULL;
    }
    report_drop(report);
    return rc;
}

void report_drop(struct report *report)
{
    if (report == NULL)
        return;
    cJSON_Delete(report->bars);
    cJSON_Delete(report->all);
    free(report);
}
