/* What every unit test starts with: CMocka in its required order of includes, and short verbs.
 *
 *   ASSERT_OK(smki_device_id_parse(&id, text, &err), err);      0, or the test fails printing err's text
 *   EXPECT_REFUSED(SMKI_TIME_INVALID, smki_time_parse(&t, "x", &err), err);
 *   AT("2026-11-23T20:00")                                      a struct smki_time, UK civil time
 *   struct test_clock clock = TEST_CLOCK("2026-11-23T21:59");   pass test_clock_of(&clock); move with test_clock_set
 *   struct test_random random = {.state = 7};                   pass test_random_of(&random); the same bytes for the same seed
 *   test_file(&buffer, "base/base64.txt");                      a file of tests/data, whole
 *   test_table("base/time.txt", 2, row);                        a table of tests/data, line by line
 *   char folder[TEST_PATH_SIZE]; test_folder_make(folder); ... test_folder_remove(folder);
 *
 * All failures go through CMocka's assertions, so these are for the thread that runs the test; only the clock and the random
 * source may be used by several threads at once. */
#ifndef SMKI_TEST_H
#define SMKI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <smki/base.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_PATH_SIZE 512
#define TEST_COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* ---- verdicts ---- */

static inline const char *test_name_of(int code)
{
    return code == SMKI_OK ? "OK" : smki_refusal_find(code)->name;
}

static inline void test_verdict(int expected, int rc, const struct smki_error *err, const char *call, const char *file, int line)
{
    if (rc == expected)
        return;
    print_error("%s:%d: %s\n    gave %d (%s), expected %s\n    %s\n", file, line, call, rc, test_name_of(rc), test_name_of(expected),
                rc != SMKI_OK ? err->text : "");
    _fail(file, line);
}

/* The call gives 0. */
#define ASSERT_OK(call, err) test_verdict(SMKI_OK, (call), &(err), #call, __FILE__, __LINE__)

/* The call gives exactly this refusal, and says it in words in err. */
#define EXPECT_REFUSED(expected_code, call, err)                                                                                           \
    do {                                                                                                                                   \
        test_verdict((expected_code), (call), &(err), #call, __FILE__, __LINE__);                                                          \
        assert_int_equal((err).code, (expected_code));                                                                                     \
        assert_true((err).text[0] != '\0');                                                                                                \
    } while (0)

/* The refusal's text says this. */
#define EXPECT_TEXT(err, part)                                                                                                             \
    do {                                                                                                                                   \
        if (strstr((err).text, (part)) == NULL)                                                                                            \
            fail_msg("\"%s\" does not say \"%s\"", (err).text, (part));                                                                    \
    } while (0)

#define ASSERT_BYTES(bytes, expected, expected_size)                                                                                       \
    do {                                                                                                                                   \
        assert_int_equal((bytes).size, (expected_size));                                                                                   \
        if ((bytes).size != 0)                                                                                                             \
            assert_memory_equal((bytes).at, (expected), (expected_size));                                                                  \
    } while (0)

/* ---- time and chance ---- */

static inline struct smki_time test_at(const char *text, const char *file, int line)
{
    struct smki_time time = {0};
    struct smki_error err = {0};

    test_verdict(SMKI_OK, smki_time_parse(&time, text, &err), &err, text, file, line);
    return time;
}
#define AT(text) test_at((text), __FILE__, __LINE__)

#define ASSERT_TIME(time, text) test_time_equal((time), (text), __FILE__, __LINE__)
static inline void test_time_equal(struct smki_time time, const char *text, const char *file, int line)
{
    char shown[SMKI_TIME_TEXT_SIZE];

    if (time.us == test_at(text, file, line).us)
        return;
    print_error("%s:%d: it is %s, expected %s\n", file, line, smki_time_text_uk(time, shown), text);
    _fail(file, line);
}

/* A clock that stands still until the test moves it. */
struct test_clock {
    _Atomic int64_t us;
};
#define TEST_CLOCK(text)                                                                                                                   \
    {                                                                                                                                      \
        .us = AT(text).us                                                                                                                  \
    }

static inline struct smki_time test_clock_now(void *context)
{
    struct test_clock *clock = context;

    return (struct smki_time){.us = atomic_load(&clock->us)};
}

static inline struct smki_clock test_clock_of(struct test_clock *clock)
{
    return (struct smki_clock){.now = test_clock_now, .context = clock};
}

static inline void test_clock_set(struct test_clock *clock, struct smki_time time)
{
    atomic_store(&clock->us, time.us);
}

static inline void test_clock_advance(struct test_clock *clock, int64_t us)
{
    atomic_fetch_add(&clock->us, us);
}

/* SplitMix64 over a shared counter: repeatable from its seed, never for keys. `fail_after` > 0: the call of that number, and all
 * after it, fail with SMKI_RANDOM. */
struct test_random {
    _Atomic uint64_t state;
    _Atomic uint32_t calls;
    uint32_t fail_after;
};

static inline uint64_t test_random_next(struct test_random *random)
{
    uint64_t x = atomic_fetch_add(&random->state, UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint32_t test_random_below(struct test_random *random, uint32_t limit)
{
    return (uint32_t)(test_random_next(random) % limit);
}

static inline int test_random_fill(void *context, void *out, size_t size)
{
    struct test_random *random = context;
    uint8_t *at = out;
    uint32_t call = atomic_fetch_add(&random->calls, 1) + 1;

    if (random->fail_after != 0 && call >= random->fail_after)
        return SMKI_RANDOM;
    for (size_t done = 0; done < size; done += 8) {
        uint64_t word = test_random_next(random);
        memcpy(at + done, &word, size - done < 8 ? size - done : 8);
    }
    return 0;
}

static inline struct smki_random test_random_of(struct test_random *random)
{
    return (struct smki_random){.fill = test_random_fill, .context = random};
}

/* ---- files ---- */

/* Reads the whole file at `path` into out; end with smki_buffer_finish. */
static inline void test_read(struct smki_buffer *out, const char *path)
{
    struct smki_error err = {0};
    char block[16384];
    size_t size;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        fail_msg("%s: cannot be opened", path);
    while ((size = fread(block, 1, sizeof(block), file)) > 0)
        ASSERT_OK(smki_buffer_append(out, block, size, &err), err);
    fclose(file);
}

static inline void test_write(const char *path, const void *at, size_t size)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || (size != 0 && fwrite(at, 1, size, file) != size) || fclose(file) != 0)
        fail_msg("%s: cannot be written", path);
}

#ifdef TEST_DATA
/* Reads tests/data/<name>. */
static inline void test_file(struct smki_buffer *out, const char *name)
{
    char path[TEST_PATH_SIZE];

    assert_true(snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name) < (int)sizeof(path));
    test_read(out, path);
}
#endif

