#!/usr/bin/env python3
"""Our client, our server, and a network that is broken in one way at a time: fault_proxy.py stands between them.

usage: netfaults.py PATCHBAY short|full [TITLE...] [--jobs N] [--stride N] [--verbose]

TITLE: map, levels, upgrade, app (all, if none is given). Each case updates a folder from one release to the next. It must end in
bounded time with exit status 0 and the new release, byte for byte; or with another status of the documented ones, one line of
words, and the old release as it was. Afterwards the same folder is updated without the fault, which must work. `full` takes every
byte of all heads, and every --stride bytes (default 8191) of bodies; `short` some of both. Prints what went wrong, and a table."""
import argparse
import asyncio
import collections
import concurrent.futures
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from fault_proxy import HTTP_ANSWERS, POLP_ANSWERS, RANGE_ANSWERS, Fault, Proxy

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
SHORT = 30  # cases of a title
BOUND = 60  # seconds for a run with --timeout 1 and --retries 1
MEMORY = 256 << 10  # KiB
STATUSES = {0, 1, 3, 4, 5}
BYTES = ["cut", "reset", "flip01", "flip80", "repeat", "drop", "delay", "stall", "drip"]


def tree(folder):
    """Path and MD5 of every file below, but of patchbay's own."""
    found = {}
    for at, folders, names in os.walk(folder):
        if at == folder:
            folders[:] = [f for f in folders if f != ".patchbay"]
        for name in names + [f for f in folders if os.path.islink(os.path.join(at, f))]:
            path = os.path.join(at, name)
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = "-> " + os.readlink(path)
            else:
                with open(path, "rb") as f:
                    found[os.path.relpath(path, folder)] = hashlib.md5(f.read()).hexdigest()
    return found


class Title:
    """What is fetched, and how: published twice into one depot."""

    def __init__(self, name, scheme, path, publish, options=(), polp=False, unproven=0):
        self.name, self.scheme, self.path, self.publish, self.options, self.polp = name, scheme, path, publish, options, polp
        self.unproven = unproven  # so many of the first answers are documents whose bytes nothing proves


def map_write(seed):
    subprocess.run([root + "/scripts/make-map", "a.map", "2400000", str(seed)], check=True)


def publish_map(patchbay, seed):
    map_write(seed)
    patchbay("publish", "map", "a.map", "--level", "1")


def publish_levels(patchbay, seed):
    r = random.Random(seed)
    shutil.rmtree("levels", ignore_errors=True)
    os.makedirs("levels/folder")
    for i in range(5):
        with open("levels/folder/level%d.esx" % (i + seed), "wb") as f:
            f.write(r.randbytes(700 + i))
    with open("levels/large.esx", "wb") as f:
        f.write(r.randbytes(200000))
    patchbay("publish", "levels", "levels", "--collection", "official", "--min-version", "1", "--note", "release %d" % seed)


def tree_write(folder, seed):
    r = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + "/data")
    for i in range(3):
        with open("%s/data/file%d.bin" % (folder, i), "wb") as f:
            f.write(r.randbytes(300) + b"text " * 200)
    with open(folder + "/large.bin", "wb") as f:
        f.write(r.randbytes(200000))


def publish_upgrade(patchbay, seed):
    tree_write("game", seed)
    patchbay("publish", "upgrade", "game", "--platform", "linux", "--version", str(100 + seed), "--oldest", "1", "--recommended", "1",
             "--symlink", "readme=data/file0.bin", "--note", "release %d" % seed)


def publish_app(patchbay, seed):
    tree_write("app", seed)
    patchbay("publish", "app", "app", "--app", "1000", "--hardware", "W2U", "--version", "2007010%d_1" % seed)


TITLES = [
    Title("map", "opensauce", "a", publish_map),
    Title("levels", "escape", "official", publish_levels, unproven=1),
    Title("upgrade", "escape", "linux/UPGRADE", publish_upgrade, ("--installed-version", "50"), unproven=1),
    Title("app", "playonline", "1000@W2U", publish_app, ("--no-follow",), polp=True),
]


