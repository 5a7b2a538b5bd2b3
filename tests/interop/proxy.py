#!/usr/bin/env python3
"""A small HTTP proxy: GET of whole URLs, and CONNECT. It prints a line for each request.

usage: proxy.py [refuse]        with `refuse` every answer is 407
"""
import http.server
import select
import socket
import sys
import urllib.parse

refuses = "refuse" in sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def tell(self):
        print(self.command, self.path, flush=True)
        if refuses:
            self.send_response(407)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return refuses

    def carry(self, there):
        """Bytes both ways, until one side has no more."""
        sides = {self.connection: there, there: self.connection}
        while True:
            for side in select.select(list(sides), [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return
                sides[side].sendall(data)

    def do_CONNECT(self):
        if self.tell():
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            self.carry(there)

    def do_GET(self):
        if self.tell():
            return
        url = urllib.parse.urlsplit(self.path)
        with socket.create_connection((url.hostname, url.port)) as there:
            path = url.path + ("?" + url.query if url.query else "")
            head = "".join("%s: %s\r\n" % h for h in self.headers.items() if not h[0].lower().startswith(("proxy-", "connection")))
            there.sendall(("GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path, head)).encode())
            self.carry(there)
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Handler)
print("listening 127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
