/* A fuzz target without a fuzzing engine: replays the files, or the files of the folders, that are named. So a target's corpus is an
 * ordinary test, with any compiler; what the target finds wrong ends the program by abort. */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REPLAY_MAX_SIZE (4U << 20) /* octets of one input: far above what a corpus holds */

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

/* A copy of exactly the file's size, so that a read past its end is seen by AddressSanitizer. */
static bool replay_file(const char *path)
{
    bool ok = false;
    uint8_t *whole = malloc(REPLAY_MAX_SIZE), *exact = NULL;
    FILE *file = fopen(path, "rb");

    if (file != NULL && whole != NULL) {
        size_t size = fread(whole, 1, REPLAY_MAX_SIZE, file);
        exact = malloc(size != 0 ? size : 1);
        ok = ferror(file) == 0 && exact != NULL;
        if (ok) {
            memcpy(exact, whole, size);
            LLVMFuzzerTestOneInput(exact, size);
        }
    }
    if (!ok)
        fprintf(stderr, "%s: cannot be read\n", path);
    if (file != NULL)
        fclose(file);
    free(exact);
    free(whole);
    return ok;
}

/* Adds to *count the files replayed. */
static bool replay_folder(const char *path, unsigned *count)
{
    char name[4096];
    bool ok = true;
    const struct dirent *entry;
    DIR *folder = opendir(path);

    if (folder == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return false;
    }
    while (ok && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        ok = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < (int)sizeof(name) && replay_file(name);
        (*count)++;
    }
    closedir(folder);
    return ok;
}

static bool replay(const char *path, unsigned *count)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return replay_folder(path, count);
    (*count)++;
    return replay_file(path);
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    bool ok = true;

    LLVMFuzzerTestOneInput(NULL, 0);
    for (int i = 1; i < argc; i++)
        ok = replay(argv[i], &count) && ok;
    printf("%u inputs replayed\n", count);
    return ok && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
