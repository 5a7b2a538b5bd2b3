#!/usr/bin/env python3
"""Checks the events of `fetch --json` on standard input against the table below, and prints them as one JSON array.

usage: events.py done|error [EXIT]
       events.py --fields          prints "EVENT FIELD" for every field that there is
"""
import json
import sys

PLANNED = {"kept": int, "placed": int, "moved": int, "linked": int, "removed": int, "attic": int}
RESULT = {"title": str, "version": str, "source": str, "note": str, "advice": str, "unchanged": bool, "pieces": int,
          "downloaded": int, "present": int, "bytes": int, **PLANNED}
FILE = {"file": str, "size": int, "md5": str, "crc32": str}
SEVERAL = {"titles": list, "others": str}
# Fields that are always there, and fields that may be.
EVENTS = {
    "plan": ({"title": str, "version": str, "source": str, "unchanged": bool, "pieces": int, **PLANNED}, {"bytes": int}),
    "progress": ({"stage": str}, {"done": int, "total": int, "unit": str, "rate": int, "left": int}),
    "file": ({"action": str, "path": str}, {"from": str, "bytes": int}),
    "title": (RESULT, FILE),
    "warning": ({"text": str}, {"title": str}),
    "done": ({}, {**RESULT, **FILE, **SEVERAL}),
    "error": ({"code": str, "exit": int, "text": str}, {}),
}
STAGES = ["checking", "downloading", "unpacking", "installing"]
ACTIONS = ["download", "keep", "place", "move", "link", "attic", "remove", "folder", "prune"]

if sys.argv[1] == "--fields":
    for name, (always, sometimes) in EVENTS.items():
        for field in {**always, **sometimes}:
            print(name, field)
    sys.exit()

data = sys.stdin.buffer.read().decode("utf-8", "strict")
assert data.endswith("\n"), "the last line has no end: %r" % data[-100:]
events = [json.loads(line) for line in data.splitlines()]
for e in events:
    assert not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for v in e.values() if isinstance(v, str) for c in v), e
    always, sometimes = EVENTS[e["event"]]
    fields = {k: type(v) for k, v in e.items() if k != "event"}
    known = {**always, **sometimes}
    assert all(fields[k] is known.get(k) for k in fields) and not always.keys() - fields.keys(), e
    if e["event"] == "progress":
        assert e["stage"] in STAGES, e
        assert ("total" in e) == ("done" in e) == ("unit" in e), e
        assert e.get("done", 0) <= e.get("total", 0) and e.get("left", 0) >= 0, e
    if e["event"] == "file":
        assert e["action"] in ACTIONS, e
    if e["event"] == "done":
        assert set(RESULT) <= set(e) or set(SEVERAL) <= set(e), e
ends = [e["event"] for e in events if e["event"] in ("done", "error")]
assert ends == [sys.argv[1]] and events[-1]["event"] == sys.argv[1], events[-1]
if len(sys.argv) > 2:
    assert events[-1]["exit"] == int(sys.argv[2]), events[-1]
print(json.dumps(events))
