/* What must hold in a home once its batches have been run to the end, whatever was killed on the way. */
#ifndef CHECK_H
#define CHECK_H

#include "kill/cast.h"
#include "kill/knife.h"

#define WHY_SIZE 512

struct check {
    const char *home;
    const char *scratch; /* an existing folder for results */
    const char *schema;  /* NULL: results are not held against it with xmllint */
    const struct cast *cast;
    const struct knife_scene *scene; /* all that was signed in this life */
    bool signed_here;                /* every certificate was made in it */
    char *why;                       /* WHY_SIZE; what did not hold */
};

/* - every batch is COMPLETED, its counts add up, and its result has every CSR in order, each with the fate that the cast gives it;
 * - each certificate verifies, is for the key, device and usage of its request, and is in the store as that CSR's; no others are there;
 * - every CSR has one csr-decide record, with its certificate's serial; no serial is named twice; the log verifies;
 * - every digest that the issuing key signed is that of such a certificate;
 * - nothing is left behind in the folders of uploads and runners. */
bool check_home(const struct check *check);

/* Runs a program, its output thrown away; false unless it ends with 0. */
bool program_runs(const char *const argv[]);

#endif
