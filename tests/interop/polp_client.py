#!/usr/bin/env python3
"""A client for the PlayOnline patch protocol, written from its description alone, to judge servers by.

  newest HOST:PORT APP HW VERSION     prints `timestamp status address version`; VERSION may be ''
  config HOST:PORT APP HW             writes the decoded patch.cfg to stdout; a list in mode 2 must be one that the
                                      original encoder could have made
  mode HOST:PORT APP HW               prints `MODE BYTES SECONDS`: how patch.cfg came, and how long that took
  pace HOST:PORT APP HW NAME SIZE     prints how many bytes of a chunk are there 50 ms after its first ones
  get HOST:PORT APP HW NAME SIZE OUT [--chunk N] [--pipeline] [--full]    writes the stored bytes, mode byte
                                      included. --full asks for N bytes at the file's end, too, and takes what comes
  tree HOST:PORT APP HW DIR [--foreign-b] [--each]    a whole update, with --each on one connection for each file; prints `files N bytes M packets P`: M bytes were
                                      installed, P requests answered. --foreign-b does not look at checksum_b
  raw HOST:PORT HEX [--delay-bytes]   what comes back within 5 s: hex, `hex closed`, `closed` or `nothing` (open)
  fault HOST:PORT APP HW KIND NAME    prints `error closed`, `closed`, `newest STATUS` or `other: ...`; NAME is a
                                      stored file. A kind may try several requests, each on its own connection:
                                      if their outcomes differ, `other:` lists them
  packets FILE                        checks hex dumps; prints `packets N ok`

--timeout S, before the subcommand (default 20): the longest wait for more of a reply (raw and fault wait 5 s).
Exit status 0, or 1 with the reason on stderr; raw and fault give 0 whatever the server does.
"""
import argparse, contextlib, hashlib, os, pathlib, re, shutil, socket, struct, sys, tempfile, threading, time, zlib
from os import fsdecode as text, fsencode as raw_bytes

STATUS, CONFIG, DOWNLOAD, DATA, ERROR, SHUTDOWN, ASK_NEWEST, NEWEST = range(1, 9)
CONFIG_LIMIT, REPLY_LIMIT, PATIENCE = 256 << 20, 2 << 20, 5.0
LINE = r"(\d{8}_(?:\d+|[A-Za-z])) (\d+) (-?\d+) (-?\d+) (.+?\.slc) (\d+)(?: (.+?\.olc) (\d+))?"
KINDS = ("badsize badhash badsignature shutdown unknownopcode unknownapp unknownhw unknownname offset zerosize "
         "junkversion").split()

class Bad(Exception):
    """What came from the server breaks the protocol."""

def packet(opcode, body=b"", signature=b"POLP"):
    hashed = signature + struct.pack("<I", opcode) + body
    return struct.pack("<I", 8 + len(hashed)) + hashlib.md5(hashed).digest()[:4] + hashed

def opened(whole):
    """The opcode and the body of a whole packet, once its size, signature and hash are found right."""
    for right, what in ((len(whole) >= 16 and int.from_bytes(whole[:4], "little") == len(whole), "size (or cut short)"),
                        (whole[8:12] == b"POLP", "signature"),
                        (whole[4:8] == hashlib.md5(whole[8:]).digest()[:4], "hash")):
        if not right:
            raise Bad("wrong %s in a packet of %d bytes: %s" % (what, len(whole), whole[:16].hex()))
    return int.from_bytes(whole[12:16], "little"), whole[16:]

def title(o):
    return [os.fsencode(getattr(o, key, "")).ljust(4, b"\0") for key in ("app", "hw")]

def newest_request(app, hw, version):
    return packet(ASK_NEWEST, hw + app + version.ljust(64, b"\0"))

def download_request(app, hw, name, offset, size):
    return packet(DOWNLOAD, struct.pack("<II4s4sI", offset, size, hw, app, len(name) + 1) + name + b"\0")

