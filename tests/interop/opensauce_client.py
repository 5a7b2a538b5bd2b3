#!/usr/bin/env python3
"""The client's way of map download, written from the specification alone and in another style than ours.

usage: opensauce_client.py http://HOST:PORT NAME ARCHIVE [PASSWORD] [--steps]

Downloads the definition once and the parts, each on a connection of its own, checks and decrypts each, and writes the
joined archive. Prints the map's name, MD5 and size. Unpacking it is left to 7zz or unzip.
--steps: reads a line of standard input before each part, and prints `part NAME` behind it.
"""
import hashlib
import struct
import sys
import urllib.request
import xml.etree.ElementTree

WORDS = 64
DELTA = 0x9E3779B9
MASK = 0xFFFFFFFF


def xxtea_decrypt_block(block, key):
    v = list(struct.unpack("<64I", block))
    k = struct.unpack("<4I", key)
    total = (6 + 52 // WORDS) * DELTA & MASK
    y = v[0]
    while total:
        e = total >> 2 & 3
        for p in reversed(range(WORDS)):
            z = v[p - 1]
            mix = ((z >> 5 ^ y << 2 & MASK) + (y >> 3 ^ z << 4 & MASK) & MASK) ^ ((total ^ y) + (k[p & 3 ^ e] ^ z) & MASK)
            v[p] = y = v[p] - mix & MASK
        total = total - DELTA & MASK
    return struct.pack("<64I", *v)


def decrypt(data, password):
    key = hashlib.md5(password.encode()).digest()
    data = bytearray(data)
    if len(data) % 256:
        data[-256:] = xxtea_decrypt_block(bytes(data[-256:]), key)
    for at in range(0, len(data) - 255, 256):
        data[at:at + 256] = xxtea_decrypt_block(bytes(data[at:at + 256]), key)
    return bytes(data)


def get(url):
    request = urllib.request.Request(url, headers={"User-Agent": "OpenSauce_Halo1_CE_Client"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return reply.read()


def main():
    steps = "--steps" in sys.argv
    base, name, archive, *rest = [word for word in sys.argv[1:] if word != "--steps"]
    password = rest[0] if rest else None
    root = xml.etree.ElementTree.fromstring(get(f"{base}/map_download?map={name}"))
    assert root.tag == "osHTTPServer"
    definition = root.find("map_download")
    assert definition.get("algorithm") in ("7zip", "zip")
    assert definition.get("host_directory") is None
    total = 0
    with open(archive, "wb") as out:
        for i, part in enumerate(definition.findall("part")):
            if steps:
                sys.stdin.readline()
            data = get(f"{base}/map_download?map={name}&part={part.get('name')}")
            assert int(part.get("index")) == i
            assert len(data) == int(part.get("size")) <= 1048576
            assert hashlib.md5(data).hexdigest() == part.get("md5")
            if part.get("encrypted") == "true":
                assert len(data) >= 256
                data = decrypt(data, password)
                assert hashlib.md5(data).hexdigest() == part.get("unencrypted_md5"), "wrong password"
            out.write(data)
            total += len(data)
            if steps:
                print("part", part.get("name"), flush=True)
    assert total == int(definition.get("compressed_size"))
    print(definition.get("name"), definition.get("md5"), definition.get("uncompressed_size"))


main()
