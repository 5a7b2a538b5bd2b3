"""What the programs of this folder break off: each scene is a command, the state that it begins with, and how to judge
what is there afterwards.

A scene makes FOLDER/pristine. Each try copies it to FOLDER/watched, runs the command there with a fault, and asks `judge`:
is a depot sound and each title's live release the old or the new one, is a player's folder the old or the new one once
`recover` has run, and does the same command without a fault bring the new one? SQLite's own library and this program's
hashing are the judges of a depot, beside fsck."""
import concurrent.futures
import hashlib
import os
import shutil
import sqlite3
import subprocess
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 45  # seconds: what takes longer hangs. SQLite takes an error of locking for a lock, and waits 30 s


class Wrong(Exception):
    """What was found is neither the old state nor the new one, or the program did not fail in words."""


def write(path, data, mode=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    if mode:
        os.chmod(path, mode)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def tree(folder):
    """All below a folder but patchbay's own: path -> what it is."""
    found = {}
    for at, folders, files in os.walk(folder):
        if ".patchbay" in folders:
            folders.remove(".patchbay")
        for name in folders + files:
            path = os.path.join(at, name)
            short = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[short] = "-> " + os.readlink(path)
            elif os.path.isdir(path):
                found[short] = "folder"
            else:
                found[short] = hashlib.md5(read(path)).hexdigest()
    return found


def live(depot):
    """Each title's live release, without times: (dialect, name) -> all that clients see of it. Every object is hashed."""
    titles = {}
    db = sqlite3.connect(f"file:{depot}/catalog.sqlite", uri=True)
    for dialect, name, release in db.execute("SELECT dialect, name, live FROM title").fetchall():
        row = db.execute("SELECT version, attributes FROM release WHERE id = ?", (release,)).fetchone()
        entries = db.execute("SELECT name, kind, hex(sha256), extra, size FROM entry JOIN object ON object.id = object"
                             " WHERE release = ? ORDER BY position", (release,)).fetchall()
        for entry, _, sha256, _, size in entries:
            data = read(f"{depot}/objects/{sha256[:2].lower()}/{sha256[2:].lower()}")
            if len(data) != size or hashlib.sha256(data).hexdigest().upper() != sha256:
                raise Wrong(f"{dialect}/{name}: the object of {entry} is damaged")
        titles[dialect, name] = (row, entries)
    db.close()
    return titles


class Scene:
    recovers = False  # is a player's folder, for which there is `recover`
    done_already = (0,)  # the statuses of the same command again, once all is new

    def __init__(self, name, folder, build):
        self.name = name
        self.build = build
        self.patchbay = os.path.join(build, "patchbay")
        self.folder = os.path.join(folder, name.replace(" ", "-"))
        self.watched = os.path.join(self.folder, "watched")
        self.pristine = os.path.join(self.folder, "pristine")
        self.depot = os.path.join(self.watched, "depot")
        self.serving = None
        os.makedirs(self.watched)

    # ---- running ----

    def run(self, *words, faults=None, depot=None):
        env = {**os.environ, "PATCHBAY_DEPOT": depot or self.depot, "LC_ALL": "C"}
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            env.pop(name, None)
        if faults:
            env.update(faults)
        return subprocess.run([self.patchbay, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)

    def must(self, *words, depot=None):
        done = self.run(*words, depot=depot)
        if done.returncode != 0:
            raise Wrong(f"{' '.join(words)}: status {done.returncode}: {done.stdout.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def serve(self, depot):
        log = open(os.path.join(self.folder, "serve.log"), "w+b")
        self.serving = subprocess.Popen([self.patchbay, "serve", "--depot", depot, "--http", "127.0.0.1:0", "--polp", "127.0.0.1:0",
                                         "--access-log", "off", "--threads", "1"], stderr=log, stdin=subprocess.DEVNULL)
        said = b""
        while said.count(b"://") < 2 and self.serving.poll() is None:
            said = read(log.name)
        words = said.decode().split()
        self.http = next(w for w in words if w.startswith("http://")).rstrip("/")[7:]
        self.polp = next(w for w in words if w.startswith("polp://")).rstrip("/")[7:]

    def end(self):
        if self.serving:
            self.serving.kill()
            self.serving.wait()
        shutil.rmtree(self.folder)

    # ---- states ----

    def prepare(self):
        self.setup()
        os.rename(self.watched, self.pristine)
        self.reset()
        self.old = self.state()
        self.must(*self.command())
        self.new = self.state()
        self.texts = {*self.old.values(), *self.new.values()} if self.recovers else ()

    def reset(self):
        shutil.rmtree(self.watched, ignore_errors=True)
        shutil.copytree(self.pristine, self.watched, symlinks=True)

    def state(self):
        return live(self.depot)

    def sound(self, depot):
        done = self.run("fsck", depot=depot)
        if done.returncode != 0:
            raise Wrong("fsck: " + done.stdout.decode(errors="replace").strip())

    def judge(self, succeeded):
        """After a run with a fault: is all that is there old or new, and new if the program said so?"""
        self.sound(self.depot)
        now = self.state()
        for title in {**self.old, **self.new, **now}:
            if now.get(title) not in (self.old.get(title), self.new.get(title)):
                raise Wrong(f"{title}: neither the old release nor the new one")
        if succeeded and now != self.new:
            raise Wrong("it succeeded, but not all is new")
        return now == self.new

    def repeat(self):
        was_new = self.state() == self.new
        done = self.run(*self.command())
        if done.returncode not in (self.done_already if was_new else (0,)):
            raise Wrong(f"repeated: status {done.returncode}: {done.stdout.decode(errors='replace').strip()}")

    def finish(self):
        """The same again, without faults."""
        self.repeat()
        if self.state() != self.new:
            raise Wrong("repeated, it did not bring the new state")


class Folder(Scene):
    """A player's folder, which is watched/game; the depot is another, served without faults."""

    recovers = True

    def __init__(self, name, folder, build):
        super().__init__(name, folder, build)
        self.depot = os.path.join(self.folder, "depot")
        self.game = os.path.join(self.watched, "game")

    def state(self):
        return tree(self.game)

    def same(self, now, wanted):
        """More may have been set aside: where the record of files can't be read, all is taken for the player's. Index files
        are made anew."""
        aside = [path for path in now if path.startswith("attic")]
        plain = [{path: what for path, what in state.items() if not path.startswith("attic") and "webindex" not in path}
                 for state in (now, wanted)]
        return plain[0] == plain[1] and all(path in now for path in wanted if path.startswith("attic")) and \
            all(now[path] in self.texts for path in aside)

    def judge(self, succeeded):
        for path, what in tree(self.game).items():
            if what not in self.texts:
                raise Wrong(f"{path}: half written in place")
        if os.path.exists(self.game + "/.patchbay"):
            self.must("recover", self.game)
        now = self.state()
        new = self.same(now, self.new)
        if now != self.old and not new:
            raise Wrong(f"after recovery neither the old folder nor the new one: {sorted(now.items() ^ self.new.items())}")
        if succeeded and not new:
            raise Wrong("it succeeded, but the folder is not new")
        return new

    def finish(self):
        self.repeat()
        now = self.state()
        if not self.same(now, self.new):
            raise Wrong(f"repeated, it did not bring the new folder: {sorted(now.items() ^ self.new.items())}")


# ---- content ----

def make_map(path, size, seed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run([os.path.join(ROOT, "scripts/make-map"), path, str(size), str(seed)], check=True)


def make_levels(folder, second):
    """Levels that move, swap, change, come and go; a level that becomes a folder."""
    levels = {"a/1": "one", "a/2": "two", "b/1": "three", "b/gone": "gone", "c": "to become a folder"}
    if second:
        levels = {"a/1": "three", "a/2": "changed", "b/1": "one", "c/in": "to become a folder", "new/x": "new"}
    for name, text in levels.items():
        write(f"{folder}/{name}.esx" if name != "c" else f"{folder}/c", f"ESXL {text}")


def make_upgrade(folder, second):
    write(f"{folder}/escape.exe", "#!/bin/sh\n" + ("echo 2\n" if second else ""), 0o755)
    write(f"{folder}/data/{'b' if second else 'a'}", "data " * 400)
    write(f"{folder}/text.txt", "of version 2" if second else "of version 1")


def make_app(folder, second):
    write(f"{folder}/data/entry.dic", "\n".join(str(i) for i in range(3000 + second)))
    write(f"{folder}/noise.bin", hashlib.sha256(b"noise").digest() * 40)
    write(f"{folder}/{'new' if second else 'old'}.txt", "x")


LEVELS = ("--collection", "official", "--min-version", "1")
UPGRADE = ("--platform", "linux", "--oldest", "1", "--recommended", "1", "--version")
APP = ("--app", "1000", "--hardware", "W2U", "--version")
ZIP = ("--algorithm", "zip", "--level", "0")
VERSIONS = ("20030909_A", "20040101_1")


def publish(scene, what, n, depot=None):
    """Release n (0, 1) of a map, levels, an upgrade or an application."""
    at = f"{scene.folder if depot else scene.watched}/source-{what}{n}"
    if not os.path.exists(at):
        make_map(f"{at}/a.map", 70000, n + 1) if what == "map" else MAKERS[what](at, n)
    words = {"map": (f"{at}/a.map", *ZIP), "levels": (at, *LEVELS, "--note", "n"), "app": (at, *APP, VERSIONS[n]),
             "upgrade": (at, *UPGRADE, str(n + 1), "--note", "n", *(("--delete", "data/a") if n else ()))}[what]
    return ("publish", what, *words)


MAKERS = {"levels": make_levels, "upgrade": make_upgrade, "app": make_app}
KINDS = ("map", "levels", "upgrade", "app")
URLS = {"map": "opensauce://{http}/a", "levels": "escape://{http}/official", "upgrade": "escape://{http}/linux/UPGRADE",
        "app": "playonline://{polp}/1000@W2U"}


class Publish(Scene):
    """A second release of what the name says."""

    def setup(self):
        self.must("init")
        self.kind = self.name.split()[1]
        self.more = ()
        self.words = publish(self, self.kind, 1)
        self.must(*publish(self, self.kind, 0))

    def command(self):
        return (*self.words, *self.more)


class PublishMap(Publish):
    def setup(self):
        super().setup()
        path = self.words[2]
        write(f"{self.watched}/password", "secret\n")
        self.words, self.more = {
            "7z": (("publish", "map", path), ("--level", "1")),
            "raw": (self.words, ("--no-raw",)),
            "encrypted": (self.words, ("--password-file", f"{self.watched}/password")),
        }[self.name.split()[2]]


class Import(Scene):
    """Of what a server of ours would hand out."""

    def setup(self):
        other = os.path.join(self.folder, "other")
        self.must("init")
        self.must("init", depot=other)
        source = self.watched + "/in"
        self.words = getattr(self, "of_" + self.name.split()[1])(other, source)

    def of_escape(self, other, source):
        for kind in ("levels", "upgrade"):
            self.must(*publish(self, kind, 0, other), depot=other)
            self.must(*publish(self, kind, 0))
            self.must(*publish(self, kind, 1, other), depot=other)
        self.must("export", source, depot=other)
        return ("import", "escape", source)

    def of_opensauce(self, other, source):
        self.must(*publish(self, "map", 0))
        self.must(*publish(self, "map", 1, other), depot=other)
        self.serve(other)
        with urllib.request.urlopen(f"http://{self.http}/map_download?map=a") as reply:
            write(f"{source}/a.xml", reply.read())
        self.serving.kill()
        self.must("export", source, depot=other)
        return ("import", "opensauce", source, source + "/parts")

    def of_playonline(self, other, source):
        self.must(*publish(self, "app", 0))
        for n in range(2):
            self.must(*publish(self, "app", n, other), depot=other)
        for name, _, sha256, _, _ in live(other)["playonline", "1000@W2U"][1]:
            write(f"{source}/{name}", read(f"{other}/objects/{sha256[:2].lower()}/{sha256[2:].lower()}"))
        return ("import", "playonline", f"{source}/patch.cfg", source, *APP[:4])

    def command(self):
        return self.words


class Operate(Scene):
    """What is done to a depot with two releases of two titles."""

    def setup(self):
        self.must("init")
        for kind in ("map", "levels"):
            for n in range(2):
                self.must(*publish(self, kind, n))
        db = sqlite3.connect(self.depot + "/catalog.sqlite")
        db.execute("UPDATE release SET retired = retired - 1000, published = published - 1000")
        db.commit()
        db.close()

    done_already = (0, 3)

    def command(self):
        return {"gc": ("gc", "--keep", "0"), "rollback": ("rollback", "opensauce/a", "1"), "withdraw": ("withdraw", "opensauce/a"),
                "export": ("export", self.watched + "/out"), "fsck": ("fsck",)}[self.name]


class Gc(Operate):
    """And nothing that is to go may stay, once it is repeated."""

    def finish(self):
        super().finish()
        said = self.must("fsck")
        if " 0 files for gc" not in said:
            raise Wrong("something is left: " + said)


class ExportPrune(Operate):
    """Into a folder with an earlier export and a stranger's file. Old files stay until all that is new is there."""

    def setup(self):
        super().setup()
        self.out = self.watched + "/out"
        self.must("export", self.out)
        write(self.out + "/maps/own.txt", "a stranger's")
        self.must("rollback", "opensauce/a", "1")
        self.must("rollback", "escape/official", "1")

    def command(self):
        return ("export", "--prune", self.watched + "/out")

    def state(self):
        return tree(self.out)

    def judge(self, succeeded):
        now = self.state()
        for path, what in now.items():
            if not path.startswith(".patchbay-") and what not in (self.old.get(path), self.new.get(path)):
                raise Wrong(f"{path}: neither old nor new")
        for path, what in {**self.old, **self.new}.items():
            if path in self.old and path in self.new and path not in now:
                raise Wrong(f"{path}: gone, though it is named")
        if any(path not in now for path in self.old) and any(now.get(path) != self.new[path] for path in self.new
                                                              if not path.startswith(".patchbay-")):
            raise Wrong("something old is gone before all that is new is there")
        if succeeded and now != self.new:
            raise Wrong("it succeeded, but the folder is not what it should be")
        return now == self.new


class Backup(Operate):
    """Into a folder with an earlier backup; restore makes a depot of its own. That depot is what is judged."""

    def setup(self):
        super().setup()
        self.copy = self.watched + "/copy"
        if self.name == "backup":
            self.must("withdraw", "escape/official")
            self.must("backup", self.copy)
            self.must("rollback", "escape/official")

    def command(self):
        return ("backup", self.copy) if self.name == "backup" else ("restore", self.depot, "--depot", self.copy)

    def state(self):
        return live(self.copy) if os.path.exists(self.copy + "/catalog.sqlite") else {}

    def judge(self, succeeded):
        self.sound(self.depot)
        there = os.path.exists(self.copy + "/catalog.sqlite")
        if there:
            self.sound(self.copy)
        now = self.state()
        if now not in (self.old, self.new) or (succeeded and now != self.new):
            raise Wrong("the copy is neither what it was nor what it is to be")
        return now == self.new

    def finish(self):
        if self.name == "backup" or not os.path.exists(self.copy + "/catalog.sqlite"):
            self.must(*self.command())
        self.sound(self.copy)
        if self.state() != self.new:
            raise Wrong("repeated, it did not bring the copy")


class Fetch(Folder):
    """The second release over the first, with files of the player's; `first`: into an empty folder."""

    def setup(self):
        self.must("init")
        self.kind = self.name.split()[1]
        os.makedirs(self.game)
        write(self.game + "/own.txt", "the player's own")
        for n in range(2):
            if n == 1 and not self.name.endswith("first"):
                self.serve(self.depot)
                self.must(*self.command())
                if self.kind == "levels":
                    write(self.game + "/official/a/own.esx", "also the player's")
                self.serving.kill()
                self.serving.wait()
            self.must(*publish(self, self.kind, n, self.depot))
        self.serve(self.depot)

    def command(self):
        return ("fetch", URLS[self.kind].format(http=self.http, polp=self.polp), self.game, "--connections", "1")


class Installed(Fetch):
    """What is done to a folder with something installed."""

    done_already = (0, 3)

    def command(self):
        if not hasattr(self, "pristine_made"):
            return super().command()
        return {"uninstall": ("uninstall", "escape/official", self.game), "verify": ("verify", self.game)}[self.name.split()[0]]

    def setup(self):
        super().setup()
        self.must(*super().command())
        self.pristine_made = True


def make(name, folder, build):
    kinds = {"publish map": Publish, "publish": Publish, "import": Import, "gc": Gc, "rollback": Operate, "withdraw": Operate,
             "export": Operate, "export prune": ExportPrune, "backup": Backup, "restore": Backup, "fetch": Fetch, "uninstall": Installed, "verify": Installed}
    kind = PublishMap if name.startswith("publish map ") else kinds.get(name) or kinds[name.split()[0]]
    return kind(name, folder, build)


ALL = ["publish map", "publish map 7z", "publish map raw", "publish map encrypted", "publish levels", "publish upgrade",
       "publish app", "import opensauce", "import escape", "import playonline", "gc", "rollback", "withdraw", "export", "export prune", "backup",
       "restore", *(f"fetch {kind}{more}" for kind in KINDS for more in ("", " first")), "uninstall levels", "verify levels"]


def run_all(calls, jobs):
    """Each call is (function, arguments...), and gives (ok, line, [what is wrong]). Prints TAP; returns whether any failed."""
    failed = 0
    print(f"1..{len(calls)}", flush=True)
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        results = [pool.submit(*call) for call in calls]
        for number, result in enumerate(concurrent.futures.as_completed(results), 1):
            ok, line, wrong = result.result()
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {number} - {line}", *(f"# {w}" for w in wrong), sep="\n", flush=True)
    return failed != 0
