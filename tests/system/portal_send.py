"""A POST to the portal as its own pages make it: the token of the TLS session first, then the request over the same connection. Prints the status."""
import argparse
import http.client
import json
import os
import ssl
import sys
import time

parser = argparse.ArgumentParser()
for name in ("ca", "port", "path", "type", "file", "credential", "answer", "head"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--token", default="own", help="own, none, or the token itself")
parser.add_argument("--origin", default="own", help="own, none, or the header's value")
parser.add_argument("--site", default="same-origin", help="Sec-Fetch-Site; none: not sent")
parser.add_argument("--method", default="POST")
parser.add_argument("--first", type=int, help="octets of the body that are sent at once; then comes --pause, then the rest, or the end with --hang-up")
parser.add_argument("--pause", type=float, default=0, help="seconds")
parser.add_argument("--hang-up", action="store_true")
parser.add_argument("--chunked", action="store_true", help="the body's length is not declared")
parser.add_argument("--took", help="file for how long the answer took, in ms")
a = parser.parse_args()


def pieces(content, a):
    first = len(content) if a.first is None else a.first
    yield content[:first]
    time.sleep(a.pause)
    if a.hang_up:
        print("cut", end="", flush=True)
        os._exit(0)
    if content[first:]:
        yield content[first:]


context = ssl.create_default_context(cafile=a.ca)
if a.credential:
    context.load_cert_chain(a.credential + "/cert.pem", a.credential + "/key.pem")
connection = http.client.HTTPSConnection("localhost", int(a.port), context=context, timeout=60)
token = a.token
try:
    if token == "own":
        connection.request("GET", "/api/public")
        told = connection.getresponse()
        body = told.read()
        token = json.loads(body)["token"] if told.status == 200 else "none"
    headers = {"Content-Type": a.type}
    if token != "none":
        headers["X-SMKI-Token"] = token
    if a.origin != "none":
        headers["Origin"] = f"https://localhost:{a.port}" if a.origin == "own" else a.origin
    if a.site != "none":
        headers["Sec-Fetch-Site"] = a.site
    content = b"" if a.file == "-" else open(a.file, "rb").read()
    before = time.monotonic()
    if a.first is None and not a.chunked:
        connection.request(a.method, a.path, body=content, headers=headers)
    else:
        if not a.chunked:
            headers["Content-Length"] = str(len(content))
        connection.request(a.method, a.path, body=pieces(content, a), headers=headers, encode_chunked=a.chunked)
    answer = connection.getresponse()
    open(a.answer, "wb").write(answer.read())
    if a.took:
        open(a.took, "w").write(str(int((time.monotonic() - before) * 1000)))
    open(a.head, "w").write("".join(f"{name}: {value}\n" for name, value in answer.getheaders()))
    print(answer.status, end="")
except (ssl.SSLError, ConnectionError, http.client.HTTPException) as error:
    print("000", end="")
    print(error, file=sys.stderr)
