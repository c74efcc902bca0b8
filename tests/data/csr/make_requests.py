#!/usr/bin/env python3
"""Writes requests.txt: requests of every profile, whole and broken, built octet by octet and signed by openssl.

usage: make_requests.py > requests.txt
A line is: name, profile, verdict, DER in hexadecimal. The verdict is VERIFIES, or the name of the refusal (CSR_SIGNATURE and P256_POINT by
smki_csr_verify, the others by smki_csr_read).
"""
import os
import subprocess
import sys
import tempfile


def tlv(tag, *parts):
    contents = b''.join(parts)
    n = len(contents)
    if n < 128:
        return bytes([tag, n]) + contents
    length = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(length)]) + length + contents


def oid(text):
    arcs = [int(a) for a in text.split('.')]
    out = b''
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        run = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            run.insert(0, 0x80 | (arc & 0x7F))
        out += bytes(run)
    return tlv(6, out)


def seq(*parts):
    return tlv(0x30, *parts)


def openssl(args, stdin=b''):
    return subprocess.run(['openssl'] + args, input=stdin, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


folder = tempfile.mkdtemp()
EC, EC384, RSA, RSA3072, RSA1024 = (os.path.join(folder, n) for n in ('ec', 'ec384', 'rsa', 'rsa3072', 'rsa1024'))
openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', EC])
openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out', EC384])
for path, bits in ((RSA, 2048), (RSA3072, 3072), (RSA1024, 1024)):
    openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:%d' % bits, '-out', path])


def spki(path, *more):
    return openssl(['pkey', '-in', path, '-pubout', '-outform', 'DER'] + list(more))


EC_SPKI, RSA_SPKI = spki(EC), spki(RSA)
POINT = EC_SPKI[-65:]
EC_ALGORITHM = seq(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'))
RSA_KEY = RSA_SPKI[-270:]
ECDSA_SHA256 = seq(oid('1.2.840.10045.4.3.2'))
RSA_SHA256 = seq(oid('1.2.840.113549.1.1.11'), b'\5\0')
V0 = b'\2\1\0'
KU, SAN = oid('2.5.29.15'), oid('2.5.29.17')
TRUE = b'\1\1\xff'
EUI = bytes.fromhex('90b3d51f30010000')
HWTYPE = oid('1.2.826.0.1.8641679.1.2.1.4')


def octets(b):
    return tlv(4, b)


def key_spki(point, algorithm=EC_ALGORITHM, unused=0):
    return seq(algorithm, tlv(3, bytes([unused]), point))


def ku(bits, unused, critical=TRUE):
    return seq(KU, critical, octets(tlv(3, bytes([unused]), bits)))


DS, KA = ku(b'\x80', 7), ku(b'\x08', 3)


def hardware(serial=EUI, kind=HWTYPE):
    return tlv(0xA0, oid('1.3.6.1.5.5.7.8.4'), tlv(0xA0, seq(kind, octets(serial))))


def san(*names, critical=TRUE):
    return seq(SAN, critical, octets(seq(*names)))


HW = san(hardware())
REQUEST = oid('1.2.840.113549.1.9.14')


def attribute(*extensions):
    return seq(REQUEST, tlv(0x31, seq(*extensions)))


def attributes(*parts):
    return tlv(0xA0, *parts)


def rdn(type_, value, tag=0x0C):
    return tlv(0x31, ava(type_, value, tag))


def ava(type_, value, tag=0x0C):
    return seq(oid(type_), tlv(tag, value))


CN, O, OU, UID = '2.5.4.3', '2.5.4.10', '2.5.4.11', '2.5.4.45'
NO_NAME = seq()
ORG_NAME = seq(rdn(CN, b'GITTESTSUPPLIER'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))
IKI_NAME = seq(rdn(O, b'Example Energy Ltd'), rdn(OU, b'02'), rdn(CN, b'batch-1'))


def info(name, key, attrs, version=V0):
    return seq(version, name, key, attrs)


def device(version=V0, name=NO_NAME, key=EC_SPKI, attrs=None, extensions=(DS, HW)):
    return info(name, key, attrs if attrs is not None else attributes(attribute(*extensions)), version)


def org(name=ORG_NAME, extensions=(DS,), key=EC_SPKI):
    return info(name, key, attributes(attribute(*extensions)))


def iki(name=IKI_NAME, extensions=(DS,), key=RSA_SPKI):
    return info(name, key, attributes(attribute(*extensions)))


def signature(body, key):
    return openssl(['dgst', '-sha256', '-sign', key], body)


def request(body, algorithm=ECDSA_SHA256, key=EC, unused=0, more=b''):
    return seq(body, algorithm, tlv(3, bytes([unused]), signature(body, key)), more)


def line(name, profile, verdict, der):
    print(name, profile, verdict, der.hex())


def dev(name, verdict, body=None, **more):
    line(name, 'device', verdict, request(body if body is not None else device(), **more))


def organisation(name, verdict, body, **more):
    line(name, 'organisation', verdict, request(body, **more))


def ikicsr(name, verdict, body, algorithm=RSA_SHA256, key=RSA):
    line(name, 'iki', verdict, request(body, algorithm, key))


print('# name profile verdict der; made by make_requests.py')
GOOD = request(device())
line('device_digital_signature', 'device', 'VERIFIES', GOOD)
dev('device_key_agreement', 'VERIFIES', device(extensions=(KA, HW)))
dev('extensions_in_the_other_order', 'VERIFIES', device(extensions=(HW, DS)))
dev('nothing_critical', 'VERIFIES', device(extensions=(ku(b'\x80', 7, b''), san(hardware(), critical=b''))))
dev('another_extension_besides', 'VERIFIES', device(extensions=(DS, HW, seq(oid('2.5.29.19'), octets(seq())))))
CHALLENGE = seq(oid('1.2.840.113549.1.9.7'), tlv(0x31, tlv(0x13, b'secret')))
dev('another_attribute_besides', 'VERIFIES', device(attrs=attributes(CHALLENGE, attribute(DS, HW))))
dev('hardware_type_of_another_maker', 'VERIFIES', device(extensions=(DS, san(hardware(kind=oid('1.3.6.1.4.1.99999.1'))))))
line('four_octets_behind', 'device', 'VERIFIES', GOOD + b'\x40\x75\xc2\x62')

for n in (1, 2, 3, 5, 8):
    line('%d_octets_behind' % n, 'device', 'CSR_MALFORMED', GOOD + b'\0' * n)
line('another_request_behind', 'device', 'CSR_MALFORMED', GOOD + GOOD)
line('octet_in_front', 'device', 'CSR_MALFORMED', b'\0' + GOOD)
line('a_set', 'device', 'CSR_MALFORMED', b'\x31' + GOOD[1:])
line('length_padded', 'device', 'CSR_MALFORMED', b'\x30\x83\0' + GOOD[2:4] + GOOD[4:])
line('indefinite_length', 'device', 'CSR_MALFORMED', b'\x30\x80' + GOOD[4:] + b'\0\0')
line('too_large', 'device', 'CSR_TOO_LARGE', request(device(attrs=attributes(attribute(DS, HW), seq(oid('1.2.3'), tlv(0x31, octets(b'x' * 8200)))))))
dev('element_behind_the_signature', 'CSR_MALFORMED', more=b'\5\0')
dev('signature_with_unused_bits', 'CSR_MALFORMED', unused=1)
flipped = bytearray(GOOD)
flipped[-1] ^= 1
line('signature_changed', 'device', 'CSR_SIGNATURE', bytes(flipped))
serial_changed = GOOD.replace(EUI, EUI[:-1] + b'\1')
line('device_id_changed_after_signing', 'device', 'CSR_SIGNATURE', serial_changed)
line('signature_with_ber_length', 'device', 'CSR_SIGNATURE', seq(device(), ECDSA_SHA256, tlv(3, b'\0' + b'\x30\x81' + signature(device(), EC)[1:])))
line('signature_empty', 'device', 'CSR_SIGNATURE', seq(device(), ECDSA_SHA256, tlv(3, b'\0')))
line('signature_bit_string_without_octets', 'device', 'CSR_MALFORMED', seq(device(), ECDSA_SHA256, tlv(3)))

dev('version_1', 'CSR_VERSION', device(version=b'\2\1\1'))
dev('version_2', 'CSR_VERSION', device(version=b'\2\1\2'))
dev('version_minus_1', 'CSR_VERSION', device(version=b'\2\1\xff'))
dev('version_256', 'CSR_VERSION', device(version=b'\2\2\1\0'))
dev('version_padded', 'CSR_MALFORMED', device(version=b'\2\2\0\0'))
dev('version_empty', 'CSR_MALFORMED', device(version=b'\2\0'))
dev('version_missing', 'CSR_MALFORMED', device(version=b''))
dev('subject_not_empty', 'CSR_SUBJECT', device(name=seq(rdn(CN, b'meter'))))
dev('subject_is_a_set', 'CSR_MALFORMED', device(name=b'\x31\0'))

line('rsa_key', 'device', 'CSR_OID', request(device(key=RSA_SPKI), RSA_SHA256, RSA))
dev('p384_key', 'CSR_KEY', device(key=spki(EC384)))
dev('ed25519_key_algorithm', 'CSR_OID', device(key=seq(seq(oid('1.3.101.112')), tlv(3, b'\0' + b'k' * 32))))
dev('compressed_point', 'CSR_KEY', device(key=key_spki(bytes([2 + (POINT[64] & 1)]) + POINT[1:33])))
dev('hybrid_point', 'CSR_KEY', device(key=key_spki(bytes([6 + (POINT[64] & 1)]) + POINT[1:])))
dev('point_one_octet_short', 'CSR_KEY', device(key=key_spki(POINT[:-1])))
dev('point_one_octet_long', 'CSR_KEY', device(key=key_spki(POINT + b'\0')))
dev('point_infinity', 'CSR_KEY', device(key=key_spki(b'\0')))
dev('point_off_the_curve', 'P256_POINT', device(key=key_spki(POINT[:-1] + bytes([POINT[-1] ^ 1]))))
dev('point_zero_zero', 'P256_POINT', device(key=key_spki(b'\4' + bytes(64))))
dev('point_with_unused_bits', 'CSR_MALFORMED', device(key=key_spki(POINT[:-1] + bytes([POINT[-1] & 0xFE]), unused=1)))
dev('explicit_curve_parameters', 'CSR_KEY', device(key=spki(EC, '-ec_param_enc', 'explicit')))
dev('curve_missing', 'CSR_KEY', device(key=key_spki(POINT, seq(oid('1.2.840.10045.2.1')))))
dev('null_behind_the_curve', 'CSR_MALFORMED', device(key=key_spki(POINT, seq(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'), b'\5\0'))))
dev('element_behind_the_point', 'CSR_MALFORMED', device(key=seq(EC_ALGORITHM, tlv(3, b'\0', POINT), b'\5\0')))

dev('signed_with_sha384', 'CSR_OID', algorithm=seq(oid('1.2.840.10045.4.3.3')))
dev('signed_with_sha1', 'CSR_OID', algorithm=seq(oid('1.2.840.10045.4.1')))
dev('signature_algorithm_rsa', 'CSR_OID', algorithm=RSA_SHA256)
dev('signature_algorithm_with_null', 'CSR_SIGNATURE_ALGORITHM', algorithm=seq(oid('1.2.840.10045.4.3.2'), b'\5\0'))
dev('signature_algorithm_empty', 'CSR_MALFORMED', algorithm=seq())

dev('attributes_missing', 'CSR_MALFORMED', device(attrs=b''))
dev('attributes_empty', 'CSR_EXTENSIONS', device(attrs=attributes()))
dev('attributes_1', 'CSR_MALFORMED', device(attrs=tlv(0xA1, attribute(DS, HW))))
dev('no_extension_request', 'CSR_EXTENSIONS', device(attrs=attributes(CHALLENGE)))
dev('two_extension_requests', 'CSR_EXTENSIONS', device(attrs=attributes(attribute(DS, HW), attribute(DS, HW))))
dev('extension_request_of_two_values', 'CSR_EXTENSIONS', device(attrs=attributes(seq(REQUEST, tlv(0x31, seq(DS), seq(HW))))))
dev('extension_request_empty', 'CSR_MALFORMED', device(attrs=attributes(attribute())))
dev('attribute_without_values', 'CSR_MALFORMED', device(attrs=attributes(seq(REQUEST, tlv(0x31)))))
dev('attribute_with_a_third_part', 'CSR_MALFORMED', device(attrs=attributes(seq(REQUEST, tlv(0x31, seq(DS, HW)), b'\5\0'))))
dev('other_attribute_malformed', 'CSR_MALFORMED', device(attrs=attributes(attribute(DS, HW), seq(oid('1.2.3'), tlv(0x31, b'\x30\5\1')))))
dev('microsoft_extension_request_only', 'CSR_EXTENSIONS', device(attrs=attributes(seq(oid('1.3.6.1.4.1.311.2.1.14'), tlv(0x31, seq(DS, HW))))))
dev('element_behind_the_attributes', 'CSR_MALFORMED', seq(V0, NO_NAME, EC_SPKI, attributes(attribute(DS, HW)), b'\5\0'))
dev('critical_false_written', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 7, b'\1\1\0'), HW)))
dev('critical_one', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 7, b'\1\1\1'), HW)))
dev('critical_of_two_octets', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 7, b'\1\2\xff\xff'), HW)))
dev('extension_with_a_fourth_part', 'CSR_MALFORMED', device(extensions=(seq(KU, TRUE, octets(b'\3\2\7\x80'), b'\5\0'), HW)))
dev('extension_oid_padded', 'CSR_MALFORMED', device(extensions=(DS, HW, seq(tlv(6, b'\x55\x80\x1d\x13'), octets(b'')))))
dev('extension_oid_unfinished', 'CSR_MALFORMED', device(extensions=(DS, HW, seq(tlv(6, b'\x55\x9d'), octets(b'')))))

