#!/usr/bin/env python3
"""Fetches as the original clients do: one connection for each file, as fast as it can.

usage: one_each.py HOST:PORT SOURCE VERSION LATE <LIST

Each line of LIST is "MD5 PATH". VERSION is 1.0, or 1.1 with "Connection: close". The client reads to the server's end. It
keeps the last LATE connections open on its side. It ends with status 1 at the first reply that is not 200 with those bytes.
"""
import hashlib
import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
source, version, late = sys.argv[2], sys.argv[3], int(sys.argv[4])
close = b"" if version == "1.0" else b"Connection: close\r\n"
kept = []
n = 0
for line in sys.stdin:
    md5, path = line.rstrip("\n").split(" ", 1)
    s = socket.create_connection((host, int(port)), timeout=60, source_address=(source, 0))
    s.sendall(b"GET %s HTTP/%s\r\nHost: %s\r\n%s\r\n" % (path.encode(), version.encode(), host.encode(), close))
    pieces = []
    while piece := s.recv(65536):
        pieces.append(piece)
    head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
    status = head.split(b" ")[1:2]
    if status != [b"200"] or (md5 != "-" and hashlib.md5(body).hexdigest() != md5):
        sys.exit("request %d, %s: %r and %d bytes" % (n + 1, path, head[:20], len(body)))
    n += 1
    kept.append(s)
    if len(kept) > late:
        kept.pop(0).close()
print(n)
