/* Servers to measure, made afresh in a folder of their own. */
#include "http_world.h"

#include "process.h"

#include "serve/mbedtls_compat_i.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/rsa.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* others on the machine do not count */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the arithmetic ---- */

static mbedtls_ctr_drbg_context drbg;
static mbedtls_entropy_context entropy;

static double ecdhe_once(int count)
{
    const double started = now();

    for (int i = 0; i < count; i++) {
        mbedtls_ecp_group group;
        mbedtls_mpi d, z;
        mbedtls_ecp_point q;

        mbedtls_ecp_group_init(&group);
        mbedtls_mpi_init(&d);
        mbedtls_mpi_init(&z);
        mbedtls_ecp_point_init(&q);
        if (mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519) != 0 ||
            mbedtls_ecdh_gen_public(&group, &d, &q, mbedtls_ctr_drbg_random, &drbg) != 0 ||
            mbedtls_ecdh_compute_shared(&group, &z, &q, &d, mbedtls_ctr_drbg_random, &drbg) != 0)
            abort();
        mbedtls_ecp_group_free(&group);
        mbedtls_mpi_free(&d);
        mbedtls_mpi_free(&z);
        mbedtls_ecp_point_free(&q);
    }
    return (now() - started) * 1e6 / count;
}

static double private_once(mbedtls_rsa_context *rsa, int count)
{
    uint8_t in[256] = {0}, out[256];
    const double started = now();

    for (int i = 0; i < count; i++) {
        in[255] = (uint8_t)i;
        if (mbedtls_rsa_private(rsa, mbedtls_ctr_drbg_random, &drbg, in, out) != 0)
            abort();
    }
    return (now() - started) * 1e6 / count;
}

static double public_once(mbedtls_rsa_context *rsa, int count)
{
    uint8_t in[256] = {0}, out[256];
    const double started = now();

    for (int i = 0; i < count; i++) {
        in[255] = (uint8_t)i;
        if (mbedtls_rsa_public(rsa, in, out) != 0)
            abort();
    }
    return (now() - started) * 1e6 / count;
}

void arithmetic_measure(struct arithmetic *out, const char *key_file)
{
    mbedtls_pk_context key;

    mbedtls_pk_init(&key);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_entropy_init(&entropy);
    if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0 ||
        mbedtls_pk_parse_keyfile(&key, key_file, NULL, mbedtls_ctr_drbg_random, &drbg) != 0)
        abort();
    (void)private_once(mbedtls_pk_rsa(key), 50); /* warm */
    out->rsa_private = private_once(mbedtls_pk_rsa(key), 500);
    out->rsa_public = public_once(mbedtls_pk_rsa(key), 2000);
    out->ecdhe = ecdhe_once(500);
    out->handshake = out->rsa_private + 2 * out->rsa_public + out->ecdhe;
    mbedtls_pk_free(&key);
}

/* ---- processes ---- */

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

double world_connections(const struct world *world)
{
    char command[200], line[100] = "0";
    FILE *pipe;

    snprintf(command, sizeof(command), "curl -s http://127.0.0.1:%d/metrics | awk '$1 == \"smki_connections\" { print $2 }'", world->admin);
    if ((pipe = popen(command, "r")) == NULL)
        return 0;
    if (fgets(line, sizeof(line), pipe) == NULL)
        line[0] = '0';
    pclose(pipe);
    return atof(line);
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

static bool reachable(int port)
{
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0), rc = connect(fd, (struct sockaddr *)&to, sizeof(to));

        close(fd);
        if (rc == 0)
            return true;
        usleep(100000);
    }
    fprintf(stderr, "bench_http: nobody answers at port %d\n", port);
    return false;
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
    if (reachable(world->port) && (!with_nginx || reachable(world->nginx_port)))
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