def decoded(data, limit, what):
    """Take off the mode byte and decompress; never more than LIMIT bytes."""
    mode, data, out = data[0], data[1:], bytearray()
    if mode == 1:
        out = data
    elif mode == 3:
        stream = zlib.decompressobj()
        try:
            out = stream.decompress(data, limit + 1)
        except zlib.error as error:
            raise Bad("%s: %s" % (what, error))
        if len(out) <= limit and (not stream.eof or stream.unused_data):
            raise Bad("%s: zlib stream cut short, or followed by bytes" % what)
    elif mode in (0, 2):
        size, data, at = struct.unpack_from("<I", data)[0], data[4:], 0
        if len(data) != (size + 7) // 8:
            raise Bad("%s: %d bits in %d bytes" % (what, size, len(data)))
        while at < size and len(out) <= limit:
            window = int.from_bytes(data[at >> 3:(at >> 3) + 5], "little") >> (at & 7)
            at += 25 if window & 1 else 9
            if at > size:
                raise Bad("%s: mode %d ends within a token" % (what, mode))
            if not window & 1:
                out.append(window >> 1 & 0xFF)
                continue
            distance, length = window >> 1 & 0xFFFF, window >> 17 & 0xFF
            if not 3 <= length <= 85 or not length <= distance <= len(out):
                raise Bad("%s: a match of %d bytes, %d back, at %d" % (what, length, distance, len(out)))
            out += out[len(out) - distance:len(out) - distance + length]
    else:
        raise Bad("%s: unknown mode %d" % (what, mode))
    if len(out) > limit:
        raise Bad("%s: more than %d bytes when decompressed" % (what, limit))
    return bytes(out)

def i32(number):
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000

def blocks(config):
    """patch.cfg -> {file: winning line as (version, local_size, a, b, direct_path, direct_size)}."""
    found, name, lines = {}, None, []
    lines_there = text(config).split("\n")
    if lines_there[-2:] != ["end", ""]:
        raise Bad("patch.cfg does not end with the line end")
    for number, line in enumerate(lines_there[:-2], 1):
        line = line.strip(" \t\r")
        if line.split(" ")[0] == "file":
            start = re.fullmatch(r"file (.+) \{", line)
            if not start or name is not None or start[1] in found:
                raise Bad("patch.cfg:%d: malformed file block: %s" % (number, line))
            name, lines = start[1], []
        elif name is not None and line == "}":
            if not lines:
                raise Bad("patch.cfg:%d: no version of %s" % (number, name))
            found[name], name = max(lines, key=lambda fields: fields[0]), None
        elif name is not None and re.match(r"\d{8}_", line):    # anything else in a block is not for us
            got = re.fullmatch(LINE, line, re.ASCII)
            if not got or not 0 < int(got[6]) <= 0xFFFFFFFF:
                raise Bad("patch.cfg:%d: malformed line: %s" % (number, line))
            lines.append((got[1], int(got[2]), int(got[3]), int(got[4]), got[5], int(got[6])))
    if name is not None:
        raise Bad("patch.cfg: the block of %s has no end" % name)
    return found

def target(directory, name):
    """Where a file of patch.cfg belongs; refuses names, and symbolic links on the way, that lead elsewhere."""
    path, top = os.path.join(directory, name), os.path.realpath(directory)
    if re.search(r"[\x00-\x1f\x7f\\:]", name) or any(part in ("", ".", "..") for part in name.split("/")) \
            or os.path.realpath(os.path.dirname(path)) != os.path.dirname(os.path.join(top, name)):
        raise Bad("unsafe path in patch.cfg: %r" % name)
    return path

