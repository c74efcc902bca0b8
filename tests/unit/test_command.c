/* What the programs share: a program of this test is run with command lines from tests/data/command/lines.txt; and tables, words, files,
 * questions. */
#include "smki_test.h"

#include "command/command_i.h"

#include <pty.h>
#include <sys/wait.h>

/* ---- the program of this test ---- */

static int tea_make(struct call *call)
{
    const char *leaf;

    if (call_has(call, "sugar"))
        printf("sugar %" PRIu64 "\n", call_number(call, "sugar"));
    if (call_has(call, "milk"))
        printf("milk\n");
    if (call_has(call, "sort"))
        printf("sort %s\n", call_text(call, "sort"));
    for (size_t n = 0; (leaf = call_text_at(call, "leaf", n)) != NULL; n++)
        printf("%sleaf %s", n > 0 ? " " : "", leaf);
    printf("\npot %s\n", call_operand(call, 0));
    return 0;
}

static int status_run(struct call *call)
{
    printf("%s home %s\n", call->json ? "json" : "words", call->home != NULL ? call->home : "none");
    return 0;
}

static int refuse_run(struct call *call)
{
    return call_fail(call, SMKI_PARTY_UNKNOWN, "there is no Party %d", 7);
}

static int refuse_plainly_run(struct call *call)
{
    return call_fail(call, SMKI_DISK_FULL, NULL);
}

static int fail_run(struct call *call)
{
    (void)call;
    fprintf(stderr, "said by itself\n");
    return COMMAND_FAILED;
}

static int folder_run(struct call *call)
{
    printf("folder %s\n", call->home);
    return 0;
}

static const char *const sorts[] = {"green", "black", NULL};
static const struct command_value tea_options[] = {
    {"sugar", VALUE_NUMBER, 0, NULL, "how much", NULL},
    {"milk", VALUE_FLAG, 0, NULL, "with it", NULL},
    {"leaf", VALUE_TEXT, MANY | COMMAS, "LEAF", "what leaves", NULL},
    {"sort", VALUE_WORD, 0, NULL, "which", sorts},
    {0},
};
static const struct command_value tea_operands[] = {{"POT", VALUE_FILE, REQUIRED, NULL, "what to make it in", NULL}, {0}};
static const struct command tea_commands[] = {{"tea make", "Make tea", 0, tea_options, tea_operands, NULL, tea_make}, {0}};
static const struct command other_commands[] = {
    {"status", "Say how it is", COMMAND_JSON, NULL, NULL, NULL, status_run},
    {"refuse", "Refuse", 0, NULL, NULL, NULL, refuse_run},
    {"refuse-plainly", "Refuse without a text", 0, NULL, NULL, NULL, refuse_plainly_run},
    {"fail", "Fail", 0, NULL, NULL, NULL, fail_run},
    {"home", "Open the home", COMMAND_HOME, NULL, NULL, NULL, status_run},
    {"folder", "Name the home", COMMAND_FOLDER, NULL, NULL, NULL, folder_run},
    {0},
};
static const struct command *const test_tables[] = {tea_commands, other_commands, NULL};
static const struct command_group test_groups[] = {{"tea", "Tea"}, {0}};
static const struct program test_program = {.name = "test", .text = "A program", .tables = test_tables, .groups = test_groups};

/* ---- verbs ---- */

#define SAID_SIZE 16384

/* What is written to both standard streams between said_start and said_end. */
struct said {
    int out, err; /* the streams as they were */
    FILE *file;
    char text[SAID_SIZE];
};

static void said_start(struct said *said)
{
    fflush(NULL);
    said->file = tmpfile();
    assert_non_null(said->file);
    said->out = dup(STDOUT_FILENO);
    said->err = dup(STDERR_FILENO);
    dup2(fileno(said->file), STDOUT_FILENO);
    dup2(fileno(said->file), STDERR_FILENO);
}

static void said_end(struct said *said)
{
    size_t size;

    fflush(NULL);
    dup2(said->out, STDOUT_FILENO);
    dup2(said->err, STDERR_FILENO);
    close(said->out);
    close(said->err);
    rewind(said->file);
    size = fread(said->text, 1, SAID_SIZE - 1, said->file);
    said->text[size] = '\0';
    fclose(said->file);
}

/* Runs the program with the words of `line`. */
static int run(const char *line, struct said *said)
{
    char copy[512], *words[32] = {"test"}, *rest = copy;
    int count = 1, status;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word; count < 31 && (word = strtok_r(rest, " ", &rest)) != NULL;)
        words[count++] = word;
    said_start(said);
    status = program_run(&test_program, count, words);
    said_end(said);
    return status;
}

/* ---- command lines ---- */

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " ");
    for (length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
        text[length - 1] = '\0';
    return text;
}

