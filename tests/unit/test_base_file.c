/* Files, hashes, randomness, and the words of the environment. */
#include "smki_test.h"

#include "base/base_i.h"

#include <smki/smki.h>

#include <signal.h>
#include <sys/resource.h>

struct place {
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
};

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    test_folder_make(place->folder);
    test_path(place->path, place->folder, "it");
    *state = place;
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;

    test_folder_remove(place->folder);
    free(place);
    return 0;
}

static int entries_of(const char *folder)
{
    DIR *open = opendir(folder);
    int count = -2; /* . and .. */

    assert_non_null(open);
    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count;
}

static void expect_content(const char *path, const char *content)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    ASSERT_OK(file_read(&buffer, path, 1000, &err), err);
    ASSERT_BYTES(buffer, content, strlen(content));
    smki_buffer_finish(&buffer);
}

static void what_is_written_is_read(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};

    ASSERT_OK(file_write(place->path, BYTES("hello", 5), 0600, &err), err);
    expect_content(place->path, "hello");
}

static void a_written_file_has_its_mode_whatever_the_umask(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    struct stat status;
    mode_t before = umask(077);

    ASSERT_OK(file_write(place->path, BYTES("a", 1), 0644, &err), err);
    umask(before);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    ASSERT_OK(file_write(place->path, BYTES("a", 1), 0600, &err), err);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

/* A new file takes the old one's name: who has the old one open goes on reading it whole. */
static void a_file_is_replaced_not_overwritten(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    char content[16] = "";
    int old;

    ASSERT_OK(file_write(place->path, BYTES("old", 3), 0600, &err), err);
    old = open(place->path, O_RDONLY);
    ASSERT_OK(file_write(place->path, BYTES("newer", 5), 0600, &err), err);
    assert_int_equal(read(old, content, sizeof(content)), 3);
    assert_string_equal(content, "old");
    close(old);
    expect_content(place->path, "newer");
    assert_int_equal(entries_of(place->folder), 1);
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    struct rlimit limit, low;
    static uint8_t large[100000];

    ASSERT_OK(file_write(place->path, BYTES("old", 3), 0600, &err), err);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    low = (struct rlimit){.rlim_cur = 4096, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    EXPECT_REFUSED(SMKI_IO, file_write(place->path, BYTES(large, sizeof(large)), 0600, &err), err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT_TEXT(err, place->path);
    expect_content(place->path, "old");
    assert_int_equal(entries_of(place->folder), 1);
}

static void a_file_cannot_take_a_folders_place(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};

    assert_int_equal(mkdir(place->path, 0700), 0);
    EXPECT_REFUSED(SMKI_IO, file_write(place->path, BYTES("a", 1), 0600, &err), err);
    assert_int_equal(entries_of(place->folder), 1);
}

static void a_file_in_no_folder_is_not_found(void **state)
{
    struct place *place = *state;
    char path[TEST_PATH_SIZE];
    struct smki_error err = {0};

    test_path(path, place->path, "below");
    EXPECT_REFUSED(SMKI_NOT_FOUND, file_write(path, BYTES("a", 1), 0600, &err), err);
}

static void a_file_can_be_written_beside(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    char here[TEST_PATH_SIZE];

    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(place->folder), 0);
    ASSERT_OK(file_write("it", BYTES("hello", 5), 0600, &err), err);
    assert_int_equal(chdir(here), 0);
    expect_content(place->path, "hello");
}

static void an_empty_file_is_written_and_read(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};

    ASSERT_OK(file_write(place->path, BYTES(NULL, 0), 0600, &err), err);
    expect_content(place->path, "");
}

static void a_missing_file_is_not_found(void **state)
{
    struct place *place = *state;
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_NOT_FOUND, file_read(&buffer, place->path, 10, &err), err);
    EXPECT_TEXT(err, place->path);
}

static void a_folder_is_no_file(void **state)
{
    struct place *place = *state;
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_IO, file_read(&buffer, place->folder, 100000, &err), err);
}

