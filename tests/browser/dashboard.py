#!/usr/bin/env python3
"""The operator's page in a real browser: figures move, bans work, nothing foreign becomes a part of the page. TAP.
usage: dashboard.py BUILD. Screenshots go into BUILD/browser."""
import http.client
import os
import pathlib
import re
import sys
import threading

from driver import ROOT, Browser, Server, code, main, run, wait_for

BUILD = pathlib.Path(sys.argv[1]).resolve()
PATCHBAY = str(BUILD / "patchbay")
SHOTS = BUILD / "browser"
HOSTILE = "<img src=x onerror=\"document.title='broken into'\">"
TOKEN = "0123456789abcdef-a-token"


def content(folder):
    depot = os.path.join(folder, "depot")
    run(PATCHBAY, "init", "--depot", depot)
    for name in ("immure", "delta_ruined"):
        run(str(ROOT / "scripts/make-map"), os.path.join(folder, name + ".map"), "300000")
        run(PATCHBAY, "publish", "map", os.path.join(folder, name + ".map"), "--level", "1", "--depot", depot)
    run(PATCHBAY, "ban", "192.0.2.66", "--reason", HOSTILE, "--depot", depot)
    return depot


class Load:
    """Asks for a map until it is stopped."""

    def __init__(self, url):
        self.url, self.over = url, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            code(self.url)
            self.over.wait(0.01)

    def stop(self):
        self.over.set()
        self.thread.join()


def figure(browser, tile):
    """The number in a tile, its unit left out; -1 when there is none yet."""
    found = re.match(r"[0-9.,]+", browser.text("#%s .big" % tile))
    return float(found.group(0).replace(",", "")) if found else -1


def code_of_target(at, target):
    """The status of a request whose target is just this."""
    connection = http.client.HTTPConnection(at, timeout=20)
    connection.request("GET", target)
    status = connection.getresponse().status
    connection.close()
    return status


def quiet(browser):
    said = browser.console()
    assert not said, said


def fits(browser, width, height, shot=None, dark=False):
    browser.size(width, height, dark)
    wide = browser.js("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1] == width, wide
    small = browser.js("return [...document.querySelectorAll('main button, main select')].filter(e => e.offsetParent)"
                       ".map(e => e.getBoundingClientRect()).filter(r => r.right > innerWidth || r.left < 0).length")
    assert small == 0, small
    cut = browser.js("return [...document.querySelectorAll('.card, .scroll')].filter(e => e.scrollWidth > e.clientWidth)"
                     ".map(e => e.id + e.textContent.slice(0, 40))")
    assert not cut, (width, cut)
    if shot:
        wait_for("charts are drawn", lambda: browser.js("return document.querySelectorAll('.chart .stroke').length") == 3)
        browser.picture(SHOTS / shot, browser.js("return document.documentElement.scrollHeight"))


def page_opens(world):
    browser, server = world["browser"], world["server"]
    browser.size(1920, 1080)
    browser.open("http://%s/" % server.admin)
    wait_for("serving", lambda: browser.text("#state") == "serving")
    wait_for("both titles", lambda: browser.js("return document.querySelectorAll('#titles tbody tr').length") == 2)
    assert "immure" in browser.text("#releases") and "delta_ruined" in browser.text("#releases")
    assert figure(browser, "tile-requests") == 0
    quiet(browser)


def figures_move(world):
    browser, server = world["browser"], world["server"]
    world["load"] = Load("http://%s/maps/immure.map" % server.at)
    wait_for("requests", lambda: figure(browser, "tile-requests") > 1)
    wait_for("bytes", lambda: "MB" in browser.text("#tile-bytes .big"))
    wait_for("the title", lambda: "MB/s" in browser.js("return document.querySelector('#titles tbody tr').cells[2].textContent"))
    # the first point of the history comes within five seconds
    wait_for("charts", lambda: browser.js("return [...document.querySelectorAll('.chart .value')].every(e => parseFloat(e.textContent) > 0)"))
    wait_for("the choice of titles", lambda: browser.js(
        "return [...document.querySelectorAll('#of option')].some(o => o.value === 'opensauce/immure')"))
    value = browser.js("const of = document.querySelector('#of'); of.value = 'opensauce/delta_ruined'; if (of.selectedIndex >= 0) return 'shown';"
                       "of.value = 'opensauce'; of.dispatchEvent(new Event('change')); return document.querySelector('.chart .value').textContent")
    assert "MB/s" in value, value # what nobody asked for is not there to choose
    browser.js("const of = document.querySelector('#of'); of.value = ''; of.dispatchEvent(new Event('change'))")
    quiet(browser)


def keys_read_charts(world):
    browser = world["browser"]
    browser.js("document.querySelector('.chart svg').focus()")
    browser.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
        {"type": "keyDown", "value": "\ue012"}, {"type": "keyUp", "value": "\ue012"}]}]})
    assert re.search(r"\d\d:\d\d:\d\d", browser.text(".chart .value")), browser.text(".chart .value")
    browser.js("document.activeElement.blur()")
    quiet(browser)


def ban_and_lift(world):
    browser, server = world["browser"], world["server"]
    url = "http://%s/maps/immure.map" % server.at
    wait_for("our address", lambda: browser.js("return !!document.querySelector('[aria-label=\"Ban 127.0.0.1\"]')"))
    browser.click('[aria-label="Ban 127.0.0.1"]')
    wait_for("the ban", lambda: code(url) == 403)
    wait_for("its row", lambda: browser.js("return !!document.querySelector('[aria-label=\"Lift the ban of 127.0.0.1\"]')"))
    assert "127.0.0.1" in run(PATCHBAY, "bans", "--depot", server.depot)
    browser.click('[aria-label="Lift the ban of 127.0.0.1"]')
    wait_for("the end of the ban", lambda: code(url) == 200)
    wait_for("no row", lambda: browser.js("return !document.querySelector('[aria-label=\"Lift the ban of 127.0.0.1\"]')"))
    quiet(browser)


