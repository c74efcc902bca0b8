/* A reader's verdicts held against xmllint's: over a corpus in tests/data/<name> with the folders valid, broken and differ (where we are
 * meant to be stricter: differences.txt there says why), and over mutations of its valid documents. */
#ifndef CORPUS_TEST_H
#define CORPUS_TEST_H

#include "message_test.h"

struct corpus {
    const char *name, *schema;
    int (*read)(struct smki_bytes document, struct smki_error *err); /* our verdict */
    const char *const *scraps;                                       /* what mutations put in besides what is XML */
    size_t scrap_count;
};

static inline const char *corpus_folder(char out[TEST_PATH_SIZE], const struct corpus *corpus, const char *folder)
{
    snprintf(out, TEST_PATH_SIZE, "%s/%s/%s", TEST_DATA, corpus->name, folder);
    return out;
}

/* ---- our verdicts ---- */

static inline void corpus_accept_document(void *context, const char *name, struct smki_bytes document)
{
    const struct corpus *corpus = context;
    struct smki_error err = {0};

    if (corpus->read(document, &err) != 0)
        fail_msg("valid/%s is refused: %s", name, err.text);
}

static inline void valid_documents_are_accepted(void **state)
{
    const struct corpus *corpus = *state;
    char folder[TEST_PATH_SIZE];

    assert_true(each_document(corpus_folder(folder, corpus, "valid"), corpus_accept_document, (void *)(uintptr_t)corpus) >= 50);
}

static inline void corpus_refuse_document(void *context, const char *name, struct smki_bytes document)
{
    const struct corpus *corpus = context;
    struct smki_error err = {0};
    int rc = corpus->read(document, &err);

    if (rc != SMKI_XML_INVALID && rc != SMKI_XML_VERSION)
        fail_msg("broken/%s gives %s %s", name, test_name_of(rc), err.text);
    EXPECT_TEXT(err, "line ");
}

static inline void broken_documents_are_refused_with_their_line(void **state)
{
    const struct corpus *corpus = *state;
    char folder[TEST_PATH_SIZE];

    assert_true(each_document(corpus_folder(folder, corpus, "broken"), corpus_refuse_document, (void *)(uintptr_t)corpus) >= 50);
}

/* ---- beside xmllint's ---- */

/* The words by which a document shows that it is one of differences.txt's. */
static inline bool corpus_difference_is_meant(const char *words)
{
    static const char *const meant[] = {"reserved", "must not undeclare prefix", "unknown encoding"};

    for (size_t i = 0; i < TEST_COUNT(meant); i++)
        if (strstr(words, meant[i]) != NULL)
            return true;
    return false;
}

struct corpus_verdicts {
    const struct corpus *corpus;
    struct smki_buffer said; /* by xmllint */
    unsigned accepted;
    unsigned differing;
};

static inline void corpus_compare_verdict(void *context, const char *name, struct smki_bytes document)
{
    struct corpus_verdicts *verdicts = context;
    struct smki_error err = {0};
    bool ours = verdicts->corpus->read(document, &err) == 0;

    verdicts->accepted += ours;
    if (ours == xmllint_accepts(&verdicts->said, name) || (!ours && corpus_difference_is_meant(err.text)))
        return;
    verdicts->differing++;
    print_error("%s: xmllint %s it, we %s:\n%.*s\n", name, ours ? "refuses" : "accepts", ours ? "accept" : err.text, (int)document.size,
                (const char *)document.at);
}

/* How many we accept. */
static inline unsigned corpus_compare_folder(const struct corpus *corpus, const char *folder)
{
    struct corpus_verdicts verdicts = {.corpus = corpus};

    xmllint_folder(&verdicts.said, folder, corpus->schema);
    each_document(folder, corpus_compare_verdict, &verdicts);
    smki_buffer_finish(&verdicts.said);
    assert_int_equal(verdicts.differing, 0);
    return verdicts.accepted;
}

static inline void xmllint_agrees_over_the_corpus(void **state)
{
    const struct corpus *corpus = *state;
    char folder[TEST_PATH_SIZE];

    assert_true(corpus_compare_folder(corpus, corpus_folder(folder, corpus, "valid")) > 0);
    assert_int_equal(corpus_compare_folder(corpus, corpus_folder(folder, corpus, "broken")), 0);
}

/* ---- the differences that are meant ---- */

struct corpus_differences {
    const struct corpus *corpus;
    struct smki_buffer table, said;
};

static inline void corpus_is_difference(void *context, const char *file, struct smki_bytes document)
{
    struct corpus_differences *differences = context;
    struct smki_error err = {0};
    char line[TEST_PATH_SIZE];
    int rc = differences->corpus->read(document, &err);

    snprintf(line, sizeof(line), "\n%.*s\t%s\t", (int)(strlen(file) - strlen(".xml")), file, test_name_of(rc));
    if (memmem(differences->table.at, differences->table.size, line, strlen(line)) == NULL)
        fail_msg("differ/%s gives %s, which differences.txt does not explain", file, test_name_of(rc));
    if (!xmllint_accepts(&differences->said, file))
        fail_msg("differ/%s: xmllint refuses it too; move it to broken/", file);
}

