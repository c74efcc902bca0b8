/* Inventories as CSV (RFC 4180), through libcsv: header line, quoted fields, LF or CR LF.
 *
 * libcsv does not count lines, so the file is fed to it line by line. No value of ours spans lines, so a row that a line leaves open is a
 * quote that was not closed. Its callbacks cannot fail: the first refusal is kept, and the rest of that line is passed over. */
#include "registry/inventory_i.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CSV_LINE_MAX   4096u /* octets: six short cells, with room */
#define CSV_BLOCK      (64u << 10)
#define CSV_COLUMN_MAX 64

struct csv_reading {
    struct inventory *inventory;
    struct csv_parser parser;
    struct smki_error err; /* the first refusal */
    uint64_t line;
    size_t line_size; /* octets of this line so far */
    size_t cell;      /* of the row, from 0 */
    bool has_header, row_open;
    enum inventory_column columns[CSV_COLUMN_MAX];
    size_t column_count;
    struct inventory_row row;
};

static void refuse_at(struct csv_reading *reading, const char *column)
{
    if (column != NULL)
        smki_error_prefix(&reading->err, "line %llu, column %s", (unsigned long long)reading->line, column);
    else
        smki_error_prefix(&reading->err, "line %llu", (unsigned long long)reading->line);
}

static void header_cell(struct csv_reading *reading, const char *text)
{
    enum inventory_column column;

    if (reading->cell == CSV_COLUMN_MAX) {
        (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "more than %d columns", CSV_COLUMN_MAX);
        return;
    }
    if (inventory_column_find(&column, text, &reading->err) != 0)
        return;
    for (size_t i = 0; i < reading->column_count; i++) {
        if (reading->columns[i] == column) {
            (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "the column %s is there twice", inventory_column_name(column));
            return;
        }
    }
    reading->columns[reading->column_count++] = column;
}

static void row_cell(struct csv_reading *reading, const char *text)
{
    if (reading->cell >= reading->column_count)
        return; /* counted, and refused at the end of the row */
    if (inventory_cell(reading->inventory, &reading->row, reading->columns[reading->cell], text, &reading->err) != 0)
        refuse_at(reading, inventory_column_name(reading->columns[reading->cell]));
}

/* libcsv: a cell ends. With CSV_APPEND_NULL the text is closed by NUL. */
static void cell_end(void *at, size_t size, void *context)
{
    struct csv_reading *reading = context;

    if (reading->err.code != 0)
        return;
    reading->row_open = true;
    if (strlen(at) != size) {
        (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "a cell has an octet of value 0; the file must be text in UTF-8");
        refuse_at(reading, NULL);
    } else if (reading->has_header) {
        row_cell(reading, at);
    } else {
        header_cell(reading, at);
        if (reading->err.code != 0)
            refuse_at(reading, NULL);
    }
    reading->cell++;
}

static int header_end(struct csv_reading *reading)
{
    reading->has_header = true;
    for (size_t i = 0; i < reading->column_count; i++) {
        if (reading->columns[i] == COLUMN_DEVICE_ID)
            return 0;
    }
    return smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "the header has no column device_id");
}

static int row_take(struct csv_reading *reading)
{
    if (reading->cell != reading->column_count)
        return smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "%zu cells, but the header has %zu columns", reading->cell,
                         reading->column_count);
    return inventory_take(reading->inventory, &reading->row, reading->line, &reading->err);
}

/* libcsv: a row ends. Empty lines do not come here. */
static void row_end(int terminator, void *context)
{
    struct csv_reading *reading = context;

    (void)terminator;
    if (reading->err.code != 0)
        return;
    if ((reading->has_header ? row_take(reading) : header_end(reading)) != 0)
        refuse_at(reading, NULL);
    reading->cell = 0;
    reading->row_open = false;
    reading->row = (struct inventory_row){0};
}

static int parse_error(struct csv_reading *reading)
{
    if (csv_error(&reading->parser) == CSV_EPARSE)
        (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "a quote stands where none can be; quotes inside a quoted cell are doubled");
    else
        (void)smki_fail(&reading->err, SMKI_NO_MEMORY, NULL);
    refuse_at(reading, NULL);
    return reading->err.code;
}

static int line_end(struct csv_reading *reading)
{
    if (reading->row_open || reading->parser.quoted != 0) {
        (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "a quoted cell is not closed on its line");
        refuse_at(reading, NULL);
        return reading->err.code;
    }
    reading->line++;
    reading->line_size = 0;
    return 0;
}

/* A line or a part of one; `complete` when it ends with LF. */
static int feed(struct csv_reading *reading, const char *at, size_t size, bool complete)
{
    reading->line_size += size;
    if (reading->line_size > CSV_LINE_MAX) {
        (void)smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "longer than %u octets; is it CSV, with lines that end with LF or CR LF?",
                        CSV_LINE_MAX);
        refuse_at(reading, NULL);
        return reading->err.code;
    }
    if (csv_parse(&reading->parser, at, size, cell_end, row_end, reading) != size)
        return reading->err.code != 0 ? reading->err.code : parse_error(reading);
    if (reading->err.code != 0)
        return reading->err.code;
    return complete ? line_end(reading) : 0;
}

static int feed_block(struct csv_reading *reading, const char *at, size_t size)
{
    int rc;

    while (size != 0) {
        const char *lf = memchr(at, '\n', size);
        size_t piece = lf != NULL ? (size_t)(lf - at) + 1 : size;
        if ((rc = feed(reading, at, piece, lf != NULL)) != 0)
            return rc;
        at += piece;
        size -= piece;
    }
    return 0;
}

/* The octets EF BB BF that spreadsheets put before UTF-8. */
static size_t mark_size(const char *at, size_t size)
{
    return size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static int read_blocks(struct csv_reading *reading, FILE *file, char *block, struct sha256_stream *hash)
{
    size_t size;
    bool first = true;
    int rc;

    while ((size = fread(block, 1, CSV_BLOCK, file)) != 0) {
        size_t skip = first ? mark_size(block, size) : 0;
        sha256_add(hash, block, size);
        if ((rc = feed_block(reading, block + skip, size - skip)) != 0)
            return rc;
        first = false;
    }
    if (ferror(file))
        return smki_fail_errno(&reading->err, errno, "cannot read %s", reading->inventory->path);
    if (csv_fini(&reading->parser, cell_end, row_end, reading) != 0)
        return parse_error(reading);
    if (reading->err.code == 0 && !reading->has_header)
        return smki_fail(&reading->err, SMKI_INVENTORY_INVALID, "%s is empty; the first line names the columns", reading->inventory->path);
    return reading->err.code;
}

int inventory_read_csv(struct inventory *inventory, FILE *file, uint8_t sha256[SHA256_SIZE], struct smki_error *err)
{
    struct csv_reading reading = {.inventory = inventory, .line = 1};
    struct sha256_stream hash;
    char *block = malloc(CSV_BLOCK);
    int rc;

    if (block == NULL || csv_init(&reading.parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        free(block);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    sha256_start(&hash);
    rc = read_blocks(&reading, file, block, &hash);
    sha256_end(&hash, sha256);
    csv_free(&reading.parser);
    free(block);
    if (rc != 0 && err != NULL)
        *err = reading.err;
    return rc;
}