static void a_file_is_read_to_its_max_and_not_beyond(void **state)
{
    struct place *place = *state;
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    test_write(place->path, "12345", 5);
    ASSERT_OK(file_read(&buffer, place->path, 5, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, file_read(&buffer, place->path, 4, &err), err);
    EXPECT_TEXT(err, "4 octets");
    smki_buffer_finish(&buffer);
}

/* What has no size beforehand (a pipe, /dev/zero) is bounded all the same. */
static void an_endless_file_is_too_large(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_TOO_LARGE, file_read(&buffer, "/dev/zero", 100000, &err), err);
    smki_buffer_finish(&buffer);
}

static void a_path_is_joined_when_it_fits(void **state)
{
    char path[8];
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(path_join(path, sizeof(path), "abc", "def", &err), err);
    assert_string_equal(path, "abc/def");
    EXPECT_REFUSED(SMKI_TOO_LARGE, path_join(path, sizeof(path), "abc", "defg", &err), err);
}

/* FIPS 180-4's examples, as published by NIST. */
static void hashes_are_those_of_the_standard(void **state)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    (void)state;
    sha256(digest, "abc", 3);
    assert_string_equal(hex_encode(hex, digest, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(digest, NULL, 0);
    assert_string_equal(hex_encode(hex, digest, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha1(digest, "abc", 3);
    assert_string_equal(hex_encode(hex, digest, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void a_stream_hashes_as_the_whole(void **state)
{
    static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    struct sha256_stream stream;
    uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];

    (void)state;
    sha256(whole, text, strlen(text));
    sha256_start(&stream);
    sha256_add(&stream, NULL, 0);
    for (size_t i = 0; i < strlen(text); i += 7)
        sha256_add(&stream, text + i, 7);
    sha256_end(&stream, pieces);
    assert_memory_equal(whole, pieces, SHA256_SIZE);
}

static void random_octets_differ(void **state)
{
    uint8_t a[64] = {0}, b[64] = {0};

    (void)state;
    assert_int_equal(smki_random_system.fill(smki_random_system.context, a, sizeof(a)), 0);
    assert_int_equal(smki_random_system.fill(smki_random_system.context, b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 32, b, 32);
}

static void networks_and_interfaces_have_words(void **state)
{
    (void)state;
    assert_string_equal(smki_network_word(SMKI_NETWORK_GATEWAY), "gateway");
    assert_string_equal(smki_interface_word(SMKI_INTERFACE_PORTAL_DEVICE), "portal-device");
    assert_string_equal(smki_interface_word(SMKI_INTERFACE_RUNNER), "runner");
    assert_string_equal(smki_interface_word(SMKI_INTERFACE_PORTAL_LANDING), "portal-landing");
    assert_string_equal(smki_interface_word(SMKI_INTERFACE_PORTAL_DOWNLOAD), "portal-download");
    assert_string_equal(smki_network_word((enum smki_network)9), "unknown");
    assert_string_equal(smki_interface_word((enum smki_interface)99), "unknown");
}

static void the_version_is_three_numbers(void **state)
{
    int parts[3];
    char end;

    (void)state;
    assert_int_equal(sscanf(smki_version(), "%d.%d.%d%c", &parts[0], &parts[1], &parts[2], &end), 3);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(what_is_written_is_read),
        WITH_PLACE(a_written_file_has_its_mode_whatever_the_umask),
        WITH_PLACE(a_file_is_replaced_not_overwritten),
        WITH_PLACE(a_failed_write_leaves_the_old_file_and_no_other),
        WITH_PLACE(a_file_cannot_take_a_folders_place),
        WITH_PLACE(a_file_in_no_folder_is_not_found),
        WITH_PLACE(a_file_can_be_written_beside),
        WITH_PLACE(an_empty_file_is_written_and_read),
        WITH_PLACE(a_missing_file_is_not_found),
        WITH_PLACE(a_folder_is_no_file),
        WITH_PLACE(a_file_is_read_to_its_max_and_not_beyond),
        cmocka_unit_test(an_endless_file_is_too_large),
        cmocka_unit_test(a_path_is_joined_when_it_fits),
        cmocka_unit_test(hashes_are_those_of_the_standard),
        cmocka_unit_test(a_stream_hashes_as_the_whole),
        cmocka_unit_test(random_octets_differ),
        cmocka_unit_test(networks_and_interfaces_have_words),
        cmocka_unit_test(the_version_is_three_numbers),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
