/* Inventories: what is imported, what is refused (tests/data/inventory/refused.txt), and that a refused file changes nothing. */
#include "registry_test.h"

#define EUI_1 "90-B3-D5-1F-30-01-00-00"
#define HEAD  "device_id,type,status,import_supplier,gas_supplier\n"

static int import_bytes(struct store_test *test, const char *name, const void *at, size_t size, struct smki_import_report *report)
{
    char path[TEST_PATH_SIZE];

    test_write(test_path(path, test->folder, name), at, size);
    test->err = (struct smki_error){0};
    return smki_device_import(test->store, &anna, path, report, &test->err);
}

static struct smki_import_report import(struct store_test *test, const char *name, const char *text)
{
    struct smki_import_report report = {0};

    ASSERT_OK(import_bytes(test, name, text, strlen(text), &report), test->err);
    return report;
}

static struct smki_device device(struct store_test *test, const char *id_text)
{
    struct smki_device_id id = eui(id_text);
    struct smki_device found;

    ASSERT_OK(smki_device_find(test->store, &id, &found, &test->err), test->err);
    return found;
}

static uint64_t devices(struct store_test *test)
{
    struct smki_store_statistics statistics;

    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    return statistics.devices;
}

#define EXPECT_REPORT(report, lines_, added_, changed_, same_)                                                                             \
    do {                                                                                                                                   \
        struct smki_import_report r = (report);                                                                                            \
        assert_int_equal(r.lines, (lines_));                                                                                               \
        assert_int_equal(r.added, (added_));                                                                                               \
        assert_int_equal(r.changed, (changed_));                                                                                           \
        assert_int_equal(r.same, (same_));                                                                                                 \
    } while (0)

static void expect_device(const struct smki_device *found, enum smki_device_type type, enum smki_smi_status status,
                          uint64_t import_supplier, uint64_t gas_supplier, uint32_t limit)
{
    assert_int_equal(found->type, type);
    assert_int_equal(found->status, status);
    assert_int_equal(found->import_supplier, import_supplier);
    assert_int_equal(found->gas_supplier, gas_supplier);
    assert_int_equal(found->certificate_limit, limit);
}

static void csv_is_imported(void **state)
{
    struct store_test *test = *state;
    struct smki_device found;

    add_party(test, "One", EUI_1);
    add_party(test, "Two", NULL);
    EXPECT_REPORT(import(test, "a.csv", HEAD "00-DB-12-34-56-78-90-01,ESME,commissioned,1,2\n00db123456789002,type2,pending,,\n"), 2, 2, 0,
                  0);
    found = device(test, "00db123456789001");
    expect_device(&found, SMKI_TYPE_ESME, SMKI_SMI_COMMISSIONED, 1, 2, 0);
    found = device(test, "00db123456789002");
    expect_device(&found, SMKI_TYPE_TYPE2, SMKI_SMI_PENDING, 0, 0, 0);
}

/* A byte order mark, CR LF, quoted cells, columns in another order and other words, empty lines, and no line end at the end. */
static void csv_of_spreadsheets_is_imported(void **state)
{
    struct store_test *test = *state;
    struct smki_device found;

    add_party(test, "One", EUI_1);
    EXPECT_REPORT(import(test, "a.CSV",
                         "\xef\xbb\xbf\"SMI Status\",Gas Supplier,\"Device-ID\",DEVICE_TYPE,certificate_limit\r\n"
                         "\r\n\r\n"
                         "\"Installed Not Commissioned\",90b3d51f30010000,\"00-DB-12-34-56-78-90-01\",esme,250\r\n"
                         "  \r\n"
                         "withdrawn,\"" EUI_1 "\",00DB123456789002, \"GSME\" ,"),
                  2, 2, 0, 0);
    found = device(test, "00db123456789001");
    expect_device(&found, SMKI_TYPE_ESME, SMKI_SMI_INSTALLED_NOT_COMMISSIONED, 0, 1, 250);
    found = device(test, "00db123456789002");
    expect_device(&found, SMKI_TYPE_GSME, SMKI_SMI_WITHDRAWN, 0, 1, 0);
}

