#!/usr/bin/env python3
"""A server for the PlayOnline patch protocol that can misbehave, to judge clients by; written from its description.

  polp_server.py TREE_DIR APP HW VERSION [--mode MODE] [--advertise IP]

Serves the plain files below TREE_DIR, as they are at the start, with one version line each; listens on 127.0.0.1
only, prints `listening 127.0.0.1:PORT`, then `request OPCODE NAME OFFSET SIZE` for each request whose header is
right (`-`, 0 and 0 where it has none). SIGTERM ends it. "First", "second" and "3rd" count over all connections.
MODE:
  good (default)   as described; patch.cfg in mode 2 with matches; what is asked for beyond 2 MiB or the end is left out
  wronghash        the first data reply has a wrong hash       alwayswronghash  each has
  wrongname        data replies name another file (as long)    wrongsize  ... have one byte less (more, if 1 was asked)
  endless          data replies declare 0x7fffffff bytes and go on until the peer closes
  cut              closes in the middle of every 3rd data reply
  error            0x0005 whenever the second file asked for is asked for
  silent           never answers data requests
  badmiddle        the first reply at offset 65536 has wrong data      badlast  every reply that ends a file of several has
  extra            a byte follows each data reply              closeeach  closes after each reply
  huge             patch.cfg says 4294967295 bytes on the server for the first file
  strict           closes when bytes of a next request come before the reply is sent (it waits 30 ms for them)
  wrongsum         patch.cfg has a wrong checksum_a for the first file         wronglocal  ... a wrong local_size
  climb            patch.cfg names a file ../evil (stored, and right in itself)
  foreignb         patch.cfg has random checksum_b values
  literal0         patch.cfg is sent in mode 0, literals only  zlibcfg  in mode 3     textcfg  in mode 1
  long             matches as other encoders make them: up to 255 bytes, overlapping what they make
  badref           a distance leads before the beginning       cutbits  the stream ends within a match
  bomb             a list of 4 MB that unpacks to 340 MB
  crc              patch.cfg has CRC-32 as checksum_b, as earlier patchbay servers had
"""
import argparse
import hashlib
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
import zlib

MODES = ("good wronghash alwayswronghash wrongname wrongsize endless cut error silent strict wrongsum wronglocal climb "
         "foreignb literal0 zlibcfg textcfg long badref cutbits bomb crc badmiddle badlast extra closeeach huge").split()
CHUNK_LIMIT, REQUEST_LIMIT, SILENCE = 2 << 20, 4096, 60

class Disconnect(Exception):
    """Close this connection, sending nothing (more)."""

class Refuse(Exception):
    """Answer 0x0005, then close."""

def packet(opcode, body=b""):
    hashed = b"POLP" + struct.pack("<I", opcode) + body
    return struct.pack("<I", len(hashed) + 8) + hashlib.md5(hashed).digest()[:4] + hashed

def i32(number):
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number

def slc(data):
    small = zlib.compress(data, 9)
    return b"\x03" + small if len(small) < len(data) else b"\x01" + data

def tokens(data, most, overlapping):
    """Literals and (distance, length), greedily: of each three bytes the last place is remembered."""
    at, last = 0, {}
    while at < len(data):
        start, length = last.get(data[at:at + 3], -1), 0
        if start >= 0 and at - start < 65536:
            limit = min(most, len(data) - at) if overlapping else min(most, len(data) - at, at - start)
            while length < limit and data[start + length] == data[at + length]:
                length += 1
        length = length if length >= 3 else 0
        yield (at - start, length) if length else data[at]
        for place in range(at, at + (length or 1)):
            last[data[place:place + 3]] = place
        at += length or 1

def bit_stream(mode, found):
    """u32: the number of bits; then the bits, least significant first."""
    bits = []
    for token in found:
        if isinstance(token, tuple):
            bits.append("1" + format(token[0], "016b")[::-1] + format(token[1], "08b")[::-1])
        else:
            bits.append("0" + format(token, "08b")[::-1])
    line = "".join(bits)
    count, line = len(line), line + "0" * (-len(line) % 8)
    return bytes([mode]) + struct.pack("<I", count) + bytes(int(line[i:i + 8][::-1], 2) for i in range(0, len(line), 8))

