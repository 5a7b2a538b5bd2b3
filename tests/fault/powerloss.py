#!/usr/bin/env python3
"""Records what a command does to the disk, and judges what each crash on the way could leave. Prints TAP: a line for each
scene and model of the disk (disk.py), with the operations, the states that differ, and those that were tried.

usage: powerloss.py BUILD [--every N] [--jobs N] [--models ordered,unordered] [SCENE...]

--every N tries one state of N. In each: the scene judges, with fsck or `recover`; what the command had reported as done
when it ended is there; then the command again brings the new state."""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import disk
import scenes

SCENES = ["publish map", "publish levels", "gc", "rollback", "withdraw", "backup", "restore",
          *(f"fetch {kind}{more}" for kind in scenes.KINDS for more in ("", " first")), "uninstall levels"]
WRONG_MOST = 10  # told of each scene


def state_name(state, ended):
    h = hashlib.sha256(b"ended" if ended else b"")
    for path in sorted(state):
        what = state[path]
        parts = [path.encode(), b"folder" if what == "folder" else (b"link", b"file")[len(what) - 1] + what[0]]
        for part in parts:
            h.update(len(part).to_bytes(8, "big") + part)
    return h.digest()


def record(scene):
    """Runs the command. The operations."""
    log = os.path.join(scene.folder, "record")
    done = scene.run(*scene.command(), faults={"LD_PRELOAD": os.path.join(scene.build, "tests/librecorder.so"),
                                               "FAULT_UNDER": scene.watched, "RECORD_TO": log})
    operations = disk.record_read(log)
    os.remove(log)
    if done.returncode != 0 or scene.state() != scene.new:
        raise scenes.Wrong(f"recorded: status {done.returncode}, {done.stdout.decode(errors='replace')}")
    return operations


def attempt(scene, state, ended):
    shutil.rmtree(scene.watched)
    disk.state_make(scene.watched, state)
    try:
        new = scene.judge(ended)
        scene.finish()
        return new
    except subprocess.TimeoutExpired:
        raise scenes.Wrong("it hangs") from None
    except (OSError, scenes.sqlite3.Error) as e:
        raise scenes.Wrong(str(e)) from None


def replay(scene, d, operations, every):
    """Yields the states to try that were not tried before: (number of operations, state, had the command ended)."""
    tried = set()
    for number in range(len(operations) + 1):
        if number > 0:
            d.operate(operations[number - 1])
        ended = number == len(operations)
        for state in d.states():
            name = state_name(state, ended)
            if name not in tried:
                tried.add(name)
                if ended or int.from_bytes(name[:4], "big") % every == 0:
                    yield number, state, ended
    scene.different = len(tried)


def judge_all(name, model, build, every):
    with tempfile.TemporaryDirectory(prefix="patchbay-power.") as folder:
        scene = scenes.make(name, folder, build)
        wrong, count, new = [], 0, 0
        try:
            scene.prepare()
            scene.reset()
            d = disk.Disk(scene.watched, model == "ordered")
            operations = record(scene)
            for number, state, ended in replay(scene, d, operations, every):
                count += 1
                try:
                    new += attempt(scene, state, ended)
                except scenes.Wrong as e:
                    wrong.append(f"after operation {number} of {len(operations)}"
                                 f" ({describe(operations[number - 1]) if number else ''}): {e}")
            if len(wrong) > WRONG_MOST:
                wrong[WRONG_MOST:] = [f"and {len(wrong) - WRONG_MOST} more"]
            return not wrong and count > 0, (f"{name}, {model}: {len(operations)} operations, {scene.different} states,"
                                             f" {count} tried; old {count - new}, new {new}"), wrong
        except scenes.Wrong as e:
            return False, f"{name}, {model}", [str(e)]
        finally:
            scene.end()


def describe(op):
    names = ["", "create", "truncate", "write", "rename", "unlink", "mkdir", "symlink", "sync", "syncfs"]
    return names[op[0]] + (" " + os.path.basename(op[3].decode(errors="replace")) if op[0] not in (2, 3) else "")


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build", type=os.path.abspath)
    p.add_argument("scene", nargs="*")
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--models", default="ordered,unordered")
    o = p.parse_intermixed_args()
    tasks = [(name, model) for name in o.scene or SCENES for model in o.models.split(",")]
    sys.exit(scenes.run_all([(judge_all, name, model, o.build, o.every) for name, model in tasks], o.jobs))


if __name__ == "__main__":
    main()
