#!/usr/bin/env python3
"""Writes signatures.txt: good and bad P-256 signatures in the manner of Project Wycheproof, all from the key of RFC 6979 A.2.5.

usage: make_signatures.py > signatures.txt
A line is: name, verdict (good, bad, point), public key, digest, signature; hexadecimal, "-" for no octets.
"""
import hashlib

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
X = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def mul(k, a):
    out = None
    while k:
        if k & 1:
            out = add(out, a)
        a = add(a, a)
        k >>= 1
    return out


def octets(v):
    return v.to_bytes(max(1, (v.bit_length() + 7) // 8), 'big')


def integer(v):
    if v < 0:
        o = v.to_bytes((v.bit_length() + 8) // 8, 'big', signed=True)
    else:
        o = octets(v)
        if o[0] & 0x80:
            o = b'\0' + o
    return tlv(2, o)


def tlv(tag, contents):
    assert len(contents) < 128
    return bytes([tag, len(contents)]) + contents


def sig(r, s):
    return tlv(0x30, integer(r) + integer(s))


def sign(d, digest, k):
    r = mul(k, G)[0] % N
    return r, pow(k, -1, N) * (int.from_bytes(digest, 'big') + r * d) % N


def point(p, lead=4):
    return bytes([lead]) + p[0].to_bytes(32, 'big') + p[1].to_bytes(32, 'big')


def root(v):
    y = pow(v, (P + 1) // 4, P)
    return y if y * y % P == v % P else None


U = mul(X, G)
KEY = point(U)
SAMPLE = hashlib.sha256(b'sample').digest()
TEST = hashlib.sha256(b'test').digest()
ZERO = bytes(32)


def line(name, verdict, signature, key=KEY, digest=SAMPLE):
    print(name, verdict, key.hex(), digest.hex(), signature.hex() or '-')


ri, si = integer(R), integer(S)
good = sig(R, S)
print('# name verdict public-key digest signature; made by make_signatures.py')
line('rfc6979_sample', 'good', good)
line('s_and_n_minus_s_both_verify', 'good', sig(R, N - S))
for k in (3, 0x1234567890ABCDEF, N - 2):
    line('nonce_%x' % (k & 0xFFFF), 'good', sig(*sign(X, TEST, k)), digest=TEST)
small = next((r, s, k) for k in range(5, 4000) for r, s in [sign(X, TEST, k)] if r < 2**247 or s < 2**247)
line('short_integer', 'good', sig(small[0], small[1]), digest=TEST)
line('digest_all_zero', 'good', sig(*sign(X, ZERO, 77)), digest=ZERO)
line('digest_above_n', 'good', sig(*sign(X, b'\xff' * 32, 78)), digest=b'\xff' * 32)
line('key_is_generator', 'good', sig(*sign(1, TEST, 79)), key=point(G), digest=TEST)
line('key_is_minus_generator', 'good', sig(*sign(N - 1, TEST, 80)), key=point((G[0], P - G[1])), digest=TEST)

# x of the sum is more than n, so that r is x - n; the sum is no point; both halves of the sum are the same point
e = int.from_bytes(TEST, 'big')
high = next((x, root(x * x * x - 3 * x + B)) for x in range(N, P) if root(x * x * x - 3 * x + B) is not None)
line('x_above_n', 'good', sig(high[0] - N, 12345), digest=TEST,
     key=point(mul(pow(high[0] - N, -1, N), add(mul(12345, high), mul(N - e % N, G)))))
line('sum_is_no_point', 'bad', good, digest=TEST, key=point(mul(-e * pow(R, -1, N) % N, G)))
r3 = mul(3, G)[0] % N
line('halves_are_equal', 'good', sig(*sign(e * pow(r3, -1, N) % N, TEST, 3)), digest=TEST, key=point(mul(e * pow(r3, -1, N) % N, G)))

for rn, r in (('0', 0), ('1', 1), ('n', N), ('n_minus_1', N - 1), ('n_plus_1', N + 1), ('p', P), ('p_plus_1', P + 1), ('minus_1', -1), ('2_256', 2**256)):
    for sn, s in (('0', 0), ('1', 1), ('n', N), ('n_minus_1', N - 1), ('minus_1', -1)):
        line('r_%s_s_%s' % (rn, sn), 'bad', sig(r, s))
    line('r_%s' % rn, 'bad', sig(r, S))
for sn, s in (('0', 0), ('1', 1), ('n', N), ('n_minus_1', N - 1), ('p', P), ('minus_1', -1), ('2_256', 2**256)):
    line('s_%s' % sn, 'bad', sig(R, s))
line('r_plus_n', 'bad', sig(R + N, S))
line('s_plus_n', 'bad', sig(R, S + N))
line('short_r_plus_n', 'bad', sig(small[0] + N, small[1]), digest=TEST)
line('r_minus_n', 'bad', sig(R - N, S))
line('s_minus_n', 'bad', sig(R, S - N))
line('r_negative', 'bad', sig(-R, S))
line('s_negative', 'bad', sig(R, -S))
line('r_high_bit_without_zero_octet', 'bad', tlv(0x30, tlv(2, octets(R)) + si))
line('s_high_bit_without_zero_octet', 'bad', tlv(0x30, ri + tlv(2, octets(S))))
line('r_plus_1', 'bad', sig(R + 1, S))
line('s_plus_1', 'bad', sig(R, S + 1))
line('swapped', 'bad', sig(S, R))
line('wrong_digest', 'bad', good, digest=TEST)
line('digest_of_other_length_padded', 'bad', good, digest=SAMPLE[1:] + b'\0')
line('wrong_key', 'bad', good, key=point(G))
line('negated_key', 'bad', good, key=point((U[0], P - U[1])))

line('length_long_form', 'bad', bytes([0x30, 0x81, len(ri + si)]) + ri + si)
line('length_long_form_two_octets', 'bad', bytes([0x30, 0x82, 0, len(ri + si)]) + ri + si)
line('length_long_form_five_octets', 'bad', bytes([0x30, 0x85, 0, 0, 0, 0, len(ri + si)]) + ri + si)
line('length_indefinite', 'bad', bytes([0x30, 0x80]) + ri + si + b'\0\0')
line('length_indefinite_unclosed', 'bad', bytes([0x30, 0x80]) + ri + si)
line('length_one_less', 'bad', bytes([0x30, len(ri + si) - 1]) + ri + si)
line('length_one_more', 'bad', bytes([0x30, len(ri + si) + 1]) + ri + si)
line('length_ff', 'bad', bytes([0x30, 0xFF]) + ri + si)
line('length_huge', 'bad', bytes([0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) + ri + si)
line('r_length_long_form', 'bad', tlv(0x30, bytes([2, 0x81, len(ri) - 2]) + ri[2:] + si))
line('s_length_long_form', 'bad', tlv(0x30, ri + bytes([2, 0x81, len(si) - 2]) + si[2:]))
line('r_padded_with_zero', 'bad', tlv(0x30, tlv(2, b'\0' + ri[2:]) + si))
line('s_padded_with_zero', 'bad', tlv(0x30, ri + tlv(2, b'\0' + si[2:])))
line('short_r_padded', 'bad', tlv(0x30, tlv(2, b'\0' + integer(small[0])[2:]) + integer(small[1])), digest=TEST)
line('r_empty', 'bad', tlv(0x30, b'\x02\0' + si))
line('s_empty', 'bad', tlv(0x30, ri + b'\x02\0'))
line('r_missing', 'bad', tlv(0x30, si))
line('both_missing', 'bad', tlv(0x30, b''))
line('three_integers', 'bad', tlv(0x30, ri + si + integer(1)))
line('null_inside', 'bad', tlv(0x30, ri + si + b'\x05\0'))
line('trailing_octet', 'bad', good + b'\0')
line('trailing_null', 'bad', good + b'\x05\0')
line('twice', 'bad', good + good)
line('leading_octet', 'bad', b'\0' + good)
line('empty', 'bad', b'')
line('tag_only', 'bad', b'\x30')
line('set_instead_of_sequence', 'bad', b'\x31' + good[1:])
line('octet_string_instead_of_integer', 'bad', tlv(0x30, b'\x04' + ri[1:] + si))
line('bit_string_instead_of_integer', 'bad', tlv(0x30, ri + b'\x03' + si[1:]))
line('primitive_sequence', 'bad', b'\x10' + good[1:])
line('constructed_integer', 'bad', tlv(0x30, b'\x22' + ri[1:] + si))
line('wrapped_in_sequence', 'bad', tlv(0x30, good))
line('raw_r_s', 'bad', R.to_bytes(32, 'big') + S.to_bytes(32, 'big'))
line('last_octet_cut', 'bad', good[:-1])
line('first_octet_cut', 'bad', good[1:])
for cut in (1, 2, 3, 10, len(ri) + 2, len(ri) + 3):
    line('cut_to_%d' % cut, 'bad', good[:cut])

tiny = next((x, root(x**3 - 3 * x + B)) for x in range(5, 100) if root(x**3 - 3 * x + B))
zero = (0, root(B))
line('point_off_curve', 'point', good, key=point((U[0], U[1] ^ 1)))
line('point_zero_zero', 'point', good, key=point((0, 0)))
line('point_infinity_padded', 'point', good, key=bytes(65))
line('point_x_is_p', 'point', good, key=point((P, zero[1])))
line('point_x_plus_p', 'point', good, key=point((tiny[0] + P, tiny[1])))
line('point_y_plus_p', 'point', good, key=point((U[0], 2**256 - 1)))
line('point_all_ones', 'point', good, key=b'\x04' + b'\xff' * 64)
line('point_on_twist', 'point', good, key=point((next(x for x in range(5, 100) if not root(x**3 - 3 * x + B)), 1)))
line('point_swapped', 'point', good, key=point((U[1], U[0])))
line('point_compressed_lead', 'point', good, key=point(U, 2))
line('point_hybrid_lead', 'point', good, key=point(U, 6 + (U[1] & 1)))
line('point_lead_00', 'point', good, key=point(U, 0))
line('point_x_zero_is_on_the_curve', 'bad', good, key=point(zero))
line('point_tiny_x_is_on_the_curve', 'bad', good, key=point(tiny))