def ban_by_form(world):
    browser, server = world["browser"], world["server"]
    browser.type("#ban-range", "2001:db8::/32")
    browser.type("#ban-reason", HOSTILE)
    browser.click("#ban-form button")
    wait_for("the range", lambda: "2001:db8::/32" in browser.text("#bans"))
    browser.js("document.querySelector('#toast button').click()") # undo
    wait_for("no range", lambda: "2001:db8::/32" not in browser.text("#bans"))
    quiet(browser)


def foreign_text_is_text(world):
    browser = world["browser"]
    assert HOSTILE in browser.text("#bans"), browser.text("#bans")
    assert browser.js("return document.querySelectorAll('main img, main b:not(.meter b)').length") == 0
    assert browser.js("return document.title") == "patchbay"


def publishes_appear(world):
    browser, server = world["browser"], world["server"]
    run(PATCHBAY, "publish", "map", os.path.join(world["folder"], "immure.map"), "--level", "2", "--depot", server.depot)
    wait_for("version 2", lambda: browser.js("return document.querySelector('#releases tbody tr').cells[1].textContent") == "2")
    quiet(browser)


def widths(world):
    browser = world["browser"]
    fits(browser, 1920, 1080, "dashboard-1920.png")
    fits(browser, 1920, 1080, "dashboard-1920-dark.png", dark=True)
    for width in (1500, 1280, 1000, 700, 560):
        fits(browser, width, 800)
    fits(browser, 400, 800, "dashboard-400.png")
    browser.size(1920, 1080)
    quiet(browser)


def comes_back(world):
    browser, server = world["browser"], world["server"]
    world.pop("load").stop()
    assert server.stop() == 0
    wait_for("not connected", lambda: browser.text("#state").startswith("not connected"))
    world["server"] = Server(PATCHBAY, server.depot, world["folder"], http=server.at, admin=server.admin)
    wait_for("serving", lambda: browser.text("#state") == "serving")
    said = [line for line in browser.console() if "ERR_CONNECTION_REFUSED" not in line and "ERR_INCOMPLETE" not in line]
    assert not said, said


def policy_holds(world):
    browser = world["browser"]
    browser.js("const s = document.createElement('script'); s.textContent = 'window.foreign = 1'; document.body.append(s);"
               "const i = new Image(); i.src = 'http://127.0.0.1:1/'; document.body.append(i)")
    wait_for("refusals", lambda: sum("Content Security Policy" in line for line in browser.console()) >= 1)
    assert browser.js("return window.foreign") is None
    world["server"].stop()


def token_is_asked_for(world):
    browser, folder = world["browser"], world["folder"]
    path = os.path.join(folder, "token")
    pathlib.Path(path).write_text(TOKEN + "\n")
    server = world["server"] = Server(PATCHBAY, world["server"].depot, folder, "--admin-token-file", path, "--hard-cap", "1",
                                      admin="0.0.0.0:0")
    admin = "127.0.0.1:" + server.admin.rsplit(":", 1)[1]
    browser.open("http://%s/" % admin)
    wait_for("the question", lambda: browser.js("return !document.querySelector('#gate').hidden"))
    browser.type("#token", "wrong-wrong-wrong-wrong")
    browser.click("#gate button")
    wait_for("the refusal", lambda: "does not know" in browser.text("#gate-why"))
    assert browser.js("return document.querySelector('#main').hidden")
    browser.type("#token", TOKEN)
    browser.click("#gate button")
    wait_for("serving", lambda: browser.text("#state") == "serving")
    said = [line for line in browser.console() if "401" not in line]
    assert not said, said
    assert TOKEN not in browser.js("return location.href + document.cookie")
    assert code("http://%s/ban?range=192.0.2.1" % admin, "POST") == 401
    browser.open("http://%s/" % admin) # it is still known in this tab
    wait_for("serving", lambda: browser.text("#state") == "serving")
    browser.type("#ban-range", "192.0.2.1")
    browser.click("#ban-form button")
    wait_for("the ban", lambda: "192.0.2.1" in browser.text("#bans"))
    quiet(browser)


def errors_are_shown(world):
    browser, server = world["browser"], world["server"]
    wait_for("past the cap", lambda: code_of_target(server.at, "http://<img>/maps/immure.map") == 503)
    wait_for("the error", lambda: "503 for GET http://<img>/maps/immure.map of opensauce/immure" in browser.text("#notes"))
    assert browser.js("return document.querySelectorAll('#notes img').length") == 0
    assert "past the hard cap" in browser.text("#caps") and "past the hard cap" in browser.text("#tile-today .sub")
    quiet(browser)


TESTS = (page_opens, figures_move, keys_read_charts, ban_and_lift, ban_by_form, foreign_text_is_text, publishes_appear, widths,
         comes_back, policy_holds, token_is_asked_for, errors_are_shown)


def begin(world):
    world["server"] = Server(PATCHBAY, content(world["folder"]), world["folder"])
    world["browser"] = Browser(world["folder"])


SHOTS.mkdir(exist_ok=True)
main("dashboard", TESTS, begin)
