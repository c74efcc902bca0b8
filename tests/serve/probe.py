"""Clients that are not polite: each probe opens TLS to a serve_test server, does one thing, and ends with 0 when what it claims holds.

    probe.py PORT FOLDER NAME [ARGUMENT...]     FOLDER: ca.pem, cert.pem, key.pem
"""
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time

port, folder = int(sys.argv[1]), sys.argv[2]
HOST = "adhoc.test"


def context(cert=True, tickets=True):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(folder + "/ca.pem")
    if cert:
        made.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    if not tickets:
        made.options |= ssl.OP_NO_TICKET
    return made


def connect(name=HOST, cert=True, session=None, made=None, small=False):
    raw = socket.socket()
    if small:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(60)
    raw.connect(("127.0.0.1", port))
    return (made or context(cert)).wrap_socket(raw, server_hostname=name, session=session)


def read_all(tls):
    out = b""
    try:
        while True:
            more = tls.recv(65536)
            if not more:
                return out
            out += more
    except (ssl.SSLError, ConnectionError):
        return out


def read_reply(tls):
    """One reply, by its Content-Length or chunks."""
    out = b""
    while b"\r\n\r\n" not in out:
        more = tls.recv(65536)
        if not more:
            raise AssertionError("closed after %r" % out[:200])
        out += more
    head, body = out.split(b"\r\n\r\n", 1)
    size = re.search(rb"(?i)content-length: (\d+)", head)
    while size and len(body) < int(size.group(1)):
        more = tls.recv(65536)
        if not more:
            raise AssertionError("cut in the body")
        body += more
    return int(head.split()[1]), head, body


