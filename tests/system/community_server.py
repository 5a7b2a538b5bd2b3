#!/usr/bin/env python3
"""A community's server for tests: says its address, keeps what it got, and answers as its mode says.

usage: community_server.py MODE [ANSWER-FILE]

Modes: good (the bytes of ANSWER-FILE, as they are), late (good, but each answer waits until as many requests are there as
the file "crowd" says), bytewise (good, in single bytes), early (good, without reading the body), close, hang, error (500),
garbage, half (a head without its end), endless, deaf (never accepts a connection).
Each request is kept: N.head and N.body, N from 1.
"""
import socket
import sys
import threading

mode = sys.argv[1]
answer = open(sys.argv[2], "rb").read() if len(sys.argv) > 2 else b""
lock = threading.Condition()
count = 0


def read_request(s):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        if not piece:
            return None, b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while mode != "early" and len(body) < length:
        piece = s.recv(65536)
        if not piece:
            break
        body += piece
    return head, body


def keep(head, body):
    global count
    with lock:
        count += 1
        with open("%d.body" % count, "wb") as f:
            f.write(body)
        with open("%d.head" % count, "wb") as f:
            f.write(head + b"\r\n")
        lock.notify_all()
        if mode == "late":
            crowd = int(open("crowd").read())
            lock.wait_for(lambda: count >= crowd)


def reply(s):
    if mode in ("good", "late", "early"):
        s.sendall(answer)
    elif mode == "bytewise":
        for i in range(len(answer)):
            s.sendall(answer[i : i + 1])
    elif mode == "hang":
        while s.recv(65536):
            pass
    elif mode == "error":
        s.sendall(b"HTTP/1.0 500 Oh no\r\nContent-Length: 3\r\n\r\nno\n")
    elif mode == "garbage":
        s.sendall(b"\x00\xff what is this" * 100)
    elif mode == "half":
        s.sendall(b"HTTP/1.0 200 OK\r\nContent-Len")
    elif mode == "endless":
        s.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            s.sendall(b"x" * 65536)


def serve(s):
    with s:
        try:
            if mode == "close":
                return
            head, body = read_request(s)
            if head is not None:
                keep(head, body)
                reply(s)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(10)
                while mode != "early" and s.recv(65536):
                    pass
        except OSError:
            pass


with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen(0 if mode == "deaf" else 128)
    port = listener.getsockname()[1]
    waiting = []
    if mode == "deaf":  # fill the queue of connections, so that the kernel answers no further one
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            waiting.append(s)
    print("listening 127.0.0.1:%d" % port, flush=True)
    if mode == "deaf":
        threading.Event().wait()
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