static void json_is_imported(void **state)
{
    struct store_test *test = *state;
    struct smki_device found;

    add_party(test, "One", EUI_1);
    EXPECT_REPORT(import(test, "a.json",
                         "\xef\xbb\xbf [ {\"device_id\": \"00DB123456789001\", \"type\": \"CHF\", \"status\": \"recovery\",\n"
                         "\"import_supplier\": 1, \"gas_supplier\": \"" EUI_1 "\", \"certificate_limit\": 5},\n"
                         "{\"status\": null, \"type\": \"\", \"device_id\": \"00-db-12-34-56-78-90-02\"} ]\n"),
                  2, 2, 0, 0);
    found = device(test, "00db123456789001");
    expect_device(&found, SMKI_TYPE_CHF, SMKI_SMI_RECOVERY, 1, 1, 5);
    found = device(test, "00db123456789002");
    expect_device(&found, SMKI_TYPE_UNKNOWN, SMKI_SMI_UNKNOWN, 0, 0, 0);
    EXPECT_REPORT(import(test, "empty.json", "[]"), 0, 0, 0, 0);
}

static void importing_again_changes_nothing(void **state)
{
    static const char file[] = HEAD "00DB123456789001,ESME,commissioned,1,\n00DB123456789002,GSME,suspended,,1\n";
    struct store_test *test = *state;

    add_party(test, "One", EUI_1);
    EXPECT_REPORT(import(test, "a.csv", file), 2, 2, 0, 0);
    EXPECT_REPORT(import(test, "a.csv", file), 2, 0, 0, 2);
    assert_int_equal(devices(test), 2);
}

static void an_import_changes_what_it_says_and_leaves_what_it_does_not(void **state)
{
    struct store_test *test = *state;
    struct smki_device found;

    add_party(test, "One", EUI_1);
    import(test, "a.csv", HEAD "00DB123456789001,ESME,commissioned,1,1\n00DB123456789002,GSME,suspended,,1\n");
    EXPECT_REPORT(import(test, "b.csv", "device_id,status,gas_supplier\n00DB123456789001,withdrawn,\n00DB123456789002,suspended,1\n"), 2, 0,
                  1, 1);
    found = device(test, "00DB123456789001");
    expect_device(&found, SMKI_TYPE_ESME, SMKI_SMI_WITHDRAWN, 1, 0, 0);
}

static void a_raised_limit_survives_an_import_without_limits(void **state)
{
    struct store_test *test = *state;
    struct smki_device_id id = eui("00DB123456789001");
    struct smki_device found;

    import(test, "a.csv", HEAD "00DB123456789001,ESME,pending,,\n");
    ASSERT_OK(smki_device_set_limit(test->store, &anna, &id, 300, &test->err), test->err);
    import(test, "a.csv", HEAD "00DB123456789001,ESME,commissioned,,\n");
    found = device(test, "00DB123456789001");
    expect_device(&found, SMKI_TYPE_ESME, SMKI_SMI_COMMISSIONED, 0, 0, 300);
    import(test, "a.csv", "device_id,certificate_limit\n00DB123456789001,\n");
    assert_int_equal(device(test, "00DB123456789001").certificate_limit, 0);
}

static void of_a_device_listed_twice_the_later_row_counts(void **state)
{
    struct store_test *test = *state;

    EXPECT_REPORT(import(test, "a.csv", "device_id,type\n00DB123456789001,ESME\n00DB123456789001,GSME\n"), 2, 1, 1, 0);
    assert_int_equal(device(test, "00DB123456789001").type, SMKI_TYPE_GSME);
}

/* The override stands before the records of the chunk and of the whole import. */
static void expect_override(struct store_test *test, uint64_t before_end, const char *detail)
{
    struct smki_audit_record record = {0};
    const uint64_t sequence = records(test) - before_end;

    VIEW(test);
    ASSERT_OK(store_record_get(view, sequence, &record, &test->err), test->err);
    VIEW_END;
    assert_int_equal(record.act, SMKI_ACT_OVERRIDE);
    assert_string_equal(record.detail, detail);
    assert_int_equal(record.device_id.octet[7], 1);
}

