/* A zip of CSRs in: what is accepted, what is refused under which code, and that one bad CSR never fails the others.
 * Zips are made by libzip; what libzip would not make is patched into them octet by octet. */
#include "smki_test.h"

#include "message/message_i.h"

#include <zip.h>

/* ---- verbs ---- */

struct place {
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    zip_t *zip;
};

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    test_folder_make(place->folder);
    test_path(place->path, place->folder, "batch.zip");
    assert_non_null(place->zip = zip_open(place->path, ZIP_CREATE, NULL));
    *state = place;
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;

    if (place->zip != NULL)
        zip_discard(place->zip);
    test_folder_remove(place->folder);
    free(place);
    return 0;
}

static const struct batch_limits limits = {.max_csrs = 20, .max_upload = 100000};

/* Five octets that any reader of text forms takes; whether they are a request is not this room's to say. */
static const char text[] = "MIIBAAE=\n";

static zip_uint64_t add_octets(struct place *place, const char *name, const void *octets, size_t size, int method)
{
    void *copy = size != 0 ? malloc(size) : NULL;
    zip_source_t *source;
    zip_int64_t at;

    if (size != 0)
        memcpy(copy, octets, size);
    assert_non_null(source = zip_source_buffer(place->zip, copy, size, size != 0));
    at = zip_file_add(place->zip, name, source, 0);
    assert_true(at >= 0);
    assert_int_equal(zip_set_file_compression(place->zip, (zip_uint64_t)at, method, 0), 0);
    return (zip_uint64_t)at;
}

static zip_uint64_t add(struct place *place, const char *name)
{
    return add_octets(place, name, text, strlen(text), ZIP_CM_STORE);
}

static void close_zip(struct place *place)
{
    assert_int_equal(zip_close(place->zip), 0);
    place->zip = NULL;
}

/* Replaces every occurrence of `from` in the closed zip by `to`, both of `size` octets; `times` of them must be there. */
static void patch(struct place *place, const char *from, const char *to, size_t size, unsigned times)
{
    struct smki_buffer file = {0};
    unsigned found = 0;

    test_read(&file, place->path);
    for (size_t at = 0; at + size <= file.size; at++)
        if (memcmp(file.at + at, from, size) == 0) {
            memcpy(file.at + at, to, size);
            found++;
        }
    assert_int_equal(found, times);
    test_write(place->path, file.at, file.size);
    smki_buffer_finish(&file);
}

struct seen {
    unsigned count, bad, too_large;
    size_t octets;
    char refs[512];
};

static int see(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->refs);

    (void)err;
    seen->count++;
    assert_int_equal(request->index, seen->count);
    seen->bad += request->decode_code != 0;
    seen->too_large += request->decode_code == SMKI_CSR_TOO_LARGE;
    seen->octets += request->der.size;
    if (request->decode_code != 0)
        assert_int_equal(request->der.size, 0);
    snprintf(seen->refs + used, sizeof(seen->refs) - used, "%s%s", used != 0 ? "," : "", request->ref);
    return 0;
}

static int check(struct place *place, struct smki_error *err)
{
    uint32_t count = 99;
    int rc;

    if (place->zip != NULL)
        close_zip(place);
    rc = batch_zip_check(place->path, &limits, &count, err);
    if (rc != 0)
        assert_int_equal(count, 0);
    return rc;
}

/* The zip is refused with this code, when it is checked and when it is read. */
static void expect_refused(struct place *place, int code, const char *words)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    EXPECT_REFUSED(code, check(place, &err), err);
    EXPECT_TEXT(err, words);
    EXPECT_REFUSED(code, batch_zip_read(place->path, &limits, see, &seen, &err), err);
    assert_int_equal(seen.count, 0);
}

static struct seen expect_accepted(struct place *place, uint32_t entries)
{
    struct smki_error err = {0};
    struct seen seen = {0};
    uint32_t count = 0;

    if (place->zip != NULL)
        close_zip(place);
    ASSERT_OK(batch_zip_check(place->path, &limits, &count, &err), err);
    assert_int_equal(count, entries);
    ASSERT_OK(batch_zip_read(place->path, &limits, see, &seen, &err), err);
    assert_int_equal(seen.count, entries);
    return seen;
}

/* ---- accepted ---- */

