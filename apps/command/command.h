/* What smki and smki-batch share: commands as tables, from which parsing, help and refusals are made.
 *
 * A program is a `struct program`: a table of commands. A command is its name ("party add"), its options, its operands and a function. main
 * is
 *
 *     int main(int argc, char **argv) { return program_run(&smki_program, argc, argv); }
 *
 * program_run reads the command line, checks every value against its kind, opens the home when the command wants one, calls the function
 * and reports. A function returns 0; or a negative code of smki/error.h with call->err filled, which is then printed as the one line
 *
 *     smki: PARTY_UNKNOWN: there is no Party 7; see 'smki party list'
 *
 * or COMMAND_FAILED when it has said itself what was wrong; or what call_usage returns. Exit codes: 0 done, 1 refused or failed, 2 usage.
 *
 * One thread. What the accessors return lives as long as the call. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <smki/service.h>

#include <cjson/cJSON.h>
#include <stdio.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* ---- the tables ---- */

/* What a value must look like: checked before the command runs, so a wrong one is a usage error that names the option. */
enum value_kind {
    VALUE_FLAG, /* options only: none */
    VALUE_TEXT, /* anything but the empty text */
    VALUE_NUMBER,
    VALUE_COUNT, /* a number that fits 32 bits */
    VALUE_TIME,  /* as smki_time_parse takes it: UK civil time when no zone is given */
    VALUE_EUI,
    VALUE_SERIAL,
    VALUE_WORD, /* one of `words` */
    VALUE_FILE, /* an existing or future path; "-" is standard input or output where the text says so */
    VALUE_FOLDER,
};

enum {
    REQUIRED = 1, /* must be given */
    MANY = 2,     /* may be given more than once */
    COMMAS = 4,   /* with MANY: "a,b" is a and b */
};

/* An option (--name) or an operand (NAME). */
struct command_value {
    const char *name; /* option: "party"; operand: "FILE". NULL ends a table */
    enum value_kind kind;
    unsigned flags;
    const char *shown;        /* option: what stands for its value in the help: "N"; NULL: by the kind */
    const char *text;         /* one line */
    const char *const *words; /* VALUE_WORD: ended by NULL */
};

struct call;

enum {
    COMMAND_HOME = 1,   /* works on a home: call->service is open */
    COMMAND_JSON = 2,   /* takes --json */
    COMMAND_FOLDER = 4, /* needs a home and does not open it: call->home is not NULL */
};

struct command {
    const char *name; /* "party add": one or two words */
    const char *text; /* one line, as in "Register a Party" */
    unsigned flags;
    const struct command_value *options, *operands; /* ended by {NULL}; NULL: none */
    const char *more;                               /* more text and examples for --help, ended by a newline; NULL: none */
    int (*run)(struct call *call);
};

struct command_group {
    const char *name; /* "party" */
    const char *text; /* "Parties: register, look, bar" */
};

struct program {
    const char *name; /* "smki" */
    const char *text; /* one line */
    const char *more; /* NULL: none */
    const struct command *const
        *tables; /* each ended by {NULL}, their list by NULL; in the order of the help, the commands of a group together */
    const struct command_group *groups; /* ended by {NULL}; NULL: none */
    const struct command *only; /* a program that is one command, without a name of its own ("name" is ""); the tables are NULL then */
};

/* Runs the program; returns what main returns. */
int program_run(const struct program *program, int argc, char **argv);

/* ---- a call: one run of one command ---- */

#define CALL_MAX_VALUES 4096 /* values of options in one call */

struct call_value {
    const struct command_value *is;
    const char *text;
};

struct call {
    const struct program *program;
    const struct command *command;
    const char *home; /* --home or SMKI_HOME; NULL: neither */
    bool json;
    struct call_value *values; /* of the options, in the order given */
    size_t value_count;
    char **operands;
    size_t operand_count;
    struct smki_service *service; /* COMMAND_HOME: open */
    struct smki_actor actor;      /* the login name, interface OPERATOR, network LOCAL */
    struct smki_error err;        /* what the command's function failed with */
};

#define COMMAND_FAILED 1 /* returned by a command that has told what was wrong */

/* Was the option given? */
bool call_has(const struct call *call, const char *option);
/* The value of an option (the last one given), or NULL. */
const char *call_text(const struct call *call, const char *option);
/* The n-th (from 0) value of an option that may be given more than once; NULL after the last. */
const char *call_text_at(const struct call *call, const char *option, size_t n);
/* The n-th operand, or NULL. */
const char *call_operand(const struct call *call, size_t n);

/* Values by kind, which the kind has been checked for: 0 or {0} when the option was not given. */
uint64_t call_number(const struct call *call, const char *option);
struct smki_time call_time(const struct call *call, const char *option);
uint64_t value_number(const char *text);
struct smki_device_id value_eui(const char *text);
struct smki_serial value_serial(const char *text);

/* "smki: <formatted>; see 'smki party add --help'" on standard error; returns EXIT_USAGE, for the command to return. */
int call_usage(const struct call *call, const char *format, ...) SMKI_PRINTF(2, 3);
/* As call_usage for a wrong word: "<what> '<word>' is not known; did you mean 'supplier'?", or the list when none is near. */
int call_unknown(const struct call *call, const char *what, const char *word, const char *const *words, size_t count);
/* "smki: <formatted>" on standard error: what people should know beside what the command prints. */
void call_note(const struct call *call, const char *format, ...) SMKI_PRINTF(2, 3);
/* Fills call->err; returns the code. */
int call_fail(struct call *call, int code, const char *format, ...) SMKI_PRINTF(3, 4);
/* Prints *err as program_run would: for commands that go on with the next file. Returns COMMAND_FAILED. */
int call_complain(const struct call *call, const struct smki_error *err);

