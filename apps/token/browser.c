/* smki-token browser: Chromium and Firefox come to use tokens. Both read the PKCS#11 modules of an NSS database: Chromium the person's,
 * Firefox that of each profile. NSS's own programs (modutil, certutil) write them. */
#include "token/tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE_NAME   "smki-token"
#define DATABASES_MAX 64
#define SAID_SIZE     8192 /* octets of what modutil says that we look at */
#define ARGUMENTS_MAX 12
#define INSTALL_TOOLS "install NSS's programs (Debian: libnss3-tools)"
#define PROXY_NAME    "p11-kit-proxy.so"
#define PROXY_ENDING  "/" PROXY_NAME

struct database {
    const char *browser; /* "chromium", "firefox" */
    char folder[PATH_MAX];
};

struct setup {
    struct call *call;
    char module[PATH_MAX];
    struct database databases[DATABASES_MAX];
    size_t count;
    struct json_list list;
};

/* ---- which databases ---- */

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat status;

    return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) && stat(path, &status) == 0;
}

static void database_add(struct setup *setup, const char *browser, const char *folder)
{
    if (setup->count == DATABASES_MAX || strlen(folder) >= PATH_MAX)
        return;
    setup->databases[setup->count].browser = browser;
    snprintf(setup->databases[setup->count++].folder, PATH_MAX, "%s", folder);
}

/* Where Chromium looks: ~/.pki/nssdb when it is there, else the data folder of the XDG base directories when that is; a new one is the
 * first. */
static void chromium_find(struct setup *setup, const char *home)
{
    const char *data = getenv("XDG_DATA_HOME");
    char old[PATH_MAX], new[PATH_MAX];

    snprintf(old, sizeof(old), "%s/.pki/nssdb", home);
    if (data != NULL && data[0] == '/')
        snprintf(new, sizeof(new), "%s/pki/nssdb", data);
    else
        snprintf(new, sizeof(new), "%s/.local/share/pki/nssdb", home);
    database_add(setup, "chromium", !is_there(old, "") && is_there(new, "") ? new : old);
}

/* A profile is a folder with a database, or with the preferences of one that was never needed. */
static void profiles_find(struct setup *setup, const char *folder)
{
    DIR *stream = opendir(folder);
    char profile[PATH_MAX];

    if (stream == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.' && snprintf(profile, sizeof(profile), "%s/%s", folder, entry->d_name) < (int)sizeof(profile) &&
            (is_there(profile, "cert9.db") || is_there(profile, "prefs.js")))
            database_add(setup, "firefox", profile);
    closedir(stream);
}

static void firefox_find(struct setup *setup, const char *home)
{
    static const char *const places[] = {".mozilla/firefox", ".config/mozilla/firefox"};
    char folder[PATH_MAX];

    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (snprintf(folder, sizeof(folder), "%s/%s", home, places[i]) < (int)sizeof(folder))
            profiles_find(setup, folder);
}

static int databases_find(struct setup *setup)
{
    struct call *call = setup->call;
    const bool both = !call_has(call, "chromium") && !call_has(call, "firefox") && !call_has(call, "profile");
    const char *home = getenv("HOME"), *profile;
    size_t chromiums;

    if (home == NULL || home[0] != '/')
        return call_usage(call, "HOME is not set: whose browsers?");
    if (both || call_has(call, "chromium"))
        chromium_find(setup, home);
    chromiums = setup->count;
    for (size_t n = 0; (profile = call_text_at(call, "profile", n)) != NULL; n++) {
        if (!is_there(profile, ""))
            return call_fail(call, SMKI_NOT_FOUND, "%s: there is no such profile", profile);
        database_add(setup, "firefox", profile);
    }
    if (both || call_has(call, "firefox"))
        firefox_find(setup, home);
    if (setup->count == chromiums && call_has(call, "firefox"))
        return call_fail(call, SMKI_NOT_FOUND, "Firefox has no profile of yours yet: start it once, or name one by --profile");
    return 0;
}

/* ---- NSS's programs ---- */

static int said_read(int fd, char said[SAID_SIZE])
{
    size_t size = 0;
    ssize_t got;

    while (size < SAID_SIZE - 1 && ((got = read(fd, said + size, SAID_SIZE - 1 - size)) > 0 || (got < 0 && errno == EINTR)))
        size += got > 0 ? (size_t)got : 0;
    said[size] = '\0';
    return close(fd);
}