dev('key_usage_missing', 'CSR_KEY_USAGE', device(extensions=(HW,)))
dev('key_usage_both', 'CSR_KEY_USAGE', device(extensions=(ku(b'\x88', 3), HW)))
dev('key_usage_none', 'CSR_KEY_USAGE', device(extensions=(ku(b'', 0), HW)))
for n, (bits, unused) in enumerate(((b'\x40', 6), (b'\x20', 5), (b'\x10', 4), (b'\x04', 2), (b'\x02', 1), (b'\x01', 0), (b'\0\x80', 7))):
    dev('key_usage_other_%d' % n, 'CSR_KEY_USAGE', device(extensions=(ku(bits, unused), HW)))
dev('key_usage_decipher_only_too', 'CSR_KEY_USAGE', device(extensions=(ku(b'\x08\x80', 7), HW)))
dev('key_usage_not_minimal', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 0), HW)))
dev('key_usage_second_octet_zero', 'CSR_MALFORMED', device(extensions=(ku(b'\x80\0', 0), HW)))
dev('key_usage_unused_bits_set', 'CSR_MALFORMED', device(extensions=(ku(b'\x81', 7), HW)))
dev('key_usage_eight_unused_bits', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 8), HW)))
dev('key_usage_32_unused_bits', 'CSR_MALFORMED', device(extensions=(ku(b'\x80', 32), HW)))
dev('key_usage_trailing_octet', 'CSR_MALFORMED', device(extensions=(seq(KU, TRUE, octets(b'\3\2\7\x80\0')), HW)))
dev('key_usage_octet_string', 'CSR_MALFORMED', device(extensions=(seq(KU, TRUE, octets(b'\4\1\x80')), HW)))
dev('key_usage_twice', 'CSR_EXTENSIONS', device(extensions=(DS, DS, HW)))