static void stored_and_deflated_entries_come_in_order(void **state)
{
    struct place *place = *state;
    char longer[2000];
    struct seen seen;

    memset(longer, 'A', sizeof(longer));
    add_octets(place, "b.csr", longer, sizeof(longer), ZIP_CM_DEFLATE);
    add(place, "a.csr");
    seen = expect_accepted(place, 2);
    assert_string_equal(seen.refs, "b.csr,a.csr");
    assert_int_equal(seen.octets, 1500 + 5);
}

static void the_extension_may_be_in_any_case(void **state)
{
    struct place *place = *state;

    add(place, "a.CSR");
    add(place, "b.Csr");
    expect_accepted(place, 2);
}

static void names_may_have_spaces_dots_and_letters_of_any_language(void **state)
{
    struct place *place = *state;

    add(place, "90-B3-D5-1F-30-01-00-00 (new).csr");
    add(place, ".hidden.csr");
    add(place, "..a..csr");
    add(place, "compteur-\xc3\xa9lectrique.csr");
    expect_accepted(place, 4);
}

static void every_text_form_is_accepted(void **state)
{
    static const char *const forms[] = {
        "MIIBAAE=",
        "MIIBAAE=\r\n",
        "-----BEGIN CERTIFICATE REQUEST-----\nMIIBAAE=\n-----END CERTIFICATE REQUEST-----\n",
        "-----BEGIN NEW CERTIFICATE REQUEST-----\r\nMIIB\r\nAAE=\r\n-----END NEW CERTIFICATE REQUEST-----\r\n",
    };
    struct place *place = *state;
    struct seen seen;

    for (size_t i = 0; i < TEST_COUNT(forms); i++)
        add_octets(place, (char[]){(char)('a' + i), '.', 'c', 's', 'r', '\0'}, forms[i], strlen(forms[i]), ZIP_CM_STORE);
    seen = expect_accepted(place, TEST_COUNT(forms));
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.octets, 5 * TEST_COUNT(forms));
}

static void one_bad_csr_never_fails_the_others(void **state)
{
    struct place *place = *state;
    struct seen seen;

    add(place, "a.csr");
    add_octets(place, "b.csr", "not base64 at all!", 18, ZIP_CM_STORE);
    add_octets(place, "c.csr", "", 0, ZIP_CM_STORE);
    add_octets(place, "d.csr", "\x30\x82\x01\x00", 4, ZIP_CM_STORE);
    add(place, "e.csr");
    seen = expect_accepted(place, 5);
    assert_int_equal(seen.bad, 3);
    assert_int_equal(seen.octets, 10);
}

static void max_csrs_entries_are_accepted_and_one_more_refused(void **state)
{
    struct place *place = *state;
    char name[16];

    for (unsigned i = 0; i < limits.max_csrs; i++) {
        snprintf(name, sizeof(name), "%u.csr", i);
        add(place, name);
    }
    expect_accepted(place, limits.max_csrs);
    assert_non_null(place->zip = zip_open(place->path, 0, NULL));
    add(place, "more.csr");
    expect_refused(place, SMKI_BATCH_TOO_MANY, "21 entries");
}

static void a_zip_of_50001_entries_is_refused(void **state)
{
    static const struct batch_limits real = {.max_csrs = SMKI_BATCH_MAX_CSRS, .max_upload = 1 << 28};
    struct place *place = *state;
    struct smki_error err = {0};
    uint32_t count;

    for (unsigned i = 0; i <= SMKI_BATCH_MAX_CSRS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u.csr", i);
        add_octets(place, name, "", 0, ZIP_CM_STORE);
    }
    close_zip(place);
    EXPECT_REFUSED(SMKI_BATCH_TOO_MANY, batch_zip_check(place->path, &real, &count, &err), err);
}

/* Info-ZIP, writing to a pipe, puts sizes after the data; reading a name list, it takes what we take. */
static void what_info_zip_streams_is_accepted(void **state)
{
    struct place *place = *state;
    char path[TEST_PATH_SIZE], command[3 * TEST_PATH_SIZE];

    test_path(path, place->folder, "a.csr");
    test_write(path, text, strlen(text));
    test_path(path, place->folder, "b.csr");
    test_write(path, text, strlen(text));
    zip_discard(place->zip);
    place->zip = NULL;
    snprintf(command, sizeof(command), "cd '%s' && { zip -q - a.csr b.csr | cat >batch.zip; }", place->folder);
    assert_int_equal(system(command), 0);
    assert_string_equal(expect_accepted(place, 2).refs, "a.csr,b.csr");
}