class Loop:
    """asyncio in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


class Bench:
    """The server, the two states of each title's folder, and what runs a case."""

    def __init__(self, patchbay, work):
        self.patchbay, self.work, self.loop = os.path.abspath(patchbay), work, Loop()
        os.chdir(work)
        self.ours("init")
        self.env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

    def ours(self, *words):
        subprocess.run([self.patchbay, *words, "--depot", "depot"], check=True, stdout=subprocess.DEVNULL)

    def serve(self):
        log = open("serve.log", "w+")
        self.server = subprocess.Popen([self.patchbay, "serve", "--http", "127.0.0.1:0", "--polp", "127.0.0.1:0", "--depot", "depot",
                                        "--access-log", "off"], stderr=log)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            words = open("serve.log").read()
            ports = {scheme: words.split(scheme + "://127.0.0.1:")[1].split("/")[0] for scheme in ("http", "polp")
                     if scheme + "://127.0.0.1:" in words}
            if len(ports) == 2 and all(p.isdigit() for p in ports.values()):
                self.targets = {s: ("127.0.0.1", int(p)) for s, p in ports.items()}
                return
            time.sleep(0.02)
        sys.exit("the server does not start: " + words)

    def release(self, titles, seed):
        """Publishes one release of all titles, and fetches each into NAME.SEED."""
        for t in titles:
            t.publish(self.ours, seed)
        self.serve()
        for t in titles:
            if seed > 1:
                shutil.copytree("%s.%d" % (t.name, seed - 1), "%s.%d" % (t.name, seed), symlinks=True)
            proxy = Proxy(self.targets["polp" if t.polp else "http"], Fault(), t.polp)
            ran = self.client(t, proxy, "%s.%d" % (t.name, seed))
            if ran[0] != 0:
                sys.exit("%s can't be fetched: %s" % (t.name, ran[1]))
            t.layout = proxy.layout
            if seed > 1:
                t.old, t.new = tree("%s.%d" % (t.name, seed - 1)), tree("%s.%d" % (t.name, seed))
        if seed == 1:
            self.stop()

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def client(self, title, proxy, folder, interrupt=None, options=("--timeout", "1", "--retries", "1")):
        """(exit status, words, seconds, KiB, seconds from the signal to the end)"""
        port = self.loop.run(proxy.start())
        began = time.monotonic()
        out = open(folder + ".log", "w+b")
        p = subprocess.Popen([self.patchbay, "fetch", "%s://127.0.0.1:%d/%s" % (title.scheme, port, title.path), folder, "--connections",
                              "1", *options, *title.options], stdout=out, stderr=subprocess.STDOUT, env=self.env)
        ended = threading.Event()
        bound = threading.Thread(target=lambda: ended.wait(BOUND) or p.kill())
        bound.start()
        told = None
        if interrupt is not None:
            asyncio.run_coroutine_threadsafe(asyncio.wait_for(proxy.stalled.wait(), BOUND), self.loop.loop).result()
            told = time.monotonic()
            p.send_signal(interrupt)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        now = time.monotonic()
        ended.set()
        bound.join()
        self.loop.run(proxy.stop())
        out.seek(0)
        words = out.read().decode(errors="replace")
        out.close()
        return p.returncode, words, now - began, usage.ru_maxrss, now - told if told else 0

    def case(self, title, fault, interrupt=None):
        """What became of it; and what is wrong with that, or None."""
        folder = tempfile.mkdtemp(prefix=title.name + "-", dir=self.work)
        at = os.path.join(folder, "d")
        shutil.copytree(title.name + ".1", at, symlinks=True)
        proxy = Proxy(self.targets["polp" if title.polp else "http"], fault, title.polp)
        options = ("--timeout", "60") if interrupt is not None else ("--timeout", "1", "--retries", "1")
        status, words, seconds, kib, since = self.client(title, proxy, at, interrupt, options)
        wrong = self.judge(title, fault, at, status, words, seconds, kib, interrupt, since)
        if wrong is None and status != 0:
            status2, words2, *_ = self.client(title, Proxy(proxy.target, Fault(), title.polp), at, options=())
            if status2 != 0 or tree(at) != title.new:
                wrong = "the next fetch does not mend it: " + words2
        if wrong is None:
            shutil.rmtree(folder)
        return status, seconds, kib, since, wrong and "%s\n%s" % (wrong, words)

    def judge(self, title, fault, at, status, words, seconds, kib, interrupt, since):
        there = tree(at)
        if seconds > BOUND:
            return "no end within %d s" % BOUND
        if interrupt is not None:
            if status != 7 or since > 1 + SLACK:
                return "status %d, %.2f s after the signal" % (status, since)
        elif status not in STATUSES:
            return "status %d" % status
        if "Sanitizer" in words or "runtime error" in words:
            return "a sanitizer's report"
        if status != 0 and there != title.old:
            return "status %d, but the folder is not as it was" % status
        if status not in (0, 7) and not [l for l in words.splitlines() if l.startswith("patchbay: ")]:
            return "no word of what is wrong"
        if kib > MEMORY and not SANITIZED:
            return "%d KiB of memory" % kib
        if status == 0 and there != title.new:
            return self.may_differ(title, fault, there)
        return None

    def may_differ(self, title, fault, there):
        """A document that nothing proves may have been changed on the way; each file is still one that was published."""
        known = set(title.old.values()) | set(title.new.values()) | {v for v in there.values() if v.startswith("-> ")}
        unproven = sum(map(sum, title.layout[:title.unproven]))
        document = fault.first < title.unproven if fault.answer is not None else fault.at < unproven
        if not fault.up and title.unproven and document and set(there.values()) <= known:
            return None
        return "status 0, but the folder has not got the release: %s" % sorted(set(there.items()) ^ set(title.new.items()))[:4]


