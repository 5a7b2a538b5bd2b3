"""The content that is published and fetched: always the same, as large as a game's, or small to try the benchmarks."""
import os
import random
import shutil
import subprocess

from measure import run
from report import root

SMALL = os.environ.get("SMALL", "") not in ("", "0")
LEVELS, FOLDERS, CHANGED = (4000, 16, 20) if SMALL else (100000, 64, 200)
MANY_LEVELS = 10000 if SMALL else 250000
WAD = "/usr/share/games/doom/freedoom2.wad"
APP = "/usr/share/games/openarena"
LIST_BYTES = 300000 if SMALL else 6300000


def script(name):
    return os.path.join(root, "scripts", name)


def make_map(path):
    """A real game's level data, under the name of a map."""
    with open(WAD, "rb") as wad, open(path, "wb") as f:
        shutil.copyfileobj(wad, f) if not SMALL else f.write(wad.read(4000000))


def make_levels(tree, levels=LEVELS):
    run(script("make-levels"), tree, str(levels), str(FOLDERS), "1")


def change_levels(tree, seed):
    """CHANGED levels get another content, under the same name."""
    run(script("make-levels"), "--change", tree, str(seed), "0", "0", str(CHANGED), "0")


def make_list(path):
    """A patch.cfg."""
    with open(path, "w") as f:
        subprocess.run([script("make-patch-cfg"), str(LIST_BYTES)], stdout=f, check=True)


def app_found():
    """The files of Debian's openarena-data, if it is installed."""
    return sorted(os.path.join(at, name) for at, _, names in os.walk(APP) for name in names
                  if not SMALL or os.path.getsize(os.path.join(at, name)) < 4000000)


def app_generated(tree):
    """Instead of it: as much, in as few files, and like it mostly packed already."""
    rng = random.Random(1)
    for i in range(2 if SMALL else 10):
        with open(os.path.join(tree, "pak%d.pk3" % i), "wb") as f:
            for block in range(10 if SMALL else 335):
                f.write(rng.randbytes(100000) if block % 10 else b"one of the few texts in it\n" * 3700)


def make_app(tree):
    """Returns what it is."""
    os.makedirs(tree)
    found = app_found()
    if not found:
        app_generated(tree)
        return "generated files, nine tenths of them noise"
    for path in found:
        to = os.path.join(tree, os.path.relpath(path, APP))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)
    return "the files of Debian's openarena-data, most of them packed already"


def bytes_in(tree):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(tree) for name in names)