static void a_command_line_ends_and_says_what_its_row_tells(void **state)
{
    struct smki_buffer file = {0};
    struct said said;
    unsigned rows = 0;
    char *rest;

    (void)state;
    test_file(&file, "command/lines.txt");
    ASSERT_OK(smki_buffer_append(&file, "", 1, NULL), ((struct smki_error){0}));
    rest = (char *)file.at;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        char *words = strchr(line, '|'), *text = words != NULL ? strchr(words + 1, '|') : NULL;
        if (line[0] == '#' || text == NULL)
            continue;
        *words++ = *text++ = '\0';
        int status = run(trim(words), &said);
        if (status != atoi(line) || strstr(said.text, trim(text)) == NULL)
            fail_msg("'%s' ended with %d and said: %s", words, status, said.text);
        rows++;
    }
    smki_buffer_finish(&file);
    assert_true(rows > 50);
}

static void a_refusal_is_one_line(void **state)
{
    struct said said;

    (void)state;
    assert_int_equal(run("refuse", &said), 1);
    assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
}

static void smki_home_stands_for_the_option_and_yields_to_it(void **state)
{
    struct said said;

    (void)state;
    setenv("SMKI_HOME", "/from/environment", 1);
    run("status", &said);
    assert_non_null(strstr(said.text, "home /from/environment"));
    run("--home /given status", &said);
    assert_non_null(strstr(said.text, "home /given"));
    unsetenv("SMKI_HOME");
}

/* ---- tables and words ---- */

static void a_table_is_as_wide_as_its_widest_cells(void **state)
{
    static const char *const headings[] = {">N", "NAME", "STATE", NULL};
    struct call call = {0};
    struct table table;
    struct said said;

    (void)state;
    table_start(&table, headings);
    table_add(&table, "%d", 7);
    table_add(&table, "Exämple");
    table_add(&table, "active");
    table_add(&table, "%d", 12);
    table_add(&table, "A longer name");
    table_add(&table, "barred");
    said_start(&said);
    assert_int_equal(table_print(&table, &call, "none"), 0);
    said_end(&said);
    assert_string_equal(said.text, " N  NAME           STATE\n 7  Exämple        active\n12  A longer name  barred\n");
}

static void an_empty_table_says_so(void **state)
{
    static const char *const headings[] = {"NAME", NULL};
    struct call call = {0};
    struct table table;
    struct said said;

    (void)state;
    table_start(&table, headings);
    said_start(&said);
    assert_int_equal(table_print(&table, &call, "no rows"), 0);
    said_end(&said);
    assert_string_equal(said.text, "no rows\n");
}

static void text_cannot_steer_a_terminal(void **state)
{
    char c0[] = "a\033[2Jb\r\nc\x7f", c1[] = "a\xc2\x9b", plain[] = "Exämple \xc2\xa0";

    (void)state;
    assert_string_equal(text_tame(c0), "a?[2Jb??c?");
    assert_null(strchr(text_tame(c1), '\xc2'));
    assert_string_equal(text_tame(plain), "Exämple \xc2\xa0");
}

static void moments_are_uk_civil_time_with_the_zone(void **state)
{
    char text[SMKI_TIME_TEXT_SIZE];

    (void)state;
    assert_string_equal(time_words(AT("2026-11-23T20:00Z"), text), "2026-11-23 20:00:00 GMT");
    assert_string_equal(time_words(AT("2026-06-23T20:00Z"), text), "2026-06-23 21:00:00 BST");
    assert_string_equal(time_words(AT("9999-12-31T23:59:59Z"), text), "no end");
    assert_string_equal(time_words((struct smki_time){0}, text), "-");
}

static void durations_and_sizes_read_well(void **state)
{
    char text[DURATION_TEXT_SIZE];

    (void)state;
    assert_string_equal(duration_words(0.2, text), "0 s");
    assert_string_equal(duration_words(59.4, text), "59 s");
    assert_string_equal(duration_words(125, text), "2 min 05 s");
    assert_string_equal(duration_words(3720, text), "1 h 02 min");
    assert_string_equal(duration_words(3 * 86400.0, text), "3 days");
    assert_string_equal(duration_words(1e30, text), "very long");
    assert_string_equal(size_words(1023, text), "1023 octets");
    assert_string_equal(size_words(1536, text), "1.5 KiB");
    assert_string_equal(size_words(UINT64_C(5) << 40, text), "5.0 TiB");
}

static void numbers_in_json_are_exact(void **state)
{
    cJSON *json = cJSON_CreateObject();
    char *text;

    (void)state;
    assert_true(json_add_number(json, "n", UINT64_MAX));
    assert_true(json_add_number_if(json, "none", 0));
    text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, "{\"n\":18446744073709551615,\"none\":null}");
    cJSON_free(text);
    cJSON_Delete(json);
}

/* ---- files ---- */