def positions(layout, full, stride):
    """Of what the server sends: all of each head, some of each body."""
    at, found = 0, []
    for head, body in layout:
        if full:
            found += range(at, at + head)
            found += range(at + head, at + head + body, stride)
        else:
            found += [at, at + head // 3, at + head - 1]
            found += [at + head + body // 2] if body else []
        found += [at + head + body - 1] if body else []
        at += head + body
    return sorted(set(found))


def thin(list_of, most):
    """At most so many of them, evenly."""
    return list_of if len(list_of) <= most else [list_of[i * len(list_of) // most] for i in range(most)]


def cases_of(title, full, stride):
    places = positions(title.layout, full, stride)
    # What waits is not tried at each byte: a stall at one byte of a head is like that at the next.
    slow = thin(places, 200 if full else 4)
    for kind in BYTES:
        waits = kind in ("stall", "drip", "delay")
        for i, at in enumerate(slow if waits else places):
            if full or waits or i % 3 == BYTES.index(kind) % 3:
                yield Fault(kind, at)
        for at in thin(places, 40) if full else places[:1]:
            if not waits or full:
                yield Fault(kind, at, always=True)
    for kind in ("cut", "reset", "flip01", "drop"):
        for at in range(0, 400, 3 if full else 170):
            yield Fault(kind, at, up=True)
    answers = POLP_ANSWERS if title.polp else HTTP_ANSWERS
    for first in range(len(title.layout)) if full else (0, len(title.layout) - 1):
        for i, answer in enumerate(answers):
            if full or i % 2 == (first > 0):
                yield Fault(answer=answer, first=first)
    for answer in answers if full else answers[1::4]:
        for first in (0, 1, 2) if full else (1,):
            yield Fault(answer=answer, first=first, always=True)
    if title.polp:
        return
    at = 0
    for head, body in title.layout:
        if body > 150000:  # so much that it is continued
            for answer in RANGE_ANSWERS if full else RANGE_ANSWERS[::2]:
                yield Fault("cut", at + head + 140000, answer=answer, only=b"HTTP/1.1 206")
        at += head + body


def interrupted(title, full):
    places = positions(title.layout, False, 0)
    for i, at in enumerate(places if full else thin(places, 3)):
        yield Fault("stall", at, always=False), (signal.SIGINT, signal.SIGTERM)[i % 2]


def run_all(bench, title, full, stride, jobs, verbose):
    table = collections.defaultdict(lambda: collections.Counter())
    slowest, most, wrong, last = 0, 0, [], 0
    faults = list(cases_of(title, full, stride))
    work = [(f, None) for f in (faults if full else thin(faults, SHORT))] + list(interrupted(title, full))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(bench.case, title, f, s): (f, s) for f, s in work}
        for done in concurrent.futures.as_completed(running):
            fault, signalled = running[done]
            status, seconds, kib, since, fault_words = done.result()
            kind = "signal" if signalled else "answer" if fault.answer else fault.kind
            table[kind][status] += 1
            slowest, most, last = max(slowest, seconds), max(most, kib), max(last, since)
            if verbose:
                print("%s: %s: %d in %.1f s" % (title.name, fault, status, seconds))
            if fault_words is not None:
                wrong.append("%s: %s%s: %s" % (title.name, fault, " and a signal" if signalled else "", fault_words))
    print("%s: %d cases, %d wrong; slowest %.1f s, most memory %d MB, signal to end %.2f s" % (
        title.name, len(work), len(wrong), slowest, most // 1024, last))
    for kind, counts in sorted(table.items()):
        print("  %-8s %s" % (kind, ", ".join("status %d: %d" % c for c in sorted(counts.items()))))
    for text in wrong[:40]:
        print("WRONG " + text)
    sys.stdout.flush()
    return len(wrong)


def main():
    global SANITIZED, SLACK
    a = argparse.ArgumentParser(usage=__doc__)
    a.add_argument("patchbay")
    a.add_argument("form", choices=["short", "full"])
    a.add_argument("titles", nargs="*")
    a.add_argument("--jobs", type=int, default=24)
    a.add_argument("--stride", type=int, default=8191)
    a.add_argument("--verbose", action="store_true")
    a = a.parse_args()
    with open(a.patchbay, "rb") as f:
        SANITIZED = b"__asan_init" in f.read()
    SLACK = 2 if SANITIZED else 0.5  # other cases want the processor, too
    titles = [t for t in TITLES if not a.titles or t.name in a.titles]
    with tempfile.TemporaryDirectory(prefix="patchbay-net.") as work:
        bench = Bench(a.patchbay, work)
        try:
            bench.release(titles, 1)
            bench.release(titles, 2)
            wrong = sum(run_all(bench, t, a.form == "full", a.stride, a.jobs, a.verbose) for t in titles)
        finally:
            bench.stop()
    sys.exit(1 if wrong else 0)


main()
