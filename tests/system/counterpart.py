#!/usr/bin/env python3
"""A scripted counterpart of smki-client: HTTPS with client certificates, answers from files.

    counterpart.py FOLDER CERT KEY CLIENT_CA

Listens on a free port of 127.0.0.1, writes its number to FOLDER/port, and answers each request by the next line of FOLDER/script, which may be
replaced at any time. A line is words:

    status=200 body=FILE    the answer; @ID@ in the file becomes the ID of the request's document
    retry=SECONDS           Retry-After; retry=DATE with _ for spaces
    header=NAME:VALUE       any other
    delay=SECONDS           before the answer
    cut=N                   the connection is cut after N octets of the body
    drop=before             the connection is cut before the request is read, after the handshake
    drop=after              it is cut after the request was read

FOLDER/log gets a line for each: number, method, path, octets of the body, CN of the client. FOLDER/request-N is the body.
"""
import http.server
import os
import re
import socket
import ssl
import sys
import threading
import time

folder, certificate, key, client_ca = sys.argv[1:5]
lock = threading.Lock()
count = 0


def next_line():
    """The first line of the script, which is taken away; what is left is written back."""
    with lock:
        path = os.path.join(folder, "script")
        lines = open(path).read().splitlines() if os.path.exists(path) else []
        with open(path, "w") as script:
            script.write("".join(line + "\n" for line in lines[1:]))
        words = lines[0].split() if lines else ["status=500"]
        return [word.split("=", 1) for word in words]


def peek():
    path = os.path.join(folder, "script")
    line = open(path).readline() if os.path.exists(path) else ""
    return dict(word.split("=", 1) for word in line.split() if not word.startswith("header="))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def cut(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        os.close(self.connection.detach())

    def note(self, body):
        global count
        subject = dict(pair[0] for pair in self.connection.getpeercert()["subject"])
        with lock:
            count += 1
            with open(os.path.join(folder, "log"), "a") as log:
                log.write("%d %s %s %d %s\n" % (count, self.command, self.path, len(body), subject.get("commonName", "-")))
            if body:
                with open(os.path.join(folder, "request-%d" % count), "wb") as out:
                    out.write(body)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        words = next_line()
        step = dict(words)
        self.note(body)
        time.sleep(float(step.get("delay", 0)))
        if step.get("drop") == "after":
            self.cut()
            return
        document = b""
        if "body" in step:
            document = open(os.path.join(folder, step["body"]), "rb").read()
            ref = re.search(rb'\sID="([^"]*)"', body)
            document = document.replace(b"@ID@", ref.group(1) if ref else b"")
        self.send_response(int(step["status"]))
        self.send_header("Content-Type", "application/xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(document)))
        if "retry" in step:
            self.send_header("Retry-After", step["retry"].replace("_", " "))
        for name, value in words:
            if name == "header":
                self.send_header(*value.split(":", 1))
        self.end_headers()
        if "cut" in step:
            self.wfile.write(document[: int(step["cut"])])
            time.sleep(0.2)
            self.cut()
        else:
            self.wfile.write(document)

    def handle_expect_100(self):
        return super().handle_expect_100()

    def handle_one_request(self):
        if peek().get("drop") == "before":
            next_line()
            self.cut()
            return
        super().handle_one_request()

    do_GET = do_POST = answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = context

    def finish_request(self, request, client_address):
        try:
            request.settimeout(60)
            request = self.context.wrap_socket(request, server_side=True)
            self.RequestHandlerClass(request, client_address, self)
        except OSError:
            pass

    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_2
context.load_cert_chain(certificate, key)
context.load_verify_locations(client_ca)
context.verify_mode = ssl.CERT_REQUIRED
server = Server(context)
with open(os.path.join(folder, "port.part"), "w") as port:
    port.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.part"), os.path.join(folder, "port"))
server.serve_forever()
