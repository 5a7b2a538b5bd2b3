#!/usr/bin/env python3
"""A player's folder in which somebody planted things, and the client at work in it.

folder.py plant PATCHBAY URL PRISTINE [STRIDE]   each kind of thing at each place, then a fetch; every STRIDE-th only
folder.py swap PATCHBAY URL PRISTINE FETCHES     folders are exchanged for links to outside and back while it fetches
folder.py wait PATCHBAY URL PRISTINE             SIGTERM while it waits for a lock that never comes

PRISTINE is a folder with an earlier release in it, so that a fetch has something to do. After each fetch what lies outside is
as it was, byte for byte; the fetch ended by itself, right or with an error; and the player's own bytes are still there."""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

BOUND = 60  # seconds that no fetch here may take
OWN = b"the player's own bytes\n"
EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def picture(folder):
    """Everything about what is below a folder that a program could change: names, kinds, modes, bytes."""
    lines = []
    for at, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = os.path.join(at, name)
            st = os.lstat(path)
            data = open(path, "rb").read() if stat.S_ISREG(st.st_mode) else b""
            lines.append((os.path.relpath(path, folder), st.st_mode, data))
    return sorted(lines)


def files_of(folder):
    return {rel: data for rel, mode, data in picture(folder) if stat.S_ISREG(mode)}


def fresh(pristine):
    """game/ as pristine/, with its times; and outside/, which nobody may touch."""
    for folder in ("game", "outside"):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-a", pristine, "game"], check=True)
    os.makedirs("outside/folder")
    write("outside/file", b"precious\n")
    write("outside/folder/file", b"precious, too\n")
    os.chmod("outside/file", 0o644)


