/* The tables of tests/data/demand: a line a case, fields between blanks, # begins a comment, "-" is none. */
#ifndef TEST_DEMAND_TABLE_H
#define TEST_DEMAND_TABLE_H

#include "smki_test.h"

#include <smki/demand.h>

#define TABLE_FIELDS 8

struct table_case {
    const char *file;
    int line;
    size_t count;
    char *field[TABLE_FIELDS];
};

static inline bool table_split(struct table_case *row, char *line)
{
    char *rest = NULL;

    row->count = 0;
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL; word = strtok_r(NULL, " \t\r", &rest)) {
        assert_true(row->count < TABLE_FIELDS);
        row->field[row->count++] = word;
    }
    return row->count != 0;
}

/* Calls `each` for every case of tests/data/<name>, which must have `fields` fields; returns how many there were. */
static inline unsigned table_run(const char *name, size_t fields, void (*each)(const struct table_case *row))
{
    struct smki_buffer text = {0};
    struct smki_error err = {0};
    struct table_case row = {.file = name};
    unsigned cases = 0;
    char *next;

    test_file(&text, name);
    ASSERT_OK(smki_buffer_append(&text, "", 1, &err), err);
    for (char *line = (char *)text.at; line != NULL; line = next) {
        row.line++;
        if ((next = strchr(line, '\n')) != NULL)
            *next++ = '\0';
        if (!table_split(&row, line))
            continue;
        if (row.count != fields)
            fail_msg("%s:%d has %zu fields, not %zu", name, row.line, row.count, fields);
        each(&row);
        cases++;
    }
    smki_buffer_finish(&text);
    return cases;
}

static inline struct smki_time table_time(const struct table_case *row, size_t field)
{
    const char *text = row->field[field];

    return strcmp(text, "-") == 0 ? (struct smki_time){0} : test_at(text, row->file, row->line);
}

/* The time in this field; "-" stands for INT64_MAX, never. */
static inline void table_expect_time(const struct table_case *row, size_t field, struct smki_time time)
{
    if (strcmp(row->field[field], "-") != 0)
        test_time_equal(time, row->field[field], row->file, row->line);
    else if (time.us != INT64_MAX)
        fail_msg("%s:%d: a time, where never is expected", row->file, row->line);
}

/* "OK", or the name of the code; a refusal says something. */
static inline void table_expect_verdict(const struct table_case *row, size_t field, const struct smki_verdict *verdict)
{
    if (strcmp(test_name_of(verdict->code), row->field[field]) != 0)
        fail_msg("%s:%d: %s, expected %s (%s)", row->file, row->line, test_name_of(verdict->code), row->field[field], verdict->text);
    if ((verdict->text[0] == '\0') != (verdict->code == 0))
        fail_msg("%s:%d: \"%s\" said with %s", row->file, row->line, verdict->text, test_name_of(verdict->code));
}

#endif