/* A question on the terminal, answered by y or yes; false when standard input is no terminal. */
bool call_confirm(const char *format, ...) SMKI_PRINTF(1, 2);
/* A smki_passphrase_fn: asks on the terminal, without echo. `context` is the file's or key's name, may be NULL. */
int passphrase_ask(void *context, char *out, size_t capacity);
/* Asks "<question>: " on the terminal itself, without echo, also while standard input is a file: writes at most `capacity` octets, without NUL, and returns
 * how many; negative: there is no terminal, or nothing was typed. */
int secret_ask(const char *question, char *out, size_t capacity);

/* ---- tokens: where built with p11-kit ---- */

/* Names the options of a command that say which module and which token. */
#define TOKEN_OPTIONS                                                                                                                      \
    {"module", VALUE_FILE, 0, NULL, "the PKCS#11 module; without: SMKI_TOKEN_MODULE, else all that p11-kit is configured with", NULL},     \
        {"token", VALUE_TEXT, 0, "LABEL", "the token with this label; without: the only one", NULL},                                       \
        {"serial", VALUE_TEXT, 0, "SERIAL", "the token with this serial number", NULL},                                                    \
        {"slot", VALUE_NUMBER, 0, NULL, "the token in this slot", NULL}

struct smki_token_module;
struct smki_token_facts;
/* Opens the module that the options name. */
int token_module_take(struct call *call, struct smki_token_module **out);
/* The token that the options name. `blank`: without any of them, the only one that is not initialised. */
int token_take(struct call *call, struct smki_token_module *module, bool blank, struct smki_token_facts *out);
/* May all that is on the token be lost? Asks, or takes --yes; with --dry-run only says what it is. ALREADY_EXISTS: no. */
int token_loss_allow(struct call *call, struct smki_token_module *module, const struct smki_token_facts *facts);
/* A PIN of SMKI_PIN_SIZE octets from what the option names (see smki_pin_read), else asked on the terminal by `question`, and once more when it
 * is `fresh`. *pin becomes room, or NULL when the token has a keypad and the option was not given. The caller wipes room. */
int pin_take(struct call *call, const char *option, const char *question, bool fresh, const struct smki_token_facts *facts, char *room,
             const char **pin);

/* ---- files ---- */

/* Appends a whole file ("-": standard input) of at most `max` octets. */
int file_take(struct smki_buffer *out, const char *path, size_t max, struct smki_error *err);
/* Writes a file; NULL and "-" are standard output. Over an existing file. */
int file_put(const char *path, struct smki_bytes bytes, struct smki_error *err);
/* Writes a new file with these permissions, synced; never over one that is there (ALREADY_EXISTS). What cannot be written whole is removed.
 */
int file_put_new(const char *path, struct smki_bytes bytes, unsigned mode, struct smki_error *err);

/* ---- what people and programs read ---- */

/* Prints and frees a cJSON value; NULL is out of memory. */
int json_print(struct call *call, cJSON *json);
/* A listing: an array, one element a line, as long as it may be. */
struct json_list {
    bool any;
};
void json_list_start(struct json_list *list);
int json_list_add(struct json_list *list, struct call *call, cJSON *json);
void json_list_end(struct json_list *list);
/* Moments in JSON: ISO 8601 UTC; null for {0}. False: no memory. */
bool json_add_time(cJSON *object, const char *name, struct smki_time time);
/* Numbers in JSON: exact beyond 2^53 too. */
bool json_add_number(cJSON *object, const char *name, uint64_t number);
/* The same for numbers that name something: null for 0. */
bool json_add_number_if(cJSON *object, const char *name, uint64_t number);

/* A table for people: columns as wide as their widest cell. A heading that starts with '>' is of a column of numbers, on the right. */
#define TABLE_MAX_COLUMNS 12
struct table {
    const char *const *headings; /* ended by NULL */
    size_t columns;
    char **cells;
    size_t count, capacity;
    bool failed; /* no memory: table_print says so */
};
void table_start(struct table *table, const char *const *headings);
void table_add(struct table *table, const char *format, ...) SMKI_PRINTF(2, 3); /* the next cell, row by row */
/* Prints and frees; `empty` is said when there is no row. */
int table_print(struct table *table, struct call *call, const char *empty);
void table_finish(struct table *table);
/* Prints what `walk` adds: rows of a table, or with --json elements of a list. */
int table_list(struct call *call, const char *const *headings, int (*walk)(struct call *call, struct table *table, struct json_list *list),
               const char *empty);

/* "name    text": one fact a line. Control characters of `text` are shown as '?'. */
void fact_print(const char *name, const char *format, ...) SMKI_PRINTF(2, 3);

#define DURATION_TEXT_SIZE 32
/* "2026-11-23 20:00:00 GMT"; "-" for {0}, "no end" for the year 9999. Returns out. */
const char *time_words(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE]);
/* "3 s", "2 min 05 s", "1 h 02 min", "3 days". Returns out. */
const char *duration_words(double seconds, char out[DURATION_TEXT_SIZE]);
/* "12.4 MiB". Returns out. */
const char *size_words(uint64_t octets, char out[DURATION_TEXT_SIZE]);

/* ---- progress, on standard error: a bar in place on a terminal, else a line every few seconds ---- */

struct progress {
    const char *noun; /* "CSRs" */
    bool terminal, shown;
    double started, last; /* seconds of the monotonic clock */
    double rate;
    uint64_t done, all;
};
void progress_start(struct progress *progress, const char *noun);
/* `rate`: a second; negative: reckoned from the start. Cheap: most calls print nothing. */
void progress_show(struct progress *progress, uint64_t done, uint64_t all, double rate);
/* Leaves the last state on its line (terminal) and ends it. */
void progress_end(struct progress *progress);

#endif