def encoded(data, mode):
    """patch.cfg as this server sends it."""
    if mode == "literal0":
        return bit_stream(0, data)
    if mode == "long":
        return bit_stream(2, tokens(data + b"# " + b"=" * 1000 + b"\n", 255, True))
    if mode == "badref":
        return bit_stream(2, list(data[:100]) + [(101, 3)] + list(data[103:]))
    if mode == "cutbits":
        whole = bit_stream(2, list(data) + [(3, 3)])
        return whole[:1] + struct.pack("<I", struct.unpack_from("<I", whole, 1)[0] - 1) + whole[5:]
    if mode == "bomb":      # 25 bits of ones are a match of 255 bytes, 65,535 back
        literals = bit_stream(2, b"x" * 65536)
        bits = struct.unpack_from("<I", literals, 1)[0]
        return literals[:1] + struct.pack("<I", bits + 8 * (4 << 20)) + literals[5:] + b"\xff" * (4 << 20)
    if mode in ("zlibcfg", "textcfg"):
        return b"\x03" + zlib.compress(data, 9) if mode == "zlibcfg" else b"\x01" + data
    return bit_stream(2, tokens(data, 97, False))

class Title:
    """What is served, and the memory of the misbehaviour."""
    def __init__(self, o):
        self.mode, self.version, self.advertise = o.mode, os.fsencode(o.version), o.advertise.encode("ascii")
        self.hw, self.app = os.fsencode(o.hw).ljust(4, b"\0"), os.fsencode(o.app).ljust(4, b"\0")
        self.spoilt = False
        self.stamp, self.stored, self.lock, self.asked, self.replies = int(time.time()), {}, threading.Lock(), [], 0
        top, files = os.fsencode(o.tree_dir), {}
        for directory, _, names in os.walk(top):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        files[os.path.relpath(path, top)] = file.read()
        blocks = [self.block(name, name, files[name], first=number == 0) for number, name in enumerate(sorted(files))]
        if self.mode == "climb":
            blocks.append(self.block(b"../evil", b"evil", b"evil\n", first=False))
        self.config = encoded(b"".join(blocks) + b"end\n", self.mode)

    def block(self, name, stored_as, data, first):
        path = self.version + b"/Direct/" + stored_as + b".slc"
        self.stored[path] = slc(data)
        size, a = len(data), i32(sum(memoryview(data).cast("b")))
        b = struct.unpack("<i", hashlib.md5(data).digest()[:4])[0]
        if self.mode == "crc":
            b = i32(zlib.crc32(data))
        if self.mode == "wrongsum" and first:
            a = i32(a + 1)
        if self.mode == "wronglocal" and first:
            size += 1
        if self.mode == "foreignb":
            b = random.randint(-1 << 31, (1 << 31) - 1)
        there = 0xFFFFFFFF if self.mode == "huge" and first else len(self.stored[path])
        return b"file %s {\n%s %d %d %d %s %d\n}\n" % (name, self.version, size, a, b, path, there)