static void a_limit_that_an_import_changes_is_recorded_as_an_override(void **state)
{
    struct store_test *test = *state;
    uint64_t before;

    import(test, "a.csv", "device_id,certificate_limit\n00DB123456789001,250\n00DB123456789002,\n");
    assert_int_equal(records(test), 3); /* one override, the chunk, the whole */
    expect_override(test, 2, "certificate limit the default -> 250");
    import(test, "a.csv", "device_id,certificate_limit\n00DB123456789001,\n");
    expect_override(test, 2, "certificate limit 250 -> the default");
    before = records(test);
    import(test, "a.csv", "device_id,type\n00DB123456789001,ESME\n"); /* leaves it as it is */
    assert_int_equal(records(test), before + 2);
}

static void an_import_is_recorded_with_the_hash_of_its_file(void **state)
{
    struct store_test *test = *state;

    import(test, "a.csv", "device_id\n00DB123456789001\n");
    expect_record(test, SMKI_ACT_DEVICE_IMPORT, 0, 0,
                  "a.csv: 1 devices, 1 added, 0 changed, 0 the same, "
                  "SHA-256 0b494eb394003174316be071b40a26243371955f854852a745614010b5ead067");
    assert_int_equal(records(test), 2); /* the chunk, and the whole */
}

/* ---- refused ---- */

/* Turns the escapes of the table into octets; the size. */
static size_t octets(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            *to++ = *at == '0' ? '\0' : *at == 'r' ? '\r' : *at;
        } else {
            *to++ = *at;
        }
    }
    return (size_t)(to - text);
}

static void run_refused(struct store_test *test, char *form, char *file)
{
    char *expected = strchr(form, ' ');
    struct smki_import_report report = {.lines = 77};
    size_t size = octets(file);
    int rc;

    assert_non_null(expected);
    *expected++ = '\0';
    rc = import_bytes(test, strcmp(form, "json") == 0 ? "x.json" : "x.csv", file, size, &report);
    if (rc == 0 || rc != test->err.code || strstr(test->err.text, expected) == NULL)
        fail_msg("%s\n    gave %s: \"%s\"\n    expected \"%s\"", file, test_name_of(rc), test->err.text, expected);
    assert_int_equal(report.lines, 77);
}

static void wrong_inventories_are_refused_with_line_and_column_and_nothing_is_stored(void **state)
{
    struct store_test *test = *state;
    struct smki_buffer table = {0};
    size_t cases = 0;
    uint64_t before;
    char *at;

    add_party(test, "One", EUI_1);
    add_party(test, "Two", NULL);
    before = records(test);
    test_file(&table, "inventory/refused.txt");
    ASSERT_OK(smki_buffer_append(&table, "", 1, &test->err), test->err);
    at = strstr((char *)table.at, "\n== ");
    while (at != NULL) {
        char *form = at + 4, *file = strchr(form, '\n'), *next = strstr(file, "\n== ");
        if (next != NULL)
            *next = '\0';
        *file = '\0';
        run_refused(test, form, file < (next != NULL ? next : file + 1) ? file + 1 : file);
        at = next;
        cases++;
    }
    assert_true(cases > 40);
    assert_int_equal(devices(test), 0);
    assert_int_equal(records(test), before);
    smki_buffer_finish(&table);
}

static void a_late_mistake_stores_nothing_of_a_long_file(void **state)
{
    struct store_test *test = *state;
    struct smki_buffer file = {0};
    struct smki_import_report report;

    ASSERT_OK(smki_buffer_printf(&file, &test->err, "device_id,type\n"), test->err);
    for (unsigned i = 0; i < 2 * SMKI_IMPORT_CHUNK; i++)
        ASSERT_OK(smki_buffer_printf(&file, &test->err, "00DB1234%08X,ESME\n", i), test->err);
    ASSERT_OK(smki_buffer_printf(&file, &test->err, "00DB1234FFFFFFFF,X\n"), test->err);
    EXPECT_REFUSED(SMKI_INVENTORY_INVALID, import_bytes(test, "a.csv", file.at, file.size, &report), test->err);
    EXPECT_TEXT(test->err, "line 2002, column type");
    assert_int_equal(devices(test), 0);
    smki_buffer_finish(&file);
}

