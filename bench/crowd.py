"""What soak and flood share: a depot with something of each protocol, a server on it, its figures, and clients of all kinds."""
import http.client
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
build = os.path.abspath(os.environ.get("BUILD", "build"))
patchbay = os.path.join(build, "patchbay")
sys.path.insert(0, os.path.join(here, "../tests/interop"))
import polp_client as polp  # noqa: E402: written from the protocol's description

LEVELS, FILES = 120, 8
APP, HW, VERSION = b"1000", b"W2U\0", "20061212_3"
CHUNK = b"20061212_3/Direct/noise.bin.slc"


def run(*command, wrong=False):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0 and not wrong:
        raise RuntimeError("%s: status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.returncode


def script(name, *arguments):
    run(os.path.join(here, "../scripts", name), *map(str, arguments))


# ---- the depot, in the current folder ----

def publish_map(seed):
    script("make-map", "m.map", 3000000, seed)
    run(patchbay, "publish", "map", "m.map", "--algorithm", "zip", "--level", "0")


def publish_levels(tree):
    run(patchbay, "publish", "levels", tree, "--collection", "official", "--title", "Official", "--min-version", "1")


def depot_make():
    run(patchbay, "init")
    for tree in ("levels0", "levels1"):
        script("make-levels", tree, LEVELS, 6, 1)
    script("make-levels", "--change", "levels1", 7, 5, 5, 5, 5)
    noise = random.Random(1).randbytes(8 << 20)
    for folder in ("game", "app"):
        os.mkdir(folder)
        with open(folder + "/noise.bin", "wb") as f:
            f.write(noise)
    for i in range(FILES):
        with open("game/%d.txt" % i, "w") as f:
            f.write("words %d\n" % i * 500)
    publish_map(0)
    publish_levels("levels0")
    run(patchbay, "publish", "upgrade", "game", "--platform", "linux", "--version", "2", "--oldest", "1",
        "--recommended", "1", "--note", "n")
    run(patchbay, "publish", "app", "app", "--app", "1000", "--hardware", "W2U", "--version", VERSION)


# ---- the server ----

class Server:
    """`patchbay serve` with the limits that are shipped, but for `options`. A context: it ends with it."""

    def __init__(self, *options):
        self.log = open("serve.log", "w+")
        self.process = subprocess.Popen(
            [patchbay, "serve", "--http", "127.0.0.1:0", "--polp", "127.0.0.1:0", "--admin", "0", "--access-log", "access.log",
             *options], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.expected = 0
        end = time.monotonic() + 60
        while "connections at once" not in self.words():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                raise SystemExit("the server does not start:\n" + self.words())
            time.sleep(0.05)
        words = self.words()
        self.http, self.polp = (int(re.search(r"on %s://127.0.0.1:(\d+)/" % p, words).group(1)) for p in ("http", "polp"))
        self.admin = int(re.search(r"operator: http://127.0.0.1:(\d+)/", words).group(1))
        self.greeting = len(words)

    def words(self):
        with open("serve.log") as f:
            return f.read()

    def complaints(self):
        """What it said after its start, but for reloads."""
        return [line for line in self.words()[self.greeting:].splitlines() if "access log opened anew" not in line]

    def metric(self, name):
        """Added up over all labels."""
        c = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        c.request("GET", "/metrics")
        text = c.getresponse().read().decode()
        c.close()
        return sum(int(v) for v in re.findall(r"^patchbay_%s(?:{.*})? (\d+)$" % name, text, re.M))

    def figures(self):
        """(resident bytes, descriptors, threads)"""
        proc = "/proc/%d" % self.process.pid
        with open(proc + "/status") as f:
            status = f.read()
        return (int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024, len(os.listdir(proc + "/fd")),
                int(re.search(r"Threads:\s+(\d+)", status).group(1)))

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        self.log.close()


# ---- requests ----

def connect(port, source="127.0.0.1", timeout=30):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))


def request(path, *fields, version="1.1", method="GET"):
    return ("%s %s HTTP/%s\r\nHost: a\r\n%s\r\n" % (method, path, version, "".join(f + "\r\n" for f in fields))).encode()


class Reader:
    """Replies from a connection."""

    def __init__(self, s):
        self.socket, self.kept = s, b""

    def exactly(self, n):
        while len(self.kept) < n:
            piece = self.socket.recv(262144)
            if not piece:
                raise ConnectionError("the reply is cut short")
            self.kept += piece
        got, self.kept = self.kept[:n], self.kept[n:]
        return got

    def skip(self, n):
        n -= len(self.exactly(min(n, len(self.kept))))
        while n > 0:
            piece = self.socket.recv(min(n, 262144))
            if not piece:
                raise ConnectionError("the reply is cut short")
            n -= len(piece)

    def http(self, head=False):
        """Reads a reply and throws its body away; (status, bytes of the body)."""
        while b"\r\n\r\n" not in self.kept:
            piece = self.socket.recv(262144)
            if not piece:
                raise ConnectionError("the reply is cut short")
            self.kept += piece
        text, self.kept = self.kept.split(b"\r\n\r\n", 1)
        length = re.search(rb"content-length: (\d+)", text, re.I)
        n = int(length.group(1)) if length and not head else 0
        self.skip(n)
        return int(text[9:12]), n

    def polp(self):
        """(opcode, bytes of the body)"""
        size, = struct.unpack("<I", self.exactly(4))
        opcode, = struct.unpack("<8xI", self.exactly(12))
        self.skip(size - 16)
        return opcode, size - 16


def polp_chunk(offset, size=65536):
    return polp.download_request(APP, HW, CHUNK, offset, size)


def polp_newest():
    return polp.newest_request(APP, HW, b"")


def reset(s):
    """Closes with a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