static int ignore(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)context, (void)request, (void)err;
    return 0;
}

static void many_entries_are_read_by_few_calls(void **state)
{
    static const struct batch_limits many = {.max_csrs = 3000, .max_upload = 1000000};
    struct place *place = *state;
    struct smki_error err = {0};
    unsigned long calls;
    char name[32];

    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "%u.csr", i);
        add(place, name);
    }
    close_zip(place);
    calls = test_file_calls();
    ASSERT_OK(batch_zip_read(place->path, &many, ignore, NULL, &err), err);
    assert_in_range(test_file_calls() - calls, 1, 100);
}

/* ---- refused by name ---- */

struct named {
    const char *name;
    int code;
    const char *words;
};

static const struct named refused_names[] = {
    {"folder/a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"/a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"../a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"./a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"a\\b.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"..\\a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"C:a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"c:\\a.csr", SMKI_ZIP_ENTRY_PATH, "has a path"},
    {"folder.csr/", SMKI_ZIP_ENTRY_PATH, "is a folder"},
    {"a.txt", SMKI_ZIP_ENTRY_NAME, "not named *.csr"},
    {"a", SMKI_ZIP_ENTRY_NAME, "not named *.csr"},
    {"csr", SMKI_ZIP_ENTRY_NAME, "not named *.csr"},
    {"a.csr.exe", SMKI_ZIP_ENTRY_NAME, "not named *.csr"},
    {"a.csr ", SMKI_ZIP_ENTRY_NAME, "not named *.csr"},
    {".csr", SMKI_ZIP_ENTRY_NAME, "no name before"},
    {"..csr", SMKI_ZIP_ENTRY_NAME, "no name before"},
    {"...csr", SMKI_ZIP_ENTRY_NAME, "no name before"},
    {"a\nb.csr", SMKI_ZIP_ENTRY_NAME, "control characters"},
    {"a\x1b[31mb.csr", SMKI_ZIP_ENTRY_NAME, "control characters"},
    {"a\x7f.csr", SMKI_ZIP_ENTRY_NAME, "control characters"},
    {"a\xc2\x85.csr", SMKI_ZIP_ENTRY_NAME, "control characters"},
};

static void names_that_are_no_root_csr_are_refused(void **state)
{
    for (size_t i = 0; i < TEST_COUNT(refused_names); i++) {
        struct place *place;
        const struct named *named = &refused_names[i];
        assert_int_equal(place_make((void **)&place), 0);
        add(place, "good.csr");
        if (named->name[strlen(named->name) - 1] == '/')
            assert_true(zip_dir_add(place->zip, named->name, 0) >= 0);
        else
            add(place, named->name);
        expect_refused(place, named->code, named->words);
        place_remove((void **)&place);
    }
    (void)state;
}

/* A name of seven octets that libzip would not write, in both headers, comes out as `ref`. */
static void expect_name(struct place *place, const char *octets, const char *ref)
{
    add(place, "aXb.csr");
    close_zip(place);
    patch(place, "aXb.csr", octets, 7, 2);
    assert_string_equal(expect_accepted(place, 1).refs, ref);
}

/* As Windows packs: no flag that the name is UTF-8. */
static void a_name_in_cp437_becomes_utf8(void **state)
{
    expect_name(*state, "\x82t\x82.csr", "\xc3\xa9t\xc3\xa9.csr");
}

/* Nor is this flagged; what can be UTF-8 is taken for it. */
static void a_name_in_utf8_without_its_flag_stays_as_it_is(void **state)
{
    expect_name(*state, "\xc3\xa9t.csr", "\xc3\xa9t.csr");
}

static const char not_utf8[][8] = {"\xc0\xafx.csr", "\xed\xa0\x80.csr"};

/* An overlong form and a surrogate: libzip takes them for UTF-8, we do not (RFC 3629 3). */
static void a_name_that_is_not_utf8_is_refused(void **state)
{
    for (size_t i = 0; i < TEST_COUNT(not_utf8); i++) {
        struct place *place;
        assert_int_equal(place_make((void **)&place), 0);
        add(place, "aXb.csr");
        close_zip(place);
        patch(place, "aXb.csr", not_utf8[i], 7, 2);
        expect_refused(place, SMKI_ZIP_ENTRY_NAME, "not UTF-8");
        place_remove((void **)&place);
    }
    (void)state;
}

static const char controls_in_cp437[][8] = {"\x82\x1bx.csr", "\x82\nx.csr", "\x82\x7fx.csr", "\x01yx.csr"};

static void control_characters_do_not_hide_in_cp437(void **state)
{
    for (size_t i = 0; i < TEST_COUNT(controls_in_cp437); i++) {
        struct place *place;
        assert_int_equal(place_make((void **)&place), 0);
        add(place, "aXb.csr");
        close_zip(place);
        patch(place, "aXb.csr", controls_in_cp437[i], 7, 2);
        expect_refused(place, SMKI_ZIP_ENTRY_NAME, "control characters");
        place_remove((void **)&place);
    }
    (void)state;
}

static void a_name_flagged_utf8_that_is_cp437_is_refused(void **state)
{
    struct place *place = *state;
    static const char flagged[] = "\xc3\xa9t.csr";

    add(place, flagged);
    close_zip(place);
    patch(place, flagged, "\x82\x82t.csr", 7, 2);
    expect_refused(place, SMKI_ZIP_INVALID, "");
}

static void a_name_of_256_octets_is_refused(void **state)
{
    struct place *place = *state;
    char name[257];

    memset(name, 'n', sizeof(name));
    memcpy(name + 252, ".csr", 5);
    add(place, name + 1);
    expect_accepted(place, 1);
    assert_non_null(place->zip = zip_open(place->path, 0, NULL));
    add(place, name);
    expect_refused(place, SMKI_ZIP_ENTRY_NAME, "256 octets");
}

static void two_entries_of_one_name_are_refused(void **state)
{
    struct place *place = *state;

    add(place, "one.csr");
    add(place, "two.csr");
    close_zip(place);
    patch(place, "two.csr", "one.csr", 7, 2);
    expect_refused(place, SMKI_ZIP_ENTRY_DUPLICATE, "entry 2 (one.csr)");
}

/* One in CP437, the other in UTF-8. */
static void names_that_become_one_are_refused(void **state)
{
    struct place *place = *state;

    add(place, "aX.csr");
    add(place, "a\xc3\xa9.csr");
    close_zip(place);
    patch(place, "aX.csr", "a\x82.csr", 6, 2);
    expect_refused(place, SMKI_ZIP_ENTRY_DUPLICATE, "entry 2 (a\xc3\xa9.csr)");
}

static void names_that_differ_in_capitals_are_different_names(void **state)
{
    struct place *place = *state;

    add(place, "a.csr");
    add(place, "a.CSR");
    add(place, "A.csr");
    assert_string_equal(expect_accepted(place, 3).refs, "a.csr,a.CSR,A.csr");
}

/* ---- refused by kind and packing ---- */

static void a_symbolic_link_is_refused(void **state)
{
    struct place *place = *state;
    zip_uint64_t at = add(place, "a.csr");

    assert_int_equal(zip_file_set_external_attributes(place->zip, at, 0, ZIP_OPSYS_UNIX, (zip_uint32_t)(S_IFLNK | 0777) << 16), 0);
    expect_refused(place, SMKI_ZIP_ENTRY_PATH, "link");
}

static void a_dos_folder_without_its_slash_is_refused(void **state)
{
    struct place *place = *state;
    zip_uint64_t at = add(place, "a.csr");

    assert_int_equal(zip_file_set_external_attributes(place->zip, at, 0, ZIP_OPSYS_DOS, 0x10), 0);
    expect_refused(place, SMKI_ZIP_ENTRY_PATH, "folder");
}

static void an_entry_encrypted_by_aes_is_refused(void **state)
{
    struct place *place = *state;
    zip_uint64_t at = add(place, "a.csr");

    assert_int_equal(zip_file_set_encryption(place->zip, at, ZIP_EM_AES_256, "secret"), 0);
    expect_refused(place, SMKI_ZIP_ENCRYPTED, "encrypted");
}

static void an_entry_encrypted_by_pkware_is_refused(void **state)
{
    struct place *place = *state;
    zip_uint64_t at = add(place, "a.csr");

    assert_int_equal(zip_file_set_encryption(place->zip, at, ZIP_EM_TRAD_PKWARE, "secret"), 0);
    expect_refused(place, SMKI_ZIP_ENCRYPTED, "encrypted");
}

/* Writes a little-endian number into both headers of the first entry: at `local` of the local and `central` of the central one. */
static void patch_headers(struct place *place, size_t local, size_t central, uint32_t value, size_t size)
{
    struct smki_buffer file = {0};
    uint8_t *directory;

    test_read(&file, place->path);
    assert_non_null(directory = memmem(file.at, file.size, "PK\1\2", 4));
    for (size_t i = 0; i < size; i++)
        file.at[local + i] = directory[central + i] = (uint8_t)(value >> 8 * i);
    test_write(place->path, file.at, file.size);
    smki_buffer_finish(&file);
}

static void an_unknown_method_is_refused(void **state)
{
    struct place *place = *state;

    add(place, "a.csr");
    close_zip(place);
    patch_headers(place, 8, 10, 14 /* LZMA */, 2);
    expect_refused(place, SMKI_ZIP_METHOD, "method 14");
}

/* ---- sizes and bombs ---- */

/* One of `size` octets that pack well, or badly; a neighbour on each side. */
static void add_between(struct place *place, size_t size, bool packed)
{
    char *octets = malloc(size);

    assert_non_null(octets);
    memset(octets, 'A', size);
    add(place, "a.csr");
    add_octets(place, "b.csr", octets, size, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE);
    add(place, "c.csr");
    free(octets);
}

static void expect_too_large_alone(struct place *place)
{
    struct seen seen = expect_accepted(place, 3);

    assert_string_equal(seen.refs, "a.csr,b.csr,c.csr");
    assert_int_equal(seen.too_large, 1);
    assert_int_equal(seen.bad, 1);
    assert_int_equal(seen.octets, 10);
}

static void an_entry_larger_than_a_csr_fails_by_itself(void **state)
{
    add_between(*state, 17000, false);
    expect_too_large_alone(*state);
}

/* Not being unpacked, it is not seen to be damaged either. */
static void an_entry_larger_than_a_csr_is_not_unpacked(void **state)
{
    struct place *place = *state;
    char large[17000];

    add(place, "a.csr");
    memset(large, 'A', sizeof(large));
    memcpy(large + 8000, "needle", 6);
    add_octets(place, "b.csr", large, sizeof(large), ZIP_CM_STORE);
    add(place, "c.csr");
    close_zip(place);
    patch(place, "needle", "noodle", 6, 1);
    expect_too_large_alone(place);
}

static void an_entry_of_a_mebibyte_fails_by_itself_however_it_is_packed(void **state)
{
    add_between(*state, 1024 * 1024, true);
    expect_too_large_alone(*state);
}

static void an_entry_of_more_packed_to_burst_is_a_bomb(void **state)
{
    add_between(*state, 1024 * 1024 + 1, true);
    expect_refused(*state, SMKI_ZIP_BOMB, "entry 2 (b.csr) unpacks to 1048577 octets, over 50 times its packed size");
}

/* Large, but it was as large on its way here. */
static void an_entry_of_many_mebibytes_that_are_there_fails_by_itself(void **state)
{
    static const struct batch_limits wide = {.max_csrs = 20, .max_upload = (uint64_t)100 << 20};
    struct smki_error err = {0};
    struct seen seen = {0};
    struct place *place = *state;

    add_between(place, (size_t)70 << 20, false);
    close_zip(place);
    ASSERT_OK(batch_zip_read(place->path, &wide, see, &seen, &err), err);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.too_large, 1);
    assert_int_equal(seen.octets, 10);
}