static void a_line_that_never_ends_is_refused_early(void **state)
{
    struct store_test *test = *state;
    struct smki_import_report report;
    size_t size = 1u << 20;
    char *file = malloc(size);

    assert_non_null(file);
    memset(file, 'x', size);
    EXPECT_REFUSED(SMKI_INVENTORY_INVALID, import_bytes(test, "a.csv", file, size, &report), test->err);
    EXPECT_TEXT(test->err, "line 1: longer than 4096 octets");
    free(file);
}

static void a_file_that_is_not_there_or_no_file_is_refused(void **state)
{
    struct store_test *test = *state;
    struct smki_import_report report;
    char path[TEST_PATH_SIZE];

    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_device_import(test->store, &anna, "/none/such.csv", &report, &test->err), test->err);
    EXPECT_REFUSED(SMKI_INVENTORY_INVALID, smki_device_import(test->store, &anna, test->folder, &report, &test->err), test->err);
    assert_int_equal(mkfifo(test_path(path, test->folder, "fifo.csv"), 0600), 0);
    EXPECT_REFUSED(SMKI_INVENTORY_INVALID, smki_device_import(test->store, &anna, path, &report, &test->err), test->err);
    assert_true(smki_device_import(test->store, &anna, path, &report, NULL) != 0);
}

/* A clock that adds a line to the file whenever it is asked: the store asks it in each change, and changes are of the second pass. */
static struct smki_time meddling_now(void *context)
{
    FILE *file = fopen(context, "ab");

    if (file != NULL) {
        fputs("00DB123499999999,GSME\n", file);
        fclose(file);
    }
    return AT("2026-11-23T20:00");
}

static void a_file_that_changes_while_it_is_imported_is_refused(void **state)
{
    struct store_test *test = *state;
    struct smki_buffer file = {0};
    struct smki_import_report report;
    char path[TEST_PATH_SIZE];
    struct smki_clock clock = {.now = meddling_now, .context = path};

    test_path(path, test->folder, "a.csv");
    test_store_close(test);
    ASSERT_OK(smki_store_open(&test->store, test->folder, &clock, &test->err), test->err);
    ASSERT_OK(smki_buffer_printf(&file, &test->err, "device_id,type\n"), test->err);
    for (unsigned i = 0; i < 5 * SMKI_IMPORT_CHUNK; i++)
        ASSERT_OK(smki_buffer_printf(&file, &test->err, "00DB1234%08X,ESME\n", i), test->err);
    EXPECT_REFUSED(SMKI_INVENTORY_INVALID, import_bytes(test, "a.csv", file.at, file.size, &report), test->err);
    EXPECT_TEXT(test->err, "was changed while it was imported");
    smki_buffer_finish(&file);
}

/* ---- many ---- */

static void many_devices_are_imported_in_chunks_each_with_its_record(void **state)
{
    struct store_test *test = *state;
    struct smki_buffer file = {0};
    struct smki_import_report report = {0};
    struct smki_device found;

    add_party(test, "One", EUI_1);
    ASSERT_OK(smki_buffer_printf(&file, &test->err, HEAD), test->err);
    for (unsigned i = 0; i < 20500; i++)
        ASSERT_OK(smki_buffer_printf(&file, &test->err, "00-DB-12-34-%02X-%02X-%02X-%02X,ESME,commissioned," EUI_1 ",\n", i >> 24,
                                     i >> 16 & 255, i >> 8 & 255, i & 255),
                  test->err);
    ASSERT_OK(import_bytes(test, "many.csv", file.at, file.size, &report), test->err);
    EXPECT_REPORT(report, 20500, 20500, 0, 0);
    assert_int_equal(devices(test), 20500);
    assert_int_equal(records(test), 1 + 21 + 1);
    found = device(test, "00DB123400005013"); /* the last */
    expect_device(&found, SMKI_TYPE_ESME, SMKI_SMI_COMMISSIONED, 1, 0, 0);
    smki_buffer_finish(&file);
}

