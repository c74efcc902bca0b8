/* smki: the operator's command. */
#include "smki/smki_i.h"

static const struct command_group groups[] = {
    {"party", "Parties: register, look, change, bar"},
    {"aro", "Authorised Responsible Officers: nominate, verify, bar, issue tokens"},
    {"credential", "IKI credentials: issue, suspend, resume, revoke, renew"},
    {"device", "Devices: import the inventory, look, raise the limit"},
    {"agreement", "Demand agreements: record, look; notices of extra demand: look, approve, decline"},
    {"maintenance", "Planned Maintenance: announce, start, end, look"},
    {"bulletin", "Notices on the portal: put up, look, take down"},
    {"document", "The document library: add, look, remove"},
    {"client", "The Authentication Client's download area: publish, look, withdraw"},
    {"desk", "Reports to the Service Desk: look, close, send on"},
    {"cert", "Certificates: look, issue one, revoke"},
    {"ca", "The CAs: look, export certificates, make CRLs, keys in an HSM"},
    {"tls", "The servers' TLS certificate: look, make one for development"},
    {"audit", "The audit log: verify, look, find, export"},
    {"config", "The configuration: check, show"},
    {0},
};

static const struct command *const tables[] = {
    home_commands,
    party_commands,
    officer_commands,
#ifdef SMKI_TOKENS
    token_commands,
#endif
    credential_commands,
    device_commands,
    agreement_commands,
    maintenance_commands,
    bulletin_commands,
    document_commands,
    installer_commands,
    desk_commands,
    certificate_commands,
    ca_commands,
    ca_key_commands,
    tls_commands,
    audit_commands,
    config_commands,
    lint_commands,
    errors_commands,
    NULL,
};

static const struct program smki_program = {
    .name = "smki",
    .text = "The operator's command of an SMKI service: Parties, devices, credentials, certificates, records",
    .tables = tables,
    .groups = groups,
    .more = "Batches are worked with smki-batch.\n",
};

int main(int argc, char **argv)
{
    return program_run(&smki_program, argc, argv);
}
