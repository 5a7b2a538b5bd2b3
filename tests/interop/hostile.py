#!/usr/bin/env python3
"""Servers that want our client's memory or its time. Each case is one fetch from one of them; its peak memory is what wait4 says.

usage: hostile.py PATCHBAY [short] [CASE...]        a program with sanitizers is not held to the memory

Prints a line a case: exit status, seconds, peak memory in MiB, the last line of words. A case is wrong when it takes more than
256 MiB beyond a fetch of something small, does not end in 90 s (with --timeout 1 and --retries 0), ends with a status that is none of
the documented ones, or leaves something in the folder. `short` leaves out what takes long."""
import asyncio
import concurrent.futures
import gzip
import hashlib
import io
import logging
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib

here = os.path.dirname(os.path.abspath(__file__))
BOUND, MEMORY = 90, 256
STATUSES = {1, 3, 4, 5, 6, 8}
cases = {}


def case(url, options=(), slow=False, make=None):
    """Registers a server: a coroutine of (path or opcode, writer). `make` makes its bytes beforehand: function.bytes."""
    def add(function):
        function.make = make
        cases[function.__name__] = (url, options, slow, function)
        return function
    return add


# ---- HTTP ----

MAP, LEVELS, UPGRADE, APP = "opensauce://%s/a", "escape://%s/official", "escape://%s/linux/UPGRADE", "playonline://%s/1000@W2U"
PLAYONLINE = ("--no-follow",)


async def ok(w, body, *fields):
    w.write(b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields]) + b"\r\n\r\n" + body)
    await w.drain()


async def endless(w, start, piece):
    w.write(start)
    while True:
        w.write(piece)
        await w.drain()
        if w.transport.is_closing():
            raise ConnectionError