/* ---- devices ---- */

static void a_device_that_is_not_in_the_inventory_is_unknown(void **state)
{
    struct smki_device found = device(*state, "00DB123456789001");

    expect_device(&found, SMKI_TYPE_UNKNOWN, SMKI_SMI_UNKNOWN, 0, 0, 0);
    assert_int_equal(found.id.octet[7], 1);
}

static void a_limit_is_set_and_recorded_as_an_override(void **state)
{
    struct store_test *test = *state;
    struct smki_device_id id = eui("00DB123456789001");
    struct smki_audit_record record;

    ASSERT_OK(smki_device_set_limit(test->store, &anna, &id, 150, &test->err), test->err);
    assert_int_equal(device(test, "00DB123456789001").certificate_limit, 150);
    record = last_record(test);
    assert_int_equal(record.act, SMKI_ACT_OVERRIDE);
    assert_memory_equal(&record.device_id, &id, sizeof(id));
    assert_string_equal(record.detail, "certificate limit the default -> 150");
    ASSERT_OK(smki_device_set_limit(test->store, &anna, &id, 150, &test->err), test->err);
    assert_int_equal(records(test), 1);
}

static void every_word_is_read_as_it_is_written(void **state)
{
    (void)state;
    for (enum smki_device_type i = 0; i <= SMKI_TYPE_TYPE2; i++) {
        enum smki_device_type type = 99;
        assert_true(smki_device_type_find(smki_device_type_word(i), &type));
        assert_int_equal(type, i);
    }
    for (enum smki_smi_status i = 0; i <= SMKI_SMI_WITHDRAWN; i++) {
        enum smki_smi_status status = 99;
        assert_true(smki_smi_status_find(smki_smi_status_word(i), &status));
        assert_int_equal(status, i);
    }
    assert_null(smki_device_type_word((enum smki_device_type)8));
    assert_null(smki_smi_status_word((enum smki_smi_status)10));
    assert_false(smki_device_type_find("ESM", &(enum smki_device_type){0}));
    assert_false(smki_device_type_find("ESMEE", &(enum smki_device_type){0}));
    assert_false(smki_device_type_find("", &(enum smki_device_type){0}));
    assert_false(smki_device_type_find(NULL, &(enum smki_device_type){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(csv_is_imported),
        STORE_TEST(csv_of_spreadsheets_is_imported),
        STORE_TEST(json_is_imported),
        STORE_TEST(importing_again_changes_nothing),
        STORE_TEST(an_import_changes_what_it_says_and_leaves_what_it_does_not),
        STORE_TEST(a_raised_limit_survives_an_import_without_limits),
        STORE_TEST(of_a_device_listed_twice_the_later_row_counts),
        STORE_TEST(a_limit_that_an_import_changes_is_recorded_as_an_override),
        STORE_TEST(an_import_is_recorded_with_the_hash_of_its_file),
        STORE_TEST(wrong_inventories_are_refused_with_line_and_column_and_nothing_is_stored),
        STORE_TEST(a_late_mistake_stores_nothing_of_a_long_file),
        STORE_TEST(a_line_that_never_ends_is_refused_early),
        STORE_TEST(a_file_that_is_not_there_or_no_file_is_refused),
        STORE_TEST(a_file_that_changes_while_it_is_imported_is_refused),
        STORE_TEST(many_devices_are_imported_in_chunks_each_with_its_record),
        STORE_TEST(a_device_that_is_not_in_the_inventory_is_unknown),
        STORE_TEST(a_limit_is_set_and_recorded_as_an_override),
        STORE_TEST(every_word_is_read_as_it_is_written),
    };

    return cmocka_run_group_tests_name("registry_inventory", tests, NULL, NULL);
}
