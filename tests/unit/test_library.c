/* Files of the home under their SHA-256: the document library and the Authentication Client's download area (interfaces.md 8). */
#include "home_test.h"

#include <smki/installer.h>

#include <cjson/cJSON.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* sha256sum of "hello\n" */
#define HELLO_SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static const char *FILE_IN(struct home *home, char path[TEST_PATH_SIZE], const char *name, const char *text)
{
    test_path(path, home->path, name);
    test_write(path, text, strlen(text));
    return path;
}

/* The files in a folder of the home, whatever their names. */
static size_t files_in(const char *home, const char *folder)
{
    char path[TEST_PATH_SIZE];
    DIR *opened = opendir(test_path(path, home, folder));
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(opened);
    while ((entry = readdir(opened)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(opened);
    return count;
}

static bool is_there(const char *home, const char *folder, const char *name)
{
    char path[2 * TEST_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s/%s", home, folder, name);
    return access(path, F_OK) == 0;
}

static int add(struct home *home, const char *path, const char *title, const char *version, struct smki_document *document,
               struct smki_error *err)
{
    *document = (struct smki_document){.date = AT("2026-11-01")};
    snprintf(document->title, sizeof(document->title), "%s", title);
    snprintf(document->version, sizeof(document->version), "%s", version);
    return smki_document_add(home->service, &home->operator, path, document, err);
}

static uint64_t ADD(struct home *home, const char *name, const char *text, const char *title, const char *version)
{
    struct smki_document document;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    ASSERT_OK(add(home, FILE_IN(home, path, name, text), title, version, &document, &err), err);
    return document.number;
}

static void expect_text(int fd, const char *text)
{
    char read_back[64] = "";

    assert_int_equal(read(fd, read_back, sizeof(read_back) - 1), (ssize_t)strlen(text));
    assert_string_equal(read_back, text);
    close(fd);
}

static void expect_record(struct home *home, enum smki_act act, uint64_t number, const char *detail)
{
    struct smki_audit_record record = {.sequence = 0}, next;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    assert_int_equal(record.act, act);
    assert_int_equal(record.subject, number);
    assert_string_equal(record.detail, detail);
}

/* ---- documents ---- */

static void a_document_is_kept_under_its_hash_and_read_again(void **state)
{
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    uint64_t number;
    int fd;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ADD(&home, "policy.pdf", "hello\n", "Device Certificate Policy", "2.1");
    assert_int_equal(number, 1);
    assert_true(is_there(home.path, SMKI_HOME_DOCUMENTS, HELLO_SHA256));
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 1);
    expect_record(&home, SMKI_ACT_DOCUMENT, 1, "added, sha256 " HELLO_SHA256 ", version 2.1, Device Certificate Policy");
    ASSERT_OK(smki_document_open(home.service, number, &fd, &document, &err), err);
    expect_text(fd, "hello\n");
    assert_string_equal(document.title, "Device Certificate Policy");
    assert_string_equal(document.name, "policy.pdf");
    assert_string_equal(document.media_type, "application/pdf");
    assert_int_equal(document.size, 6);
    ASSERT_TIME(document.date, "2026-11-01");
    ASSERT_TIME(document.added_at, "2026-11-23T14:00");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void no_name_that_was_given_becomes_a_path_and_none_can_harm_a_header(void **state)
{
    static const char *const names[][2] = {
        {"a b\"c;\xc3\xa9.pdf", "a-b-c---.pdf"}, {"..", NULL}, {".hidden", "hidden"}, {"x\r\nSet-Cookie: y", "x--Set-Cookie--y"}};
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], version[8];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        snprintf(version, sizeof(version), "%zu", i);
        if (names[i][1] == NULL) {
            EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, test_path(path, home.path, names[i][0]), "x", version, &document, &err), err);
            EXPECT_TEXT(err, "not a regular file");
            continue;
        }
        ASSERT_OK(add(&home, FILE_IN(&home, path, names[i][0], "hello\n"), "x", version, &document, &err), err);
        assert_string_equal(document.name, names[i][1]);
    }
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 1);
    home_clear(&home);
}

static void a_long_name_is_cut_before_its_ending(void **state)
{
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], name[200];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    memset(name, 'a', sizeof(name));
    snprintf(name + 150, sizeof(name) - 150, ".pdf");
    ASSERT_OK(add(&home, FILE_IN(&home, path, name, "hello\n"), "x", "1", &document, &err), err);
    assert_int_equal(strlen(document.name), SMKI_FILE_NAME_SIZE - 1);
    assert_string_equal(document.name + strlen(document.name) - 5, "a.pdf");
    home_clear(&home);
}