/* a.csr packed into so many octets, of which nothing is true but their number: its headers are patched to say more, and nobody unpacks it.
 */
static void add_pretender(struct place *place, size_t packed)
{
    char *octets = malloc(packed);

    assert_non_null(octets);
    memset(octets, 'A', packed);
    add_octets(place, "a.csr", octets, packed, ZIP_CM_STORE);
    free(octets);
    close_zip(place);
    patch_headers(place, 8, 10, ZIP_CM_DEFLATE, 2);
}

static void exactly_50_to_1_is_no_bomb_and_one_octet_more_is(void **state)
{
    struct place *place = *state;

    add_pretender(place, 40000);
    patch_headers(place, 22, 24, 2000000, 4);
    assert_int_equal(expect_accepted(place, 1).too_large, 1);
    patch_headers(place, 22, 24, 2000001, 4);
    expect_refused(place, SMKI_ZIP_BOMB, "unpacks to 2000001 octets");
}

static void what_is_too_large_counts_for_the_whole_batch_too(void **state)
{
    static const struct batch_limits wide = {.max_csrs = 20, .max_upload = (uint64_t)100 << 20};
    struct place *place = *state;
    struct smki_error err = {0};
    uint32_t count;

    add_pretender(place, 5000000);
    patch_headers(place, 22, 24, 204800000, 4);
    ASSERT_OK(batch_zip_check(place->path, &wide, &count, &err), err);
    patch_headers(place, 22, 24, 204800001, 4);
    EXPECT_REFUSED(SMKI_ZIP_BOMB, batch_zip_check(place->path, &wide, &count, &err), err);
    EXPECT_TEXT(err, "unpack to more than 204800000 octets");
}

