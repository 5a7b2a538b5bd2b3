#!/usr/bin/env python3
"""Runs a command on a pseudo-terminal and prints the screens that it drew, as a JSON array of arrays of lines.

usage: on_terminal.py ROWS COLUMNS SCREENS[,ROWS,COLUMNS,SCREENS]... COMMAND...

It waits for so many screens of a size, then changes to the next size, if there is one; in the end it interrupts the command.
It ends with status 1 when the command does not end with 0, or when the screens take longer than a minute.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

CLEAR = b"\033[H\033[2J"
sizes = [int(n) for n in sys.argv[1:3]] + [int(n) for n in sys.argv[3].split(",")]
sizes = [sizes[i:i + 3] for i in range(0, len(sizes), 3)]
begin, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.close(go)
    os.read(begin, 1)  # the size is set
    os.execvp(sys.argv[4], sys.argv[4:])
got, chosen, until = b"", [], time.monotonic() + 60


def read(seconds):
    """True: something came; False: it is over; None: nothing came in that time."""
    global got
    if not select.select([fd], [], [], seconds)[0]:
        return None
    try:
        got += os.read(fd, 65536)
    except OSError:  # the other side is closed
        return False
    return True


for rows, columns, screens in sizes:
    while read(0):
        pass
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    if not got:
        os.close(go)
    first = got.count(CLEAR) + 2  # the next one may have been begun with the size before
    chosen += range(first, first + screens)
    while got.count(CLEAR) < first + screens:  # one more: the one before it is whole then
        came = read(until - time.monotonic())
        if not came:
            sys.exit("%s: %r" % ("it ended" if came is False else "nothing more came", got[-500:]))
os.kill(pid, signal.SIGINT)
while read(60):
    pass
_, status = os.waitpid(pid, 0)
drawn = got.split(CLEAR)
print(json.dumps([drawn[i].decode().replace("\r\n", "\n").split("\n") for i in chosen]))
sys.exit(0 if status == 0 else "exit status %d" % status)
