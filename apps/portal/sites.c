/* The sites of the portal (interfaces.md 2). */
#include "portal/portal_i.h"

#include <string.h>

const struct portal_site portal_sites[PORTAL_SITES] = {
    {"landing", "landing", "listen-landing", PART_LANDING, true, SMKI_INTERFACE_PORTAL_LANDING, "landing", "index.html"},
    {"organisation", "organisation", "listen-organisation", PART_ORGANISATION, false, SMKI_INTERFACE_PORTAL_ORGANISATION, "organisation",
     "organisation/index.html"},
    {"device", "device", "listen-device", PART_DEVICE, false, SMKI_INTERFACE_PORTAL_DEVICE, "device", "device/index.html"},
    {"organisation-internet", "organisationInternet", "listen-organisation-internet", PART_ORGANISATION, true,
     SMKI_INTERFACE_PORTAL_ORGANISATION, "organisation", "organisation/index.html"},
    {"device-internet", "deviceInternet", "listen-device-internet", PART_DEVICE, true, SMKI_INTERFACE_PORTAL_DEVICE, "device",
     "device/index.html"},
    {"download", "download", "listen-download", PART_DOWNLOAD, true, SMKI_INTERFACE_PORTAL_DOWNLOAD, "download", "client.html"},
};

const struct smki_config_web *site_config(const struct smki_config *config, size_t site)
{
    const struct smki_config_web *const all[PORTAL_SITES] = {
        &config->portal_landing,         &config->portal_organisation, &config->portal_device, &config->portal_organisation_internet,
        &config->portal_device_internet, &config->portal_download,
    };

    return all[site];
}

static bool is_two_way(const struct portal_site *site)
{
    return (site->part & PARTS_OFFICER) != 0;
}

static int site_make(struct serve_site *out, struct portal *portal, const struct smki_config *config, size_t index, struct smki_error *err)
{
    const struct portal_site *site = &portal_sites[index];
    const struct smki_config_web *web = site_config(config, index);
    const char *listen = call_text(portal->call, site->option);
    const enum smki_network network = !is_two_way(site) ? web->network : site->internet ? SMKI_NETWORK_INTERNET : SMKI_NETWORK_GATEWAY;
    int rc = routes_make(portal, index, network == SMKI_NETWORK_INTERNET, config->batch_max_upload, err);

    if (rc != 0)
        return rc;
    *out = (struct serve_site){.name = site->name,
                               .address = listen != NULL ? listen : web->listen,
                               .host = web->host,
                               .interface = site->interface,
                               .network = network,
                               .client_certificates = is_two_way(site),
                               .routes = portal->routes[index],
                               .route_count = portal->route_counts[index],
                               .refuse = answer_refuse,
                               .context = portal};
    return 0;
}

/* The pages are those of the start. */
static void www_tell(const struct portal *portal, const struct smki_config *config)
{
    if (strcmp(portal->www, config->portal_www) != 0 && !call_has(portal->call, "www"))
        call_note(portal->call, "portal.www has changed: that takes a restart");
}

int sites_fill(void *context, const struct smki_config *config, struct serve_site *sites, size_t capacity, size_t *count,
               struct smki_error *err)
{
    struct portal *portal = context;
    int rc;

    www_tell(portal, config);
    *count = 0;
    for (size_t i = 0; i < PORTAL_SITES && *count < capacity; i++) {
        if ((rc = site_make(&sites[*count], portal, config, i, err)) != 0)
            return rc;
        if (sites[*count].address[0] != '\0')
            (*count)++;
    }
    return 0;
}

struct portal *portal_of(const struct serve_request *request)
{
    return serve_site_of(request)->context;
}

const struct portal_site *portal_site_of(const struct serve_request *request)
{
    const char *name = serve_site_of(request)->name;
    size_t i = 0;

    while (i + 1 < PORTAL_SITES && strcmp(portal_sites[i].name, name) != 0)
        i++;
    return &portal_sites[i];
}