static void what_could_act_in_a_browser_is_octets(void **state)
{
    static const char *const names[] = {"a.html", "a.svg", "a.xml", "a.js", "a.xhtml", "pdf"};
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        ASSERT_OK(add(&home, FILE_IN(&home, path, names[i], "hello\n"), names[i], "1", &document, &err), err);
        assert_string_equal(document.media_type, "application/octet-stream");
    }
    home_clear(&home);
}

static void a_refused_document_leaves_nothing(void **state)
{
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, FILE_IN(&home, path, "f", ""), "x", "1", &document, &err), err);
    EXPECT_TEXT(err, "empty");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, FILE_IN(&home, path, "f", "hello\n"), "", "1", &document, &err), err);
    EXPECT_TEXT(err, "title");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, path, "x", "a\nb", &document, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, add(&home, "/nowhere/at/all", "x", "1", &document, &err), err);
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 0);
    (void)ADD(&home, "f", "hello\n", "x", "1");
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, add(&home, FILE_IN(&home, path, "g", "other\n"), "x", "1", &document, &err), err);
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 1);
    home_clear(&home);
}

static void a_removed_document_is_gone_and_its_number_stays_its_own(void **state)
{
    struct home home;
    struct smki_document document;
    struct smki_error err = {0};
    uint64_t first, second;
    int fd;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    first = ADD(&home, "f", "hello\n", "x", "1");
    ASSERT_OK(smki_document_open(home.service, first, &fd, NULL, &err), err);
    ASSERT_OK(smki_document_remove(home.service, &home.operator, first, &err), err);
    expect_record(&home, SMKI_ACT_DOCUMENT, first, "removed, sha256 " HELLO_SHA256 ", version 1, x");
    expect_text(fd, "hello\n"); /* who is reading reads on */
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 0);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_document_find(home.service, first, &document, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_document_open(home.service, first, &fd, NULL, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_document_next(home.service, 0, &document, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_document_remove(home.service, &home.operator, first, &err), err);
    second = ADD(&home, "f", "hello\n", "x", "1");
    assert_int_equal(second, first + 1);
    home_clear(&home);
}

static void the_same_octets_stay_as_long_as_one_document_needs_them(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t first, second;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    first = ADD(&home, "f", "hello\n", "x", "1");
    second = ADD(&home, "f", "hello\n", "x", "2");
    ASSERT_OK(smki_document_remove(home.service, &home.operator, first, &err), err);
    assert_true(is_there(home.path, SMKI_HOME_DOCUMENTS, HELLO_SHA256));
    ASSERT_OK(smki_document_remove(home.service, &home.operator, second, &err), err);
    assert_false(is_there(home.path, SMKI_HOME_DOCUMENTS, HELLO_SHA256));
    home_clear(&home);
}

static void a_file_that_is_not_what_it_was_is_not_served(void **state)
{
    struct home home;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];
    uint64_t number;
    int fd;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ADD(&home, "f", "hello\n", "x", "1");
    test_write(test_path(path, home.path, SMKI_HOME_DOCUMENTS "/" HELLO_SHA256), "hell\n", 5);
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_document_open(home.service, number, &fd, NULL, &err), err);
    unlink(path);
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_document_open(home.service, number, &fd, NULL, &err), err);
    home_clear(&home);
}

static void what_a_killed_process_left_is_swept(void **state)
{
    struct home home;
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    test_write(test_path(path, home.path, SMKI_HOME_DOCUMENTS "/.new.abcdef"), "half", 4);
    (void)ADD(&home, "f", "hello\n", "x", "1");
    assert_int_equal(files_in(home.path, SMKI_HOME_DOCUMENTS), 1);
    home_clear(&home);
}

static void a_home_of_before_there_was_a_library_gets_one_and_can_be_backed_up(void **state)
{
    struct home home;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], backup[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    assert_int_equal(rmdir(test_path(path, home.path, SMKI_HOME_DOCUMENTS)), 0);
    assert_int_equal(rmdir(test_path(path, home.path, SMKI_HOME_CLIENT)), 0);
    test_folder_make(backup);
    ASSERT_OK(smki_service_backup(home.service, &home.operator, backup, false, &err), err);
    test_folder_remove(backup);
    (void)ADD(&home, "f", "hello\n", "x", "1");
    assert_true(is_there(home.path, SMKI_HOME_DOCUMENTS, HELLO_SHA256));
    home_clear(&home);
}

/* ---- the Authentication Client ---- */

