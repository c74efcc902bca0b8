/* The configuration file, held against tests/data/config: what is refused and in which words, what is taken and what comes of it. */
#include "smki_test.h"

#include <smki/config.h>

struct fixture {
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
};

static int set_up(void **state)
{
    static struct fixture fixture;

    test_folder_make(fixture.folder);
    test_path(fixture.path, fixture.folder, "smki.json");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    test_folder_remove(fixture->folder);
    return 0;
}

static int read_bytes(struct fixture *fixture, struct smki_config *config, const char *at, size_t size, struct smki_error *err)
{
    test_write(fixture->path, at, size);
    return smki_config_read(config, fixture->path, err);
}

static int read_text(struct fixture *fixture, struct smki_config *config, const char *text, struct smki_error *err)
{
    return read_bytes(fixture, config, text, strlen(text), err);
}

static size_t key_index(const char *path)
{
    size_t count, i = 0;
    const struct smki_config_key *keys = smki_config_keys(&count);

    while (i < count && strcmp(keys[i].path, path) != 0)
        i++;
    if (i == count)
        fail_msg("there is no key %s", path);
    return i;
}

/* The cases of a table: each takes the file's text and what stands behind the arrow. */
static void each_case(const char *name, struct fixture *fixture, void (*run)(struct fixture *fixture, const char *text, char *expected))
{
    struct smki_buffer table = {0};
    struct smki_error err = {0};
    char *line, *rest = NULL;
    size_t cases = 0;

    test_file(&table, name);
    ASSERT_OK(smki_buffer_append(&table, "", 1, &err), err);
    for (line = strtok_r((char *)table.at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *arrow = strstr(line, " => ");
        if (line[0] == '#')
            continue;
        assert_non_null(arrow);
        *arrow = '\0';
        for (char *c = line; *c != '\0'; c++)
            *c = *c == '|' ? '\n' : *c;
        run(fixture, line, arrow + 4);
        cases++;
    }
    assert_true(cases > 20);
    smki_buffer_finish(&table);
}

static void run_refused(struct fixture *fixture, const char *text, char *expected)
{
    struct smki_config config;
    struct smki_error err = {0};
    int rc = read_text(fixture, &config, text, &err);

    if (rc != SMKI_CONFIG_INVALID || strstr(err.text, expected) == NULL || strstr(err.text, fixture->path) == NULL)
        fail_msg("%s\n    gave %s: \"%s\"\n    expected \"%s\"", text, test_name_of(rc), err.text, expected);
}

static void wrong_files_are_refused_with_path_and_what_is_right(void **state)
{
    each_case("config/refused.txt", *state, run_refused);
}

static void run_accepted(struct fixture *fixture, const char *text, char *expected)
{
    struct smki_config config;
    struct smki_error err = {0};
    char shown[600], value[400];
    bool is_default = false;
    char *space = strchr(expected, ' ');

    if (read_text(fixture, &config, text, &err) != 0)
        fail_msg("%s\n    refused: %s", text, err.text);
    assert_non_null(space);
    *space = '\0';
    ASSERT_OK(smki_config_show(&config, key_index(expected), value, sizeof(value), &is_default, &err), err);
    snprintf(shown, sizeof(shown), "%s%s", value, is_default ? " default" : "");
    assert_string_equal(shown, space + 1);
}

static void right_files_give_the_values_that_they_say(void **state)
{
    each_case("config/accepted.txt", *state, run_accepted);
}

static void a_missing_file_is_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct smki_config config, defaults;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    smki_config_defaults(&defaults);
    ASSERT_OK(smki_config_read(&config, test_path(path, fixture->folder, "none.json"), &err), err);
    assert_int_equal(err.code, 0);
    assert_memory_equal(&config.limits, &smki_demand_defaults, sizeof(config.limits));
    assert_memory_equal(&config.eligibility, &smki_eligibility_default, sizeof(config.eligibility));
    assert_string_equal(config.policy_device, defaults.policy_device);
}

static void a_file_that_cannot_be_read_is_not_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct smki_config config;
    struct smki_error err = {0};

    assert_true(smki_config_read(&config, fixture->folder, &err) != 0);
    assert_true(err.text[0] != '\0');
}

static void a_file_without_error_to_fill_is_refused_all_the_same(void **state)
{
    struct smki_config config;

    assert_int_equal(read_text(*state, &config, "{\"x\": 1}", NULL), SMKI_CONFIG_INVALID);
}

static void an_octet_of_value_0_is_refused(void **state)
{
    static const char file[] = "{}\0{\"batch.chunk\": 1}";
    struct smki_config config;
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_CONFIG_INVALID, read_bytes(*state, &config, file, sizeof(file) - 1, &err), err);
    EXPECT_TEXT(err, "octet of value 0");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    struct smki_config config;
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_CONFIG_INVALID, read_text(*state, &config, "{\"service_desk\": \"caf\xe9\"}", &err), err);
    EXPECT_TEXT(err, "printable UTF-8");
}

static void text_may_have_255_octets_and_not_256(void **state)
{
    struct smki_config config;
    struct smki_error err = {0};
    char text[300], file[400];

    memset(text, 'x', sizeof(text));
    snprintf(file, sizeof(file), "{\"service_desk\": \"%.255s\"}", text);
    ASSERT_OK(read_text(*state, &config, file, &err), err);
    snprintf(file, sizeof(file), "{\"service_desk\": \"%.256s\"}", text);
    EXPECT_REFUSED(SMKI_CONFIG_INVALID, read_text(*state, &config, file, &err), err);
}

