#include "audit/audit_i.h"

const char *smki_act_word(enum smki_act act)
{
    switch (act) {
#define WORD(number, name, word)                                                                                                           \
    case SMKI_ACT_##name:                                                                                                                  \
        return word;
        SMKI_ACT_LIST(WORD)
#undef WORD
    }
    return "unknown";
}