def fetch(patchbay, url):
    p = subprocess.run([patchbay, "fetch", url, "game"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=BOUND)
    text = p.stderr.decode(errors="replace")
    if not 0 <= p.returncode <= 9 or (p.returncode != 0 and not text.strip()) or "runtime error" in text or "Sanitizer" in text:
        sys.exit("status %d: %s" % (p.returncode, text))
    return p.returncode, text


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def plant_socket(path):
    here = os.open(os.path.dirname(path), os.O_PATH)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("/proc/self/fd/%d/%s" % (here, os.path.basename(path)) if len(path) > 90 else path)
    os.close(here)


def plant_folder(path):
    os.mkdir(path)
    write(path + "/own", OWN)


def outside(name):
    return os.path.abspath("outside/" + name)


KINDS = {
    "link to a file": lambda path: os.symlink(outside("file"), path),
    "link to a folder": lambda path: os.symlink(outside("folder"), path),
    "link to nothing": lambda path: os.symlink(outside("new"), path),
    "second name": lambda path: os.link(outside("file"), path),
    "FIFO": os.mkfifo,
    "socket": plant_socket,
    "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)),  # endless zeros
    "file": lambda path: write(path, OWN),
    "folder": plant_folder,
    "case twin": None,
}


def plant(kind, rel):
    """False: that can't be done here."""
    path = os.path.join("game", rel)
    above, name = os.path.split(path)
    if not os.path.isdir(above) or os.path.islink(above):
        os.makedirs(above)
    if kind == "case twin":
        if name.swapcase() == name:
            return False
        twin = os.path.join(above, name.swapcase())
        remove(twin)
        write(twin, OWN)
        return True
    remove(path)
    try:
        KINDS[kind](path)
    except PermissionError:  # devices are for root
        return False
    return True


def places(patchbay, url, pristine):
    """Every name that a fetch makes or uses, seen by killing it here and there; in DIR, in .patchbay, in staging."""
    found = set()
    preload = dict(os.environ, LD_PRELOAD=os.environ["PATCHBAY_BUILD"] + "/tests/libfaulty.so", FAULT_UNDER=os.path.abspath("game"),
                   FAULT_COUNT=os.path.abspath("count"))

    def run(**more):
        fresh(pristine)
        subprocess.run([patchbay, "fetch", url, "game"], env=dict(preload, **more), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=BOUND)
        found.update(rel for rel, _, _ in picture("game"))

    run(FAULT_DO="none")
    result = files_of("game")
    calls = int(open("count").read())
    step = max(1, calls // 12)
    for at in range(1, calls, step):
        run(FAULT_DO="kill-after", FAULT_AT=str(at))
    found |= {"attic", ".patchbay/journal", ".patchbay/journal.new", ".patchbay/journal.arrives", ".patchbay/installed.json.new",
              ".patchbay/lock"}
    found |= {rel + ".part" for rel in found if rel.startswith(".patchbay/staging/") and rel.count("/") == 3}
    return sorted(found), {rel: data for rel, data in result.items() if not rel.startswith((".patchbay/", "attic/"))}


def judge(what, before, rc, text, wanted, rel, kind):
    if picture("outside") != before:
        sys.exit("%s: what lies outside was changed (%d %s)" % (what, rc, text))
    there = files_of("game")
    own = [name for name, data in there.items() if data == OWN]
    if "mine" not in own:
        sys.exit("%s: the player's own file is gone" % what)
    # A file in place of one of the title's is repaired, and set aside where the dialect has an attic.
    kept = kind in ("folder", "case twin") and not rel.startswith(".patchbay/")
    if kept and len(own) < 2:
        sys.exit("%s: what the player had there is gone (%d %s)" % (what, rc, text))
    if rc == 0:
        for name, data in wanted.items():
            if there.get(name) != data:
                sys.exit("%s: it says that all is right, and %s is not" % (what, name))


def mode_plant(patchbay, url, pristine, stride="1"):
    rels, wanted = places(patchbay, url, pristine)
    n = right = 0
    turn = int(stride) - 1
    for i, rel in enumerate(rels):
        for k, kind in enumerate(KINDS):
            if (i + k) % int(stride) != turn:
                continue
            fresh(pristine)
            write("game/mine", OWN)
            if rel == "mine" or not plant(kind, rel):
                continue
            before = picture("outside")
            what = "%s as %s" % (kind, rel)
            try:
                rc, text = fetch(patchbay, url)
            except subprocess.TimeoutExpired:
                sys.exit("%s: the fetch hangs" % what)
            judge(what, before, rc, text, wanted, rel, kind)
            if os.environ.get("FOLDER_VERBOSE"):
                print(what, "->", rc, text.strip())
            n += 1
            right += rc == 0
    print("%d places, %d fetches: %d right, %d refused" % (len(rels), n, right, n - right))
    if not 0 < right < n + 1:
        sys.exit("nothing was fetched at all")


def swapping(pairs, stop, count, pause):
    while not stop.is_set():
        for inside, link in pairs:
            if libc.renameat2(-100, inside.encode(), -100, link.encode(), EXCHANGE) == 0:
                count[0] += 1
                time.sleep(0)  # lets the other go on
                libc.renameat2(-100, inside.encode(), -100, link.encode(), EXCHANGE)
                time.sleep(pause)


def spoil(folder):
    """The next fetch has to make these files again. Never through a link."""
    for at, folders, files, fd in os.fwalk(folder, follow_symlinks=False):
        if ".patchbay" in folders:
            folders.remove(".patchbay")
        for name in files:
            if at != folder:
                os.unlink(name, dir_fd=fd)


def mode_swap(patchbay, url, pristine, fetches):
    fresh(pristine)
    shutil.rmtree("outside")
    os.mkdir("outside")
    inside = [at for at, _, _ in os.walk("game") if at != "game"] + ["game/attic"]
    os.makedirs("game/attic", exist_ok=True)
    pairs = []
    for i, at in enumerate(inside):
        os.symlink(os.path.abspath("outside"), "link%d" % i)
        pairs.append((at, "link%d" % i))
    right, count = 0, [0]
    for i in range(int(fetches)):
        spoil("game")
        stop = threading.Event()
        racer = threading.Thread(target=swapping, args=(pairs, stop, count, 0.005 * (i % 3)))
        racer.start()
        try:
            right += fetch(patchbay, url)[0] == 0
        finally:
            stop.set()
            racer.join()
        if os.listdir("outside"):
            sys.exit("after %d fetches there is %s outside" % (i + 1, os.listdir("outside")))
    # A broken off install is finished first, and what was taken from it meanwhile is told once.
    if fetch(patchbay, url)[0] != 0 and fetch(patchbay, url)[0] != 0:
        sys.exit("undisturbed, it does not end: " + fetch(patchbay, url)[1])
    print("%s fetches among %d exchanges: %d right" % (fetches, count[0], right))


def mode_wait(patchbay, url, pristine):
    fresh(pristine)
    remove("game/.patchbay/lock")
    os.link(outside("file"), "game/.patchbay/lock")
    with open("outside/file") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        p = subprocess.Popen([patchbay, "fetch", url, "game"], stderr=subprocess.DEVNULL)
        until = time.monotonic() + BOUND
        while "locks_lock_inode_wait" not in open("/proc/%d/wchan" % p.pid).read() and not waits(p.pid):
            if time.monotonic() > until or p.poll() is not None:
                sys.exit("it never came to wait")
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        p.wait(BOUND)
        print("ended after %.2f s" % (time.monotonic() - began))
        if time.monotonic() - began > 1.5:  # a second, and what a busy machine adds
            sys.exit("too late")


def waits(pid):
    """Does the kernel list it as waiting for a lock?"""
    return any("->" in line and " %d " % pid in line for line in open("/proc/locks"))


if __name__ == "__main__":
    globals()["mode_" + sys.argv[1]](*sys.argv[2:])
