/* smki-portal: the SMKI Portal of a home, for officers with a browser. */
#include "portal/portal_i.h"

#ifndef PORTAL_WWW
#error "PORTAL_WWW is where the pages are installed"
#endif

static const char *www_folder(const struct call *call)
{
    const char *given = call_text(call, "www"), *configured = smki_service_config(call->service)->portal_www;

    return given != NULL ? given : configured[0] != '\0' ? configured : PORTAL_WWW;
}

/* admin.listen is the web services' own. */
static const char *admin_address(const struct smki_config *config)
{
    return config->portal_admin_listen;
}

static int portal_begin(struct portal *portal, struct call *call)
{
    int rc = pages_read(&portal->pages, www_folder(call), &call->err);

    snprintf(portal->www, sizeof(portal->www), "%s", smki_service_config(call->service)->portal_www);
    if (rc == 0)
        rc = proof_begin(portal, &call->err);
    if (rc == 0)
        rc = turns_begin(portal, &call->err);
    if (rc == 0)
        rc = told_begin(portal, &call->err);
    if (rc == 0)
        rc = makers_begin(portal, &call->err);
    return rc == 0 ? bell_begin(portal, &call->err) : rc;
}

static void portal_end(struct portal *portal)
{
    bell_end(portal);
    makers_end(portal);
    told_end(portal);
    turns_end(portal);
    routes_drop(portal);
    pages_free(portal->pages);
}

/* The rules that are asked in here, and what the Service Desk is owed. */
static void started(void *context, struct serve *serve)
{
    serve_count_rule(serve, SMKI_RULE_PORTAL_BATCH);
    serve_count_rule(serve, SMKI_RULE_PORTAL_ADHOC);
    bell_serve(context, serve);
}

static int run(struct call *call)
{
    struct portal portal = {.call = call};
    const struct serve_options options = {.program = "smki-portal",
                                          .service = call->service,
                                          .sites = sites_fill,
                                          .started = started,
                                          .context = &portal,
                                          .listen_admin = call_text(call, "listen-admin"),
                                          .admin = admin_address};
    /* what a crash left granted and unsigned is out of the way before anybody can send it again */
    int rc = smki_service_recover(call->service, &call->actor, &call->err);

    if (rc == 0 && (rc = portal_begin(&portal, call)) == 0)
        rc = serve_run(&options, &call->err);
    portal_end(&portal);
    return rc;
}

static const struct command_value options[] = {
    {"listen-landing", VALUE_TEXT, 0, "ADDR:PORT", "where the landing page is; else portal.landing.listen of the configuration", NULL},
    {"listen-organisation", VALUE_TEXT, 0, "ADDR:PORT", "the Organisation part by the Gateway; else portal.organisation.listen", NULL},
    {"listen-device", VALUE_TEXT, 0, "ADDR:PORT", "the Device part by the Gateway; else portal.device.listen", NULL},
    {"listen-organisation-internet", VALUE_TEXT, 0, "ADDR:PORT", "the same by the Internet; else portal.organisation_internet.listen",
     NULL},
    {"listen-device-internet", VALUE_TEXT, 0, "ADDR:PORT", "the same by the Internet; else portal.device_internet.listen", NULL},
    {"listen-download", VALUE_TEXT, 0, "ADDR:PORT", "the Authentication Client's downloads; else portal.download.listen", NULL},
    {"listen-admin", VALUE_TEXT, 0, "ADDR:PORT", "where health and metrics are, on loopback; else portal.admin_listen", NULL},
    {"www", VALUE_FOLDER, 0, "FOLDER", "the pages; else portal.www, else those that were installed", NULL},
    {0},
};

static const struct command serve = {
    "",
    "Serve the SMKI Portal of a home",
    COMMAND_HOME,
    options,
    NULL,
    "The landing page and the downloads are for everybody; the Organisation and the Device part want mutual TLS with an officer's IKI\n"
    "credential: see 'smki credential issue'. It stays in the foreground, tells a service manager when it is ready, takes a new\n"
    "configuration and new server certificates at SIGHUP, and finishes what is in flight at SIGTERM. /healthz, /readyz and /metrics are\n"
    "on the address of portal.admin_listen.\n\n"
    "Example:\n"
    "  smki-portal --home /srv/smki --listen-landing 127.0.0.1:8440 --listen-device 127.0.0.1:8442\n",
    run};

static const struct program program = {.name = "smki-portal", .text = "The SMKI Portal of an SMKI service", .only = &serve};

int main(int argc, char **argv)
{
    return program_run(&program, argc, argv);
}
