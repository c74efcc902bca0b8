/* Generations: read whole, or not at all. */
#include "serve/generation_i.h"

#include "serve/address_i.h"
#include "serve/log_i.h"
#include "serve/serve_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- sites ---- */

static bool text_copy(const char **at)
{
    if (*at == NULL)
        return true;
    *at = strdup(*at);
    return *at != NULL;
}

static int site_copy(struct site *site, const struct serve_site *from, struct smki_error *err)
{
    bool copied = true;

    site->face = *from;
    site->face.routes = site->routes = calloc(from->route_count + 1, sizeof(*site->routes));
    if (site->face.host != NULL && site->face.host[0] == '\0')
        site->face.host = NULL;
    copied = text_copy(&site->face.name) && copied;
    copied = text_copy(&site->face.address) && copied;
    copied = text_copy(&site->face.host) && copied;
    for (size_t i = 0; site->routes != NULL && i < from->route_count; i++) {
        site->routes[i] = from->routes[i];
        copied = text_copy(&site->routes[i].method) && copied;
        copied = text_copy(&site->routes[i].path) && copied;
        copied = text_copy(&site->routes[i].media_type) && copied;
    }
    if (!copied || site->routes == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    return resumption_create(&site->resumption, err);
}

static void text_drop(const char *text)
{
    free((char *)(uintptr_t)text);
}

static void site_drop(struct site *site)
{
    for (size_t i = 0; site->routes != NULL && i < site->face.route_count; i++) {
        text_drop(site->routes[i].method);
        text_drop(site->routes[i].path);
        text_drop(site->routes[i].media_type);
    }
    free(site->routes);
    text_drop(site->face.name);
    text_drop(site->face.address);
    text_drop(site->face.host);
    resumption_destroy(site->resumption);
}

static int sites_read(struct generation *generation, struct smki_error *err)
{
    struct serve *serve = generation->serve;
    struct serve_site faces[SERVE_SITES_MAX] = {0};
    size_t count = 0;
    int rc = serve->options->sites(serve->options->context, generation->config, faces, SERVE_SITES_MAX, &count, err);

    if (rc == 0 && count == 0)
        rc = serve_fail(err, SMKI_CONFIG_INVALID, "nothing is to be served: no address to listen on is configured");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        generation->site_count++;
        if ((rc = site_copy(&generation->sites[i], &faces[i], err)) == 0)
            generation->sites[i].metrics = metrics_site(&serve->metrics, faces[i].name);
    }
    return rc;
}

/* ---- doors ---- */

static void door_drop(struct door *door)
{
    if (atomic_fetch_sub(&door->references, 1) == 1)
        free(door);
}

void door_leave(struct door *door)
{
    if (atomic_fetch_sub(&door->keepers, 1) == 1)
        close(door->fd);
}