static void a_file_is_taken_whole_up_to_its_limit(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16];

    (void)state;
    test_folder_make(folder);
    snprintf(path, sizeof(path), "%s/file", folder);
    ASSERT_OK(file_put(path, (struct smki_bytes){(const uint8_t *)"0123456789", 10}, &err), err);
    ASSERT_OK(file_take(&out, path, 10, &err), err);
    ASSERT_BYTES(out, "0123456789", 10);
    EXPECT_REFUSED(SMKI_TOO_LARGE, file_take(&out, path, 9, &err), err);
    EXPECT_REFUSED(SMKI_IO, file_take(&out, folder, 9, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, file_take(&out, "/nowhere/at/all", 9, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, file_put("/nowhere/at/all", (struct smki_bytes){NULL, 0}, &err), err);
    smki_buffer_finish(&out);
    test_folder_remove(folder);
}

/* ---- on a terminal ---- */

/* Runs `talk` on a terminal of its own, types `answer` when `until` has been shown, and gives what was shown and how it ended. */
static int on_terminal(void (*talk)(void), const char *until, const char *answer, char shown[SAID_SIZE])
{
    size_t size = 0;
    ssize_t got;
    int terminal, status;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);

    if (child == 0) {
        alarm(30); /* whatever goes wrong, the test ends */
        talk();
        _exit(99);
    }
    if (child < 0)
        skip(); /* no terminals here: no devpts */
    while (size < SAID_SIZE - 1 && (got = read(terminal, shown + size, SAID_SIZE - 1 - size)) > 0) {
        size += (size_t)got;
        shown[size] = '\0';
        if (until != NULL && strstr(shown, until) != NULL) {
            assert_int_equal(write(terminal, answer, strlen(answer)), strlen(answer));
            until = NULL;
        }
    }
    shown[size] = '\0';
    close(terminal);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void passphrase_talk(void)
{
    char passphrase[64];
    int size = passphrase_ask((char[]){"ca.key"}, passphrase, sizeof(passphrase));

    _exit(size == 6 && memcmp(passphrase, "secret", 6) == 0 ? 0 : 1);
}

static void a_passphrase_is_asked_for_without_echo(void **state)
{
    char shown[SAID_SIZE];

    (void)state;
    assert_int_equal(on_terminal(passphrase_talk, "Passphrase of ca.key: ", "secret\n", shown), 0);
    assert_null(strstr(shown, "secret"));
}

static void confirm_talk(void)
{
    _exit(call_confirm("Sure?") ? 0 : 1);
}

static void a_question_is_answered_by_y_alone(void **state)
{
    char shown[SAID_SIZE];

    (void)state;
    assert_int_equal(on_terminal(confirm_talk, "[y/N] ", "y\n", shown), 0);
    assert_int_equal(on_terminal(confirm_talk, "[y/N] ", "n\n", shown), 1);
    assert_int_equal(on_terminal(confirm_talk, "[y/N] ", "\n", shown), 1);
}

static void progress_talk(void)
{
    struct progress progress;

    progress_start(&progress, "CSRs");
    progress_show(&progress, 10, 40, 5);
    progress_show(&progress, 40, 40, 5);
    progress_end(&progress);
    _exit(0);
}

static void progress_stays_in_its_place_on_a_terminal(void **state)
{
    char shown[SAID_SIZE];

    (void)state;
    assert_int_equal(on_terminal(progress_talk, NULL, "", shown), 0);
    assert_non_null(strstr(shown, "\r[######..................]  25 %  10 of 40 CSRs, 5/s, 6 s left"));
    assert_non_null(strstr(shown, "\r[########################] 100 %  40 of 40 CSRs, 5/s"));
    assert_ptr_equal(strchr(shown, '\n'), shown + strlen(shown) - 1);
}

static void short_work_says_nothing_elsewhere(void **state)
{
    struct progress progress;
    struct said said;

    (void)state;
    said_start(&said);
    progress_start(&progress, "CSRs");
    progress_show(&progress, 10, 40, 5);
    progress_end(&progress);
    said_end(&said);
    assert_string_equal(said.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_ends_and_says_what_its_row_tells),
        cmocka_unit_test(a_refusal_is_one_line),
        cmocka_unit_test(smki_home_stands_for_the_option_and_yields_to_it),
        cmocka_unit_test(a_table_is_as_wide_as_its_widest_cells),
        cmocka_unit_test(an_empty_table_says_so),
        cmocka_unit_test(text_cannot_steer_a_terminal),
        cmocka_unit_test(moments_are_uk_civil_time_with_the_zone),
        cmocka_unit_test(durations_and_sizes_read_well),
        cmocka_unit_test(numbers_in_json_are_exact),
        cmocka_unit_test(a_file_is_taken_whole_up_to_its_limit),
        cmocka_unit_test(a_passphrase_is_asked_for_without_echo),
        cmocka_unit_test(a_question_is_answered_by_y_alone),
        cmocka_unit_test(progress_stays_in_its_place_on_a_terminal),
        cmocka_unit_test(short_work_says_nothing_elsewhere),
    };

    unsetenv("SMKI_HOME");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
