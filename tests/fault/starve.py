#!/usr/bin/env python3
"""Lets memory run out. Prints TAP: a line for each program, with the points tried.

usage: starve.py BUILD [--every N] [--jobs N] [WHAT...]

WHAT: scenes (all kinds of publishing, importing and fetching if none is named), `parse NAME` (the replayer of a fuzz
target), `serve`. Each allocation that is reached in a way of its own (8 functions deep) fails, alone and with all later
ones; of parsers, each. --every N tries each N-th of them. After each: the program ended by itself, with a status and in
words; the scene judges what is there; a server answers the next request as if nothing had been."""
import argparse
import collections
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import scenes

SCENES = [name for name in scenes.ALL if name.split()[0] in ("publish", "import", "fetch") and not name.endswith("first")]
PARSERS = ["archive", "definition", "escape_lists", "files", "http_request", "http_response", "polp", "slc"]
# Libraries that crash by themselves without memory: docs/dependencies.md, "Known limits".
FRAIL = ("libcrypto.so", "libseccomp.so", "libarchive.so")
POINTS_MOST = 400  # of one file of a parser's corpus
NEVER = 0


class Memory:
    """The control of starve.c."""

    def __init__(self, folder, build):
        self.path, self.log, self.stacks, self.crash = (os.path.join(folder, name) for name in ("control", "starved", "stacks", "crash"))
        scenes.write(self.path, bytes(32))
        self.file = open(self.path, "r+b", buffering=0)
        self.env = {"LD_PRELOAD": os.path.join(build, "tests/libstarve.so"), "STARVE_CONTROL": self.path, "STARVE_LOG": self.log,
                    "STARVE_CRASH": self.crash}

    def stacks_start(self):
        """What a program needs besides to tell its stacks."""
        with open(self.stacks, "wb") as f:
            f.truncate(8 << 20)
        return {"STARVE_STACKS": self.stacks}

    def stacks_points(self, every):
        """The first allocation of each way there."""
        first, stacks = {}, scenes.read(self.stacks)[:self.count() * 8]
        for number, stack in enumerate(struct.iter_unpack("8s", stacks), 1):
            if any(stack[0]):
                first.setdefault(stack, number)
        return sorted(first.values())[::every]

    def set(self, at, on, count=None):
        """`at`: which allocation fails, counted from now on."""
        now = self.count() if count is None else count
        for name in (self.log, self.crash):
            if os.path.exists(name):
                os.remove(name)
        os.pwrite(self.file.fileno(), struct.pack("4q", now, now + at if at else NEVER, on, 0), 0)

    def count(self):
        return struct.unpack("q", os.pread(self.file.fileno(), 8, 0))[0]

    def failed(self):
        return struct.unpack("q", os.pread(self.file.fileno(), 8, 24))[0]

    def crashed_in(self):
        """The library whose fault it is: the innermost that is not the C library, which crashes on behalf of others."""
        frames = scenes.read(self.crash).decode().split() if os.path.exists(self.crash) else []
        return next((os.path.basename(f) for f in frames if not re.search(r"libc\.so|libstarve|libpthread", f)), "?")

    def asker(self):
        return scenes.read(self.log).decode(errors="replace") if os.path.exists(self.log) else "?"


def check(status, words, memory):
    """Did it say that memory is short? None: a library crashed that is known for it."""
    if status == -signal.SIGSEGV and memory.crashed_in().startswith(FRAIL):
        return None
    if status in (-signal.SIGSYS, -signal.SIGSEGV) and "libseccomp" in memory.asker():
        return None  # a filter without some of what is allowed: then nothing can be asked of the crash either
    if status < 0 or status >= 128:
        raise scenes.Wrong(f"it crashed in {memory.crashed_in()}: status {status}")
    if status != 0 and not words.strip():
        raise scenes.Wrong(f"status {status} without a word")
    return bool(re.search("memory|allocat", words, re.I))


def scene_starve(name, build, every):
    with tempfile.TemporaryDirectory(prefix="patchbay-starve.") as folder:
        scene = scenes.make(name, folder, build)
        memory = Memory(scene.folder, build)
        wrong, seen = [], collections.Counter()
        try:
            scene.prepare()
            scene.reset()
            memory.set(NEVER, 0, 0)
            scene.run(*scene.command(), faults={**memory.env, **memory.stacks_start()})
            calls = memory.count()
            for at in memory.stacks_points(every):
                for on in (0, 1):
                    scene.reset()
                    memory.set(at, on, 0)
                    try:
                        done = scene.run(*scene.command(), faults=memory.env)
                        words = done.stdout.decode(errors="replace")
                        said = check(done.returncode, words, memory)
                        seen["crashed in a library" if said is None else "failed" if done.returncode else "through"] += 1
                        seen["said memory"] += said or 0
                        if not scene.judge(done.returncode == 0):
                            scene.finish()
                    except (scenes.Wrong, OSError, scenes.sqlite3.Error, subprocess.TimeoutExpired) as e:
                        wrong.append(f"allocation {at}{'+' if on else ''} ({memory.asker()}): {e}; it said: {words.strip()[:300]}")
                    seen["points"] += 1
            return not wrong, (f"{name}: {calls} allocations, {seen['points']} points; {seen['failed']} ended with an error"
                               f" ({seen['said memory']} in words of memory), {seen['crashed in a library']} by a crash in a library"), wrong
        except scenes.Wrong as e:
            return False, name, [str(e)]
        finally:
            scene.end()