static inline void where_xmllint_accepts_more_the_table_says_why(void **state)
{
    const struct corpus *corpus = *state;
    struct corpus_differences differences = {.corpus = corpus};
    char path[TEST_PATH_SIZE];

    test_read(&differences.table, corpus_folder(path, corpus, "differences.txt"));
    xmllint_folder(&differences.said, corpus_folder(path, corpus, "differ"), corpus->schema);
    assert_true(each_document(path, corpus_is_difference, &differences) > 0);
    smki_buffer_finish(&differences.table);
    smki_buffer_finish(&differences.said);
}

/* ---- mutations ---- */

#define CORPUS_MUTATIONS 1000

/* Pieces that mutations put in, take out or swap: what people and programs get wrong. */
static const char *const corpus_scraps[] = {
    "<",
    ">",
    "/",
    "\"",
    "'",
    "=",
    " ",
    "\n",
    "\t",
    "&",
    ";",
    "&lt;",
    "&#32;",
    "&#x41;",
    "&#10;",
    "A",
    "a",
    "0",
    "_",
    "-",
    ".",
    ":",
    "==",
    "!",
    "<!--",
    "-->",
    "<!-- c -->",
    "<?p i?>",
    "<![CDATA[",
    "]]>",
    "<![CDATA[QQ==]]>",
    "ID",
    "ID=\"y\"",
    " ID=\"x\"",
    "Version",
    "<Version>",
    "</Version>",
    "<Version>1.0</Version>",
    "1.0",
    "\xc3\xa9",
    "\xe2\x82\xac",
    "\xf0\x9f\x98\x80",
    "\xff",
    "\xc2\x85",
    " xml:lang=\"en\"",
    " xmlns=\"\"",
    " xmlns=\"u\"",
    " xmlns:q=\"u\"",
    "q:",
    "\r\n",
    "\x01",
    "MIIB",
};

struct corpus_mutating {
    const struct corpus *corpus;
    struct test_random random;
    const char *folder;
    unsigned count, wanted;
};

static inline const char *corpus_scrap(struct corpus_mutating *mutating)
{
    const size_t common = TEST_COUNT(corpus_scraps);
    const size_t which = test_random_below(&mutating->random, (uint32_t)(common + mutating->corpus->scrap_count));

    return which < common ? corpus_scraps[which] : mutating->corpus->scraps[which - common];
}

static inline void corpus_mutate(struct smki_buffer *out, struct smki_bytes document, struct corpus_mutating *mutating)
{
    struct smki_error err = {0};
    struct test_random *random = &mutating->random;
    size_t at = test_random_below(random, (uint32_t)document.size);
    size_t gone = test_random_below(random, 3) != 0 ? 0 : test_random_below(random, 12);
    const char *scrap = corpus_scrap(mutating);

    gone = gone < document.size - at ? gone : document.size - at;
    ASSERT_OK(smki_buffer_append(out, document.at, at, &err), err);
    if (gone == 0 || test_random_below(random, 2) != 0)
        ASSERT_OK(smki_buffer_append(out, scrap, strlen(scrap), &err), err);
    ASSERT_OK(smki_buffer_append(out, document.at + at + gone, document.size - at - gone, &err), err);
}

static inline void corpus_write_mutations(void *context, const char *name, struct smki_bytes document)
{
    struct corpus_mutating *mutating = context;

    (void)name;
    if (document.size > 2000 || document.size == 0)
        return;
    for (unsigned i = 0; i < 6 && mutating->count < mutating->wanted; i++) {
        struct smki_buffer mutant = {0};
        char file[64], path[TEST_PATH_SIZE];
        corpus_mutate(&mutant, document, mutating);
        snprintf(file, sizeof(file), "m%04u.xml", mutating->count++);
        test_path(path, mutating->folder, file);
        test_write(path, mutant.at, mutant.size);
        smki_buffer_finish(&mutant);
    }
}

/* MUTATIONS and MUTATION_SEED in the environment: more of them, or others. */
static inline void xmllint_agrees_over_mutations(void **state)
{
    const struct corpus *corpus = *state;
    char folder[TEST_PATH_SIZE], valid[TEST_PATH_SIZE];
    const char *seed = getenv("MUTATION_SEED"), *wanted = getenv("MUTATIONS");
    struct corpus_mutating mutating = {.corpus = corpus,
                                       .random = {.state = seed != NULL ? strtoull(seed, NULL, 10) : 20261123},
                                       .folder = folder,
                                       .wanted = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : CORPUS_MUTATIONS};
    unsigned accepted;

    test_folder_make(folder);
    while (mutating.count < mutating.wanted)
        each_document(corpus_folder(valid, corpus, "valid"), corpus_write_mutations, &mutating);
    accepted = corpus_compare_folder(corpus, folder);
    print_message("%u of %u mutations are still valid\n", accepted, mutating.count);
    assert_true(accepted > mutating.count / 50 && accepted < mutating.count);
    test_folder_remove(folder);
}

/* ---- all of it ---- */

/* The tests over `corpus`, as members of an array of tests. */
#define CORPUS_TESTS(corpus)                                                                                                               \
    CORPUS_TEST(valid_documents_are_accepted, corpus), CORPUS_TEST(broken_documents_are_refused_with_their_line, corpus),                  \
        CORPUS_TEST(xmllint_agrees_over_the_corpus, corpus), CORPUS_TEST(where_xmllint_accepts_more_the_table_says_why, corpus),           \
        CORPUS_TEST(xmllint_agrees_over_mutations, corpus)
#define CORPUS_TEST(function, corpus) cmocka_unit_test_prestate(function, (void *)(uintptr_t) & (corpus))

#endif