dev('alt_name_missing', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS,)))
dev('alt_name_twice', 'CSR_EXTENSIONS', device(extensions=(DS, HW, HW)))
dev('alt_name_empty', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san())))
dev('alt_name_two_names', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(), hardware()))))
dev('alt_name_dns', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(tlv(0x82, b'meter.example')))))
dev('alt_name_dns_besides', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(), tlv(0x82, b'meter.example')))))
dev('alt_name_other_type', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(tlv(0xA0, oid('1.3.6.1.5.5.7.8.5'), tlv(0xA0, seq(HWTYPE, octets(EUI))))))))
dev('alt_name_not_explicit', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(tlv(0xA0, oid('1.3.6.1.5.5.7.8.4'), seq(HWTYPE, octets(EUI)))))))
dev('alt_name_trailing_octets', 'CSR_MALFORMED', device(extensions=(DS, seq(SAN, TRUE, octets(seq(hardware()) + b'\0\0')))))
dev('hardware_type_missing', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(tlv(0xA0, oid('1.3.6.1.5.5.7.8.4'), tlv(0xA0, seq(octets(EUI))))))))
dev('hardware_name_with_a_third_part', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(tlv(0xA0, oid('1.3.6.1.5.5.7.8.4'), tlv(0xA0, seq(HWTYPE, octets(EUI), b'\5\0')))))))
dev('serial_of_7_octets', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(EUI[1:])))))
dev('serial_of_9_octets', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(EUI + b'\0')))))
dev('serial_empty', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(b'')))))
dev('serial_as_text', 'CSR_SUBJECT_ALT_NAME', device(extensions=(DS, san(hardware(b'90b3d51f30010000')))))

