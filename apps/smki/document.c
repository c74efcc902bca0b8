/* smki document ...: the document library (interfaces.md 8). */
#include "smki/smki_i.h"

#include <smki/document.h>

#include <string.h>

int text_take(const struct call *call, const char *option, char *out, size_t size)
{
    const char *text = call_text(call, option);

    out[0] = '\0';
    if (text == NULL)
        return 0;
    if (strlen(text) >= size)
        return call_usage(call, "--%s: at most %zu octets", option, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int document_add(struct call *call)
{
    struct smki_document document = {.date = call_time(call, "date")};
    int rc;

    if ((rc = text_take(call, "title", document.title, sizeof(document.title))) != 0 ||
        (rc = text_take(call, "version", document.version, sizeof(document.version))) != 0)
        return rc;
    if ((rc = smki_document_add(call->service, &call->actor, call_operand(call, 0), &document, &call->err)) == 0)
        printf("%" PRIu64 "\n", document.number);
    return rc;
}

static int document_remove(struct call *call)
{
    return smki_document_remove(call->service, &call->actor, value_number(call_operand(call, 0)), &call->err);
}

static void document_row(struct table *table, const struct smki_document *document)
{
    const struct smki_civil day = smki_time_to_uk(document->date);
    char text[DURATION_TEXT_SIZE];

    table_add(table, "%" PRIu64, document->number);
    table_add(table, "%s", document->title);
    table_add(table, "%s", document->version);
    table_add(table, "%04d-%02u-%02u", (int)day.year, day.month, day.day);
    table_add(table, "%s", size_words(document->size, text));
    table_add(table, "%s", document->name);
}

static int documents_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_document document = {.number = 0};
    int rc;

    while ((rc = smki_document_next(call->service, document.number, &document, &call->err)) == 0) {
        if (!call->json)
            document_row(table, &document);
        else if ((rc = json_list_add(list, call, smki_document_json(&document))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int document_list(struct call *call)
{
    static const char *const headings[] = {">N", "TITLE", "VERSION", "DATE", ">SIZE", "FILE", NULL};

    return table_list(call, headings, documents_walk, "no documents; 'smki document add' puts one in");
}

static const struct command_value add_options[] = {
    {"title", VALUE_TEXT, REQUIRED, "TEXT", "what officers see in the list", NULL},
    {"version", VALUE_TEXT, REQUIRED, "VERSION", "of the document: 2.1", NULL},
    {"date", VALUE_TIME, 0, "DATE", "of the document, such as 2026-11-23; without: today", NULL},
    {0},
};
static const struct command_value file_operand[] = {{"FILE", VALUE_FILE, REQUIRED, NULL, "the document", NULL}, {0}};

const struct command document_commands[] = {
    {"document add", "Put a document into the library; prints its number alone on a line", COMMAND_HOME, add_options, file_operand,
     "The file is copied into the home. Officers read it on the Internet portal.\n\n"
     "Example:\n"
     "  smki document add device-policy.pdf --title \"Device Certificate Policy\" --version 2.1 --date 2026-11-01\n",
     document_add},
    {"document list", "List the documents", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, document_list},
    {"document remove", "Take a document out", COMMAND_HOME, NULL, number_operand, NULL, document_remove},
    {0},
};