@case(MAP)
async def endless_fields(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\n", b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(60)))


@case(MAP)
async def endless_field(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536)


@case(MAP)
async def endless_status_line(_path, w):
    await endless(w, b"HTTP/1.1 200 ", b"y" * 65536)


@case(MAP)
async def endless_informational(_path, w):
    await endless(w, b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000)


@case(LEVELS)
async def endless_body(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", b"y" * 65536)


@case(LEVELS)
async def length_2_63(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", b"y" * 65536)


@case(LEVELS)
async def no_length(_path, w):
    await endless(w, b"HTTP/1.0 200 OK\r\n\r\n", b"y" * 65536)


@case(MAP)
async def endless_chunks(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\ny\r\n" * 10000)


@case(MAP)
async def chunk_of_2_62(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000000000000000\r\n", b"y" * 65536)


@case(MAP)
async def endless_chunk_size(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536)


@case(MAP)
async def endless_trailers(_path, w):
    await endless(w, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10000)


@case(MAP)
async def redirects(path, w):
    w.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %sx\r\n\r\n" % path)


@case(MAP)
async def long_redirect(_path, w):
    await endless(w, b"HTTP/1.1 302 Found\r\nLocation: /", b"y" * 65536)


@case(MAP)
async def retry_after_a_century(_path, w):
    w.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 3155760000\r\n\r\n")


@case(LEVELS)
async def a_byte_a_second(_path, w):
    w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        w.write(b"y")
        await asyncio.sleep(1)


@case(MAP)
async def a_byte_of_the_head_a_second(_path, w):
    for b in b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n":
        w.write(bytes([b]))
        await asyncio.sleep(1)


def squeezed(piece, count, layers=1):
    """`count` pieces, packed with gzip without having them in memory."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as f:
        for _ in range(count):
            f.write(piece)
    packed = packed.getvalue()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


@case(LEVELS, make=lambda: squeezed(b"\n" * (1 << 20), 400))
async def gzip_bomb(_path, w):
    await ok(w, gzip_bomb.bytes, b"Content-Encoding: gzip")


@case(MAP, make=lambda: squeezed(b" " * (1 << 20), 400, 4))
async def gzip_bomb_in_layers(_path, w):
    await ok(w, gzip_bomb_in_layers.bytes, b"Content-Encoding: gzip, gzip, gzip, gzip")


@case(LEVELS)
async def gzip_layers(_path, w):
    await ok(w, b"x", b"Content-Encoding: " + b", ".join([b"gzip"] * 5000))


# ---- definitions of OpenSauce ----

def definition(inside, attributes="", parts=""):
    return ("<?xml version='1.0'?>%s<osHTTPServer><map_download %s>%s</map_download></osHTTPServer>" % (
        inside, attributes, parts)).encode()


@case(MAP)
async def billion_laughs(_path, w):
    entities = "".join("<!ENTITY a%d '%s'>" % (i, "&a%d;" % (i - 1) * 10 if i else "lol") for i in range(12))
    await ok(w, definition("<!DOCTYPE x [%s]>" % entities, "name='&a11;'"))


@case(MAP)
async def quadratic_entity(_path, w):
    await ok(w, definition("<!DOCTYPE x [<!ENTITY a '%s'>]>" % ("y" * 1000000), "name='%s'" % ("&a;" * 1000000)))


@case(MAP)
async def external_entity(_path, w):
    await ok(w, definition("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///dev/zero'>]>", "name='a.map'", "&a;"))


@case(MAP)
async def huge_attribute(_path, w):
    await ok(w, definition("", "name='%s'" % ("y" * 4100000)))


@case(MAP)
async def many_attributes(_path, w):
    await ok(w, definition("", " ".join("a%d='1'" % i for i in range(400000))))


@case(MAP)
async def deep_elements(_path, w):
    await ok(w, b"<a>" * 1300000)


@case(MAP)
async def many_parts(_path, w):
    await ok(w, definition("", "algorithm='7zip' name='a.map' md5='%s' uncompressed_size='1' compressed_size='1'" % ("0" * 32), "<part name='a'/>" * 250000))


def parts_of(n, width):
    text = "".join("<part name='%s%05d' index='%d' md5='%s' size='1'/>" % ("y" * width, i, i, "0" * 32) for i in range(n))
    return definition("", "algorithm='7zip' name='a.map' md5='%s' uncompressed_size='8192' compressed_size='%d'" % ("0" * 32, n), text)


@case(MAP, make=lambda: parts_of(8192, 180))
async def most_parts(path, w):
    await ok(w, most_parts.bytes if b"part=" not in path else b"x")


@case(MAP)
async def many_comments(_path, w):
    await ok(w, b"<osHTTPServer>" + b"<!---->" * 590000)


@case(MAP)
async def huge_text(_path, w):
    await ok(w, b"<osHTTPServer>" + b"y" * 4100000)


@case(MAP)
async def huge_comment(_path, w):
    await ok(w, b"<osHTTPServer><!--" + b"y" * 4100000)


# ---- archives ----

def archive(data, kind="7zip", unpacked=100000):
    """A server of a map that is this archive, in one part."""
    digest = hashlib.md5(data).hexdigest()
    name = "a.7z.001" if kind == "7zip" else "a.zip.001"
    text = definition("", "algorithm='%s' name='a.map' md5='%s' uncompressed_size='%d' compressed_size='%d'" % (
        kind, "0" * 32, unpacked, len(data)), "<part name='%s' index='0' md5='%s' size='%d'/>" % (name, digest, len(data)))

    async def serve(path, w):
        await ok(w, data if b"part=" in path else text)
    return serve


def number(v):
    return b"\xff" + struct.pack("<Q", v)


def container(packed, header):
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + packed + header


def folders(coders, packed, unpacked, names=True, packs=1):
    """A 7z whose one folder has these coders: (id, properties, streams in, streams out)."""
    text = b"".join(bytes([len(i) | (0x20 if p else 0) | (0x10 if (ins, outs) != (1, 1) else 0)]) + i +
                    (number(ins) + number(outs) if (ins, outs) != (1, 1) else b"") + (number(len(p)) + p if p else b"")
                    for i, p, ins, outs in coders)
    outs = sum(c[3] for c in coders)
    binds = b"".join(number(i) + number(i + 1) for i in range(outs - 1)) if packs == 1 else b""
    pack = b"\x06" + number(0) + number(packs) + b"\x09" + number(len(packed)) * packs + b"\0"
    unpack = b"\x07\x0b" + number(1) + b"\0" + number(len(coders)) + text + binds + b"\x0c" + number(unpacked) * outs + b"\0"
    name = "a.map".encode("utf-16-le") + b"\0\0"
    files = b"\5" + number(1) + b"\x11" + number(1 + len(name)) + b"\0" + name + b"\0\0"
    return container(packed, b"\1\4" + pack + unpack + b"\x08\0\0" + files)


LZMA, LZMA2, PPMD, BCJ, BCJ2, DELTA, COPY, DEFLATE = b"\3\1\1", b"\x21", b"\3\4\1", b"\3\3\1\3", b"\3\3\1\x1b", b"\3", b"\0", b"\4\1\x08"


def seven(name, *arguments, **options):
    make = lambda: folders(*arguments, **options)
    archived(name, make)


def archived(name, make, kind="7zip", unpacked=100000, slow=False):
    async def serve(path, w):
        await archive(serve.bytes, kind, unpacked)(path, w)
    serve.__name__ = name
    case(MAP, slow=slow, make=make)(serve)


seven("lzma_dictionary_4_gib", [(LZMA, b"\x5d\xff\xff\xff\xff", 1, 1)], b"\0" * 5000, 100000)
seven("lzma_lc_lp_large", [(LZMA, bytes([224]) + b"\0\0\0\1", 1, 1)], b"\0" * 5000, 100000)
seven("lzma2_dictionary_4_gib", [(LZMA2, b"\x28", 1, 1)], b"\1\xff\xff" + b"\0" * 65536 + b"\0", 65536)
seven("ppmd_4_gib", [(PPMD, b"\x40\xff\xff\xff\xff", 1, 1)], b"\0" * 5000, 100000)
seven("ppmd_2_gib", [(PPMD, b"\x06\0\0\0\x80", 1, 1)], b"\0" * 5000, 100000)
seven("bcj_chain", [(BCJ, b"", 1, 1)] * 4 + [(LZMA2, b"\x18", 1, 1)], b"\1\xff\xff" + b"\0" * 65536 + b"\0", 65536)
seven("hundred_coders", [(BCJ, b"", 1, 1)] * 100 + [(LZMA2, b"\x18", 1, 1)], b"\0" * 5000, 65536)
seven("bcj2_alone", [(BCJ2, b"", 4, 1)], b"\0" * 5000, 100000, packs=4)
seven("bcj2_chain", [(BCJ2, b"", 4, 1)] * 8, b"\0" * 500, 100000, packs=25)
seven("two_ppmd", [(PPMD, b"\x06\0\0\0\x7f", 1, 1)] * 2, b"\0" * 5000, 100000)
seven("unpacked_2_63", [(COPY, b"", 1, 1)], b"\0" * 5000, 1 << 63)
seven("streams_2_40", [(LZMA, b"\x5d\0\0\1\0", 1 << 40, 1)], b"\0" * 5000, 100000)
archived("seven_header_of_2_62", lambda: b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(
    s := struct.pack("<QQL", 0, 1 << 62, 0))) + s)
archived("seven_folders_2_32", lambda: container(b"", b"\1\4\6" + number(0) + number(1) + b"\x09" + number(0) + b"\0\x07\x0b" +
                                                   number(1 << 32) + b"\0"))
archived("seven_files_2_32", lambda: container(b"", b"\1\5" + number(1 << 32)))


def zip_of(method, size=1 << 30, patch=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        with z.open("a.map", "w", force_zip64=True) as f:
            for _ in range(size >> 20):
                f.write(b"\0" * (1 << 20))
    data = bytearray(out.getvalue())
    return bytes(patch(data) if patch else data)


def lie(data):
    """All sizes that it says are 1."""
    at = data.rindex(b"PK\1\2")
    data[at + 20:at + 28] = struct.pack("<LL", 1, 1)
    return data


def zip_lzma(data):
    """A dictionary of 4 GiB for its LZMA."""
    at = data.index(b"\x5d\0\0")
    data[at + 1:at + 5] = b"\xff\xff\xff\xff"
    return data


archived("zip_bomb", lambda: zip_of(zipfile.ZIP_DEFLATED, 300 << 20), "zip")
archived("zip_bomb_lie", lambda: zip_of(zipfile.ZIP_DEFLATED, 300 << 20, lie), "zip")
archived("zip_bomb_lzma", lambda: zip_of(zipfile.ZIP_LZMA, 30 << 20, zip_lzma), "zip")
archived("zip_bomb_bzip2", lambda: zip_of(zipfile.ZIP_BZIP2, 300 << 20), "zip")
def zip_many():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for i in range(60000):
            z.writestr("%05d%s" % (i, "x" * 200), b"")
    return out.getvalue()


archived("zip_many_members", zip_many, "zip", slow=True)


# ---- lists of Escape ----

def head(folders, levels):
    return b"Title\n1\n%d\n%d\nnote\n" % (folders, levels)




def upgrade(files):
    return b"%d\n1\n1\n100\nnote\n" % files


def listed(name, url, text, slow=False):
    wanted = b"/official.txt" if url == LEVELS else b"/linux/UPGRADE"

    async def serve(path, w):
        if path.startswith(wanted):
            await ok(w, serve.bytes, b"Content-Encoding: gzip")
        else:
            w.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    serve.__name__ = name
    case(url, slow=slow, make=lambda: gzip.compress(text(), 1))(serve)


FULL = 47 << 20
listed("empty_lines", LEVELS, lambda: head(0, 1) + b"\n" * FULL)
listed("one_line", LEVELS, lambda: head(0, 1) + b"y" * FULL)
listed("note_of_47_mb", LEVELS, lambda: b"Title\n1\n0\n1\n" + b"y" * FULL + b"\n")
listed("ten_million_words", LEVELS, lambda: head(0, FULL // 4) + b"a b\n" * (FULL // 4))
listed("million_levels", LEVELS, lambda: head(0, 1000000) + b"".join(b"a%d %032x\n" % (i, i) for i in range(1000000)))
listed("many_folders", LEVELS, lambda: head(4000000, 1) + b"".join(b"a%d/ \n" % i for i in range(4000000)))
listed("deep_folders", LEVELS, lambda: head(49 * 900, 100000) + b"".join(
    b"%d%s \n" % (i, b"/a" * j) for i in range(900) for j in range(49)) + b"".join(
        b"%d%s/%d %032x\n" % (i % 900, b"/a" * 48, i, i) for i in range(100000)), slow=True)
listed("deepest_folder", LEVELS, lambda: head(0, 1) + b"a/" * (FULL // 2 - 100) + b" %032x\n" % 1)
listed("long_names", LEVELS, lambda: head(0, 249000) + b"".join(b"%s%d.esx %032x\n" % (b"y" * 150, i, i) for i in range(249000)), slow=True)
listed("upgrade_empty_lines", UPGRADE, lambda: upgrade(1) + b"\n" * FULL)
listed("upgrade_million_files", UPGRADE, lambda: upgrade(2000000) + b"".join(b"a%d ? *\n" % i for i in range(2000000)))
listed("upgrade_long_names", UPGRADE, lambda: upgrade(49000) + b"".join(b"%s/%s%d u %032x\n" % (b"y" * 200, b"y" * 200, i, i) for i in range(49000)))


@case("escape://%s/", make=lambda: gzip.compress(b"2000000\n" + b"".join(b"c%d 1 title\n" % i for i in range(2000000)), 1))
async def million_collections(_path, w):
    await ok(w, million_collections.bytes, b"Content-Encoding: gzip")


# ---- POLP ----

def packet(opcode, body, size=None):
    hashed = b"POLP" + struct.pack("<I", opcode) + body
    return struct.pack("<I", len(hashed) + 8 if size is None else size) + hashlib.md5(hashed).digest()[:4] + hashed


def newest():
    version = b"20070101_1\0"
    return packet(8, struct.pack("<II", 1, 1) + b"registered\0".ljust(64, b"\0") + struct.pack("<I", len(version)) + version)


async def nothing(w):
    w.write(packet(5, b""))


def polp(name, config, data=nothing, slow=False, make=None):
    async def serve(opcode, w):
        if opcode == 7:
            w.write(newest())
        elif opcode == 1:
            await config(w) if make is None else w.write(serve.bytes)
        else:
            await data(w)
        await w.drain()
    serve.__name__ = name
    case(APP, PLAYONLINE, slow, make and (lambda: packet(2, make())))(serve)


def config(name, make, data=nothing, slow=False):
    polp(name, None, data, slow, make)


async def announce(w):
    await endless(w, packet(2, b"", 0xFFFFFFFF), b"y" * 65536)


async def announce_66_mb(w):
    await endless(w, packet(2, b"", 66 << 20), b"y" * 65536)


async def drip(w):
    w.write(packet(2, b"", 100000))
    while True:
        w.write(b"y")
        await asyncio.sleep(0.05)


def zlib_bomb(piece, count):
    c = zlib.compressobj(9)
    return b"\3" + b"".join(c.compress(piece) for _ in range(count)) + c.flush()


def slc_bomb():
    """Mode 2: one literal and references to it, as many as fit 20 MB. Bits of ones and zeros alike are valid streams of some kind."""
    return b"\2" + b"\xff" * (20 << 20)


def blocks(count, lines=1, width=1):
    one = b"20070101_1 %d 1 1 d/%d 2\n"
    return b"\1" + b"".join(b"file %s%d {\n%s}\n" % (b"a" * width, i, b"".join(one % (5, i) for _ in range(lines))) for i in range(count)) + b"end\n"


polp("packet_of_4_gib", announce)
polp("packet_of_66_mb", announce_66_mb)
polp("packet_that_drips", drip)
config("config_zlib_bomb", lambda: zlib_bomb(b"\n" * (1 << 20), 1000))
config("config_zlib_bomb_of_lines", lambda: zlib_bomb(b"file a {\n}\n" * 100000, 300))
config("config_mode_2_ones", slc_bomb)
config("config_mode_2_zeros", lambda: b"\2" + b"\0" * (20 << 20))
config("config_empty_lines", lambda: b"\1" + b"\n" * (60 << 20))
config("config_million_raw_lines", lambda: b"\1" + b"x\n" * (30 << 20))
config("config_million_files", lambda: blocks(900000))
config("config_million_lines", lambda: blocks(10, 200000), slow=True)
config("config_empty_blocks", lambda: b"\1" + b"".join(b"file %d {\n}\n" % i for i in range(199000)) + b"end\n")
config("config_long_names", lambda: blocks(199000, 1, 200), slow=True)
config("config_deep_names", lambda: b"\1" + b"".join(
    b"file %s%d {\n20070101_1 5 1 1 d/%d 2\n}\n" % (b"a/" * 100, i, i) for i in range(199000)) + b"end\n", slow=True)
ONE_FILE = b"\1file a {\n20070101_1 4000000000 1 1 d/a %d\n}\nend\n"


def stored(name, body):
    """A file of one chunk whose data is this."""
    def make():
        return ONE_FILE % len(body())

    async def data(w):
        b = body()
        w.write(packet(4, struct.pack("<III", 0, len(b), 4) + b"d/a\0" + b))
    config(name, make, data)


stored("file_zlib_bomb", lambda: zlib_bomb(b"\0" * (1 << 20), 60))
stored("file_mode_2_ones", lambda: b"\2" + b"\xff" * 60000)
stored("file_mode_9", lambda: b"\x09" + b"\xff" * 60000)


async def chunk_4_gib(w):
    await endless(w, packet(4, struct.pack("<III", 0, 0xFFFFFFFF, 4) + b"d/a\0", 0xFFFFFFFF), b"y" * 65536)


config("chunk_of_4_gib", lambda: ONE_FILE % 0xFFFF0000, chunk_4_gib)


# ---- running ----

async def connected(function, reader, writer):
    try:
        while True:
            if function.__name__ and cases[function.__name__][0] == APP:
                head = await reader.readexactly(16)
                size, opcode = struct.unpack("<I", head[:4])[0], struct.unpack("<I", head[12:])[0]
                await reader.readexactly(size - 16)
                await function(opcode, writer)
            else:
                head = await reader.readuntil(b"\r\n\r\n")
                await function(head.split(b" ")[1], writer)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    writer.close()


def fetch(patchbay, url, options, folder):
    """Measured by a program that is small itself: before exec the child of a large one is as large."""
    began = time.monotonic()
    ran = subprocess.run([sys.executable, here + "/hostile_7z.py", "run", "timeout", "-s", "KILL", str(BOUND), patchbay, "fetch", url, folder,
                          "--timeout", "1", "--retries", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    *words, mib = ran.stdout.decode(errors="replace").strip().split("\n")
    return ran.returncode, time.monotonic() - began, int(mib), "\n".join(words)


def run(patchbay, loop, work, name):
    url, options, _, function = cases[name]

    if function.make:
        function.bytes = function.make()

    async def start():
        server = await asyncio.start_server(lambda r, w: connected(function, r, w), "127.0.0.1", 0)
        return server, "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    server, at = asyncio.run_coroutine_threadsafe(start(), loop).result()
    folder = os.path.join(work, name)
    status, seconds, mib, words = fetch(patchbay, url % at, options, folder)
    loop.call_soon_threadsafe(server.close)
    function.bytes = b""
    left = [n for n in (os.listdir(folder) if os.path.isdir(folder) else []) if n != ".patchbay"]
    for n in left:
        if n in ("official",) and not os.listdir(os.path.join(folder, n)):
            left = []
    wrong = ("status" if status not in STATUSES else "" if seconds <= BOUND else "time") or ("left: %s" % left if left else "")
    if "Sanitizer" in words or "runtime error" in words or not words:
        wrong = "words"
    return status, seconds, mib, words, wrong


def main():
    patchbay, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    short = "short" in names
    with open(patchbay, "rb") as f:
        sanitized = b"__asan_init" in f.read()
    names = [n for n in names if n != "short"] or [n for n in cases if not (short and cases[n][2])]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # which has much to say of clients that go away
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    faults = 0
    with tempfile.TemporaryDirectory(prefix="patchbay-hostile.") as work:
        base = run(patchbay, loop, work, "retry_after_a_century")[2]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for name, (status, seconds, mib, words, wrong) in zip(names, pool.map(lambda n: run(patchbay, loop, work, n), names)):
                if not wrong and mib > base + MEMORY and not sanitized:
                    wrong = "memory"
                faults += wrong != ""
                print("%-28s %d %5.1f s %4d MiB  %s%s" % (name, status, seconds, mib, "WRONG (%s): " % wrong if wrong else "",
                                                         words.splitlines()[-1][:110] if words else ""), flush=True)
    print("%d cases, %d wrong; %d MiB for next to nothing" % (len(names), faults, base))
    os._exit(1 if faults else 0)


main()