def get(path="/who", host=HOST, more=""):
    return ("GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (path, host, more)).encode()


def post(path, body, more="", length=True):
    head = "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\n%s" % (path, HOST, more)
    if length:
        head += "Content-Length: %d\r\n" % len(body)
    return head.encode() + b"\r\n" + body


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def refused(octets, status=400, code=None):
    """These octets get this status, one whole answer of the site's own, and the connection is closed."""
    tls = connect()
    tls.sendall(octets)
    answer = read_all(tls)
    expect(answer.startswith(b"HTTP/1.1 %d " % status), "got %r" % answer[:300])
    expect(b"<html" not in answer, "HTML: %r" % answer[:300])
    expect(len(re.findall(rb"HTTP/1\.1 \d{3} ", answer)) == 1, "more than one answer: %r" % answer[:500])
    expect(code is None or code in answer, "no %r in %r" % (code, answer[:300]))


def cut(tls, least, most, started):
    """The server ends it in so many seconds."""
    answer = read_all(tls)
    lasted = time.time() - started
    expect(least <= lasted <= most, "ended after %.1f s with %r" % (lasted, answer[:100]))
    return answer


# ---- what a head must be ----

HEADS = {
    "cl_and_te": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    "two_lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length_list": b"Content-Length: 3, 3\r\n\r\nabc",
    "length_sign": b"Content-Length: +3\r\n\r\nabc",
    "length_hex": b"Content-Length: 0x3\r\n\r\nabc",
    "length_huge": b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "coding_odd": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding_list": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding_twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_hosts": b"Host: x\r\n\r\n",
    "space_in_name": b"Content-Length : 3\r\n\r\nabc",
    "folded": b"A: b\r\n c\r\n\r\n",
    "bare_cr": b"A: b\rC: d\r\n\r\n",
    "bare_lf": b"A: b\nC: d\r\n\r\n",
    "nul": b"A: b\0c\r\n\r\n",
    "two_types": b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
}


def heads():
    for name, rest in HEADS.items():
        try:
            refused(b"POST /echo HTTP/1.1\r\nHost: adhoc.test\r\nContent-Type: text/plain\r\n" + rest)
        except (AssertionError, OSError) as error:
            raise AssertionError("%s: %s" % (name, error))
    refused(b"GET /who HTTP/1.1\r\n\r\n", 400, b"no Host")
    for version in (b"2.0", b"0.9", b"3.1"):
        refused(b"GET /who HTTP/%s\r\nHost: adhoc.test\r\n\r\n" % version, 505, b"HTTP_VERSION")
    refused(b"GET /who HTTP/1.1 \r\nHost: adhoc.test\r\n\r\n")
    refused(b"GET /who HTTP/1.2\r\n\r\n", 400, b"no Host")
    for method in (b"G(T", b"G@T", b"G\xc3\x89T", b'"GET"'):
        refused(method + b" /who HTTP/1.1\r\nHost: adhoc.test\r\n\r\n", 400, b"method")
    refused(get(more="Content-Length: 3\r\n") + b"abc", 400, b"no body")
    refused(get(more="Transfer-Encoding: chunked\r\n") + b"3\r\nabc\r\n0\r\n\r\n", 400, b"no body")
    for length in (b"3 4 ", b" ", b"3 , 3 ", b"3\x0b"):
        refused(b"POST /echo HTTP/1.1\r\nHost: adhoc.test\r\nContent-Type: text/plain\r\nContent-Length: " + length + b"\r\n\r\nabc")


def blanks():
    """RFC 9110 5.5: what stands around a value is not of it."""
    answered(get(host="adhoc.test\t"), 200)
    answered(get(host=" \tadhoc.test \t "), 200)
    answered(b"GET /who HTTP/1.2\r\nHost: adhoc.test\r\n\r\n", 200)
    answered(post("/echo", b"abc", "Content-Length: 3 \t\r\n", False), 200, b"abc")
    answered(post("/echo", b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked \r\n", False), 200, b"abc")
    tls = connect() # and the next request begins where both think that it does
    tls.sendall(post("/echo", b"abc", "Content-Length: 3 \r\nX: \t \r\n", False) + get())
    expect(read_reply(tls)[2] == b"abc", "the first")
    expect(b"site=adhoc" in read_reply(tls)[2], "the second")
    refused(b"GET\r\nHost: adhoc.test\r\n\r\n")
    refused(b"POST /echo HTTP/1.0\r\nHost: adhoc.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    refused(b"GET /who%00x HTTP/1.1\r\nHost: adhoc.test\r\n\r\n")


def oversized():
    """RFC 6585 5, RFC 9110 15.5.15."""
    start = b"GET /who HTTP/1.1\r\nHost: adhoc.test\r\n"
    refused(start + b"A: " + b"x" * 1000000 + b"\r\n\r\n", 431, b"HTTP_HEAD_SIZE")
    refused(start + b"".join(b"A%d: x\r\n" % i for i in range(2000)) + b"\r\n", 431, b"HTTP_HEAD_SIZE")
    refused(b"GET /who?" + b"q" * 100000 + b" HTTP/1.1\r\nHost: adhoc.test\r\n\r\n", 414, b"HTTP_TARGET_SIZE")
    refused(b"GET /who?" + b"q&" * 200 + b" HTTP/1.1\r\nHost: adhoc.test\r\n\r\n", 414, b"HTTP_TARGET_SIZE")


def answered(octets, status, code=b""):
    """The same, but for the end of the connection."""
    tls = connect()
    tls.sendall(octets)
    got, head, body = read_reply(tls)
    expect(got == status and code in body, "%r: got %r %r" % (octets[:100], head[:300], body[:300]))
    return head


def absolute_form():
    """RFC 9112 3.2, 3.2.2: its host counts, and Host must be the same."""
    for target in ("https://adhoc.test/who", "http://adhoc.test/who", "HTTPS://ADHOC.test:8443/who", "https://adhoc.test/who?a=b"):
        answered(get(target), 200, b"site=adhoc")
        refused(get(target, "other.test"), 400, b"the host of the target")
        answered(("GET %s HTTP/1.0\r\n\r\n" % target).encode(), 200, b"site=adhoc")
    answered(post("https://adhoc.test/echo", b"hello"), 200, b"hello")
    answered(get("https://open.test/who", "open.test"), 421)
    refused(get("https://open.test/who"))
    answered(get("https://adhoc.test"), 404, b"(GET / of")
    answered(get("https://adhoc.test?/who"), 404, b"(GET / of")
    for target in ("https:///who", "https://a@adhoc.test/who", "https://adhoc.test:x/who", "https://adhoc.test%2fwho", "https://adhoc.test%2f/who",
                   "https://a b/who", "https://adhoc.test:99999/who"):
        refused(get(target))
    refused(get("https://adhoc.test/who", "a@b"))
    refused(b"GET https://adhoc.test/who HTTP/1.1\r\n\r\n")


def host_values(*names):
    """RFC 9110 7.2: a Host that is none is 400, whatever the site wants."""
    for host in ("adhoc.test:abc", "adhoc.test:1x", "adhoc.test:99999", "adhoc.test:80:80", "a@adhoc.test", "adhoc.test/who", "a b", "", ":443", "[::1", "[]", "[1:2]", "[127.0.0.1]",
                 "[::1]x", "a\\b", "<a>", "a%20b", "http://adhoc.test"):
        refused(get(host=host), 400, b"HTTP_MALFORMED")
        refused(("GET /who HTTP/1.0\r\nHost: %s\r\n\r\n" % host).encode(), 400, b"HTTP_MALFORMED")
    for host in names or ("adhoc.test", "adhoc.test:8443", "ADHOC.TEST:"):
        answered(get(host=host), 200)


def unmet():
    """Expect, Content-Encoding (RFC 9110 10.1.1, 8.4, 12.5.3)."""
    answered(post("/echo", b"abc", "Expect: magic\r\n"), 417, b"HTTP_EXPECT")
    answered(post("/echo", b"abc", "Expect: 100-continue\r\nExpect: magic\r\n"), 417, b"HTTP_EXPECT")
    for coding in ("gzip", "identity, gzip", "x"):
        head = answered(post("/echo", b"abc", "Content-Encoding: %s\r\n" % coding), 415, b"HTTP_MEDIA_TYPE")
        expect(b"Accept-Encoding: identity" in head, "%r" % head)
    answered(post("/echo", b"abc", "Content-Encoding: identity\r\n"), 200, b"abc")


def query_15k():
    """What ends libmicrohttpd 1.0.1: HTTP/1.0, no fields, a query of about 15 kB without =."""
    for size in range(11000, 16384, 128):
        tls = connect()
        tls.sendall(b"GET /who?" + b"&".join([b"q" * 100] * (size // 101)) + b" HTTP/1.0\r\n\r\n")
        answer = read_all(tls)
        expect(answer.startswith((b"HTTP/1.1 414 ", b"HTTP/1.1 400 ", b"HTTP/1.1 200 ", b"HTTP/1.0 200 ", b"HTTP/1.1 421 ")), "%d: %r" % (size, answer[:100]))
    tls = connect()
    tls.sendall(get())
    expect(read_reply(tls)[0] == 200, "the server answers no more")


def bad_chunks():
    start = "Transfer-Encoding: chunked\r\n"
    refused(post("/echo", b"zz\r\nabc\r\n0\r\n\r\n", start, False))
    refused(post("/echo", b"3\r\nabcX\r\n0\r\n\r\n", start, False))
    for chunks in (b"3\nabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\n\r\n", b"3\r\nabc\r\n0\r\n\n", b"3;a\nabc\r\n0\r\n\r\n",
                   b"3\r\nabc\r\n0\r\nA: b\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"\r\nabc\r\n0\r\n\r\n",
                   b"10000000000000003\r\nabc\r\n0\r\n\r\n", b"3;" + b"a" * 5000):
        refused(post("/echo", chunks, start, False))
    answered(post("/echo", b"3;" + b"a" * 3000 + b"\r\nabc\r\n0;" + b"b" * 3000 + b"\r\n\r\n", start, False), 200, b"abc")


def host_421():
    tls = connect()
    tls.sendall(get(host="open.test"))
    status, _, body = read_reply(tls)
    expect(status == 421 and b"HTTP_HOST" in body, "%d %r" % (status, body))


# ---- bodies ----


def too_large_declared():
    tls = connect()
    tls.sendall(post("/upload", b"", "Content-Length: 200000000\r\nExpect: 100-continue\r\n", False))
    answer = read_all(tls)
    expect(answer.startswith(b"HTTP/1.1 413 ") and b"TOO_LARGE" in answer, "%r" % answer[:200])


def too_large_declared_sending():
    """Without waiting for 100: the answer still arrives."""
    tls = connect()
    tls.sendall(post("/echo", b"x" * 3000000))
    answer = read_all(tls)
    expect(answer.startswith(b"HTTP/1.1 413 "), "%r" % answer[:200])


def too_large_chunked():
    tls = connect()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    tls.sendall(post("/echo", b"", "Transfer-Encoding: chunked\r\n", False))
    try:
        for _ in range(40):
            tls.sendall(chunk)
        tls.sendall(b"0\r\n\r\n")
    except OSError:
        pass
    answer = read_all(tls)
    expect(answer.startswith(b"HTTP/1.1 413 "), "%r" % answer[:200])


def chunked():
    tls = connect()
    tls.sendall(post("/echo", b"3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n", False))
    status, _, body = read_reply(tls)
    expect(status == 200 and body == b"abcdefgh", "%d %r" % (status, body))
    tls = connect() # with a trailer, octet by octet
    for octet in post("/echo", b"03\r\nabc\r\n0\r\nA: b\r\n\r\n", "Transfer-Encoding: chunked\r\n", False):
        tls.sendall(bytes([octet]))
    expect(read_reply(tls)[2] == b"abc", "with a trailer")


def chunked_slow():
    """What comes after the last chunk is the service's time, not the client's: longer than a stall may be."""
    tls = connect()
    tls.sendall(post("/slow?ms=4000", b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n", False))
    status, head, _ = read_reply(tls)
    expect(status == 200, "%r" % head)


def continue_100():
    tls = connect()
    tls.sendall(post("/echo", b"", "Content-Length: 5\r\nExpect: 100-continue\r\n", False))
    expect(tls.recv(1000).startswith(b"HTTP/1.1 100 Continue"), "no 100")
    tls.sendall(b"hello")
    status, _, body = read_reply(tls)
    expect(status == 200 and body == b"hello", "%d %r" % (status, body))


def one_octet_records():
    tls = connect()
    for octet in post("/echo", b"hello") + get():
        tls.sendall(bytes([octet]))
    expect(read_reply(tls)[2] == b"hello", "the first")
    expect(read_reply(tls)[0] == 200, "the second")


def pipelined():
    tls = connect()
    tls.sendall(b"".join(post("/echo", b"number %d" % i) for i in range(20)) + get("/download?mb=3") + post("/echo", b"after", "Connection: close\r\n"))
    answer = read_all(tls)
    expect(answer.count(b"HTTP/1.1 200 OK") == 22, "%d answers" % answer.count(b"HTTP/1.1 200 OK"))
    places = [answer.index(b"number %d" % i) for i in range(20)]
    expect(places == sorted(places) and answer.endswith(b"after"), "not in order")


def head_method():
    tls = connect()
    tls.sendall(b"HEAD /download?mb=60 HTTP/1.1\r\nHost: adhoc.test\r\n\r\n" + get())
    answer = tls.recv(65536)
    while b"site=" not in answer:
        more = tls.recv(65536)
        expect(more, "closed after %r" % answer)
        answer += more
    expect(b"Content-Length: 62914560" in answer and b"ddd" not in answer, "%r" % answer)


def head_refused():
    """Where a route does not ask for it: 405 by the site, with what is allowed."""
    tls = connect()
    for path, allow in (("/slow", b"GET, POST"), ("/quick", b"GET, POST")):
        tls.sendall(b"HEAD %s HTTP/1.1\r\nHost: adhoc.test\r\n\r\n" % path.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = tls.recv(65536)
            expect(more, "closed after %r" % answer)
            answer += more
        expect(answer.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: %s\r\n" % allow in answer, "%r" % answer)


def fin_after_request():
    tls = connect()
    tls.sendall(get("/slow?ms=300"))
    socket.socket.shutdown(tls, socket.SHUT_WR)
    answer = read_all(tls)
    expect(answer.startswith(b"HTTP/1.1 200 ") and b"slow" in answer, "%r" % answer)


def notify_after_request():
    """close_notify, and still reading."""
    raw = socket.create_connection(("127.0.0.1", port))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(incoming, outgoing, server_hostname=HOST)

    def step(what):
        while True:
            try:
                done = what()
                raw.sendall(outgoing.read())
                return done
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))

    step(tls.do_handshake)
    step(lambda: tls.write(get("/slow?ms=300")))
    try:
        tls.unwrap()
    except ssl.SSLError:
        pass
    raw.sendall(outgoing.read())
    raw.settimeout(10)
    size = 0
    while True:
        more = raw.recv(65536)
        if not more:
            break
        size += len(more)
    expect(size > 150, "only %d octets of a reply" % size)


def parallel_slow():
    """Slow handlers do not hold each other up beyond the pool's threads, and held ones hold no thread."""
    started, broken = time.time(), []

    def one():
        try:
            tls = connect()
            tls.sendall(get("/wait?ms=1000"))
            expect(read_reply(tls)[2] == b"waited\n", "not waited")
        except Exception as error:
            broken.append(error)

    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not broken and time.time() - started < 20, "%.1f s %r" % (time.time() - started, broken[:1]))


def identity_stays():
    """Who was let in is who is refused, for whatever it is; before that nobody is."""
    chunks = "Transfer-Encoding: chunked\r\n"
    large = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    for octets, status, whose in (
        (get("/nowhere"), b"404 Not Found", b"GET /nowhere of System 1"),
        (b"PUT /echo HTTP/1.1\r\nHost: adhoc.test\r\n\r\n", b"405 Method Not Allowed", b"PUT /echo of System 1"),
        (post("/echo", b"x", "Content-Length: 2000000\r\n", False), b"413 ", b"POST /echo of System 1"),
        (post("/upload?refused", b"x"), b"", b"POST /upload of System 1"),
        (post("/echo", large, chunks, False), b"413 ", b"POST /echo of System 1"),
        (post("/echo", b"zz\r\nabc\r\n0\r\n\r\n", chunks, False), b"400 ", b"POST /echo of System 1"),
        (post("/echo", b"abc", "Content-Length: 1000\r\n", False), b"408 ", b"POST /echo of System 1"),
        (get("/who", "open.test"), b"421 ", b"GET /who of nobody"),
        (b"GET\r\nHost: adhoc.test\r\n\r\n", b"400 ", b"(  of nobody"),
    ):
        tls = connect()
        try:
            tls.sendall(octets)
        except OSError:
            pass
        _, head, body = read_reply(tls)
        expect(head[9:].startswith(status) and whose in body, "%r: %r %r" % (whose, head[:50], body))


# ---- deadlines: handshake 2 s, head 2 s, stall 2 s, idle 3 s ----


def slow_open():
    raw = socket.create_connection(("127.0.0.1", port))
    raw.settimeout(60)
    started = time.time()
    expect(raw.recv(1) == b"" and 1.5 < time.time() - started, "not cut")


def slow_hello():
    raw = socket.create_connection(("127.0.0.1", port))
    raw.settimeout(60)
    started = time.time()
    try:
        for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(120):
            raw.sendall(bytes([octet]))
            time.sleep(0.2)
    except OSError:
        pass
    expect(1.5 < time.time() - started < 20, "lasted %.1f s" % (time.time() - started))


def slow_head():
    tls, started = connect(), time.time()
    try:
        for octet in get() * 8:
            tls.sendall(bytes([octet]))
            time.sleep(0.1)
            if time.time() - started > 20:
                break
    except OSError:
        pass
    answer = read_all(tls)
    expect(time.time() - started < 20, "lasted %.1f s" % (time.time() - started))


def stopped_head():
    tls, started = connect(), time.time()
    tls.sendall(b"GET /who HTTP/1.1\r\nHost:")
    expect(b"408" in cut(tls, 1.5, 20, started), "no 408")


def stopped_body():
    tls, started = connect(), time.time()
    tls.sendall(post("/echo", b"", "Content-Length: 1000\r\n", False) + b"abc")
    expect(b"408" in cut(tls, 1.5, 20, started), "no 408")


def trickling_body():
    tls, started = connect(), time.time()
    tls.sendall(post("/upload", b"", "Content-Length: 100000\r\n", False))
    try:
        while time.time() - started < 20:
            tls.sendall(b"xxxx")
            time.sleep(0.1)
    except OSError:
        pass
    expect(time.time() - started < 20, "lasted %.1f s" % (time.time() - started))


def stopped_reader():
    tls = connect(small=True)
    tls.sendall(get("/download?mb=60"))
    tls.recv(1000)
    time.sleep(6)
    started, size = time.time(), 0
    try:
        while True:
            more = tls.recv(65536)
            if not more:
                break
            size += len(more)
    except (ssl.SSLError, OSError):
        pass
    expect(size < 60 << 20, "all of it came")


def idle():
    tls = connect()
    tls.sendall(get())
    read_reply(tls)
    cut(tls, 2, 20, time.time())


def idle_comes_back():
    """After the library's side was given up (2 s) the connection still serves."""
    tls = connect()
    for _ in range(2):
        tls.sendall(get())
        expect(read_reply(tls)[0] == 200, "no 200")
        time.sleep(2.4)
    tls.sendall(get())
    expect(read_reply(tls)[0] == 200, "no 200")


def resets():
    """Resets in the middle of transfers, up and down."""
    for i in range(60):
        tls = connect()
        if i % 2:
            tls.sendall(get("/download?mb=60"))
            tls.recv(20000)
        else:
            tls.sendall(post("/upload", b"", "Content-Length: 1000000\r\n", False) + b"x" * 100000)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tls.close()


# ---- sessions ----


def session_of(tls):
    tls.sendall(get(host=tls.server_hostname))
    return read_reply(tls)[2].split(b"session=")[1].split()[0] if tls.server_hostname == HOST else read_reply(tls)


def resumed():
    """By ticket and by session id: resumed, same session name, client certificate known."""
    for tickets in (True, False):
        made = context(tickets=tickets)
        first = connect(made=made)
        name = session_of(first)
        for _ in range(4):
            again = connect(made=made, session=first.session)
            expect(again.session_reused, "not resumed, tickets=%s" % tickets)
            expect(session_of(again) == name, "another session name")
        expect(session_of(connect(made=context())) != name, "the same name without resumption")


def never_resumed():
    """TLS 1.3: a client that would resume gets in by a full handshake."""
    made = context()
    first = connect(made=made)
    expect(first.version() == "TLSv1.3", "%s" % first.version())
    session_of(first)
    expect(not first.session.has_ticket, "a ticket came")
    again = connect(made=made, session=first.session)
    expect(not again.session_reused, "resumed")
    session_of(again)


def across_sites():
    """A session made without a client certificate opens nothing that needs one."""
    for tickets in (True, False):
        bare = context(cert=False, tickets=tickets)
        first = connect("open.test", made=bare)
        session_of(first)
        expect(connect("open.test", made=bare, session=first.session).session_reused, "open is not resumed at all")
        try:
            tls = connect(made=bare, session=first.session)
            tls.sendall(get())
            expect(False, "let in: %r" % read_all(tls)[:100])
        except (ssl.SSLError, ConnectionError):
            pass
        made = context(tickets=tickets)
        first = connect("open.test", made=made)
        session_of(first)
        tls = connect(made=made, session=first.session)
        expect(not tls.session_reused, "resumed over sites")
        session_of(tls)


def keep_session(path):
    """Waits for lines on standard input; for each, tries to resume a session made at the start."""
    made = [context(tickets=True), context(tickets=False)]
    firsts = [connect(made=each) for each in made]
    for first in firsts:
        session_of(first)
    open(path, "w").close()
    for line in sys.stdin:
        want = line.strip() == "resumed"
        got = [connect(made=each, session=first.session).session_reused for each, first in zip(made, firsts)]
        expect(got == [want, want], "%s: ticket and id give %r" % (line.strip(), got))
        with open(path, "a") as done:
            done.write(line)


def revoked(command, resumed_too="yes"):
    """What a command of the operator forbids is forbidden on the open connection, a resumed session and a new one."""
    made = context()
    tls = connect(made=made)
    tls.sendall(get())
    expect(read_reply(tls)[0] == 200, "not let in before")
    expect(os.system(command) == 0, "the command failed")
    tls.sendall(get())
    expect(read_reply(tls)[0] == 403, "the open connection")
    again = connect(made=made, session=tls.session)
    expect(again.session_reused, "not resumed")
    again.sendall(get())
    expect(read_reply(again)[0] == 403, "the resumed session")
    fresh = connect()
    fresh.sendall(get())
    expect(read_reply(fresh)[0] == 403, "a new connection")


def load(seconds, done):
    """Keep-alive, new connections, uploads and downloads until the time is over; not one may fail."""
    until, counts, broken = time.time() + float(seconds), [0] * 4, []

    def work(which):
        try:
            tls = connect()
            while time.time() < until:
                if which == 1:
                    tls = connect()
                tls.sendall([get(), get(), post("/upload", b"u" * 300000), get("/download?mb=2")][which])
                status, head, body = read_reply(tls)
                expect(status == 200, "%d %r" % (status, body[:100]))
                counts[which] += 1
                if b"Connection: close" in head:
                    tls = connect()
        except Exception as error:
            broken.append("%d: %r" % (which, error))

    threads = [threading.Thread(target=work, args=(i % 4,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(counts, broken)
    expect(not broken and min(counts) > 0, "%r %r" % (counts, broken))
    open(done, "w").close()


def paced_download(started, mb="20"):
    """Takes a download slowly, all of it."""
    tls = connect()
    tls.sendall(get("/download?mb=" + mb))
    size, wanted = 0, int(mb) << 20
    open(started, "w").close()
    while True:
        more = tls.recv(65536)
        if not more:
            break
        size += len(more)
        time.sleep(0.005)
        if size >= wanted + 100:
            break
    expect(size >= wanted, "%d of %d" % (size, wanted))


def nobody_at(where, started=None):
    """A new connection to this port is refused at once; while the server still works for another one, when `started` is said."""
    ours, until = connect() if started else None, time.time() + 8
    if ours:
        ours.sendall(get("/slow?ms=9000"))
        open(started, "w").close()
        time.sleep(1)
    while True:
        try:
            socket.create_connection(("127.0.0.1", int(where)), 2).close()
        except ConnectionRefusedError:
            break
        expect(time.time() < until, "still let in")
        time.sleep(0.1)
    expect(ours is None or read_reply(ours)[2] == b"slow\n", "no answer to what was in flight")


def many(count, seconds="1"):
    """So many connections at once; prints how many stood. Who is told that it is busy is told once when to come back."""
    stood = []
    for _ in range(int(count)):
        try:
            tls = connect()
            tls.sendall(get())
            status, head, _ = read_reply(tls)
            stood.append((tls, status))
        except (OSError, AssertionError):
            continue
        expect(status != 503 or head.lower().count(b"retry-after: ") == 1, "%r" % head)
    print(len(stood), sorted(set(status for _, status in stood)))


if __name__ == "__main__":
    try:
        globals()[sys.argv[3]](*sys.argv[4:])
    except (AssertionError, OSError) as problem:
        print("%s: %s" % (sys.argv[3], problem), file=sys.stderr)
        sys.exit(1)
