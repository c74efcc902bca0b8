/* What the files of smki-client share. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "command/command.h"

#include <smki/client.h>

#define PATH_SIZE 4096

extern const struct command adhoc_commands[];
extern const struct command batch_commands[];
extern const struct command pack_commands[];
extern const struct command make_commands[];

/* ---- setup.c: from the command line to a client ---- */

/* The options of all commands that talk to a service; for the tables. */
/* clang-format off */
#define CLIENT_OPTIONS(url_option, url_text) \
    {"config", VALUE_FILE, 0, NULL, "JSON file with what follows, and more; what is given here goes before it", NULL}, \
    {url_option, VALUE_TEXT, 0, "URL", url_text, NULL}, \
    {"cert", VALUE_FILE, 0, NULL, "the IKI Certificate of the system, PEM", NULL}, \
    {"key", VALUE_TEXT, 0, "FILE|URI", "its private key: a PEM file, or a pkcs11: URI", NULL}, \
    {"passphrase-file", VALUE_FILE, 0, NULL, "opens the key; without it the terminal is asked", NULL}, \
    {"ca", VALUE_FILE, 0, NULL, "PEM: who may certify the server", NULL}, \
    {"chain", VALUE_FILE, 0, NULL, "PEM: the CAs that issue Device Certificates, and their roots", NULL}, \
    {"state", VALUE_FILE, 0, NULL, "the state file; without it state.json in $XDG_STATE_HOME/smki-client", NULL}, \
    {"proxy", VALUE_TEXT, 0, "URL|system", "a proxy; without it none, whatever the environment says", NULL}, \
    {"patience", VALUE_COUNT, 0, "MINUTES", "how long a service that cannot be reached is tried again", NULL}, \
    {"dry-run", VALUE_FLAG, 0, NULL, "check everything, send nothing", NULL}, \
    {"quiet", VALUE_FLAG, 0, NULL, "no progress", NULL}
/* clang-format on */

/* A client, and what it tells people meanwhile. */
struct session {
    struct call *call;
    struct smki_client_config config;
    struct smki_client *client;
    struct progress progress;
    enum smki_client_phase phase; /* what `progress` shows */
    bool showing;
    struct smki_time told; /* the `until` of the last line on waiting */
};

/* Reads the configuration and opens the client. `service`: whose URL and credentials the options are; NULL: neither. */
int session_open(struct session *session, struct call *call, struct smki_client_access *(*service)(struct smki_client_config *config));
/* Ends what is shown, so that a line may follow. */
void session_hush(struct session *session);
void session_close(struct session *session);

struct smki_client_access *access_adhoc(struct smki_client_config *config);
struct smki_client_access *access_batch(struct smki_client_config *config);

/* Files are named after CSRs: the name of FILE without folders and without its extension when that is `extension`. */
void stem_of(char out[PATH_SIZE], const char *path, const char *extension);
/* Makes the folder when it is not there. */
int folder_make(struct call *call, const char *path);
/* A CSR file in any accepted form as DER. */
int csr_take(struct smki_buffer *der, const char *path, struct smki_error *err);

/* ---- report.c: what became of CSRs, as files, lines and JSON ---- */

struct report {
    struct session *session;
    char folder[PATH_SIZE];
    FILE *text; /* the report file; NULL: none */
    char text_path[PATH_SIZE];
    struct json_list list;
    const char *csr;  /* of the item that comes next: its file; NULL: batches */
    const char *name; /* of its certificate's file, without extension; NULL: the item's ID */
    bool durable;     /* certificates one by one, and not at the end */
    uint32_t index;
    uint32_t good, refused, wrong;
};

/* `name` of the report's file; NULL: none is written. */
int report_open(struct report *report, struct session *session, const char *folder, const char *name);
/* A smki_client_item_fn; `report` is the context. */
int report_item(void *report, const struct smki_client_item *item, struct smki_error *err);
/* The same for a CSR that did not come to an answer. */
int report_failure(struct report *report, const char *ref, const struct smki_error *why);
/* The same for a CSR whose certificate lies at `path` from an earlier run. */
int report_here(struct report *report, const char *ref, const char *path);
/* Writes down what is left; `rc` as from the work so far. Returns it, COMMAND_FAILED when something was refused or wrong, or what failed.
 */
int report_close(struct report *report, int rc);

/* ---- stop.c ---- */

extern volatile int stop_wished;
void stop_catch(void);

#endif
