#!/usr/bin/env python3
"""Answers /status with the JSON of a file; prints "listening ADDRESS:PORT" first.

usage: status_server.py FILE
"""
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "rb") as f:
            body = f.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print("listening 127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
