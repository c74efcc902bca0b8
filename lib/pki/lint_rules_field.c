/* Rules about the file as a whole and the plain fields of a certificate. is_strict_der stands in lint.c. */
#include "pki/lint_i.h"

#include "pki/oid_i.h"

#define METER_TAIL 4 /* octets that real meters send after a request; nothing signs them */

bool lint_nothing_follows(const struct lint_view *view, char detail[256])
{
    if (view->tail == 0 || (lint_is_request(view->subject) && view->tail == METER_TAIL))
        return true;
    return lint_found(detail, "%zu octet%s it", view->tail, view->tail == 1 ? " follows" : "s follow");
}

bool lint_request_has_no_tail(const struct lint_view *view, char detail[256])
{
    return view->tail != METER_TAIL || lint_found(detail, "4 octets follow it, outside of what is signed");
}

bool lint_default_criticality_is_left_out(const struct lint_view *view, char detail[256])
{
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < view->extension_count; i++) {
        if (view->extensions[i].default_written)
            return lint_found(detail, "extension %s spells out FALSE", oid_text(view->extensions[i].oid, text));
    }
    return true;
}

bool lint_certificate_version_is_3(const struct lint_view *view, char detail[256])
{
    return view->version == 2 || lint_found(detail, "it is written as %d, v3 is written as 2", view->version);
}

bool lint_request_version_is_0(const struct lint_view *view, char detail[256])
{
    return view->version == 0 || lint_found(detail, "it is %d", view->version);
}

bool lint_serial_is_positive(const struct lint_view *view, char detail[256])
{
    if ((view->serial.at[0] & 0x80) != 0)
        return lint_found(detail, "it is negative");
    if (view->serial.size == 1 && view->serial.at[0] == 0)
        return lint_found(detail, "it is zero");
    return true;
}

bool lint_serial_is_at_most_16_octets(const struct lint_view *view, char detail[256])
{
    return view->serial.size <= SMKI_SERIAL_SIZE || lint_found(detail, "it has %zu octets", view->serial.size);
}

bool lint_serial_has_room_for_64_bits(const struct lint_view *view, char detail[256])
{
    return view->serial.size >= 8 || lint_found(detail, "it has %zu octets, so at most %zu bits", view->serial.size, 8 * view->serial.size);
}

bool lint_no_unique_identifiers(const struct lint_view *view, char detail[256])
{
    return !view->has_unique_ids || lint_found(detail, "there is one");
}

/* ---- validity ---- */

static bool time_in_its_form(const char *which, const struct lint_time *time, char detail[256])
{
    if (!time->good)
        return lint_found(detail, "%s is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ", which);
    if (time->tag != (smki_time_to_utc(time->at).year > 2049 ? DER_GENERALIZED_TIME : DER_UTC_TIME))
        return lint_found(detail, "%s of the year %d is a %s", which, smki_time_to_utc(time->at).year,
                          time->tag == DER_UTC_TIME ? "UTCTime" : "GeneralizedTime");
    return true;
}

bool lint_validity_is_in_its_form(const struct lint_view *view, char detail[256])
{
    return time_in_its_form("notBefore", &view->not_before, detail) && time_in_its_form("notAfter", &view->not_after, detail);
}

bool lint_validity_runs_forward(const struct lint_view *view, char detail[256])
{
    if (!view->not_before.good || !view->not_after.good || view->not_before.at.us < view->not_after.at.us)
        return true;
    return lint_found(detail, "it ends before it begins");
}

bool lint_device_validity_has_no_end(const struct lint_view *view, char detail[256])
{
    char text[SMKI_TIME_TEXT_SIZE];
    struct smki_time begin, end;

    profile_validity(profile_of(view->subject), view->not_before.at, &begin, &end);
    if (!view->not_after.good || view->not_after.at.us == end.us)
        return true; /* validity_is_in_its_form tells of a bad form */
    return lint_found(detail, "it ends %s", smki_time_text_utc(view->not_after.at, text));
}

bool lint_validity_is_whole_years(const struct lint_view *view, char detail[256])
{
    char text[SMKI_TIME_TEXT_SIZE], wanted[SMKI_TIME_TEXT_SIZE];
    struct smki_time begin, end;

    if (!view->not_before.good || !view->not_after.good)
        return true;
    profile_validity(profile_of(view->subject), view->not_before.at, &begin, &end);
    if (view->not_before.at.us != begin.us)
        return lint_found(detail, "it begins %s, not at midnight UTC", smki_time_text_utc(view->not_before.at, text));
    if (view->not_after.at.us != end.us)
        return lint_found(detail, "it ends %s, %d years end %s", smki_time_text_utc(view->not_after.at, text),
                          profile_of(view->subject)->years, smki_time_text_utc(end, wanted));
    return true;
}
