#!/usr/bin/env python3
"""Makes good/<subject>.pem and bad/<rule>.<subject>.pem: a sample that passes for every kind of file, and for every lint rule one that
breaks it. The DER is put together here octet by octet, so that the samples owe nothing to the code they judge.

    python3 tests/data/lint/make-samples.py        needs python3-cryptography; rewrites both folders (signatures are random)
"""
import base64, copy, hashlib, os
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.join(HERE, "..", "golden", "keys")


def tlv(tag, *contents):
    body = b"".join(contents)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def seq(*c): return tlv(0x30, *c)
def octets(b): return tlv(0x04, b)
def integer(v): return tlv(0x02, v.to_bytes(v.bit_length() // 8 + 1, "big", signed=True))
def bits(b, unused=0): return tlv(0x03, bytes([unused]), b)
def printable(s): return tlv(0x13, s.encode())
def utf8(s): return tlv(0x0C, s.encode())
def utc(s): return tlv(0x17, s.encode())
def generalized(s): return tlv(0x18, s.encode())


def oid(dotted):
    arcs = [int(a) for a in dotted.split(".")]
    out = b""
    for arc in [40 * arcs[0] + arcs[1]] + arcs[2:]:
        part = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            part.append(0x80 | arc & 0x7F)
        out += bytes(reversed(part))
    return tlv(0x06, out)


CN, O, OU, UID = "2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.45"
SKI, KU, SAN, BC, POLICIES, AKI, EKU = ("2.5.29." + n for n in ("14", "15", "17", "19", "32", "35", "37"))
ECDSA = seq(oid("1.2.840.10045.4.3.2"))
ECDSA_SHA384 = seq(oid("1.2.840.10045.4.3.3"))
RSA_SHA256 = seq(oid("1.2.840.113549.1.1.11"), tlv(0x05))
POLICY = seq(oid("1.2.826.0.1.8641679.1.2.1.4"))


def attribute(kind, value): return seq(oid(kind), value)
def name(*attributes): return seq(*[tlv(0x31, a) for a in attributes])
def ca_name(unit, cn): return name(attribute(OU, printable(unit)), attribute(CN, printable(cn)))


def key(file):
    with open(os.path.join(KEYS, file + ".pem"), "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def spki(k): return k.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_bits(k):
    if isinstance(k, ec.EllipticCurvePrivateKey):
        return k.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return k.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def key_id(octets_):
    h = bytearray(hashlib.sha1(octets_).digest()[-8:])
    h[0] = 0x40 | h[0] & 0x0F
    return bytes(h)


def sign(k, message):
    if isinstance(k, ec.EllipticCurvePrivateKey):
        return k.sign(message, ec.ECDSA(hashes.SHA256()))
    return k.sign(message, padding.PKCS1v15(), hashes.SHA256())


ROOT, ISSUING, IKI_CA, DEVICE, IKI = key("root"), key("issuing"), key("iki-ca"), key("device"), key("iki")
EUI = bytes.fromhex("90B3D51F30010000")


def device_name(eui=EUI, kind="1.3.6.1.5.5.7.8.4", value=None):
    return tlv(0xA0, oid(kind), tlv(0xA0, value or seq(oid("1.2.826.0.1.8641679.2.1"), octets(eui))))


class File:
    """A certificate or request in parts; encode() puts it together and signs it."""
    request = False

    def __init__(self, **parts):
        self.version, self.unique_ids, self.tail, self.attributes = None, b"", b"", []
        self.serial = integer(0x30398236744D9DA0E57F8D74AE041FCD)
        self.spell_false = self.reencode = None
        self.signature = None
        self.__dict__.update(parts)
        self.key_spki = spki(self.key)

    def extension(self, kind):
        return next(e for e in self.extensions if e[0] == kind)

    def set(self, kind, value=None, critical=None):
        e = self.extension(kind)
        if value is not None:
            e[2] = value
        if critical is not None:
            e[1] = critical

    def write_extensions(self):
        rows = []
        for kind, critical, value in self.extensions:
            flag = tlv(0x01, b"\xff") if critical else tlv(0x01, b"\0") if self.spell_false == kind else b""
            rows.append(seq(oid(kind), flag, octets(value)))
        return seq(*rows)

    def body(self):
        if self.request:
            attributes = [seq(oid("1.2.840.113549.1.9.14"), tlv(0x31, self.write_extensions()))] if self.extensions else []
            return seq(integer(self.version), self.subject, self.key_spki, tlv(0xA0, *(attributes + self.attributes)))
        version = tlv(0xA0, integer(2 if self.version is None else self.version))
        return seq(version, self.serial, self.inner, self.issuer, seq(*self.validity), self.subject, self.key_spki, self.unique_ids,
                   tlv(0xA3, self.write_extensions()))

    def encode(self):
        body = self.body()
        signature = self.signature or sign(self.signer, body)
        if callable(signature):
            signature = signature(sign(self.signer, body))
        whole = seq(body, self.algorithm, bits(signature)) + self.tail
        return self.reencode(whole) if self.reencode else whole


def certificate(issuer, signer, k, subject, validity, extensions, algorithm=ECDSA):
    return File(issuer=issuer, signer=signer, key=k, subject=subject, validity=validity, extensions=extensions, inner=algorithm,
                algorithm=algorithm)


def csr(k, subject, extensions, algorithm=ECDSA):
    return File(request=True, version=0, key=k, signer=k, subject=subject, extensions=extensions, algorithm=algorithm)


def usage(octet): return bits(bytes([octet]), (octet & -octet).bit_length() - 1)
def ski(k): return [SKI, False, octets(key_id(key_bits(k)))]
def aki(k): return [AKI, False, seq(tlv(0x80, key_id(key_bits(k))))]
def policies(critical=True): return [POLICIES, critical, seq(POLICY)]


ISSUING_NAME, ROOT_NAME, IKI_CA_NAME = ca_name("07", "D1"), ca_name("00", "DR"), ca_name("07", "IK")
ORGANISATION = [attribute(CN, utf8("GITTESTSUPPLIER")), attribute(OU, utf8("02")), attribute(UID, bits(EUI))]
SYSTEM = [attribute(O, utf8("Git Test Supplier")), attribute(OU, utf8("02")), attribute(CN, utf8("batch-1"))]
DEVICE_VALIDITY = [utc("261123200000Z"), generalized("99991231235959Z")]

GOOD = {
    "device-csr": lambda: csr(DEVICE, name(), [[KU, True, usage(0x80)], [SAN, True, seq(device_name())]]),
    "org-csr": lambda: csr(DEVICE, name(*ORGANISATION), [[KU, True, usage(0x80)]]),
    "iki-csr": lambda: csr(IKI, name(*SYSTEM), [[KU, True, usage(0x80)]], RSA_SHA256),
    "device-cert": lambda: certificate(ISSUING_NAME, ISSUING, DEVICE, name(), DEVICE_VALIDITY[:], [
        [KU, True, usage(0x80)], ski(DEVICE), [SAN, True, seq(device_name())], policies(), aki(ISSUING)]),
    "org-cert": lambda: certificate(ISSUING_NAME, ISSUING, DEVICE, name(*ORGANISATION), [utc("261123000000Z"), utc("361122235959Z")], [
        [KU, True, usage(0x08)], ski(DEVICE), policies(), aki(ISSUING)]),
    "iki-cert": lambda: certificate(IKI_CA_NAME, IKI_CA, IKI, name(*SYSTEM), [utc("261123200000Z"), utc("291123195959Z")], [
        [KU, True, usage(0x80)], ski(IKI), aki(IKI_CA), [EKU, False, seq(oid("1.3.6.1.5.5.7.3.2"))], policies(False)], RSA_SHA256),
    "issuing-ca": lambda: certificate(ROOT_NAME, ROOT, ISSUING, ISSUING_NAME, [utc("151029000000Z"), utc("401028235959Z")], [
        [KU, True, usage(0x06)], [BC, True, seq(tlv(1, b"\xff"), integer(0))], policies(), ski(ISSUING), aki(ROOT)]),
    "root-ca": lambda: certificate(ROOT_NAME, ROOT, ROOT, ROOT_NAME, [utc("151029000000Z"), generalized("20651028235959Z")], [
        [KU, True, usage(0x06)], [BC, True, seq(tlv(1, b"\xff"))], policies(), ski(ROOT)]),
    "iki-ca": lambda: certificate(IKI_CA_NAME, IKI_CA, IKI_CA, IKI_CA_NAME, [utc("151029000000Z"), generalized("20651028235959Z")], [
        [KU, True, usage(0x06)], [BC, True, seq(tlv(1, b"\xff"), integer(0))], policies(False), ski(IKI_CA)], RSA_SHA256),
}

BAD = []


def bad(rule, subjects, change, variant=""):
    for subject in subjects.split():
        BAD.append((rule, subject, variant, change))


def put(**parts):
    return lambda f: f.__dict__.update(copy.deepcopy(parts))


P256_CSRS, P256_LEAFS, CAS = "device-csr org-csr", "device-cert org-cert", "issuing-ca root-ca iki-ca"
CERTS = P256_LEAFS + " iki-cert " + CAS
CSRS = P256_CSRS + " iki-csr"

bad("is_strict_der", "device-cert device-csr", put(reencode=lambda w: w[:1] + b"\x83\0" + w[2:]))
bad("is_strict_der", "device-cert", put(reencode=lambda w: b"\x30\x80" + w[4:] + b"\0\0"), "indefinite")
bad("is_strict_der", "org-cert org-csr", lambda f: f.set(KU, b"\x03\x81\x02\x07\x80"), "inside")
bad("is_strict_der", "issuing-ca", put(reencode=lambda w: w[:60]), "cut")
bad("nothing_follows", "device-cert device-csr org-csr", put(tail=b"\0\0\0"))
bad("nothing_follows", "device-cert", put(tail=b"\x12\x34\x56\x78"), "four")
bad("request_has_no_tail", "device-csr", put(tail=b"\x12\x34\x56\x78"))
bad("default_criticality_is_left_out", "device-cert", put(spell_false=SKI))
bad("certificate_version_is_3", CERTS, put(version=1))
bad("request_version_is_0", CSRS, put(version=1))
bad("serial_is_positive", "device-cert", put(serial=tlv(2, b"\x00")))
bad("serial_is_positive", "org-cert", put(serial=tlv(2, b"\x80" + 15 * b"\1")), "negative")
bad("serial_is_at_most_16_octets", "device-cert", put(serial=tlv(2, 17 * b"\1")))
bad("serial_has_room_for_64_bits", "device-cert", put(serial=tlv(2, 7 * b"\1")))
bad("no_unique_identifiers", "device-cert", put(unique_ids=tlv(0x81, b"\0\1")))
bad("validity_is_in_its_form", "device-cert", put(validity=[generalized("20261123200000Z"), generalized("99991231235959Z")]))
bad("validity_is_in_its_form", "org-cert", put(validity=[utc("2611230000Z"), utc("361122235959Z")]), "seconds")
bad("validity_runs_forward", "iki-cert", put(validity=[utc("291123200000Z"), utc("261123200000Z")]))
bad("device_validity_has_no_end", "device-cert", put(validity=[utc("261123200000Z"), utc("361122235959Z")]))
bad("validity_is_whole_years", "org-cert", put(validity=[utc("261123000000Z"), utc("361123235959Z")]))
bad("validity_is_whole_years", "org-cert", put(validity=[utc("261123000001Z"), utc("361122235959Z")]), "midnight")
bad("validity_is_whole_years", "issuing-ca", put(validity=[utc("151029000000Z"), utc("401029235959Z")]))
bad("validity_is_whole_years", "root-ca iki-ca", put(validity=[utc("151029000000Z"), utc("401028235959Z")]))

bad("issuer_is_an_issuing_ca", "device-cert", put(issuer=name(attribute(OU, utf8("04")), attribute(UID, bits(EUI)))))
bad("issuer_is_an_issuing_ca", "org-cert", put(issuer=ca_name("02", "D1")), "role")
bad("issuer_is_an_issuing_ca", "device-cert", put(issuer=name(attribute(CN, utf8("E357")))), "utf8")
bad("issuer_is_an_issuing_ca", "device-cert", put(issuer=seq(tlv(0x31, attribute(OU, printable("07")), attribute(CN, printable("D123"))))), "one-rdn")
bad("issuer_is_a_root", "issuing-ca", put(issuer=ca_name("07", "DR")))
bad("issuer_is_the_subject", "root-ca", put(issuer=ca_name("00", "DQ")))
bad("issuer_is_the_subject", "iki-ca", put(issuer=ca_name("07", "IL")))
bad("issuer_is_the_one_given", "device-cert", put(issuer=ca_name("07", "D2")))
bad("ca_names_are_at_most_4_characters", "device-cert", put(issuer=ca_name("07", "D1234")))
bad("ca_names_are_at_most_4_characters", "issuing-ca", put(subject=ca_name("07", "D1234")))
bad("ca_subject_is_its_role", "issuing-ca", put(subject=ca_name("00", "D1")))
bad("ca_subject_is_its_role", "root-ca", put(subject=name(attribute(CN, printable("DR")))))
bad("device_subject_is_empty", "device-cert device-csr", put(subject=name(attribute(CN, utf8("meter")))))
bad("organisation_subject_is_in_order", "org-cert", put(subject=name(ORGANISATION[1], ORGANISATION[0], ORGANISATION[2])))
bad("organisation_subject_is_in_order", "org-cert", put(subject=seq(tlv(0x31, ORGANISATION[0]), tlv(0x31, *ORGANISATION[1:]))), "one-rdn")
bad("organisation_subject_is_utf8", "org-cert", put(subject=name(attribute(CN, printable("GIT")), *ORGANISATION[1:])))
bad("organisation_request_names_itself", "org-csr", put(subject=name(*ORGANISATION, attribute(O, utf8("Git")))))
bad("organisation_request_names_itself", "org-csr", put(subject=name(*ORGANISATION[:2])), "no-eui")
bad("organisation_role_is_two_digits", "org-cert", put(subject=name(attribute(OU, utf8("7f")), ORGANISATION[2])))
bad("organisation_role_is_two_digits", "org-csr", put(subject=name(attribute(OU, utf8("2")), ORGANISATION[2])))
bad("organisation_role_is_in_the_table", "org-cert org-csr", put(subject=name(attribute(OU, utf8("55")), ORGANISATION[2])))
bad("organisation_eui_has_64_bits", "org-cert org-csr", put(subject=name(ORGANISATION[1], attribute(UID, bits(EUI[:7])))))
bad("iki_subject_names_a_system", "iki-cert iki-csr", put(subject=name(*SYSTEM[:2])))

P384 = oid("1.3.132.0.34")
P256 = oid("1.2.840.10045.3.1.7")


def compressed(f):
    point = key_bits(f.key)
    f.key_spki = seq(seq(oid("1.2.840.10045.2.1"), P256), bits(bytes([2 | point[64] & 1]) + point[1:33]))


def other_curve(f):
    f.key_spki = seq(seq(oid("1.2.840.10045.2.1"), P384), bits(key_bits(f.key)))


def off_curve(f):
    point = bytearray(key_bits(f.key))
    point[64] ^= 1
    f.key_spki = seq(seq(oid("1.2.840.10045.2.1"), P256), bits(bytes(point)))


def rsa(n, e=65537):
    return lambda f: setattr(f, "key_spki", seq(seq(oid("1.2.840.113549.1.1.1"), tlv(5)), bits(seq(integer(n), integer(e)))))


bad("key_is_on_p256", "device-cert device-csr org-cert", other_curve)
bad("key_is_on_p256", "device-cert", put(key_spki=spki(IKI)), "rsa")
bad("key_is_uncompressed", "device-cert device-csr", compressed)
bad("key_is_a_point_of_the_curve", "device-cert device-csr", off_curve)
bad("key_is_rsa_2048", "iki-cert iki-csr iki-ca", rsa(2**2046 + 1))
bad("key_is_rsa_2048", "iki-cert", rsa(2**3071 + 1), "3072")
bad("key_is_rsa_2048", "iki-csr", rsa(2**2047 + 1, 65536), "even")

bad("extensions_are_the_profiles", CERTS, lambda f: f.extensions.append(["1.2.3.4", False, octets(b"x")]))
bad("extensions_are_the_profiles", "device-cert", lambda f: f.extensions.pop(), "missing")
bad("extensions_are_the_profiles", "device-cert", lambda f: f.extensions.append(f.extensions[4]), "twice")
bad("extensions_are_in_order", CERTS, lambda f: f.extensions.reverse())
bad("criticality_is_the_profiles", CERTS, lambda f: f.set(KU, critical=False))
bad("criticality_is_the_profiles", "device-cert", lambda f: f.set(SKI, critical=True), "ski")
bad("key_usage_is_one_bit", P256_LEAFS + " " + P256_CSRS, lambda f: f.set(KU, usage(0x88)))
bad("key_usage_is_one_bit", "device-cert", lambda f: f.set(KU, bits(b"\x80", 0)), "trailing-zeros")
bad("key_usage_is_one_bit", "device-csr", lambda f: f.extensions.pop(0), "missing")
bad("key_usage_is_one_bit", "device-cert", lambda f: f.set(KU, usage(0x40)), "another")
bad("iki_key_usage_is_digital_signature", "iki-cert iki-csr", lambda f: f.set(KU, usage(0x20)))
bad("ca_key_usage_is_signing", CAS, lambda f: f.set(KU, usage(0x04)))
bad("subject_key_id_is_the_keys", CERTS, lambda f: f.set(SKI, octets(8 * b"\x42")))
bad("subject_key_id_is_the_keys", "device-cert", lambda f: f.set(SKI, octets(hashlib.sha1(key_bits(f.key)).digest())), "method-1")
bad("authority_key_id_is_8_octets", "device-cert org-cert iki-cert issuing-ca", lambda f: f.set(AKI, seq(tlv(0x80, 20 * b"\1"))))
bad("authority_key_id_is_8_octets", "device-cert", lambda f: f.set(AKI, seq(tlv(0x80, key_id(key_bits(ISSUING))), tlv(0x82, b"\1"))), "serial")
bad("authority_key_id_is_the_issuers", "device-cert org-cert iki-cert issuing-ca", lambda f: f.set(AKI, seq(tlv(0x80, 8 * b"\x42"))))
bad("subject_alt_name_is_a_device", "device-cert device-csr", lambda f: f.set(SAN, seq(device_name(EUI + b"\0"))))
bad("subject_alt_name_is_a_device", "device-cert device-csr", lambda f: f.set(SAN, seq(device_name(), device_name())), "two")
bad("subject_alt_name_is_a_device", "device-cert", lambda f: f.set(SAN, seq(device_name(kind="1.3.6.1.5.5.7.8.5"))), "type")
bad("subject_alt_name_is_a_device", "device-csr", lambda f: f.set(SAN, seq(tlv(0x82, b"meter.example"))), "dns")
bad("policies_are_one_oid", CERTS, lambda f: f.set(POLICIES, seq(POLICY, seq(oid("1.2.3")))))
bad("policies_are_one_oid", "device-cert",
    lambda f: f.set(POLICIES, seq(seq(oid("1.2.3"), seq(seq(oid("1.3.6.1.5.5.7.2.1"), tlv(0x16, b"http://x")))))), "qualifier")
bad("issuing_ca_is_the_last_ca", "issuing-ca iki-ca", lambda f: f.set(BC, seq(tlv(1, b"\xff"), integer(1))))
bad("root_has_no_path_length", "root-ca", lambda f: f.set(BC, seq(tlv(1, b"\xff"), integer(0))))
bad("extended_key_usage_is_client_auth", "iki-cert", lambda f: f.set(EKU, seq(oid("1.3.6.1.5.5.7.3.1"))))

def without(kind): return lambda f: f.extensions.remove(f.extension(kind))


NO_KEY = seq(seq(oid("1.2.840.10045.2.1"), P256), tlv(5))
RSA_OID = oid("1.2.840.113549.1.1.1")
bad("subject_key_id_is_the_keys", "device-cert", without(SKI), "missing")
bad("subject_key_id_is_the_keys", "device-cert", put(key_spki=NO_KEY), "no-key")
bad("subject_alt_name_is_a_device", "device-cert device-csr", without(SAN), "missing")
bad("policies_are_one_oid", "device-cert iki-cert", without(POLICIES), "missing")
bad("extended_key_usage_is_client_auth", "iki-cert", without(EKU), "missing")
bad("issuing_ca_is_the_last_ca", "issuing-ca", without(BC), "missing")
bad("key_is_on_p256", "device-cert", put(key_spki=NO_KEY), "no-key")
bad("key_is_on_p256", "device-csr", put(key_spki=seq(seq(oid("1.2.840.10045.2.1"), seq(integer(1))), bits(key_bits(DEVICE)))),
    "explicit-curve")
bad("key_is_rsa_2048", "iki-cert", put(key_spki=NO_KEY), "no-key")
bad("key_is_rsa_2048", "iki-cert", put(key_spki=spki(DEVICE)), "p256")
bad("key_is_rsa_2048", "iki-csr", lambda f: setattr(f, "key_spki", seq(seq(RSA_OID), bits(key_bits(f.key)))), "parameters")
bad("key_is_rsa_2048", "iki-csr", put(key_spki=seq(seq(RSA_OID, tlv(5)), bits(seq(integer(3))))), "no-exponent")
bad("organisation_subject_is_in_order", "org-cert", put(subject=name(*ORGANISATION, attribute(O, utf8("Git")))), "four")
bad("organisation_role_is_two_digits", "org-cert org-csr", put(subject=name(ORGANISATION[0], ORGANISATION[2])), "missing")
bad("organisation_eui_has_64_bits", "org-cert org-csr", put(subject=name(*ORGANISATION[:2])), "missing")
bad("organisation_request_names_itself", "org-csr", put(subject=seq(tlv(0x31, *ORGANISATION))), "unsorted")

bad("request_has_one_extension_request", CSRS, put(extensions=[]))
bad("request_extensions_stand_once", CSRS, lambda f: f.extensions.append(f.extensions[0]))
bad("request_asks_for_nothing_else", CSRS, lambda f: f.extensions.append([EKU, False, seq(oid("1.3.6.1.5.5.7.3.2"))]))
bad("request_asks_for_nothing_else", "device-csr",
    lambda f: f.attributes.append(seq(oid("1.2.840.113549.1.9.7"), tlv(0x31, utf8("secret")))), "attribute")
bad("request_key_usage_is_critical", P256_CSRS, lambda f: f.set(KU, critical=False))
bad("iki_request_key_usage_is_critical", "iki-csr", lambda f: f.set(KU, critical=False))

bad("signature_algorithm_is_ecdsa_sha256", "device-cert org-cert issuing-ca root-ca device-csr org-csr",
    put(inner=ECDSA_SHA384, algorithm=ECDSA_SHA384))
bad("signature_algorithm_is_ecdsa_sha256", "device-cert", put(algorithm=ECDSA[:1] + b"\x0c" + ECDSA[2:] + tlv(5)), "null")
bad("signature_algorithm_is_rsa_sha256", "iki-cert iki-csr iki-ca", put(inner=RSA_SHA256[:-3] + b"\x0c\x05\0",
                                                                        algorithm=RSA_SHA256[:-3] + b"\x0c\x05\0"))
bad("signature_algorithms_agree", "device-cert", put(inner=ECDSA_SHA384))
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
bad("signature_is_two_numbers", "device-cert device-csr", put(signature=seq(integer(N), integer(1))))
bad("signature_is_two_numbers", "device-cert org-cert", put(signature=seq(integer(0), integer(1))), "zero")
bad("signature_is_two_numbers", "device-cert", put(signature=seq(tlv(2, b"\x80\1"), integer(1))), "negative")
bad("signature_is_the_issuers", CERTS, lambda f: setattr(f, "signature", lambda s: s[:-1] + bytes([s[-1] ^ 1])))
bad("request_is_signed_by_its_key", CSRS, lambda f: setattr(f, "signature", lambda s: s[:-1] + bytes([s[-1] ^ 1])))


def write(folder, stem, der, subject):
    label = "CERTIFICATE REQUEST" if subject.endswith("csr") else "CERTIFICATE"
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    with open(os.path.join(HERE, folder, stem + ".pem"), "w") as f:
        f.write("\n".join(["-----BEGIN %s-----" % label] + lines + ["-----END %s-----" % label, ""]))


for folder in ("good", "bad"):
    os.makedirs(os.path.join(HERE, folder), exist_ok=True)
    for old in os.listdir(os.path.join(HERE, folder)):
        os.unlink(os.path.join(HERE, folder, old))
for subject, make in GOOD.items():
    write("good", subject, make().encode(), subject)
for rule, subject, variant, change in BAD:
    f = GOOD[subject]()
    change(f)
    write("bad", ".".join(filter(None, [rule, subject, variant])), f.encode(), subject)
