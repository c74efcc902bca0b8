/* smki-webservice: the Ad Hoc and the Batched Device CSR Web Services of a home. */
#include "webservice/web_i.h"

#include "command/command.h"

struct web {
    const struct call *call;
    struct serve_route adhoc_routes[ADHOC_ROUTES], batch_routes[BATCH_ROUTES];
};

/* As configured; the command line has the last word on addresses. A service without an address is not there. */
static int sites_fill(void *context, const struct smki_config *config, struct serve_site *sites, size_t capacity, size_t *count,
                      struct smki_error *err)
{
    struct web *web = context;
    struct serve_site all[2];
    const char *listen;

    (void)capacity, (void)err;
    adhoc_site(&all[0], web->adhoc_routes, config);
    batch_site(&all[1], web->batch_routes, config);
    if ((listen = call_text(web->call, "listen-adhoc")) != NULL)
        all[0].address = listen;
    if ((listen = call_text(web->call, "listen-batch")) != NULL)
        all[1].address = listen;
    *count = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].address[0] != '\0')
            sites[(*count)++] = all[i];
    return 0;
}

/* The rules that are asked in here. */
static void started(void *context, struct serve *serve)
{
    (void)context;
    serve_count_rule(serve, SMKI_RULE_ADHOC_PACE);
    serve_count_rule(serve, SMKI_RULE_BATCH_ONE);
    serve_count_rule(serve, SMKI_RULE_POLL);
}

static int run(struct call *call)
{
    struct web web = {.call = call};
    const struct serve_options options = {.program = "smki-webservice",
                                          .service = call->service,
                                          .sites = sites_fill,
                                          .started = started,
                                          .context = &web,
                                          .listen_admin = call_text(call, "listen-admin")};
    /* what a crash left granted and unsigned is out of the way before anybody can send it again */
    int rc = smki_service_recover(call->service, &call->actor, &call->err);

    return rc != 0 ? rc : serve_run(&options, &call->err);
}

static const struct command_value options[] = {
    {"listen-adhoc", VALUE_TEXT, 0, "ADDR:PORT", "where the ad hoc service listens; else web.adhoc.listen of the configuration", NULL},
    {"listen-batch", VALUE_TEXT, 0, "ADDR:PORT", "where the batch service listens; else web.batch.listen", NULL},
    {"listen-admin", VALUE_TEXT, 0, "ADDR:PORT", "where health and metrics are, on loopback; else admin.listen", NULL},
    {0},
};

static const struct command serve = {
    "",
    "Serve the Ad Hoc and the Batched Device CSR Web Services of a home",
    COMMAND_HOME,
    options,
    NULL,
    "Both services want mutual TLS with an IKI credential of their own: see 'smki credential issue'. It stays in the foreground, tells a\n"
    "service manager when it is ready, takes a new configuration and new server certificates at SIGHUP, and finishes what is in flight at\n"
    "SIGTERM. /healthz, /readyz and /metrics are on the address of admin.listen.\n\n"
    "Example:\n"
    "  smki-webservice --home /srv/smki --listen-adhoc 127.0.0.1:8443 --listen-batch 127.0.0.1:8444\n",
    run};

static const struct program program = {.name = "smki-webservice", .text = "The web services of an SMKI service", .only = &serve};

int main(int argc, char **argv)
{
    return program_run(&program, argc, argv);
}
