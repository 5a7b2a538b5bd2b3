#!/usr/bin/env python3
"""Runs each scene with a fault at every call. Prints TAP: a line for each scene and fault, with the points tried.

usage: everywhere.py BUILD [--every N] [--jobs N] [--faults EIO,EIO+,...] [SCENE...]

--every N tries each N-th point. The fault is one of those of faulty.c: EIO, ENOSPC, EDQUOT, EMFILE at one call, with +
from it on, or kill-after. After each try: the program ended by itself, in words and with a status, and the scene judges
what is there; then the same command without a fault has to bring the new state."""
import argparse
import collections
import os
import subprocess
import sys
import tempfile

import scenes

FAULTS = ["kill-after", "EIO", "EIO+", "ENOSPC", "ENOSPC+", "EDQUOT", "EDQUOT+", "EMFILE", "EMFILE+"]
CRASHED = 128  # and more is a signal, to a shell; sanitizers end with 1 and their own words


def run(scene, fault, at):
    """One run with the fault; the status, the words, how many calls there were."""
    count, log = os.path.join(scene.folder, "count"), os.path.join(scene.folder, "log")
    for name in (count, log):
        if os.path.exists(name):
            os.remove(name)
    faults = {"LD_PRELOAD": os.path.join(scene.build, "tests/libfaulty.so"), "FAULT_DO": fault, "FAULT_AT": str(at),
              "FAULT_UNDER": scene.watched, "FAULT_COUNT": count, "FAULT_LOG": log, "FAULT_SYNC": "skip"}
    done = scene.run(*scene.command(), faults=faults)
    calls = int(scenes.read(count)) if os.path.exists(count) else None
    call = scenes.read(log).decode() if os.path.exists(log) else "?"
    return done.returncode, done.stdout.decode(errors="replace"), calls, call


def check_words(status, words, fault):
    if status == -9 and fault.startswith("kill"):
        return
    if status < 0 or status >= CRASHED or "Sanitizer" in words or "runtime error" in words:
        raise scenes.Wrong(f"it crashed: status {status}")
    if status != 0 and words.strip() == "":
        raise scenes.Wrong(f"status {status} without a word")


def attempt(scene, fault, at):
    """True: the new state is there. Raises Wrong."""
    scene.reset()
    call = words = "?"
    try:
        status, words, _, call = run(scene, fault, at)
        check_words(status, words, fault)
        new = scene.judge(status == 0)
        if not new or not fault.startswith("kill"):
            scene.finish()
        return new, status
    except subprocess.TimeoutExpired:
        raise scenes.Wrong(f"point {at} ({call}): it hangs") from None
    except (scenes.Wrong, OSError, scenes.sqlite3.Error) as e:
        raise scenes.Wrong(f"point {at} ({call}): {e}; it said: {words.strip()[:400]}") from None


def everywhere(name, fault, build, every):
    """All points of a scene. Returns what the line of TAP says."""
    with tempfile.TemporaryDirectory(prefix="patchbay-fault.") as folder:
        scene = scenes.make(name, folder, build)
        wrong, seen = [], collections.Counter()
        try:
            scene.prepare()
            scene.reset()
            status, words, calls, _ = run(scene, fault.rstrip("+"), 0)
            if status != 0 or calls is None:
                return False, f"{name}, {fault}: status {status}, {calls} calls without a fault: {words}", []
            for at in range(1 + sum(name.encode()) % every, calls + 1, every):
                try:
                    new, status = attempt(scene, fault, at)
                    seen["new" if new else "old"] += 1
                    seen["failed" if status != 0 else "through"] += 1
                except scenes.Wrong as e:
                    wrong.append(str(e))
                seen["points"] += 1
            return not wrong, (f"{name}, {fault}: {seen['points']} of {calls} points; {seen['failed']} ended with an error; "
                               f"old state {seen['old']}, new {seen['new']}"), wrong
        except scenes.Wrong as e:
            return False, f"{name}, {fault}", [str(e)]
        finally:
            scene.end()


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build", type=os.path.abspath)
    p.add_argument("scene", nargs="*")
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--faults", default=",".join(FAULTS))
    o = p.parse_intermixed_args()
    tasks = [(name, fault) for name in o.scene or scenes.ALL for fault in o.faults.split(",")]
    sys.exit(scenes.run_all([(everywhere, name, fault, o.build, o.every) for name, fault in tasks], o.jobs))


if __name__ == "__main__":
    main()