static void a_csr_of_the_largest_size_fits_an_entry(void **state)
{
    struct place *place = *state;
    char large[SMKI_CSR_MAX_SIZE / 3 * 4];
    struct seen seen;

    memset(large, 'A', sizeof(large));
    add_octets(place, "a.csr", large, sizeof(large), ZIP_CM_DEFLATE);
    seen = expect_accepted(place, 1);
    assert_int_equal(seen.octets, SMKI_CSR_MAX_SIZE / 3 * 3);
}

static void a_csr_above_the_largest_size_fails_by_itself(void **state)
{
    struct place *place = *state;
    char large[SMKI_CSR_MAX_SIZE / 3 * 4 + 8];

    memset(large, 'A', sizeof(large));
    add_octets(place, "a.csr", large, sizeof(large), ZIP_CM_DEFLATE);
    add(place, "b.csr");
    assert_int_equal(expect_accepted(place, 2).bad, 1);
}

/* 14,000 entries, each small enough for itself; their contents are one source, packed once for each. */
static void entries_that_unpack_to_more_than_a_batch_are_refused(void **state)
{
    static const struct batch_limits real = {.max_csrs = SMKI_BATCH_MAX_CSRS, .max_upload = 1 << 28};
    struct place *place = *state;
    struct smki_error err = {0};
    char large[16000], name[16];
    uint32_t count;

    memset(large, 'A', sizeof(large));
    for (unsigned i = 0; i < 14000; i++) {
        snprintf(name, sizeof(name), "%u.csr", i);
        assert_true(zip_file_add(place->zip, name, zip_source_buffer(place->zip, large, sizeof(large), 0), 0) >= 0);
    }
    close_zip(place);
    EXPECT_REFUSED(SMKI_ZIP_BOMB, batch_zip_check(place->path, &real, &count, &err), err);
    EXPECT_TEXT(err, "unpack to more than 204800000 octets");
}

