#!/usr/bin/env python3
"""An OpenSauce map server that is not ours, and that can misbehave. Written from the specification.

usage: foreign_server.py FOLDER [MODE...]

FOLDER has NAME.xml, and NAME/ with the parts. Modes:
  chunked          bodies in chunks, without Content-Length
  no-range         ignores Range
  redirect=URL     parts are redirected to URL/NAME/PART (absolute)
  relative         parts are redirected to ../files/NAME/PART (relative), and served from there
  loop             parts are redirected to themselves
  file-redirect    parts are redirected to file:///etc/passwd
  long[=ENDING]    parts (whose names end so) have more bytes than they should, without end (well, 64 MiB)
  damage=N         the first N answers with a part have a wrong byte
  missing=N        the first N answers with a part are 404
  cut=N            the first N answers with a part break off half-way
  status=N:CODE[:WHEN]  the first N answers are CODE, with Retry-After: WHEN
  busy=N:CODE:WHEN the same for answers with a part; WHEN may be +S, an HTTP date S seconds from now
  elsewhere=URL    every answer is a redirect to URL and what was asked for
  static           no map server, but one of the files in FOLDER
  tls=FILE         speaks TLS; FILE has key and certificate
  hang=N           after N answers with a part, the next one stops half-way, and all further ones before they begin
  empty            accepts, and closes without a word
  mixed            a part that was asked for while another request waits on the connection has another's bytes
  closes=N         every connection closes behind N answers, and says so
  drops=N          every connection closes behind N answers without a word
"""
import email.utils
import http.server
import os
import ssl
import sys
import threading
import time
import urllib.parse

folder = sys.argv[1]
modes = dict((m.split("=", 1) + [""])[:2] for m in sys.argv[2:])
counts = {"part": 0, "all": 0}
lock = threading.Lock()


def count(what):
    with lock:
        counts[what] += 1
        return counts[what]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        print(format % args, self.headers.get("Range", "") if hasattr(self, "headers") else "", flush=True)

    def redirect(self, location):
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, status, when=None):
        self.send_response(status)
        if when:
            if when.startswith("+"):
                when = email.utils.formatdate(time.time() + int(when[1:]), usegmt=True)
            self.send_header("Retry-After", when)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self, data, part):
        n = count("part") if part else 0
        if part and "busy" in modes:
            times, status, when = modes["busy"].split(":", 2)
            if n <= int(times):
                return self.refuse(int(status), when)
        if part and n <= int(modes.get("missing", 0) or 0):
            return self.refuse(404)
        if part and n <= int(modes.get("damage", 0) or 0):
            data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        if part and "hang" in modes and n > int(modes["hang"]) + 1:
            threading.Event().wait()
        start, status = 0, 200
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and "no-range" not in modes:
            start, status = int(asked[6:].split("-")[0]), 206
        total = len(data)
        data = data[start:]
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, total - 1, total))
        self.answers = getattr(self, "answers", 0) + 1
        if self.answers >= int(modes.get("closes", 0) or 1 << 30):
            self.send_header("Connection", "close")
        if self.answers >= int(modes.get("drops", 0) or 1 << 30):
            self.close_connection = True
        if part and "mixed" in modes and self.others_wait():
            print("mixed", flush=True)
            data = bytes([data[0] ^ 1]) + data[1:]
        if part and "long" in modes and self.path.endswith(modes["long"]):
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for _ in range(64):
                self.wfile.write(data[:1 << 20].ljust(1 << 20, b"x"))
        elif "chunked" in modes:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(data), 10000):
                piece = data[i:i + 10000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if part and "hang" in modes and n == int(modes["hang"]) + 1:
                self.wfile.write(data[:len(data) // 2])
                self.wfile.flush()
                print("hanging", flush=True)
                threading.Event().wait()
            if part and n <= int(modes.get("cut", 0) or 0):
                self.wfile.write(data[:len(data) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(2)
            else:
                self.wfile.write(data)

    def others_wait(self):
        self.connection.setblocking(False)
        try:
            return len(self.rfile.peek(1)) > 0
        finally:
            self.connection.setblocking(True)

    def do_GET(self):
        n = count("all")
        if "status" in modes:
            times, status, when = (modes["status"] + ":").split(":")[:3]
            if n <= int(times):
                return self.refuse(int(status), when)
        if "elsewhere" in modes:
            return self.redirect(modes["elsewhere"] + self.path)
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if "static" in modes:
            return self.serve(folder + urllib.parse.unquote(url.path), True)
        if url.path.startswith("/files/"):
            return self.serve(os.path.join(folder, urllib.parse.unquote(url.path[7:])), True)
        if url.path != "/map_download" or "map" not in query:
            return self.refuse(404)
        name = query["map"][0]
        if "part" not in query:
            return self.serve(os.path.join(folder, name + ".xml"), False)
        part = query["part"][0]
        if "redirect" in modes:
            return self.redirect("%s/%s/%s" % (modes["redirect"], name, part))
        if "relative" in modes:
            return self.redirect("files/%s/%s" % (name, part))
        if "loop" in modes:
            return self.redirect(self.path)
        if "file-redirect" in modes:
            return self.redirect("file:///etc/passwd")
        return self.serve(os.path.join(folder, name, part), True)

    def serve(self, path, part):
        try:
            with open(path, "rb") as f:
                data = f.read()
        except OSError:
            return self.refuse(404)
        self.body(data, part)


class Silent(http.server.BaseHTTPRequestHandler):
    def handle(self):
        self.connection.recv(65536)
        self.connection.close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Silent if "empty" in modes else Handler)
if "tls" in modes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(modes["tls"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("listening 127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
