/* What holds between the keys of the configuration. */
#include "config/config_i.h"

#include <string.h>

#define DAY_MINUTES 1440u

/* From one time of day to the next occurrence of another. */
static unsigned minutes_from(uint16_t from, uint16_t to)
{
    return (to + DAY_MINUTES - from) % DAY_MINUTES;
}

static bool night_has_length(const struct smki_config *config)
{
    return config->limits.night_start != config->limits.night_end;
}

static bool adhoc_day_has_length(const struct smki_config *config)
{
    return config->limits.adhoc_day_from != config->limits.adhoc_day_to;
}

/* CoCo 3.1.3: the polls of a night begin while it lasts. */
static bool poll_from_is_in_night(const struct smki_config *config)
{
    const struct smki_demand_limits *limits = &config->limits;

    return minutes_from(limits->night_start, limits->poll_from) < minutes_from(limits->night_start, limits->night_end);
}

static bool batch_paths_differ(const struct smki_config *config)
{
    return strcmp(config->web_batch_submit_path, config->web_batch_result_path) != 0;
}

static bool tls_files_are_named(const struct smki_config *config)
{
    return config->http.certificate[0] != '\0' && config->http.key[0] != '\0';
}

static const struct {
    bool (*holds)(const struct smki_config *config);
    const char *text;
} invariants[] = {
    {night_has_length, "night.start and night.end are the same: the night must have a length"},
    {adhoc_day_has_length, "demand.adhoc_day_from and demand.adhoc_day_to are the same: the day must have a length"},
    {batch_paths_differ, "web.batch.submit_path and web.batch.result_path are the same"},
    {tls_files_are_named, "tls.certificate and tls.key must name files"},
    {poll_from_is_in_night, "demand.poll_from must lie between night.start and night.end"},
};

int config_check(const struct smki_config *config, struct smki_error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(invariants); i++) {
        if (!invariants[i].holds(config))
            return smki_fail(err, SMKI_CONFIG_INVALID, "%s", invariants[i].text);
    }
    return 0;
}
