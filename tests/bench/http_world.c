/* Servers to measure, made afresh in a folder of their own. */
#include "http_world.h"

#include "process.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double world_processor(pid_t pid)
{
    char path[100], line[1000];
    unsigned long user = 0, system = 0;
    double sum = 0;
    FILE *file, *list;

    snprintf(path, sizeof(path), "ps -o pid= --pid %d --ppid %d", (int)pid, (int)pid); /* nginx: its workers */
    list = popen(path, "r");
    while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
        snprintf(path, sizeof(path), "/proc/%d/stat", atoi(line));
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof(line), file) != NULL &&
            sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
            sum += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
        fclose(file);
    }
    if (list != NULL)
        pclose(list);
    return sum;
}

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run(const char *format, ...)
{
    char command[2000];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) == 0)
        return true;
    fprintf(stderr, "bench_http: failed: %s\n", command);
    return false;
}

static bool file_write(const char *folder, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool file_write(const char *folder, const char *name, const char *format, ...)
{
    char path[300];
    va_list arguments;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if ((file = fopen(path, "w")) == NULL)
        return false;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    return fclose(file) == 0;
}

static bool home_make(const struct world *world)
{
    const char *folder = world->folder;

    return run(SMKI_PROGRAM " init %s/home >/dev/null", folder) &&
           run(SMKI_PROGRAM " --home %s/home party add --name 'Example Energy' --eui 90-B3-D5-1F-30-00-00-01 --role supplier --user-role "
                            "import-supplier --subscriber device >/dev/null",
               folder) &&
           run(SMKI_PROGRAM
               " --home %s/home credential issue --party 1 --interface adhoc --name Bench --generate %s/client >/dev/null 2>&1",
               folder, folder) &&
           file_write(folder, "home/smki.json",
                      "{\"web.adhoc.listen\": \"127.0.0.1:%d\", \"web.batch.listen\": \"\", \"admin.listen\": \"127.0.0.1:%d\", "
                      "\"http.connections\": 5000,\n"
                      " \"http.connections_per_peer\": 5000, \"http.connections_per_certificate\": 5000, \"http.workers\": 2}\n",
                      world->port, world->admin);
}

static bool nginx_make(const struct world *world)
{
    const char *folder = world->folder;

    return file_write(
        folder, "nginx.conf",
        "worker_processes 2; daemon off; pid %s/nginx.pid; error_log %s/nginx.log crit; user root;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; keepalive_requests 100000000; client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
        " uwsgi_temp_path %s; scgi_temp_path %s; default_type application/octet-stream;\n"
        " server { listen 127.0.0.1:%d ssl backlog=1024; server_name localhost; ssl_protocols TLSv1.2;\n"
        "  ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256;\n"
        "  ssl_prefer_server_ciphers on; ssl_ecdh_curve X25519:prime256v1; ssl_certificate %s/home/tls/server.pem;\n"
        "  ssl_certificate_key %s/home/tls/server.key; ssl_client_certificate %s/home/ca/ikica.pem; ssl_verify_client on;\n"
        "  ssl_session_cache shared:s:10m; ssl_session_tickets on; ssl_session_timeout 5m;\n"
        "  location / { return 200 '%01024d'; } } }\n",
        folder, folder, folder, folder, folder, folder, folder, world->nginx_port, folder, folder, folder, 0);
}

bool world_open(struct world *world, bool with_nginx)
{
    char home[200], configuration[200];
    char *serve[] = {(char[]){SERVE_PROGRAM}, home, NULL};
    char *nginx[] = {(char[]){"nginx"}, (char[]){"-c"}, configuration, (char[]){"-e"}, (char[]){"stderr"}, NULL};

    strcpy(world->folder, "/tmp/smki-bench-XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        return false;
    world->port = free_port();
    world->admin = free_port();
    world->nginx_port = free_port();
    snprintf(home, sizeof(home), "%s/home", world->folder);
    snprintf(configuration, sizeof(configuration), "%s/nginx.conf", world->folder);
    snprintf(world->certificate, sizeof(world->certificate), "%s/client/cert.pem", world->folder);
    snprintf(world->key, sizeof(world->key), "%s/client/key.pem", world->folder);
    snprintf(world->server_key, sizeof(world->server_key), "%s/home/tls/server.key", world->folder);
    if (!home_make(world) || (with_nginx && !nginx_make(world)))
        return false;
    world->server = process_start(serve);
    world->nginx = with_nginx ? process_start(nginx) : 0;
    if (port_answers(world->port) && (!with_nginx || port_answers(world->nginx_port)))
        return true;
    world_close(world);
    return false;
}

bool world_close(struct world *world)
{
    bool ended;

    if (world->nginx > 0)
        (void)process_end(world->nginx);
    ended = world->server > 0 && process_end(world->server);
    (void)!run("rm -rf %s", world->folder);
    return ended;
}
