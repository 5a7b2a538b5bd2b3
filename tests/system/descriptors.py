#!/usr/bin/env python3
"""Clients of a server that has few descriptors. usage: descriptors.py ADDRESS:PORT ADMIN ROOM idle PATH | busy FOLDER

ROOM: how many connections the server says that it has descriptors for.
idle   three times as many clients ask for PATH one after the other, and keep their connections
busy   ROOM clients download FOLDER/1.bin, FOLDER/2.bin and so on, and stop reading; further ones wait, and are served one for
       each of these that goes
"""
import select
import socket
import sys
import time
import urllib.request

address, admin, room, what, path = sys.argv[1:]
host, port = address.split(":")
room = int(room)
PATIENCE = 5  # seconds; a second is promised, and the machine may be busy


def ask(path):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(PATIENCE)
    s.connect((host, int(port)))
    s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
    return s


def answered(s):
    head = s.recv(64)
    assert head.startswith(b"HTTP/1.1 200 "), head


def operator_is_answered():
    with urllib.request.urlopen("http://%s/healthz" % admin, timeout=PATIENCE) as reply:
        assert reply.status == 200


def idle():
    kept, longest = [], 0
    for _ in range(3 * room):
        begin = time.monotonic()
        s = ask(path)
        answered(s)
        kept.append(s)
        longest = max(longest, time.monotonic() - begin)
    operator_is_answered()
    print("# %d clients, room for %d: the longest wait %.2f s" % (len(kept), room, longest))


def busy():
    running, longest = [], 0
    for i in range(room):
        s = ask("%s/%d.bin" % (path, i + 1))
        answered(s)
        running.append(s)
    waiting = [ask("%s/%d.bin" % (path, room + i + 1)) for i in range(8)]
    assert not select.select(waiting, [], [], 1)[0], "there was room for more"
    operator_is_answered()
    while waiting:
        running.pop(0).close()
        begin = time.monotonic()
        ready = select.select(waiting, [], [], PATIENCE)[0]
        longest = max(longest, time.monotonic() - begin)
        assert ready, "nobody was served"
        for s in ready:
            answered(s)
            waiting.remove(s)
            running.append(s)
    operator_is_answered()
    print("# room for %d: the longest wait %.2f s" % (room, longest))


idle() if what == "idle" else busy()
