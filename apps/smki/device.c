/* smki device ... */
#include "smki/smki_i.h"

#include <string.h>

static int device_import(struct call *call)
{
    struct smki_import_report report;
    int rc = smki_device_import(smki_service_store(call->service), &call->actor, call_operand(call, 0), &report, &call->err);

    if (rc == 0)
        printf("%" PRIu64 " devices read: %" PRIu64 " added, %" PRIu64 " changed, %" PRIu64 " as they were\n", report.lines, report.added,
               report.changed, report.same);
    return rc;
}

/* ---- show ---- */

/* Calls `each` for every certificate of the device, in the order of issue. */
static int certificates_walk(struct call *call, const struct smki_device_id *id,
                             int (*each)(void *context, const struct smki_stored_certificate *stored), void *context)
{
    struct smki_stored_certificate stored;
    struct smki_serial after = {0};
    int rc;

    while ((rc = smki_service_device_certificate(call->service, id, &after, &stored, &call->err)) == 0)
        if ((rc = each(context, &stored)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

struct show {
    struct call *call;
    struct table table;
    cJSON *array;
};

static int certificate_row(void *context, const struct smki_stored_certificate *stored)
{
    struct show *show = context;
    struct smki_certificate certificate;
    char text[SMKI_TIME_TEXT_SIZE], usage[USAGE_TEXT_SIZE], serial[2 * 20 + 1];
    int rc = smki_certificate_read(&certificate, (struct smki_bytes){stored->der, stored->size}, &show->call->err);

    if (rc != 0)
        return rc;
    table_add(&show->table, "%s", smki_serial_text(&certificate.serial, serial));
    table_add(&show->table, "%s", usage_words(certificate.key_usage, usage));
    table_add(&show->table, "%s", time_words(stored->issued_at, text));
    table_add(&show->table, "%" PRIu64, stored->party);
    if (stored->batch != 0)
        table_add(&show->table, "%" PRIu64, stored->batch);
    else
        table_add(&show->table, "-");
    table_add(&show->table, "%s%s", stored->revoked_at.us != 0 ? "revoked " : "",
              stored->revoked_at.us != 0 ? time_words(stored->revoked_at, text) : "valid");
    return 0;
}

static int certificate_element(void *context, const struct smki_stored_certificate *stored)
{
    struct show *show = context;
    struct smki_certificate certificate;
    cJSON *element;
    int rc = smki_certificate_read(&certificate, (struct smki_bytes){stored->der, stored->size}, &show->call->err);

    if (rc != 0)
        return rc;
    if ((element = certificate_json(stored, &certificate)) == NULL || !cJSON_AddItemToArray(show->array, element)) {
        cJSON_Delete(element);
        return call_fail(show->call, SMKI_NO_MEMORY, NULL);
    }
    return 0;
}

static int show_json(struct call *call, const struct smki_device *device, uint32_t count, uint32_t limit)
{
    struct show show = {.call = call};
    cJSON *json = smki_device_json(device);
    int rc = 0;

    if (json == NULL || !json_add_number(json, "count", count) || !json_add_number(json, "limit", limit) ||
        (show.array = cJSON_AddArrayToObject(json, "certificates")) == NULL)
        rc = call_fail(call, SMKI_NO_MEMORY, NULL);
    if (rc == 0)
        rc = certificates_walk(call, &device->id, certificate_element, &show);
    if (rc == 0)
        return json_print(call, json);
    cJSON_Delete(json);
    return rc;
}

static void supplier_print(struct call *call, const char *name, uint64_t number)
{
    struct smki_party party;

    if (number == 0)
        fact_print(name, "not known");
    else if (smki_party_find(smki_service_store(call->service), number, &party, NULL) == 0)
        fact_print(name, "Party %" PRIu64 ", %s", number, party.name);
    else
        fact_print(name, "Party %" PRIu64, number);
}

static int show_text(struct call *call, const struct smki_device *device, uint32_t count, uint32_t limit)
{
    static const char *const headings[] = {"SERIAL", "KEY USAGE", "ISSUED", ">PARTY", ">BATCH", "STATE", NULL};
    struct show show = {.call = call};
    char id[SMKI_DEVICE_ID_TEXT_SIZE];
    int rc;

    fact_print("device", "%s", smki_device_id_text(&device->id, id));
    fact_print("type", "%s", smki_device_type_word(device->type));
    fact_print("SMI status", "%s", smki_smi_status_word(device->status));
    supplier_print(call, "import supplier", device->import_supplier);
    supplier_print(call, "gas supplier", device->gas_supplier);
    fact_print("certificates", "%" PRIu32 " of at most %" PRIu32 "%s", count, limit,
               device->certificate_limit != 0 ? " (set for this device)" : "");
    table_start(&show.table, headings);
    if ((rc = certificates_walk(call, &device->id, certificate_row, &show)) == 0 && show.table.count > 0) {
        putchar('\n');
        return table_print(&show.table, call, "");
    }
    table_finish(&show.table);
    return rc;
}

static int device_show(struct call *call)
{
    struct smki_device_id id = value_eui(call_operand(call, 0));
    struct smki_device device;
    uint32_t count, limit;
    int rc;

    if ((rc = smki_device_find(smki_service_store(call->service), &id, &device, &call->err)) != 0 ||
        (rc = smki_service_device_count(call->service, &id, &count, &limit, &call->err)) != 0)
        return rc;
    device.id = id;
    return call->json ? show_json(call, &device, count, limit) : show_text(call, &device, count, limit);
}

static int device_limit(struct call *call)
{
    struct smki_device_id id = value_eui(call_operand(call, 0));
    uint64_t limit = value_number(call_operand(call, 1));

    return smki_device_set_limit(smki_service_store(call->service), &call->actor, &id, (uint32_t)limit, &call->err);
}

static const struct command_value import_operands[] = {{"FILE", VALUE_FILE, REQUIRED, NULL, "the inventory: FILE.csv or FILE.json", NULL},
                                                       {0}};
static const struct command_value show_operands[] = {
    {"EUI", VALUE_EUI, REQUIRED, NULL, "the Device ID: 90-B3-D5-1F-30-01-00-00 or 90b3d51f30010000", NULL}, {0}};
static const struct command_value limit_operands[] = {
    {"EUI", VALUE_EUI, REQUIRED, NULL, "the Device ID", NULL},
    {"N", VALUE_COUNT, REQUIRED, NULL, "how many certificates it may have; 0: the default", NULL},
    {0},
};

const struct command device_commands[] = {
    {"device import", "Import the inventory from CSV or JSON", COMMAND_HOME, NULL, import_operands,
     "CSV has a header line, JSON is an array of objects. Columns: device_id (required), type, status,\n"
     "import_supplier, gas_supplier, certificate_limit. Suppliers are Party numbers or EUI-64s. An empty cell means\n"
     "\"not known\"; a column that is not there leaves what is recorded. Every row is checked before one is stored, and\n"
     "importing the same file again changes nothing.\n\n"
     "Example:\n"
     "  device_id,type,status,import_supplier,gas_supplier\n"
     "  90-B3-D5-1F-30-01-00-01,ESME,commissioned,1,\n",
     device_import},
    {"device show", "Show a device: inventory, certificates, count and limit", COMMAND_HOME | COMMAND_JSON, NULL, show_operands, NULL,
     device_show},
    {"device limit", "Set how many certificates a device may have", COMMAND_HOME, NULL, limit_operands,
     "The limit is 100 (device.certificate_limit) unless it is set for the device. Recorded in the audit log as an override.\n",
     device_limit},
    {0},
};