organisation('organisation_supplier', 'VERIFIES', org())
organisation('organisation_key_agreement', 'VERIFIES', org(extensions=(KA,)))
organisation('organisation_without_cn', 'VERIFIES', org(seq(rdn(OU, b'04'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_other_order', 'VERIFIES', org(seq(rdn(UID, b'\0' + EUI, 3), rdn(OU, b'7f'), rdn(CN, b'X'))))
organisation('organisation_printable_strings', 'VERIFIES', org(seq(rdn(CN, b'SUPPLIER', 0x13), rdn(OU, b'02', 0x13), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_bmp_string', 'VERIFIES', org(seq(rdn(CN, 'Énergie'.encode('utf-16-be'), 0x1E), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
multi = sorted([ava(CN, b'X'), ava(OU, b'02'), ava(UID, b'\0' + EUI, 3)])
organisation('organisation_one_rdn', 'VERIFIES', org(seq(tlv(0x31, *multi))))
organisation('organisation_one_rdn_unsorted', 'CSR_MALFORMED', org(seq(tlv(0x31, *reversed(multi)))))
organisation('organisation_alt_name_besides', 'VERIFIES', org(extensions=(DS, san(tlv(0x82, b'example.com')))))
organisation('organisation_empty_subject', 'CSR_SUBJECT', org(seq()))
organisation('organisation_without_ou', 'CSR_SUBJECT', org(seq(rdn(CN, b'X'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_without_eui', 'CSR_SUBJECT', org(seq(rdn(CN, b'X'), rdn(OU, b'02'))))
for n, ou in enumerate((b'2', b'002', b'0x02', b'0g', b'supplier', b'2 ', b' 2')):
    organisation('organisation_ou_%d' % n, 'CSR_SUBJECT', org(seq(rdn(OU, ou), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_two_ous', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(OU, b'03'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_two_euis', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_country_besides', 'CSR_SUBJECT', org(seq(rdn('2.5.4.6', b'GB', 0x13), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_o_besides', 'CSR_SUBJECT', org(seq(rdn(O, b'Example'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_eui_7_octets', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(UID, b'\0' + EUI[1:], 3))))
organisation('organisation_eui_unused_bits', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(UID, b'\1' + EUI, 3))))
organisation('organisation_eui_octet_string', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(UID, EUI, 4))))
organisation('organisation_eui_text', 'CSR_SUBJECT', org(seq(rdn(OU, b'02'), rdn(UID, b'90b3d51f30010000', 0x13))))
organisation('organisation_cn_teletex', 'CSR_SUBJECT', org(seq(rdn(CN, b'X', 0x14), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_ia5', 'CSR_SUBJECT', org(seq(rdn(CN, b'X', 0x16), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_empty', 'CSR_SUBJECT', org(seq(rdn(CN, b''), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_nul', 'CSR_SUBJECT', org(seq(rdn(CN, b'A\0B'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_newline', 'CSR_SUBJECT', org(seq(rdn(CN, b'A\nB'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_latin1_as_utf8', 'CSR_SUBJECT', org(seq(rdn(CN, b'\xc9nergie'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_overlong_utf8', 'CSR_SUBJECT', org(seq(rdn(CN, b'\xc0\xaf'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_surrogate', 'CSR_SUBJECT', org(seq(rdn(CN, b'\xed\xa0\x80'), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_not_printable', 'CSR_SUBJECT', org(seq(rdn(CN, b'A@B', 0x13), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_cn_256_octets', 'CSR_SUBJECT', org(seq(rdn(CN, b'x' * 256), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_empty_rdn', 'CSR_MALFORMED', org(seq(tlv(0x31), rdn(OU, b'02'), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_attribute_of_three', 'CSR_MALFORMED', org(seq(tlv(0x31, seq(oid(OU), tlv(0x0C, b'02'), b'\5\0')), rdn(UID, b'\0' + EUI, 3))))
organisation('organisation_both_usages', 'CSR_KEY_USAGE', org(extensions=(ku(b'\x88', 3),)))
line('organisation_rsa', 'organisation', 'CSR_OID', request(org(key=RSA_SPKI), RSA_SHA256, RSA))

ikicsr('iki_system', 'VERIFIES', iki())
ikicsr('iki_key_agreement', 'CSR_KEY_USAGE', iki(extensions=(KA,)))
ikicsr('iki_usage_not_critical', 'CSR_KEY_USAGE', iki(extensions=(ku(b'\x80', 7, b''),)))
ikicsr('iki_without_o', 'CSR_SUBJECT', iki(seq(rdn(OU, b'02'), rdn(CN, b'batch-1'))))
ikicsr('iki_without_ou', 'CSR_SUBJECT', iki(seq(rdn(O, b'Example'), rdn(CN, b'batch-1'))))
ikicsr('iki_without_cn', 'CSR_SUBJECT', iki(seq(rdn(O, b'Example'), rdn(OU, b'02'))))
ikicsr('iki_with_eui', 'CSR_SUBJECT', iki(seq(rdn(O, b'Example'), rdn(OU, b'02'), rdn(CN, b'batch-1'), rdn(UID, b'\0' + EUI, 3))))
ikicsr('iki_rsa_3072', 'CSR_KEY', iki(key=spki(RSA3072)), key=RSA3072)
ikicsr('iki_rsa_1024', 'CSR_KEY', iki(key=spki(RSA1024)), key=RSA1024)
RSA_ALGORITHM = seq(oid('1.2.840.113549.1.1.1'), b'\5\0')
MODULUS = RSA_KEY[4:4 + 261]
ikicsr('iki_exponent_even', 'CSR_KEY', iki(key=seq(RSA_ALGORITHM, tlv(3, b'\0', seq(MODULUS, b'\2\1\4')))))
ikicsr('iki_exponent_1', 'CSR_KEY', iki(key=seq(RSA_ALGORITHM, tlv(3, b'\0', seq(MODULUS, b'\2\1\1')))))
ikicsr('iki_exponent_zero', 'CSR_MALFORMED', iki(key=seq(RSA_ALGORITHM, tlv(3, b'\0', seq(MODULUS, b'\2\1\0')))))
ikicsr('iki_key_without_null', 'CSR_MALFORMED', iki(key=seq(seq(oid('1.2.840.113549.1.1.1')), tlv(3, b'\0', RSA_KEY))))
ikicsr('iki_signature_without_null', 'CSR_SIGNATURE_ALGORITHM', iki(), algorithm=seq(oid('1.2.840.113549.1.1.11')))
ikicsr('iki_sha1', 'CSR_OID', iki(), algorithm=seq(oid('1.2.840.113549.1.1.5'), b'\5\0'))
line('iki_p256', 'iki', 'CSR_OID', request(iki(key=EC_SPKI)))
bad = bytearray(request(iki(), RSA_SHA256, RSA))
bad[-1] ^= 1
line('iki_signature_changed', 'iki', 'CSR_SIGNATURE', bytes(bad))
sys.stdout.flush()
subprocess.run(['rm', '-r', folder], check=True)