/* Runs one, without input; *status gets its exit code, said what it printed. */
static int tool_run(struct call *call, char *const *words, int *status, char said[SAID_SIZE])
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    int ends[2], errnum, ended = 0;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return call_fail(call, SMKI_IO, "%s: %s", words[0], strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    errnum = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    said_read(ends[0], said);
    if (errnum == ENOENT)
        return call_fail(call, SMKI_NOT_FOUND, "there is no program %s: " INSTALL_TOOLS, words[0]);
    if (errnum != 0)
        return call_fail(call, SMKI_IO, "%s: %s", words[0], strerror(errnum));
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        continue;
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128;
    return 0;
}

/* The last line that says something. */
static const char *last_line(char *said)
{
    char *end = said + strlen(said), *line;

    while (end > said && (end[-1] == '\n' || end[-1] == ' '))
        *--end = '\0';
    line = strrchr(said, '\n');
    return line != NULL ? line + 1 : said;
}

/* As a shell takes it. */
static void word_print(const char *word, bool more)
{
    const bool plain =
        word[0] != '\0' && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+./:=,@%") == strlen(word);

    printf("%s%s", more ? " " : "", plain ? "" : "'");
    for (; *word != '\0'; word++)
        if (*word == '\'')
            printf("'\\''");
        else
            putchar(*word);
    printf("%s", plain ? "" : "'");
}

/* Runs one that must succeed; with --dry-run prints it as a line of the shell instead. */
static int tool_do(struct setup *setup, char *const *words)
{
    struct call *call = setup->call;
    char said[SAID_SIZE];
    int status, rc;

    if (call_has(call, "dry-run")) {
        for (size_t i = 0; words[i] != NULL; i++)
            word_print(words[i], i != 0);
        return putchar('\n') == EOF ? call_fail(call, SMKI_IO, "standard output") : 0;
    }
    if ((rc = tool_run(call, words, &status, said)) != 0 || status == 0)
        return rc;
    return call_fail(call, SMKI_IO, "%s %s: %s", words[0], words[2], last_line(said));
}

/* ---- one database ---- */

enum standing { ABSENT, OTHER, PRESENT, DISTRIBUTED };

static bool has_word(const char *line, const char *name, const char *value)
{
    char quoted[PATH_MAX + 32], bare[PATH_MAX + 32]; /* NSS writes both */

    snprintf(quoted, sizeof(quoted), "%s=\"%s\"", name, value);
    snprintf(bare, sizeof(bare), "%s=%s ", name, value);
    return strstr(line, quoted) != NULL || strstr(line, bare) != NULL;
}

/* Is our module in it? OTHER: under our name another library; DISTRIBUTED: the distribution has all of p11-kit's modules in every database.
 */
static int module_look(struct setup *setup, char *where, enum standing *out)
{
    char *words[] = {"modutil", "-dbdir", where, "-rawlist", NULL}, said[SAID_SIZE];
    const bool proxied = strstr(setup->module, PROXY_ENDING) != NULL;
    int status, rc = tool_run(setup->call, words, &status, said);
    char *rest;

    *out = ABSENT;
    if (rc != 0)
        return rc;
    if (status != 0)
        return call_fail(setup->call, SMKI_IO, "modutil %s: %s", where, last_line(said));
    for (char *line = strtok_r(said, "\n", &rest); line != NULL && *out == ABSENT; line = strtok_r(NULL, "\n", &rest))
        if (has_word(line, "name", MODULE_NAME))
            *out = has_word(line, "library", setup->module) ? PRESENT : OTHER;
        else if (proxied && has_word(line, "library", PROXY_NAME))
            *out = DISTRIBUTED;
    return 0;
}

/* mkdir -p, for its owner alone. */
static int folder_make(struct setup *setup, const char *folder)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s", folder);
    for (char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
        if (at != NULL)
            *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return call_fail(setup->call, SMKI_IO, "%s: %s", path, strerror(errno));
        if (at == NULL)
            return 0;
        *at = '/';
    }
}

static int database_make(struct setup *setup, const struct database *database, char *where)
{
    char *words[] = {"certutil", "-N", "-d", where, "--empty-password", NULL};
    int rc = call_has(setup->call, "dry-run") ? 0 : folder_make(setup, database->folder);

    return rc != 0 ? rc : tool_do(setup, words);
}

static int module_remove(struct setup *setup, char *where)
{
    char *words[] = {"modutil", "-dbdir", where, "-delete", MODULE_NAME, "-force", NULL};

    return tool_do(setup, words);
}

static int module_add(struct setup *setup, char *where)
{
    char *words[] = {"modutil", "-dbdir", where, "-add", MODULE_NAME, "-libfile", setup->module, "-force", NULL};

    return tool_do(setup, words);
}