struct stamp {
    const char *text; /* what the signature says; NULL: no signing today */
    char seen[64];    /* what was to be signed */
};

static int stamp_sign(void *context, int fd, uint64_t size, struct smki_buffer *signature, char name[SMKI_INSTALLER_SIGNER_SIZE],
                      struct smki_error *err)
{
    struct stamp *stamp = context;

    assert_int_equal(pread(fd, stamp->seen, sizeof(stamp->seen) - 1, 0), (ssize_t)size);
    snprintf(name, SMKI_INSTALLER_SIGNER_SIZE, "CN=Signer");
    if (stamp->text == NULL)
        return smki_fail(err, SMKI_KEY_PASSPHRASE, NULL);
    return smki_buffer_append(signature, stamp->text, strlen(stamp->text), err);
}

static int publish(struct home *home, const char *text, const char *version, const char *platform, struct stamp *stamp,
                   struct smki_installer *installer, struct smki_error *err)
{
    const struct smki_signer signer = {.sign = stamp_sign, .context = stamp};
    char path[TEST_PATH_SIZE];

    *installer = (struct smki_installer){.number = 0};
    snprintf(installer->version, sizeof(installer->version), "%s", version);
    snprintf(installer->platform, sizeof(installer->platform), "%s", platform);
    return smki_installer_publish(home->service, &home->operator, FILE_IN(home, path, "client.deb", text), &signer, installer, err);
}

static uint64_t PUBLISH(struct home *home, const char *text, const char *version, const char *platform)
{
    struct stamp stamp = {.text = version};
    struct smki_installer installer;
    struct smki_error err = {0};

    ASSERT_OK(publish(home, text, version, platform, &stamp, &installer, &err), err);
    assert_string_equal(stamp.seen, text);
    return installer.number;
}

static void an_installer_is_published_with_the_signature_over_the_kept_copy(void **state)
{
    struct home home;
    struct smki_installer installer;
    struct smki_error err = {0};
    char line[SMKI_SHA256_LINE_SIZE];
    uint64_t number;
    int fd;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = PUBLISH(&home, "hello\n", "1.4.2", "linux-amd64");
    expect_record(&home, SMKI_ACT_INSTALLER, number,
                  "published, sha256 " HELLO_SHA256 ", version 1.4.2 for linux-amd64, signed by CN=Signer");
    ASSERT_OK(smki_installer_open(home.service, number, SMKI_INSTALLER_FILE, &fd, &installer, &err), err);
    expect_text(fd, "hello\n");
    ASSERT_OK(smki_installer_open(home.service, number, SMKI_INSTALLER_SIGNATURE, &fd, NULL, &err), err);
    expect_text(fd, "1.4.2");
    assert_string_equal(smki_installer_sha256_line(&installer, line), HELLO_SHA256 "  client.deb\n");
    assert_string_equal(installer.signer, "CN=Signer");
    assert_int_equal(installer.signature_size, 5);
    assert_int_equal(files_in(home.path, SMKI_HOME_CLIENT), 2);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void without_a_signature_nothing_is_published(void **state)
{
    struct home home;
    struct stamp none = {.text = NULL}, empty = {.text = ""}, good = {.text = "s"};
    struct smki_installer installer;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_KEY_PASSPHRASE, publish(&home, "hello\n", "1", "linux", &none, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INTERNAL, publish(&home, "hello\n", "1", "linux", &empty, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, publish(&home, "hello\n", "1 2", "linux", &good, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, publish(&home, "hello\n", "1", "linux amd64", &good, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, publish(&home, "hello\n", "1", "beos", &good, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, publish(&home, "hello\n", "1", "linux-", &good, &installer, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, publish(&home, "", "1", "linux", &good, &installer, &err), err);
    assert_int_equal(files_in(home.path, SMKI_HOME_CLIENT), 0);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_installer_next(home.service, 0, &installer, &err), err);
    home_clear(&home);
}

static void a_version_is_published_once_for_a_platform(void **state)
{
    struct home home;
    struct stamp stamp = {.text = "another"};
    struct smki_installer installer;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)PUBLISH(&home, "hello\n", "1", "linux");
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, publish(&home, "other\n", "1", "linux", &stamp, &installer, &err), err);
    assert_int_equal(files_in(home.path, SMKI_HOME_CLIENT), 2);
    (void)PUBLISH(&home, "hello\n", "1", "macos");
    ASSERT_OK(smki_installer_withdraw(home.service, &home.operator, 1, &err), err);
    expect_record(&home, SMKI_ACT_INSTALLER, 1, "withdrawn, sha256 " HELLO_SHA256 ", version 1 for linux, signed by CN=Signer");
    assert_int_equal(files_in(home.path, SMKI_HOME_CLIENT), 2); /* those of macos: the same */
    ASSERT_OK(smki_installer_withdraw(home.service, &home.operator, 2, &err), err);
    assert_int_equal(files_in(home.path, SMKI_HOME_CLIENT), 0);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_installer_withdraw(home.service, &home.operator, 2, &err), err);
    home_clear(&home);
}

static void updates_tell_the_latest_of_each_platform_and_all_newest_first(void **state)
{
    struct home home;
    struct smki_error err = {0};
    cJSON *json, *files, *latest;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)PUBLISH(&home, "one", "1", "linux");
    (void)PUBLISH(&home, "two", "1", "windows");
    (void)PUBLISH(&home, "three", "2", "linux");
    ASSERT_OK(smki_installer_updates(&json, home.service, "https://download.example", &err), err);
    latest = cJSON_GetObjectItemCaseSensitive(json, "latest");
    files = cJSON_GetObjectItemCaseSensitive(json, "files");
    assert_int_equal(cJSON_GetArraySize(latest), 2);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(latest, "linux")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(latest, "windows")->valueint, 2);
    assert_int_equal(cJSON_GetArraySize(files), 3);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(files, 0), "number")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(files, 2), "number")->valueint, 1);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(files, 0), "signature_url")->valuestring,
                        "https://download.example/files/3.p7s");
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(files, 0), "url")->valuestring,
                        "https://download.example/files/3");
    cJSON_Delete(json);
    ASSERT_OK(smki_installer_withdraw(home.service, &home.operator, 3, &err), err);
    ASSERT_OK(smki_installer_updates(&json, home.service, "", &err), err);
    latest = cJSON_GetObjectItemCaseSensitive(json, "latest");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(latest, "linux")->valueint, 1);
    cJSON_Delete(json);
    home_clear(&home);
}

