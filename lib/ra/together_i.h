/* Device requests worked off together: signatures verified many at a time, and one durable write for all that came at once, which is also
 * all that one alone takes. */
#ifndef SMKI_TOGETHER_I_H
#define SMKI_TOGETHER_I_H

#include "ra/issue_i.h"

#define TOGETHER_MAX 32 /* in one call */

struct together {
    /* The caller's. Of issuing: service, actor, transaction or admission, the ticket's profile (Device), party and interface; and a
     * refusal, with why, that is known before the CSR is looked at. */
    struct issuing issuing;
    struct smki_bytes der; /* the CSR */
    bool admission_alone;  /* nothing more is to be done with it */
    /* What became of it: `apart`: nothing, and nothing is recorded of it: it is to be asked for alone (with a ticket). Else 0, with the
     * certificate in issuing.out unless issuing.ended; or the refusal, recorded. issuing.recorded: the number is in the audit log. */
    bool apart;
    int code;
    struct smki_error err;
    /* private */
    int known; /* of the refusal: before the store is asked */
    struct smki_error known_why;
    bool is_signed;
    bool unfit; /* since before the change */
    bool again; /* by the change */
    struct smki_stored_certificate certificate;
};

/* Can requests be worked off together here? Not while the DCA's key is where each signature is counted, and so is to be on record before it
 * is made. */
bool together_can(struct smki_service *service);
/* At most TOGETHER_MAX. */
void issue_together(struct smki_service *service, struct together *const requests[], size_t count);

#endif
