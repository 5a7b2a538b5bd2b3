#!/usr/bin/env python3
"""The form of GET /publish in a real browser: a map goes to the server, and what can't go is said. TAP.
usage: publish.py BUILD. Screenshots go into BUILD/browser."""
import os
import pathlib
import sys

from driver import ROOT, Browser, Server, code, main, run, wait_for

BUILD = pathlib.Path(sys.argv[1]).resolve()
PATCHBAY = str(BUILD / "patchbay")
SHOTS = BUILD / "browser"


def send(world, token, name, password=""):
    """What the page says in the end."""
    b = world["browser"]
    b.open("http://%s/publish" % world["server"].admin)
    b.js("document.getElementById('token').value = ''; document.getElementById('level').value = '1'")
    b.type("#token", token)
    b.type("#file", os.path.join(world["folder"], name))
    if password:
        b.type("#password", password)
    b.console()
    b.click("#go")
    wait_for("the page has an end", lambda: b.text("#words") and not b.js("return document.getElementById('go').disabled"), 60)
    return b.js("return document.getElementById('words').className"), b.text("#words")


def listed(world):
    return run(PATCHBAY, "list", "--depot", world["depot"])


def a_map_goes_in_pieces(world):
    kind, words = send(world, world["token"], "large.map", "secret")
    assert kind == "good" and words.startswith("opensauce/large 1 is live"), words
    assert "opensauce/large" in listed(world)
    console = world["browser"].console()
    assert not [line for line in console if not line.startswith("DEBUG")], console
    password = os.path.join(world["folder"], "password")
    pathlib.Path(password).write_text("secret\n")
    got = os.path.join(world["folder"], "got")
    # A running server shows it within a second, not at once.
    wait_for("the map is served", lambda: code("http://%s/map_download?map=large" % world["server"].at) == 200)
    run(PATCHBAY, "fetch", "opensauce://%s/large" % world["server"].at, got, "--password-file", password)
    assert (pathlib.Path(got) / "large.map").read_bytes() == (pathlib.Path(world["folder"]) / "large.map").read_bytes()
    assert "was live already" in send(world, world["token"], "large.map", "secret")[1]


def what_can_not_go_is_said(world):
    assert send(world, "pbt_wrong", "large.map") == ("bad", "The token is not accepted.")
    assert send(world, world["looker"], "large.map") == ("bad", "The token has no right to publish.")
    pathlib.Path(world["folder"], "a.txt").write_text("x")
    kind, words = send(world, world["token"], "a.txt")
    assert kind == "bad" and "must end in .map or .yelo" in words, words
    hostile = "<img src=x onerror=alert(1)>.txt"
    pathlib.Path(world["folder"], hostile).write_text("x")
    kind, words = send(world, world["token"], hostile)
    assert kind == "bad" and "<img" in words, words
    assert world["browser"].js("return document.querySelectorAll('img').length") == 0


def widths(world):
    b = world["browser"]
    for width, dark in ((400, True), (1920, False)):
        b.size(width, 800, dark)
        b.open("http://%s/publish" % world["server"].admin)
        assert not b.js("return document.documentElement.scrollWidth > innerWidth"), width
        b.picture(SHOTS / ("publish-%d.png" % width))


def the_dashboard_leads_there(world):
    b = world["browser"]
    b.open("http://%s/" % world["server"].admin)
    b.js("sessionStorage.setItem('token', arguments[0])", world["looker"])
    b.open("http://%s/" % world["server"].admin)
    wait_for("the button", lambda: b.js("return !document.getElementById('publish').hidden"))
    b.click("#publish")
    wait_for("the form", lambda: b.js("return document.title") == "patchbay: publish a map")
    assert b.js("return document.getElementById('token').value") == world["looker"]


TESTS = (a_map_goes_in_pieces, what_can_not_go_is_said, widths, the_dashboard_leads_there)


def begin(world):
    folder = world["folder"]
    world["depot"] = depot = os.path.join(folder, "depot")
    run(PATCHBAY, "init", "--depot", depot)
    for name, rights in (("token", "publish"), ("looker", "look")):
        world[name] = run(PATCHBAY, "token", "add", name, "--rights", rights, "--depot", depot).strip()
    run(str(ROOT / "scripts/make-map"), os.path.join(folder, "large.map"), "9000000") # more than a piece
    world["server"] = Server(PATCHBAY, depot, folder, "--publish", "yes")
    world["browser"] = Browser(folder)


SHOTS.mkdir(exist_ok=True)
main("publish", TESTS, begin)