class Connection:
    def __init__(self, o):
        host, _, port = o.where.rpartition(":")
        self.sock = socket.create_connection((host, int(port)), o.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file, self.packets = self.sock.makefile("rb"), 0
        self.app, self.hw = title(o)

    def reply(self, opcode, low, high):
        """The body of one reply of LOW to HIGH bytes; its size is judged before anything is read for it."""
        head = self.file.read(4)
        size = int.from_bytes(head, "little")
        if len(head) < 4:
            raise Bad("closed after %d bytes of a reply" % len(head))
        if size != 16 and not low <= size <= high:
            raise Bad("reply of %d bytes, expected %d%s" % (size, low, "" if low == high else " or more"))
        got, body = opened(head + self.file.read(size - 4))
        if got == ERROR and size == 16:
            raise Bad("the server answered with error 0x0005")
        if got != opcode or size < low:
            raise Bad("opcode 0x%04x of %d bytes, expected 0x%04x" % (got, size, opcode))
        self.packets += 1
        return body

    def newest(self, version):
        self.sock.sendall(newest_request(self.app, self.hw, version))
        body = self.reply(NEWEST, 93, 4096)
        stamp, reset, status, size = struct.unpack_from("<II64sI", body)
        version, strings = body[76:], status.split(b"\0")
        if reset != 1 or size != len(version) or version.find(b"\0") != size - 1 or len(strings) < 4 \
                or strings[0] not in (b"empty", b"registered", b"unknown") or strings[2] != b"0" or any(strings[3:]) \
                or not re.fullmatch(rb"((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}", strings[1]):
            raise Bad("newest: reset %d, status %r, version_size %d, version %r" % (reset, status, size, version))
        return stamp, text(strings[0]), text(strings[1]), text(version[:-1])

    def config(self):
        self.sock.sendall(packet(STATUS, self.hw + self.app))
        return decoded(self.reply(CONFIG, 17, CONFIG_LIMIT), CONFIG_LIMIT, "patch.cfg")

    def download(self, name, size, chunk=65536, pipeline=False, full=False):
        """Yield a file's stored bytes, chunk by chunk, each reply checked."""
        name = raw_bytes(name)
        step = min(chunk, REPLY_LIMIT) if full else chunk
        parts = [(offset, chunk if full else min(chunk, size - offset)) for offset in range(0, size, step)]
        if pipeline:    # all requests first; should that block for 2 s, as the server waits for us too, start reading
            everything = b"".join(download_request(self.app, self.hw, name, *part) for part in parts)
            sender = threading.Thread(target=self.send_quietly, args=(everything,), daemon=True)
            sender.start()
            sender.join(2)
        for offset, length in parts:
            if not pipeline:
                self.sock.sendall(download_request(self.app, self.hw, name, offset, length))
            head = struct.pack("<III", offset, length, len(name) + 1) + name + b"\0"
            data = min(length, size - offset, REPLY_LIMIT)
            body = self.reply(DATA, 16 + len(head) + data, 16 + len(head) + data)
            if not body.startswith(head):
                raise Bad("asked for (offset, size, name_size) %r of %r, answered %r of %r" % (
                    struct.unpack_from("<III", head), head[12:], struct.unpack_from("<III", body), body[12:len(head)]))
            yield body[len(head):]

    def send_quietly(self, data):
        with contextlib.suppress(OSError):      # the reader meets the reason
            self.sock.sendall(data)

    def outcome(self, limit=4 << 20):
        """What comes until the server closes or PATIENCE is over: (bytes, closed)."""
        out, end = b"", time.monotonic() + PATIENCE
        while len(out) < limit and (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if not (more := self.sock.recv(65536)):
                    return out, True
                out += more
            except socket.timeout:
                break
            except ConnectionError:
                return out, True
        return out, False

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        """After the last reply there must be nothing more."""
        self.sock.settimeout(0.05)
        with self.sock, self.file, contextlib.suppress(socket.timeout, ConnectionError):
            if not failed and (more := self.file.peek(1)):
                raise Bad("bytes after the last reply: %s" % more[:64].hex())

def newest(o):
    with Connection(o) as connection:
        print(*connection.newest(raw_bytes(o.version)))

def mode(o):
    with Connection(o) as connection:
        begin = time.monotonic()
        connection.sock.sendall(packet(STATUS, connection.hw + connection.app))
        body = connection.reply(CONFIG, 17, CONFIG_LIMIT)
        print(body[0], len(body), "%.2f" % (time.monotonic() - begin))

def pace(o):
    """How much of a chunk is there a twentieth of a second after its first bytes."""
    with Connection(o) as connection:
        connection.sock.sendall(download_request(connection.app, connection.hw, raw_bytes(o.name), 0, o.size))
        got = len(connection.sock.recv(1 << 20))
        time.sleep(0.05)
        got += len(connection.sock.recv(1 << 20))
        print(got)
        while got < o.size and (more := connection.sock.recv(1 << 20)):
            got += len(more)

def config(o):
    with Connection(o) as connection:
        sys.stdout.buffer.write(connection.config())

def get(o):
    with Connection(o) as connection, open(o.out, "wb") as out:
        out.writelines(connection.download(o.name, o.size, o.chunk, o.pipeline, o.full))
    print("bytes", o.size, "packets", connection.packets)

def tree(o):
    with Connection(o) as connection:
        address = connection.newest(b"")[2]
        if address == connection.sock.getpeername()[0]:
            return update(o, connection, 0)
    o.where = address + ":" + o.where.rpartition(":")[2]    # "must use for all further requests"; the port stays
    with Connection(o) as connection:
        update(o, connection, 1)

def update(o, connection, packets):
    files, total, looked_at = blocks(connection.config()), 0, 2 if o.foreign_b else 3
    targets = {name: target(o.dir, name) for name in files}
    os.makedirs(o.dir, exist_ok=True)
    stage = tempfile.mkdtemp(prefix=".polp-", dir=o.dir)
    try:
        for name, (_, *wanted, path, size) in files.items():
            if o.each:
                with Connection(o) as other:
                    stored = b"".join(other.download(path, size, full=True))
                    packets += other.packets
            else:
                stored = b"".join(connection.download(path, size))
            data = decoded(stored, wanted[0], name)
            got = [len(data), i32(sum(memoryview(data).cast("b"))),
                   struct.unpack("<i", hashlib.md5(data).digest()[:4])[0]]
            if got[:looked_at] != wanted[:looked_at]:
                raise Bad("%s: size and checksums %r, patch.cfg says %r" % (name, got, wanted))
            os.makedirs(os.path.dirname(os.path.join(stage, name)), exist_ok=True)
            pathlib.Path(stage, name).write_bytes(data)
            total += len(data)
        for name, path in targets.items():      # all are there and right: now they appear
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(os.path.join(stage, name), path)
    finally:
        shutil.rmtree(stage)
    print("files", len(files), "bytes", total, "packets", packets + connection.packets)

def raw(o):
    connection, data = Connection(o), bytes.fromhex(o.hex)
    for part in [data[i:i + 1] for i in range(len(data))] if o.delay_bytes else [data]:
        connection.send_quietly(part)
        time.sleep(0.002 if o.delay_bytes else 0)
    got, closed = connection.outcome()
    print(" ".join(filter(None, [got.hex(), "closed" if closed else ""])) or "nothing")

def verdict(got, closed):
    if closed and got in (b"", packet(ERROR)):
        return "error closed" if got else "closed"
    return "other: %s %s" % ("%d bytes %s" % (len(got), got[:48].hex()) if got else "nothing within 5 s",
                             "closed" if closed else "still open")

def fault(o):
    (app, hw), name, alien = title(o), raw_bytes(o.name), b"ZZ9\0"
    status, ask, end = packet(STATUS, hw + app), download_request(app, hw, name, 0, 1), 1
    if o.kind == "junkversion":
        junk = [b"junk", b"1", b":", b" 20061212_3", b"\xff" * 64, b"\x7f\n%n../" * 9]
        said = {Connection(o).newest(version)[1] for version in junk}
        return print("newest", *said) if len(said) == 1 else print("other: differing statuses", sorted(said))
    if o.kind == "offset":
        known = blocks(Connection(o).config()).values()
        end = next((line[5] for line in known if line[4] == o.name), None)
        if end is None:
            return print("other: no winning line of patch.cfg has the direct_path", o.name)

    def spans(*parts):
        return {"%#x+%#x" % part: download_request(app, hw, name, *part) for part in parts}
    def about(*which):
        return {"status": packet(STATUS, which[1] + which[0]), "newest": newest_request(*which, b""),
                "download": download_request(*which, name, 0, 1)}
    wrong_names = name + b".nosuch", b"", b"../" + name, name.upper() + b"~"
    tries = {
        "badsize": {"small": struct.pack("<I", 8) + ask[4:], "huge": struct.pack("<I", 0x7FFFFFFF) + ask[4:],
                    "extra": packet(STATUS, hw + app + bytes(4)), "short": packet(STATUS, hw)},
        "badhash": {"status": status[:4] + bytes([status[4] ^ 1]) + status[5:],
                    "download": ask[:7] + bytes([ask[7] ^ 0x80]) + ask[8:]},
        "badsignature": {"status": packet(STATUS, hw + app, b"POLQ")},
        "shutdown": {"shutdown": packet(SHUTDOWN)},
        "unknownopcode": {hex(opcode): packet(opcode, hw + app) for opcode in (0, DATA, 9, 0x10001)},
        "unknownapp": about(alien, hw), "unknownhw": about(app, alien),
        "unknownname": {text(bad): download_request(app, hw, bad, 0, 1) for bad in wrong_names},
        "offset": spans((end, 1), (0x7FFFFFFF, 1), (0x80000000, 1), (0xFFFFFFFF, 2)),
        "zerosize": spans((0, 0)),
    }[o.kind]
    found = {}
    for label, request in tries.items():
        connection = Connection(o)      # the one before it is closed as its last reference goes
        connection.send_quietly(request)
        found[label] = verdict(*connection.outcome())
    same = len(set(found.values())) == 1
    print(found[label] if same else "other: " + ", ".join("%s=%s" % one for one in found.items()))

def packets(o):
    lines = text(pathlib.Path(o.file).read_bytes()).split("## Example Packets")[-1].splitlines()
    shown = [re.fullmatch(r"\s*((?:[0-9A-Fa-f]{2}(?:\s+|$))+)(?:\|.*)?", line) for line in lines]
    dumps = "".join(got[1] if got else "\n\n" for got in shown).split("\n\n")
    found = [opened(bytes.fromhex(dump)) for dump in dumps if dump]
    print("packets", len(found), "ok") if found else sys.exit("polp_client: no packets there")

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=20.0)
    commands = parser.add_subparsers(required=True)
    for run, operands, *flags in ((newest, "where app hw version"), (config, "where app hw"), (packets, "file"),
                                  (mode, "where app hw"), (pace, "where app hw name size"),
                                  (get, "where app hw name size out", "--pipeline", "--full"),
                                  (raw, "where hex", "--delay-bytes"), (fault, "where app hw kind name"),
                                  (tree, "where app hw dir", "--foreign-b", "--each")):
        command = commands.add_parser(run.__name__)
        command.set_defaults(run=run)
        for name in operands.split():
            command.add_argument(name, type=int if name == "size" else str, choices=KINDS if name == "kind" else None)
        for flag in flags:
            command.add_argument(flag, action="store_true")
        command.add_argument("--chunk", type=int, default=65536)
    options = parser.parse_args()
    try:
        options.run(options)
    except (Bad, OSError, ValueError, struct.error) as error:
        sys.exit("polp_client: %s" % (error or type(error).__name__))

if __name__ == "__main__":
    main()