class Peer(threading.Thread):
    def __init__(self, sock, title):
        super().__init__(daemon=True)
        self.sock, self.title = sock, title

    def run(self):
        try:
            self.sock.settimeout(SILENCE)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                self.answer(*self.request())
        except Refuse:
            self.leave(packet(5))
        except (Disconnect, OSError):
            pass
        finally:
            self.sock.close()

    def leave(self, last):
        """Send LAST and close so that it arrives, even if there are bytes that we never read."""
        try:
            self.sock.sendall(last)
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(1)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass

    def exactly(self, size):
        out = b""
        while len(out) < size:
            more = self.sock.recv(size - len(out))
            if not more:
                raise Disconnect
            out += more
        return out

    def request(self):
        head = self.exactly(4)
        size = struct.unpack("<I", head)[0]
        if not 16 <= size <= REQUEST_LIMIT:
            raise Disconnect
        rest = self.exactly(size - 4)
        if rest[4:8] != b"POLP" or rest[:4] != hashlib.md5(rest[4:]).digest()[:4]:
            raise Disconnect
        return struct.unpack_from("<I", rest, 8)[0], rest[12:]

    def log(self, opcode, name=b"-", offset=0, size=0):
        with self.title.lock:
            sys.stdout.buffer.write(b"request 0x%04x %s %d %d\n" % (opcode, name, offset, size))
            sys.stdout.buffer.flush()

    def answer(self, opcode, body):
        title = self.title
        if opcode == 3 and len(body) >= 20:
            offset, size, hw, app, name_size = struct.unpack_from("<II4s4sI", body)
            name = body[20:]
            self.log(opcode, name.split(b"\0")[0], offset, size)
        else:
            self.log(opcode)
        if len(body) != {1: 8, 3: 20 + name_size if opcode == 3 and len(body) >= 20 else -1, 7: 72}.get(opcode, -1):
            raise Disconnect        # a wrong size, a shutdown or an unknown opcode
        if (hw, app) != (title.hw, title.app) if opcode == 3 else body[:8] != title.hw + title.app:
            raise Refuse
        if opcode == 1:
            self.send(packet(2, title.config))
        elif opcode == 7:
            first = b"empty" if body[8] == 0 else b"registered" if body[8:9] in b"23456789" else b"unknown"
            status = (first + b"\0" + title.advertise + b"\0" + b"0").ljust(64, b"\0")
            self.send(packet(8, struct.pack("<II64sI", title.stamp, 1, status, len(title.version) + 1)
                             + title.version + b"\0"))
        else:
            self.data(name, offset, size)

    def data(self, name, offset, size):
        title = self.title
        path = name[:-1]
        stored = title.stored.get(path) if name.endswith(b"\0") else None
        if stored is None or size < 1 or offset >= len(stored):
            raise Refuse
        with title.lock:
            title.replies += 1
            count = title.replies
            if path not in title.asked:
                title.asked.append(path)
        if title.mode == "silent":
            return
        if title.mode == "error" and title.asked.index(path) == 1:
            raise Refuse
        if title.mode == "wrongname":
            name = path[:-1] + (b"d" if path.endswith(b"c") else b"c") + b"\0"
        part = stored[offset:offset + min(size, CHUNK_LIMIT)]
        if title.mode == "wrongsize":
            part = part[:-1] if len(part) > 1 else part + b"X"
            size = len(part)
        reply = packet(4, struct.pack("<III", offset, size, len(name)) + name + part)
        if title.mode == "alwayswronghash" or title.mode == "wronghash" and count == 1:
            reply = reply[:4] + bytes([reply[4] ^ 1]) + reply[5:]
        spoil = title.mode == "badmiddle" and offset == 65536 and not title.spoilt
        title.spoilt |= spoil
        if spoil or title.mode == "badlast" and offset > 0 and offset + size == len(stored):
            reply = reply[:-1] + bytes([reply[-1] ^ 1])
        if title.mode == "extra":
            reply += b"X"
        if title.mode == "cut" and count % 3 == 0:
            self.leave(reply[:len(reply) // 2])
            raise Disconnect
        if title.mode == "endless":
            self.send(struct.pack("<I", 0x7FFFFFFF) + reply[4:])
            while True:
                self.sock.sendall(bytes(65536))
        self.send(reply)
        if title.mode == "closeeach":
            raise Disconnect

    def send(self, reply):
        if self.title.mode == "strict" and select.select([self.sock], [], [], 0.03)[0] \
                and self.sock.recv(1, socket.MSG_PEEK):
            print("strict: a request came before the reply to the one before it", file=sys.stderr, flush=True)
            raise Disconnect
        self.sock.sendall(reply)

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for operand in ("tree_dir", "app", "hw", "version"):
        parser.add_argument(operand)
    parser.add_argument("--mode", choices=MODES, default="good")
    parser.add_argument("--advertise", default="127.0.0.1", metavar="IP")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    title = Title(options)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print("listening 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    while True:
        Peer(listener.accept()[0], title).start()

if __name__ == "__main__":
    main()