static void a_backup_takes_documents_and_installers_along(void **state)
{
    struct home home;
    struct smki_service *restored;
    struct smki_error err = {0};
    char backup[TEST_PATH_SIZE], again[TEST_PATH_SIZE];
    int fd;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)ADD(&home, "f", "hello\n", "x", "1");
    (void)PUBLISH(&home, "setup", "1", "linux");
    test_folder_make(backup);
    test_folder_make(again);
    ASSERT_OK(smki_service_backup(home.service, &home.operator, backup, false, &err), err);
    ASSERT_OK(smki_service_restore(backup, again, NULL, &err), err);
    ASSERT_OK(smki_service_open(&restored, again, NULL, &err), err);
    ASSERT_OK(smki_document_open(restored, 1, &fd, NULL, &err), err);
    expect_text(fd, "hello\n");
    ASSERT_OK(smki_installer_open(restored, 1, SMKI_INSTALLER_FILE, &fd, NULL, &err), err);
    expect_text(fd, "setup");
    ASSERT_OK(smki_installer_open(restored, 1, SMKI_INSTALLER_SIGNATURE, &fd, NULL, &err), err);
    expect_text(fd, "1");
    smki_service_close(restored);
    test_folder_remove(backup);
    test_folder_remove(again);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_kept_under_its_hash_and_read_again),
        cmocka_unit_test(no_name_that_was_given_becomes_a_path_and_none_can_harm_a_header),
        cmocka_unit_test(a_long_name_is_cut_before_its_ending),
        cmocka_unit_test(what_could_act_in_a_browser_is_octets),
        cmocka_unit_test(a_refused_document_leaves_nothing),
        cmocka_unit_test(a_removed_document_is_gone_and_its_number_stays_its_own),
        cmocka_unit_test(the_same_octets_stay_as_long_as_one_document_needs_them),
        cmocka_unit_test(a_file_that_is_not_what_it_was_is_not_served),
        cmocka_unit_test(what_a_killed_process_left_is_swept),
        cmocka_unit_test(a_home_of_before_there_was_a_library_gets_one_and_can_be_backed_up),
        cmocka_unit_test(an_installer_is_published_with_the_signature_over_the_kept_copy),
        cmocka_unit_test(without_a_signature_nothing_is_published),
        cmocka_unit_test(a_version_is_published_once_for_a_platform),
        cmocka_unit_test(updates_tell_the_latest_of_each_platform_and_all_newest_first),
        cmocka_unit_test(a_backup_takes_documents_and_installers_along),
    };

    return cmocka_run_group_tests_name("library", tests, mould_make, mould_remove);
}
