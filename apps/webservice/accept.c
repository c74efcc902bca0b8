/* Which of the formats that we have the Accept of a request wants (RFC 9110 12.5.1). */
#include "webservice/web_i.h"

#include "command/command.h"

#include <string.h>
#include <strings.h>

static const struct {
    enum answer_format format;
    const char *type, *subtype;
} offers[] = {
    {ANSWER_XML, "application", "xml"},
    {ANSWER_XML, "text", "xml"},
    {ANSWER_JSON, "application", "json"},
    {ANSWER_HTML, "text", "html"},
};

/* How much an offer is wanted: by weight; of equal ones the one that was named wins over one that a * meant. */
struct wish {
    int named;  /* 0: by no range, 1: by the range of all, 2: "text" and a *, 3: as it is */
    int weight; /* thousandths */
};

struct span {
    const char *at;
    size_t size;
};

static bool is(struct span span, const char *word)
{
    return span.size == strlen(word) && strncasecmp(span.at, word, span.size) == 0;
}

/* What stands before the next of `ends`, without the white space around it; *at moves past that. */
static struct span part_take(const char **at, const char *ends)
{
    static const char white[] = " \t";
    struct span part = {*at + strspn(*at, white), 0};

    part.size = strcspn(part.at, ends);
    *at = part.at + part.size + (part.at[part.size] != '\0');
    while (part.size > 0 && strchr(white, part.at[part.size - 1]) != NULL)
        part.size--;
    return part;
}

/* "0.85": 0 or 1 and at most three digits after the point; what is none weighs nothing. */
static int weight_of(struct span value)
{
    int weight = 0, scale = 1000;

    if (value.size == 0 || value.size > 5 || (value.size > 1 && value.at[1] != '.'))
        return 0;
    for (size_t i = 0; i < value.size; i++) {
        if (i == 1)
            continue;
        if (value.at[i] < '0' || value.at[i] > '9')
            return 0;
        weight += (value.at[i] - '0') * scale;
        scale /= 10;
    }
    return weight <= 1000 ? weight : 0;
}

/* Of the parameters only the weight matters to us. */
static int range_weight(struct span range)
{
    const char *at = range.at;
    int weight = 1000;

    part_take(&at, ";,");
    while (at < range.at + range.size) {
        const struct span parameter = part_take(&at, ";,");

        if (parameter.size >= 2 && strncasecmp(parameter.at, "q=", 2) == 0)
            weight = weight_of((struct span){parameter.at + 2, parameter.size - 2});
    }
    return weight;
}

/* How exactly the range names the offer; 0: not. */
static int range_names(struct span range, size_t offer)
{
    const char *at = range.at;
    const struct span type = part_take(&at, "/;,"), subtype = part_take(&at, ";,");

    if (is(type, "*") && is(subtype, "*"))
        return 1;
    if (!is(type, offers[offer].type))
        return 0;
    return is(subtype, offers[offer].subtype) ? 3 : is(subtype, "*") ? 2 : 0;
}

/* The range that names it most exactly has the say. */
static struct wish wish_for(const char *accept, size_t offer)
{
    struct wish wish = {0};

    while (*accept != '\0') {
        const struct span range = part_take(&accept, ",");
        const int named = range_names(range, offer);

        if (named > wish.named)
            wish = (struct wish){named, range_weight(range)};
    }
    return wish;
}

enum answer_format accept_format(const char *accept)
{
    enum answer_format format = ANSWER_XML;
    struct wish best = {0};

    for (size_t offer = 0; accept != NULL && offer < COUNT_OF(offers); offer++) {
        const struct wish wish = wish_for(accept, offer);

        if (wish.weight > best.weight || (wish.weight != 0 && wish.weight == best.weight && wish.named > best.named)) {
            best = wish;
            format = offers[offer].format;
        }
    }
    return format;
}