static void what_unpacks_to_more_than_the_file_has_is_accepted(void **state)
{
    struct place *place = *state;
    struct smki_buffer file = {0};
    struct batch_limits exact = {.max_csrs = 1};
    struct smki_error err = {0};
    struct seen seen = {0};
    char large[8000];

    memset(large, 'A', sizeof(large));
    add_octets(place, "a.csr", large, sizeof(large), ZIP_CM_DEFLATE);
    close_zip(place);
    test_read(&file, place->path);
    exact.max_upload = file.size;
    smki_buffer_finish(&file);
    ASSERT_OK(batch_zip_read(place->path, &exact, see, &seen, &err), err);
    assert_int_equal(seen.octets, 6000);
}

/* Without a ZIP's end they are no archive; the marks alone are too many. */
static void a_file_full_of_directory_records_is_refused_unopened(void **state)
{
    struct place *place = *state;
    char records[2000 * 4];

    for (size_t i = 0; i < sizeof(records); i++)
        records[i] = "PK\1\2"[i % 4];
    zip_discard(place->zip);
    place->zip = NULL;
    test_write(place->path, records, sizeof(records));
    expect_refused(place, SMKI_BATCH_TOO_MANY, "more than 1040 entries");
}

static void an_entry_that_declares_less_than_it_holds_is_refused(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    struct seen seen = {0};
    char large[16000];

    memset(large, 'A', sizeof(large));
    add_octets(place, "a.csr", large, sizeof(large), ZIP_CM_DEFLATE);
    close_zip(place);
    patch_headers(place, 22, 24, 100, 4);
    EXPECT_REFUSED(SMKI_ZIP_BOMB, batch_zip_read(place->path, &limits, see, &seen, &err), err);
    assert_int_equal(seen.count, 0);
}