static void a_file_larger_than_a_mebibyte_is_refused(void **state)
{
    struct smki_config config;
    struct smki_error err = {0};
    size_t size = (1u << 20) + 1;
    char *file = malloc(size);

    assert_non_null(file);
    memset(file, ' ', size);
    memcpy(file, "{}", 2);
    ASSERT_OK(read_bytes(*state, &config, file, size - 1, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, read_bytes(*state, &config, file, size, &err), err);
    free(file);
}

/* Every octet of a file taken away from its end, and every octet of it replaced: read without harm, whatever comes of it. */
static void a_cut_or_changed_file_does_no_harm(void **state)
{
    static const char file[] =
        "{\"night\": {\"start\": \"20:00\"}, /* a */ \"run.lease\": \"0.8 h\" // b\n, \"service_desk\": \"\\\\\\u00e9\\\"\"}";
    static const char others[] = {'"', '\\', '/', '*', '{', '}', '\0', '9'};
    struct smki_config config;
    char text[sizeof(file)];

    for (size_t i = 0; i < sizeof(file); i++) {
        (void)!read_bytes(*state, &config, file, i, NULL);
        for (size_t k = 0; k < sizeof(others); k++) {
            memcpy(text, file, sizeof(file));
            text[i] = others[k];
            (void)!read_bytes(*state, &config, text, sizeof(file) - 1, NULL);
        }
    }
}

static void every_key_says_what_it_is(void **state)
{
    size_t count;
    const struct smki_config_key *keys = smki_config_keys(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(keys[i].path[0] != '\0' && keys[i].type[0] != '\0' && keys[i].source[0] != '\0' && keys[i].text[0] != '\0');
        assert_int_equal(key_index(keys[i].path), i);
    }
}

static void every_default_is_shown_as_the_default(void **state)
{
    struct smki_config config;
    struct smki_error err = {0};
    size_t count;
    const struct smki_config_key *keys = smki_config_keys(&count);

    (void)state;
    smki_config_defaults(&config);
    for (size_t i = 0; i < count; i++) {
        char value[400];
        bool is_default = false;
        ASSERT_OK(smki_config_show(&config, i, value, sizeof(value), &is_default, &err), err);
        if (!is_default)
            fail_msg("%s", keys[i].path);
    }
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_config_show(&config, count, (char[8]){0}, 8, &(bool){0}, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, smki_config_show(&config, key_index("night.start"), (char[7]){0}, 7, &(bool){0}, &err), err);
}

/* Takes the strokes away before every key, or only before the `only`-th (from 1). */
static size_t uncomment(char *out, const char *template, size_t only)
{
    size_t keys = 0;
    char *to = out;

    for (const char *at = template; *at != '\0';) {
        size_t line = strcspn(at, "\n") + 1;
        bool is_key = strncmp(at, "  // \"", 6) == 0;
        size_t skip = is_key && (++keys == only || only == 0) ? 5 : 0;
        memcpy(to, at + skip, line - skip);
        to += line - skip;
        at += line;
    }
    *to = '\0';
    return keys;
}

static void the_template_is_valid_as_it_is_and_with_any_line_or_all_uncommented(void **state)
{
    struct smki_config config, defaults;
    struct smki_error err = {0};
    struct smki_buffer template = {0};
    size_t count, keys = 1;
    char *text;

    (void)smki_config_keys(&count);
    ASSERT_OK(smki_config_template(&template, &err), err);
    ASSERT_OK(read_bytes(*state, &config, (char *)template.at, template.size, &err), err);
    ASSERT_OK(smki_buffer_append(&template, "", 1, &err), err);
    text = malloc(template.size);
    assert_non_null(text);
    smki_config_defaults(&defaults);
    for (size_t only = 0; only <= keys; only++) {
        keys = uncomment(text, (char *)template.at, only);
        ASSERT_OK(read_text(*state, &config, text, &err), err);
        assert_memory_equal(&config.limits, &defaults.limits, sizeof(config.limits));
        assert_memory_equal(&config.eligibility, &defaults.eligibility, sizeof(config.eligibility));
    }
    assert_int_equal(keys + 1, count); /* the version stands there live */
    free(text);
    smki_buffer_finish(&template);
}

/* So that "uncommented equals the defaults" proves something: a template with one value changed is not. */
static void the_template_sets_what_it_shows(void **state)
{
    struct smki_config config;
    struct smki_error err = {0};
    struct smki_buffer template = {0};
    char *text, *value;

    ASSERT_OK(smki_config_template(&template, &err), err);
    ASSERT_OK(smki_buffer_append(&template, "", 1, &err), err);
    text = malloc(template.size);
    assert_non_null(text);
    uncomment(text, (char *)template.at, 0);
    value = strstr(text, "375000");
    assert_non_null(value);
    value[0] = '1';
    ASSERT_OK(read_text(*state, &config, text, &err), err);
    assert_int_equal(config.limits.night_capacity, 175000);
    free(text);
    smki_buffer_finish(&template);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_refused_with_path_and_what_is_right),
        cmocka_unit_test(right_files_give_the_values_that_they_say),
        cmocka_unit_test(a_missing_file_is_the_defaults),
        cmocka_unit_test(a_file_that_cannot_be_read_is_not_the_defaults),
        cmocka_unit_test(a_file_without_error_to_fill_is_refused_all_the_same),
        cmocka_unit_test(an_octet_of_value_0_is_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(text_may_have_255_octets_and_not_256),
        cmocka_unit_test(a_file_larger_than_a_mebibyte_is_refused),
        cmocka_unit_test(a_cut_or_changed_file_does_no_harm),
        cmocka_unit_test(every_key_says_what_it_is),
        cmocka_unit_test(every_default_is_shown_as_the_default),
        cmocka_unit_test(the_template_is_valid_as_it_is_and_with_any_line_or_all_uncommented),
        cmocka_unit_test(the_template_sets_what_it_shows),
    };

    return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
