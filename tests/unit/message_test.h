/* What the tests of messages share: xmllint as the judge of documents, and folders of them. */
#ifndef MESSAGE_TEST_H
#define MESSAGE_TEST_H

#include "smki_test.h"

#include "base/base_i.h"

/* What xmllint says of all *.xml of a folder by a schema ("batch-1.0.xsd"): lines "<name>.xml validates" and others. End with
 * smki_buffer_finish. */
static inline void xmllint_folder(struct smki_buffer *said, const char *folder, const char *schema)
{
    char command[3 * TEST_PATH_SIZE], block[4096];
    struct smki_error err = {0};
    size_t size;
    FILE *pipe;

    snprintf(command, sizeof(command), "cd '%s' && xmllint --nonet --noout --schema '%s/schema/%s' *.xml 2>&1", folder, TEST_DATA, schema);
    ASSERT_OK(smki_buffer_append(said, "\n", 1, &err), err);
    assert_non_null(pipe = popen(command, "r"));
    while ((size = fread(block, 1, sizeof(block), pipe)) > 0)
        ASSERT_OK(smki_buffer_append(said, block, size, &err), err);
    if (WEXITSTATUS(pclose(pipe)) == 127)
        fail_msg("xmllint is not installed (package libxml2-utils)");
    ASSERT_OK(smki_buffer_append(said, "", 1, &err), err);
}

static inline bool xmllint_accepts(const struct smki_buffer *said, const char *name)
{
    char line[TEST_PATH_SIZE];

    snprintf(line, sizeof(line), "\n%s validates\n", name);
    return memmem(said->at, said->size, line, strlen(line)) != NULL;
}

/* Calls `each` with the name and content of every *.xml of a folder; gives their number. */
typedef void (*document_fn)(void *context, const char *name, struct smki_bytes document);
static inline unsigned each_document(const char *folder, document_fn each, void *context)
{
    DIR *open = opendir(folder);
    const struct dirent *entry;
    unsigned count = 0;

    if (open == NULL)
        fail_msg("%s: cannot be opened", folder);
    while ((entry = readdir(open)) != NULL) {
        struct smki_buffer content = {0};
        char path[2 * TEST_PATH_SIZE];
        if (strstr(entry->d_name, ".xml") == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        test_read(&content, path);
        each(context, entry->d_name, BYTES(content.at, content.size));
        smki_buffer_finish(&content);
        count++;
    }
    closedir(open);
    return count;
}

/* One document by itself: in a folder of its own, judged, gone. */
static inline bool xmllint_accepts_document(struct smki_bytes document, const char *schema)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    struct smki_buffer said = {0};
    bool accepted;

    test_folder_make(folder);
    test_path(path, folder, "it.xml");
    test_write(path, document.at, document.size);
    xmllint_folder(&said, folder, schema);
    accepted = xmllint_accepts(&said, "it.xml");
    if (!accepted)
        print_error("%s\n%.*s\n", (const char *)said.at, (int)document.size, (const char *)document.at);
    smki_buffer_finish(&said);
    test_folder_remove(folder);
    return accepted;
}

static inline void expect_part(const struct smki_buffer *document, const char *part)
{
    if (memmem(document->at, document->size, part, strlen(part)) == NULL)
        fail_msg("\"%s\" is not in\n%.*s", part, (int)document->size, (const char *)document->at);
}

#endif
