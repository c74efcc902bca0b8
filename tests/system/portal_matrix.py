"""Reads the table of portal_matrix.sh, asks each cell, and prints a line a row: what it is|expected statuses|seen statuses."""
import http.client
import json
import ssl
import sys

folder, ca = sys.argv[1:]
ports = dict(line.split() for line in open(folder + "/ports"))
BODIES = {"-": None, "text/plain": b"x", "application/zip": b"x", "application/json": b"{}"}


def name_of(column, site):
    """The folder of the credential that a column means at a site."""
    part = "organisation" if site.startswith("organisation") else "device"
    return {"none": None, "org": "organisation-1", "dev": "device-1", "other": part + "-2", "gateway": part + "-3", "system": "system-1"}.get(
        column, f"{part}-{column}")


class Visitor:
    """One credential at one site: a connection, opened again when it was closed, and the token of its TLS session."""

    def __init__(self, site, name):
        self.context = ssl.create_default_context(cafile=ca)
        if name:
            self.context.load_cert_chain(f"{folder}/{name}/cert.pem", f"{folder}/{name}/key.pem")
        self.port, self.connection, self.token = ports[site], None, None

    def open(self):
        self.connection = http.client.HTTPSConnection("localhost", int(self.port), context=self.context, timeout=60)
        self.connection.request("GET", "/api/public")
        answer = self.connection.getresponse()
        body = answer.read()
        self.token = json.loads(body)["token"] if answer.status == 200 else "0"

    def ask(self, method, path, kind):
        if self.connection is None or self.connection.sock is None:
            self.open()
        headers = {} if kind == "-" else {"Content-Type": kind, "Sec-Fetch-Site": "same-origin", "X-SMKI-Token": self.token,
                                          "Origin": f"https://localhost:{self.port}"}
        self.connection.request(method, path, body=BODIES[kind], headers=headers)
        answer = self.connection.getresponse()
        answer.read()
        return str(answer.status)

    def status(self, *request):
        for again in (True, False):
            try:
                return self.ask(*request)
            except (ssl.SSLError, ConnectionError, http.client.HTTPException) as error:
                self.connection = None
                if isinstance(error, ssl.SSLError) or not again:
                    return "tls"


visitors = {}
columns = sys.stdin.readline().split()[4:]
for line in sys.stdin:
    site, method, path, kind, *expected = line.split()
    seen = []
    for column in columns:
        key = site, name_of(column, site)
        visitor = visitors.setdefault(key, Visitor(*key))
        seen.append(visitor.status(method, path, kind))
    print(f"{site} {method} {path}|{' '.join(expected)}|{' '.join(seen)}")