static void an_entry_that_declares_more_than_it_holds_is_refused(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    struct seen seen = {0};
    char large[1000];

    memset(large, 'A', sizeof(large));
    add_octets(place, "a.csr", large, sizeof(large), ZIP_CM_DEFLATE);
    close_zip(place);
    patch_headers(place, 22, 24, 5000, 4);
    EXPECT_REFUSED(SMKI_ZIP_INVALID, batch_zip_read(place->path, &limits, see, &seen, &err), err);
}

static void a_file_above_max_upload_is_refused_unopened(void **state)
{
    struct place *place = *state;

    zip_discard(place->zip);
    place->zip = NULL;
    test_write(place->path, "", 0);
    assert_int_equal(truncate(place->path, (off_t)limits.max_upload + 1), 0);
    expect_refused(place, SMKI_TOO_LARGE, "100001 octets");
}

/* ---- damaged ---- */

static void an_empty_zip_is_refused(void **state)
{
    static const uint8_t empty[22] = {'P', 'K', 5, 6};
    struct place *place = *state;

    zip_discard(place->zip);
    place->zip = NULL;
    test_write(place->path, empty, sizeof(empty));
    expect_refused(place, SMKI_ZIP_EMPTY, "empty");
}

static void what_is_no_zip_is_refused(void **state)
{
    static const char *const contents[] = {"", "P", "this is no zip at all", "<SubmitCSRBatch/>",
                                           "PK\3\4 and nothing more that would be one"};
    struct place *place = *state;

    zip_discard(place->zip);
    place->zip = NULL;
    for (size_t i = 0; i < TEST_COUNT(contents); i++) {
        test_write(place->path, contents[i], strlen(contents[i]));
        expect_refused(place, SMKI_ZIP_INVALID, "not a ZIP file");
    }
}

static void a_missing_file_is_not_found(void **state)
{
    struct place *place = *state;

    zip_discard(place->zip);
    place->zip = NULL;
    expect_refused(place, SMKI_NOT_FOUND, "batch.zip");
}

/* Wherever it is cut, all of it is refused; the last octets are the directory's end. */
static void a_zip_cut_short_is_refused(void **state)
{
    struct place *place = *state;
    struct smki_buffer whole = {0};

    add(place, "a.csr");
    add(place, "b.csr");
    close_zip(place);
    test_read(&whole, place->path);
    for (size_t size = 0; size < whole.size; size++) {
        test_write(place->path, whole.at, size);
        expect_refused(place, SMKI_ZIP_INVALID, "");
    }
    smki_buffer_finish(&whole);
}

static void octets_before_or_after_a_zip_are_refused(void **state)
{
    struct place *place = *state;
    struct smki_buffer whole = {0}, longer = {0};
    struct smki_error err = {0};

    add(place, "a.csr");
    close_zip(place);
    test_read(&whole, place->path);
    ASSERT_OK(smki_buffer_append(&longer, "#!/bin/sh\n", 10, &err), err);
    ASSERT_OK(smki_buffer_append(&longer, whole.at, whole.size, &err), err);
    test_write(place->path, longer.at, longer.size);
    expect_refused(place, SMKI_ZIP_INVALID, "");
    ASSERT_OK(smki_buffer_append(&longer, "junk", 4, &err), err);
    test_write(place->path, longer.at + 10, longer.size - 10);
    expect_refused(place, SMKI_ZIP_INVALID, "");
    smki_buffer_finish(&whole);
    smki_buffer_finish(&longer);
}

static void an_entry_whose_crc_does_not_fit_is_refused(void **state)
{
    struct place *place = *state;
    struct smki_error err = {0};
    struct seen seen = {0};

    add(place, "a.csr");
    add(place, "b.csr");
    close_zip(place);
    patch(place, text, "NIIBAAE=\n", strlen(text), 2);
    EXPECT_REFUSED(SMKI_ZIP_INVALID, batch_zip_read(place->path, &limits, see, &seen, &err), err);
    EXPECT_TEXT(err, "entry 1 (a.csr) is damaged");
    assert_int_equal(seen.count, 0);
}