# ---- parsers ----

def corpus_of(target, build):
    folder = os.path.join(scenes.ROOT, "fuzz/corpus", target)
    made = os.path.join(build, "fuzz", f"{target}-corpus")
    return folder if os.path.isdir(folder) else made


def parser_starve(target, build, every):
    wrong, points, files, crashes = [], 0, 0, 0
    program = os.path.join(build, "fuzz", f"replay-{target}")
    with tempfile.TemporaryDirectory(prefix="patchbay-starve.") as folder:
        memory = Memory(folder, build)
        env = {**os.environ, **memory.env, "REPLAY_WHOLE": "1", "FUZZ_STARVED": "1"}
        one = os.path.join(folder, "one")
        os.mkdir(one)
        corpus = corpus_of(target, build)
        if not os.path.isdir(corpus):
            subprocess.run(["ninja", "-C", build, f"fuzz/{target}-corpus"], check=True, stdout=subprocess.DEVNULL)
        for name in sorted(os.listdir(corpus)):
            link = os.path.join(one, "file")
            os.path.lexists(link) and os.remove(link)
            os.symlink(os.path.join(corpus, name), link)
            memory.set(NEVER, 0, 0)
            subprocess.run([program, one], env=env, stdout=subprocess.DEVNULL, check=True, timeout=scenes.PATIENCE)
            calls = memory.count()
            files += 1
            for at in range(1, calls + 1, max(1, calls // POINTS_MOST) * every):
                for on in (0, 1):
                    memory.set(at, on, 0)
                    done = subprocess.run([program, one], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=scenes.PATIENCE)
                    points += 1
                    try:
                        crashes += check(done.returncode, "not ok", memory) is None
                    except scenes.Wrong as e:
                        wrong.append(f"{name}, allocation {at}{'+' if on else ''} ({memory.asker()}): {e}")
    return not wrong and points > 0, f"parse {target}: {files} files, {points} points, {crashes} crashes in a library", wrong


# ---- the server ----

class Starved(scenes.Scene):
    """A server of all three dialects, and what is asked of it."""

    def setup(self):
        self.must("init")
        for kind in scenes.KINDS:
            self.must(*scenes.publish(self, kind, 0))
        self.memory = Memory(self.folder, self.build)

    def start(self, more=None):
        self.log = open(os.path.join(self.folder, "serve.log"), "w+b")
        env = {**os.environ, **self.memory.env, **(more or {})}
        self.serving = subprocess.Popen([self.patchbay, "serve", "--depot", self.depot, "--http", "127.0.0.1:0", "--polp", "127.0.0.1:0",
                                         "--admin", "0", "--access-log", os.path.join(self.folder, "access.log"), "--threads", "1"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env)

    def said(self):
        return scenes.read(self.log.name).decode(errors="replace")

    def ready(self):
        """False: it ended instead."""
        until = time.monotonic() + scenes.PATIENCE
        while time.monotonic() < until:
            if self.said().count("://") >= 3:
                return True
            if self.serving.poll() is not None:
                return False
        raise scenes.Wrong("the server neither starts nor ends")

    def ports(self):
        self.port = {kind: int(re.search(rf"{word}.*?127\.0\.0\.1:(\d+)", self.said()).group(1))
                     for kind, word in (("polp", "polp://"), ("admin", "for the operator: http://"), ("http", "(?m)^(?!.*operator).*http://"))}

    def ask(self, kind, request):
        """All that comes until the end; None: nothing sensible."""
        try:
            with socket.create_connection(("127.0.0.1", self.port[kind]), timeout=5) as s:
                s.sendall(request)
                reply = b""
                while True:
                    got = s.recv(65536)
                    if not got:
                        return reply
                    reply += got
                    if kind == "polp" and len(reply) >= max(4, int.from_bytes(reply[:4], "little")):
                        return reply
        except (ConnectionError, TimeoutError):
            return None

    def requests(self):
        """(name, port, request)"""
        part = next(e[0] for e in scenes.live(self.depot)["opensauce", "a"][1] if e[1] == 1)
        for path in ("/map_download?map=a", f"/map_download?map=a&part={part}", "/maps/a.map", "/COLLECTIONS", "/official.txt", "/linux/UPGRADE",
                     "/linux/escape.exe", "/nothing"):
            yield path, "http", f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        yield "a range", "http", b"GET /maps/a.map HTTP/1.1\r\nHost: a\r\nRange: bytes=100-60000\r\nConnection: close\r\n\r\n"
        yield "a post", "http", b"POST /official HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        for path in ("/metrics", "/status", "/healthz"):
            yield path, "admin", f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        yield "a newest version", "polp", polp(1, b"W2U\0" + b"1000")


def polp(kind, data):
    import hashlib
    body = b"POLP" + struct.pack("<I", kind) + data
    return struct.pack("<I", len(body) + 8) + hashlib.md5(body).digest()[:4] + body


def steady(reply):
    """Without what changes by itself."""
    return reply and re.sub(rb"(?m)^Date:.*$", b"", reply)


def wait_until(what, true):
    until = time.monotonic() + 10
    while not true():
        if time.monotonic() > until:
            raise scenes.Wrong(f"never: {what}")
        time.sleep(0.02)


def start_starve(s, every, wrong):
    """Points tried while it starts."""
    s.memory.set(NEVER, 0, 0)
    s.start(s.memory.stacks_start())
    s.ready()
    s.serving.kill()
    s.serving.wait()
    points = s.memory.stacks_points(every)
    for at in points:
        s.memory.set(at, 0, 0)
        s.start()
        try:
            if not s.ready():
                check(s.serving.returncode, s.said(), s.memory)
        except scenes.Wrong as e:
            wrong.append(f"start, allocation {at} ({s.memory.asker()}): {e}: {s.said()[:300]}")
        s.serving.kill()
        s.serving.wait()
    return len(points)


def requests_starve(s, every, wrong):
    """Points tried while it answers."""
    points = 0
    for name, kind, request in s.requests():
        s.ask(kind, request)
        before = s.memory.count()
        good = steady(s.ask(kind, request))
        calls = s.memory.count() - before
        for at in range(1, calls + 3, every):
            for on in (0, 1):
                s.memory.set(at, on)
                s.ask(kind, request)
                asker = s.memory.asker()
                s.memory.set(NEVER, 0)
                again = steady(s.ask(kind, request))
                points += 1
                if s.serving.poll() is not None:
                    wrong.append(f"{name}, allocation {at}{'+' if on else ''} ({asker}): it ended: {s.serving.returncode}")
                    return points
                if again is None or (kind != "admin" and again != good):
                    wrong.append(f"{name}, allocation {at}{'+' if on else ''} ({asker}): the next request: {again and again[:100]}")
    return points


def reload_starve(s, every, wrong):
    """Points tried while it takes up what was published, and its configuration."""
    request = b"GET /map_download?map=a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    points = 0
    for at in range(1, 400, every):
        on = points % 2
        old = steady(s.ask("http", request))
        s.memory.set(at, on)
        s.must(*scenes.publish(s, "map", points % 2 == 0))
        s.serving.send_signal(signal.SIGHUP)
        until = time.monotonic() + 0.5  # or as long as it takes to get there
        while s.memory.failed() == 0 and time.monotonic() < until:
            time.sleep(0.02)
        reached = s.memory.failed() > 0
        asker = s.memory.asker()
        s.memory.set(NEVER, 0)
        points += 1
        if s.serving.poll() is not None:
            wrong.append(f"reload, allocation {at}{'+' if on else ''} ({asker}): it ended: {s.serving.returncode}: {s.said()[-300:]}")
            return points
        wait_until(f"the new release, after allocation {at}{'+' if on else ''} ({asker})",
                   lambda: steady(s.ask("http", request)) not in (None, old))
        if not reached:
            break
    return points


def server_starve(_, build, every):
    with tempfile.TemporaryDirectory(prefix="patchbay-starve.") as folder:
        s = Starved("serve", folder, build)
        wrong = []
        try:
            s.setup()
            starts = start_starve(s, every, wrong)
            s.memory.set(NEVER, 0, 0)
            s.start()
            s.ready()
            s.ports()
            asked = requests_starve(s, every, wrong)
            reloads = reload_starve(s, every, wrong) if s.serving.poll() is None else 0
            return not wrong, f"serve: {starts} points of the start, {asked} of requests, {reloads} of taking up what is new", wrong
        except scenes.Wrong as e:
            return False, "serve", [*wrong, str(e)]
        finally:
            s.end()


def task(what):
    if what == "serve":
        return server_starve, what
    return (parser_starve, what.split()[1]) if what.startswith("parse ") else (scene_starve, what)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build", type=os.path.abspath)
    p.add_argument("what", nargs="*")
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    o = p.parse_intermixed_args()
    tasks = [task(what) for what in o.what or ["serve", *(f"parse {name}" for name in PARSERS), *SCENES]]
    sys.exit(scenes.run_all([(fn, name, o.build, o.every) for fn, name in tasks], o.jobs))


if __name__ == "__main__":
    main()
