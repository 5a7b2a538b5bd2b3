#!/usr/bin/env python3
"""What a depot costs, by sets: compared with what `patchbay list --json` and `gc --dry-run` say of a made-up catalog.

costs.py make DEPOT SEED: fills the catalog; costs.py check DEPOT PATCHBAY.
"""

import json
import random
import sqlite3
import subprocess
import sys


def make(depot, seed):
    rand = random.Random(seed)
    with sqlite3.connect(f"{depot}/catalog.sqlite") as db:
        for i in range(1, 301):
            db.execute("INSERT INTO object VALUES (?, ?, ?, ?)", (i, rand.randbytes(32), bytes(16), rand.randrange(1, 5000)))
        release = 0
        for title in range(1, 13):
            releases = range(release + 1, release + 1 + rand.randrange(1, 5))
            release = releases[-1]
            live = rand.choice([*releases, None]) if title % 3 == 0 else releases[-1]
            db.execute("INSERT INTO title (id, dialect, name, live) VALUES (?, 'escape', ?, ?)", (title, f"t{title}", live))
            for r in releases:
                db.execute("INSERT INTO release VALUES (?, ?, ?, 1, ?, '{}')", (r, title, str(r), None if r == live else 1))
                for position in range(rand.randrange(0, 40)):
                    db.execute("INSERT INTO entry VALUES (?, ?, ?, 1, ?, NULL)",
                               (r, position, f"e{position}", min(title * 20 + rand.randrange(0, 45), 290)))


def check(depot, patchbay):
    db = sqlite3.connect(f"{depot}/catalog.sqlite")
    size = dict(db.execute("SELECT id, size FROM object"))
    live = {name: release for name, release in db.execute("SELECT name, live FROM title")}
    needs = {}  # title -> release -> objects
    for name, release in db.execute("SELECT t.name, r.id FROM release r JOIN title t ON t.id = r.title"):
        needs.setdefault(name, {})[release] = {o for o, in db.execute("SELECT object FROM entry WHERE release = ?", (release,))}
    db.close()

    def total(objects):
        return sum(size[o] for o in objects)

    of = {name: set().union(*r.values()) for name, r in needs.items()}
    shown = {t["title"]: t for t in json.loads(subprocess.check_output([patchbay, "list", "--json", "--depot", depot]))}
    assert shown.keys() == {f"escape/{n}" for n in live if live[n] is not None}, shown.keys()
    for name in of:
        others = set().union(*(of[n] for n in of if n != name))
        now = needs[name].get(live[name], set())
        want = {"own_bytes": total(of[name] - others), "shared_bytes": total(of[name] & others),
                "old_bytes": total(of[name] - others - now), "releases": len(needs[name])}
        got = shown.get(f"escape/{name}")
        assert got is None or {k: got[k] for k in want} == want, (name, got, want)
    # What gc would free, in words: the objects' files are not there, so gc itself can count the releases alone.
    served = set().union(*(needs[n].get(live[n], set()) for n in needs))
    text = subprocess.check_output([patchbay, "list", "--depot", depot], text=True)
    old, unused = total(set().union(*of.values()) - served), total(set(size) - set().union(*of.values()))

    def words(n):
        return f"{n} bytes" if n < 1024 else f"{n / 1024:.1f} KiB"

    assert f"depot: {words(total(size))} in {len(size)} objects; " in text, text
    old_releases = sum(r != live[n] for n in needs for r in needs[n])
    assert f"{old_releases} old releases: {words(old)} alone" in text, (text, old)
    assert f"unused: {words(unused)} (" in text, (text, unused)
    before = open(f"{depot}/catalog.sqlite", "rb").read()
    dry = json.loads(subprocess.check_output([patchbay, "gc", "--dry-run", "--keep", "0", "--json", "--depot", depot]))
    assert dry == {"dry_run": True, "releases": old_releases, "objects": 0, "bytes": 0}, dry
    assert open(f"{depot}/catalog.sqlite", "rb").read() == before


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]))
else:
    check(sys.argv[2], sys.argv[3])