static void headers_that_contradict_each_other_are_refused(void **state)
{
    struct place *place = *state;
    struct smki_buffer file = {0};

    add(place, "a.csr");
    close_zip(place);
    test_read(&file, place->path);
    file.at[30] = 'b'; /* the name in the local header only */
    test_write(place->path, file.at, file.size);
    smki_buffer_finish(&file);
    expect_refused(place, SMKI_ZIP_INVALID, "");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(stored_and_deflated_entries_come_in_order),
        WITH_PLACE(many_entries_are_read_by_few_calls),
        WITH_PLACE(the_extension_may_be_in_any_case),
        WITH_PLACE(names_may_have_spaces_dots_and_letters_of_any_language),
        WITH_PLACE(every_text_form_is_accepted),
        WITH_PLACE(one_bad_csr_never_fails_the_others),
        WITH_PLACE(max_csrs_entries_are_accepted_and_one_more_refused),
        WITH_PLACE(a_zip_of_50001_entries_is_refused),
        WITH_PLACE(what_info_zip_streams_is_accepted),
        cmocka_unit_test(names_that_are_no_root_csr_are_refused),
        WITH_PLACE(a_name_in_cp437_becomes_utf8),
        WITH_PLACE(a_name_in_utf8_without_its_flag_stays_as_it_is),
        cmocka_unit_test(a_name_that_is_not_utf8_is_refused),
        cmocka_unit_test(control_characters_do_not_hide_in_cp437),
        WITH_PLACE(a_name_flagged_utf8_that_is_cp437_is_refused),
        WITH_PLACE(a_name_of_256_octets_is_refused),
        WITH_PLACE(two_entries_of_one_name_are_refused),
        WITH_PLACE(names_that_become_one_are_refused),
        WITH_PLACE(names_that_differ_in_capitals_are_different_names),
        WITH_PLACE(a_symbolic_link_is_refused),
        WITH_PLACE(a_dos_folder_without_its_slash_is_refused),
        WITH_PLACE(an_entry_encrypted_by_aes_is_refused),
        WITH_PLACE(an_entry_encrypted_by_pkware_is_refused),
        WITH_PLACE(an_unknown_method_is_refused),
        WITH_PLACE(an_entry_larger_than_a_csr_fails_by_itself),
        WITH_PLACE(an_entry_larger_than_a_csr_is_not_unpacked),
        WITH_PLACE(an_entry_of_a_mebibyte_fails_by_itself_however_it_is_packed),
        WITH_PLACE(an_entry_of_more_packed_to_burst_is_a_bomb),
        WITH_PLACE(an_entry_of_many_mebibytes_that_are_there_fails_by_itself),
        WITH_PLACE(exactly_50_to_1_is_no_bomb_and_one_octet_more_is),
        WITH_PLACE(what_is_too_large_counts_for_the_whole_batch_too),
        WITH_PLACE(a_csr_of_the_largest_size_fits_an_entry),
        WITH_PLACE(a_csr_above_the_largest_size_fails_by_itself),
        WITH_PLACE(entries_that_unpack_to_more_than_a_batch_are_refused),
        WITH_PLACE(what_unpacks_to_more_than_the_file_has_is_accepted),
        WITH_PLACE(a_file_full_of_directory_records_is_refused_unopened),
        WITH_PLACE(an_entry_that_declares_less_than_it_holds_is_refused),
        WITH_PLACE(an_entry_that_declares_more_than_it_holds_is_refused),
        WITH_PLACE(a_file_above_max_upload_is_refused_unopened),
        WITH_PLACE(an_empty_zip_is_refused),
        WITH_PLACE(what_is_no_zip_is_refused),
        WITH_PLACE(a_missing_file_is_not_found),
        WITH_PLACE(a_zip_cut_short_is_refused),
        WITH_PLACE(octets_before_or_after_a_zip_are_refused),
        WITH_PLACE(an_entry_whose_crc_does_not_fit_is_refused),
        WITH_PLACE(headers_that_contradict_each_other_are_refused),
    };

    return cmocka_run_group_tests_name("batch_zip", tests, NULL, NULL);
}
