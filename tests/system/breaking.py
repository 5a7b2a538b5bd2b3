#!/usr/bin/env python3
"""Carries TCP to a server on the loopback address, and breaks. It says where it listens, and a line for each break.

usage: breaking.py PORT cut|hold BYTES TIMES        a connection of which BYTES have gone to the server is closed, or goes on no
                                                    more until the client leaves; TIMES times, then all go through
"""
import select
import socket
import sys
import threading

port, what, limit, times = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lock = threading.Lock()


def breaks():
    global times
    with lock:
        times -= 1
        return times >= 0


def down(there, client):
    try:
        while data := there.recv(65536):
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def await_end(client):
    """Until the client leaves; what it sends meanwhile stays where it is."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    poll.poll()


def up(client):
    sent = 0
    with client, socket.create_connection(("127.0.0.1", port)) as there:
        threading.Thread(target=down, args=(there, client), daemon=True).start()
        try:
            while data := client.recv(65536):
                if sent < limit <= sent + len(data) and breaks():
                    there.sendall(data[:limit - sent])
                    print(what, flush=True)
                    if what == "hold":
                        await_end(client)
                    break
                sent += len(data)
                there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


listener = socket.create_server(("127.0.0.1", 0))
print("listening 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=up, args=(listener.accept()[0],), daemon=True).start()