#ifdef TEST_DATA
#define TEST_COLUMNS 8

/* "\\n", "\\r", "\\t", "\\s" (a space) and "\\p" (|) become what they stand for, in place. */
static inline void test_unescape(char *text)
{
    static const char letters[] = "nrtsp", meanings[] = "\n\r\t |";
    char *out = text;

    for (; *text != '\0'; text++) {
        const char *letter = text[0] == '\\' && text[1] != '\0' ? strchr(letters, text[1]) : NULL;
        *out++ = letter != NULL ? meanings[letter - letters] : *text;
        text += letter != NULL;
    }
    *out = '\0';
}

/* Cuts "a | b | c" into its columns, without the spaces around them. Returns how many. */
static inline size_t test_columns(char *line, char *columns[TEST_COLUMNS])
{
    size_t count = 0;

    for (char *at = line; at != NULL && count < TEST_COLUMNS; count++) {
        char *end = strchr(at, '|'), *next = end != NULL ? end + 1 : NULL;
        end = end != NULL ? end : at + strlen(at);
        at += strspn(at, " ");
        while (end > at && end[-1] == ' ')
            end--;
        *end = '\0';
        test_unescape(at);
        columns[count] = at;
        at = next;
    }
    return count;
}

/* Calls `row` with the columns of every line of tests/data/<name> that is neither empty nor a comment (#), and fails naming the lines
 * for which it gives false. */
static inline void test_table(const char *name, size_t column_count, bool (*row)(char *columns[TEST_COLUMNS]))
{
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    char *columns[TEST_COLUMNS] = {0}, *line;
    int number = 0, rows = 0, failures = 0;

    test_file(&file, name);
    ASSERT_OK(smki_buffer_append(&file, "", 1, &err), err);
    for (char *at = (char *)file.at; (line = strsep(&at, "\n")) != NULL;) {
        number++;
        if (*line == '\0' || *line == '#')
            continue;
        rows++;
        if (test_columns(line, columns) == column_count && row(columns))
            continue;
        failures++;
        print_error("    tests/data/%s:%d: not so: %s\n", name, number, columns[0]);
    }
    smki_buffer_finish(&file);
    assert_true(rows > 0);
    assert_int_equal(failures, 0);
}
#endif

/* Makes an empty folder of the test's own below TMPDIR or /tmp. */
static inline void test_folder_make(char path[TEST_PATH_SIZE])
{
    const char *parent = getenv("TMPDIR");

    snprintf(path, TEST_PATH_SIZE, "%s/smki-test-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline int test_folder_unlink(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* Removes the folder and all that is in it. */
static inline void test_folder_remove(const char *path)
{
    assert_int_equal(nftw(path, test_folder_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* "<folder>/<name>"; returns out. */
static inline const char *test_path(char out[TEST_PATH_SIZE], const char *folder, const char *name)
{
    assert_true(snprintf(out, TEST_PATH_SIZE, "%s/%s", folder, name) < TEST_PATH_SIZE);
    return out;
}

/* Reads and writes that this process has asked the system for. */
static inline unsigned long test_file_calls(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    unsigned long reads, writes;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "rchar: %*u wchar: %*u syscr: %lu syscw: %lu", &reads, &writes), 2);
    fclose(file);
    return reads + writes;
}

#endif