static int door_open(struct door **out, const char *address, const struct generation *before, struct smki_error *err)
{
    struct door *door;
    int rc;

    for (size_t i = 0; before != NULL && i < before->listener_count; i++) {
        *out = before->listeners[i].door;
        if (strcmp((*out)->address, address) == 0) {
            atomic_fetch_add(&(*out)->references, 1);
            atomic_fetch_add(&(*out)->keepers, 1);
            return 0;
        }
    }
    *out = NULL;
    if ((door = calloc(1, sizeof(*door))) == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    if ((rc = address_listen(&door->fd, address, err)) != 0) {
        free(door);
        return rc;
    }
    atomic_store(&door->references, 1);
    atomic_store(&door->keepers, 1);
    snprintf(door->address, sizeof(door->address), "%s", address);
    *out = door;
    return 0;
}

/* ---- listeners ---- */

static bool same_host(const struct site *a, const struct site *b)
{
    if (a->face.host == NULL || b->face.host == NULL)
        return a->face.host == b->face.host;
    return strcasecmp(a->face.host, b->face.host) == 0;
}

static int listener_add(struct listener *listener, struct site *site, struct smki_error *err)
{
    for (size_t i = 0; i < listener->site_count; i++) {
        if (same_host(listener->sites[i], site))
            return serve_fail(err, SMKI_CONFIG_INVALID, "%s and %s are both at %s: give each a host name of its own",
                              listener->sites[i]->face.name, site->face.name, site->face.address);
    }
    listener->sites[listener->site_count++] = site;
    if (site->face.host == NULL || listener->site_count == 1)
        listener->fallback = site;
    else if (listener->fallback != NULL && listener->fallback->face.host != NULL)
        listener->fallback = NULL; /* several, each with a name: without one there is no telling */
    return 0;
}

static int listener_find(struct generation *generation, struct site *site, const struct generation *before, struct smki_error *err)
{
    struct listener *listener = NULL;
    int rc;

    for (size_t i = 0; i < generation->listener_count; i++) {
        if (strcmp(generation->listeners[i].door->address, site->face.address) == 0)
            listener = &generation->listeners[i];
    }
    if (listener == NULL) {
        listener = &generation->listeners[generation->listener_count];
        if ((rc = door_open(&listener->door, site->face.address, before, err)) != 0)
            return rc;
        listener->generation = generation;
        generation->listener_count++;
    }
    return listener_add(listener, site, err);
}

static int listener_tls(struct listener *listener, struct smki_error *err)
{
    struct generation *generation = listener->generation;
    int rc = 0;

    listener->tls = calloc(generation->workers, sizeof(struct tls *));
    if (listener->tls == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    for (size_t i = 0; rc == 0 && i < generation->workers; i++)
        rc = tls_create(&listener->tls[i], listener, &generation->config->http, smki_service_home(generation->serve->service), err);
    return rc;
}

struct site *listener_site(const struct listener *listener, const char *name, size_t size)
{
    struct site *any = NULL;

    for (size_t i = 0; i < listener->site_count; i++) {
        const char *host = listener->sites[i]->face.host;

        if (host == NULL)
            any = listener->sites[i];
        else if (strlen(host) == size && strncasecmp(host, name, size) == 0)
            return listener->sites[i];
    }
    return any;
}

/* ---- the whole ---- */

int generation_create(struct generation **out, struct serve *serve, const struct smki_config *config, const struct generation *before,
                      struct smki_error *err)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    int rc;

    if (generation == NULL || (generation->config = malloc(sizeof(*config))) == NULL) {
        free(generation);
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    }
    *generation->config = *config;
    generation->serve = serve;
    generation->workers = serve->worker_count;
    atomic_store(&generation->references, 1);
    rc = sites_read(generation, err);
    for (size_t i = 0; rc == 0 && i < generation->site_count; i++)
        rc = listener_find(generation, &generation->sites[i], before, err);
    for (size_t i = 0; rc == 0 && i < generation->listener_count; i++)
        rc = listener_tls(&generation->listeners[i], err);
    if (rc != 0) {
        generation_forget(generation);
        return rc;
    }
    *out = generation;
    return 0;
}

void generation_keep(const struct generation *generation)
{
    for (size_t i = 0; i < generation->listener_count; i++)
        atomic_fetch_add(&generation->listeners[i].door->keepers, 1);
}

void generation_leave(const struct generation *generation)
{
    for (size_t i = 0; generation != NULL && i < generation->listener_count; i++)
        door_leave(generation->listeners[i].door);
}

void generation_forget(struct generation *generation)
{
    generation_leave(generation);
    generation_drop(generation);
}

struct generation *generation_hold(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void generation_drop(struct generation *generation)
{
    if (generation == NULL || atomic_fetch_sub(&generation->references, 1) != 1)
        return;
    for (size_t i = 0; i < generation->listener_count; i++) {
        struct listener *listener = &generation->listeners[i];

        for (size_t k = 0; listener->tls != NULL && k < generation->workers; k++)
            tls_destroy(listener->tls[k]);
        free(listener->tls);
        door_drop(listener->door);
    }
    for (size_t i = 0; i < generation->site_count; i++)
        site_drop(&generation->sites[i]);
    free(generation->config);
    free(generation);
}