static int told(struct setup *setup, const struct database *database, const char *done)
{
    cJSON *json;

    if (!setup->call->json) {
        if (!call_has(setup->call, "dry-run"))
            printf("%s: %s: %s\n", database->browser, database->folder, done);
        return 0;
    }
    json = cJSON_CreateObject();
    if (json != NULL &&
        (cJSON_AddStringToObject(json, "browser", database->browser) == NULL ||
         cJSON_AddStringToObject(json, "database", database->folder) == NULL || cJSON_AddStringToObject(json, "done", done) == NULL)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_list_add(&setup->list, setup->call, json);
}

static int database_set(struct setup *setup, const struct database *database)
{
    const bool remove = call_has(setup->call, "remove");
    enum standing standing = ABSENT;
    char where[PATH_MAX + 4];
    int rc = 0;

    snprintf(where, sizeof(where), "sql:%s", database->folder);
    if (is_there(database->folder, "cert9.db"))
        rc = module_look(setup, where, &standing);
    else if (!remove)
        rc = database_make(setup, database, where);
    if (rc != 0)
        return rc;
    if (standing == DISTRIBUTED)
        return told(setup, database, "has all of p11-kit's modules by the distribution");
    if (remove && standing == ABSENT)
        return told(setup, database, "was not there");
    if (!remove && standing == PRESENT)
        return told(setup, database, "is there already");
    if (standing != ABSENT && (rc = module_remove(setup, where)) != 0)
        return rc;
    if (!remove && (rc = module_add(setup, where)) != 0)
        return rc;
    return told(setup, database, remove ? "removed" : "added");
}

/* A database that is broken (a profile of long ago) does not keep the browser that is used from its module: the first failure is told at
 * the end. */
static int databases_set(struct setup *setup)
{
    struct call *call = setup->call;
    struct smki_error first = {0};
    int rc, failed = 0;

    if (call->json)
        json_list_start(&setup->list);
    for (size_t i = 0; i < setup->count; i++)
        if ((rc = database_set(setup, &setup->databases[i])) != 0 && failed == 0) {
            failed = rc;
            first = call->err;
        }
    if (call->json)
        json_list_end(&setup->list);
    if (failed != 0)
        call->err = first;
    return failed;
}

/* The module's whole path: browsers start in other folders. It is loaded here first, so that a wrong one is never put anywhere. */
static int module_find(struct setup *setup)
{
    struct smki_token_module *module = NULL;
    int rc;

    if (call_has(setup->call, "remove"))
        return 0;
    if ((rc = token_module_take(setup->call, &module)) == 0 && realpath(smki_token_module_path(module), setup->module) == NULL)
        rc = call_fail(setup->call, SMKI_TOKEN_MODULE, "%s: %s; give its whole path", smki_token_module_path(module), strerror(errno));
    else if (rc == 0 && strstr(smki_token_module_path(module), PROXY_ENDING) != NULL) /* a link to another library */
        snprintf(setup->module, sizeof(setup->module), "%s", smki_token_module_path(module));
    smki_token_module_close(module);
    return rc;
}

static int browser_run(struct call *call)
{
    struct setup *setup = calloc(1, sizeof(*setup));
    int rc;

    if (setup == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    if (call->json && call_has(call, "dry-run")) {
        free(setup);
        return call_usage(call, "--dry-run prints lines of the shell, no JSON");
    }
    setup->call = call;
    if ((rc = module_find(setup)) == 0)
        rc = databases_find(setup);
    if (rc == 0)
        rc = databases_set(setup);
    if (rc == 0 && !call_has(call, "dry-run"))
        call_note(call, "browsers that are open see it when they are started again");
    free(setup);
    return rc;
}

static const struct command_value browser_options[] = {
    {"module", VALUE_FILE, 0, NULL, "the PKCS#11 module; without: SMKI_TOKEN_MODULE, else all that p11-kit is configured with", NULL},
    {"chromium", VALUE_FLAG, 0, NULL, "only Chromium (and those made of it, which share its database)", NULL},
    {"firefox", VALUE_FLAG, 0, NULL, "only Firefox: all profiles", NULL},
    {"profile", VALUE_FOLDER, MANY, NULL, "a profile of Firefox that lies elsewhere", NULL},
    {"remove", VALUE_FLAG, 0, NULL, "take it out again", NULL},
    {"dry-run", VALUE_FLAG, 0, NULL, "print what would be run, and do nothing", NULL},
    {0},
};

const struct command browser_commands[] = {
    {"browser", "Set up Chromium and Firefox to use tokens", COMMAND_JSON, browser_options, NULL,
     "Adds the module to the NSS databases of the one who calls it, under the name " MODULE_NAME
     "; what is there already is left as it is.\n"
     "The browser asks for the PIN when it first needs the key.\n",
     browser_run},
    {0},
};
