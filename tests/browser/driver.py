"""Chromium, driven over WebDriver; and the server that it looks at. Nothing but Python's own library."""
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Whoever ends us by a signal does not end what we started, which has sessions of its own: `finally` does.
for ending in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, lambda number, frame: sys.exit(128 + number))
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_for(what, condition, seconds=20):
    """Until the condition is true; its value."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, "never came true: " + what
        time.sleep(0.05)


def code(url, method="GET", headers=None):
    """The status of a request."""
    try:
        with OPENER.open(urllib.request.Request(url, method=method, headers=headers or {}), timeout=20) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as e:
        e.read()
        return e.code


class Process:
    """A process of a session of its own, whose words go into a file; ended by its id, with all that it has started."""

    def __init__(self, arguments, words, **more):
        self.words = pathlib.Path(words)
        with open(words, "wb") as f:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                            start_new_session=True, **more)

    def text(self):
        return self.words.read_text(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return self.process.returncode


class Server(Process):
    """patchbay serve on free ports, or on those of the server before."""

    def __init__(self, patchbay, depot, folder, *options, http="127.0.0.1:0", admin="127.0.0.1:0"):
        self.patchbay, self.depot = patchbay, depot
        super().__init__([patchbay, "serve", "--depot", depot, "--http", http, "--admin", admin, "--access-log",
                          os.path.join(folder, "access.log"), *options], os.path.join(folder, "serve.log"))
        wait_for("the server answers: " + self.text(), lambda: "for the operator" in self.text() or self.process.poll())
        self.at = re.search(r"on http://([^/]*)/", self.text()).group(1)
        self.admin = re.search(r"for the operator: http://([^/]*)/", self.text()).group(1)


def run(*arguments):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


class Browser:
    ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

    def __init__(self, folder):
        self.session = None
        with socket.socket() as free: # what it says of a port of its own choice stays in its buffer
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = Process(["chromedriver", "--port=%d" % self.port], os.path.join(folder, "driver.log"),
                               env=dict(os.environ, HOME=folder, TMPDIR=folder))
        try:
            wait_for("chromedriver", self.answers)
            options = {"args": ["--headless=new", "--disable-gpu", "--disable-lcd-text", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-proxy-server",
                                "--disable-background-networking", "--disable-component-update", "--no-first-run",
                                "--user-data-dir=" + os.path.join(folder, "profile")] + (["--no-sandbox"] if os.getuid() == 0 else []),
                       "binary": shutil.which("chromium")}
            made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}}, whole=True)
            self.session = made["sessionId"]
        except BaseException:
            self.process.stop()
            raise

    def answers(self):
        try:
            return code("http://127.0.0.1:%d/status" % self.port) == 200
        except urllib.error.URLError:
            return False

    def call(self, method, path, body=None, whole=False):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        url = "http://127.0.0.1:%s%s" % (self.port, path if whole else "/session/%s%s" % (self.session, path))
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with OPENER.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise AssertionError(e.read().decode(errors="replace")[:500]) from None

    def stop(self):
        try:
            if self.session:
                self.call("DELETE", "")
        finally:
            self.process.stop()

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height, dark=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def js(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[self.ELEMENT]

    def text(self, selector):
        return self.js("const e = document.querySelector(arguments[0]); return e ? e.textContent : ''", selector)

    def click(self, selector):
        self.call("POST", "/element/%s/click" % self.find(selector))

    def type(self, selector, text):
        self.call("POST", "/element/%s/value" % self.find(selector), {"text": text})

    def console(self):
        """What the console got since the last call."""
        return [entry["level"] + " " + entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def picture(self, path, height=None):
        """Of the window, or of so much of the page."""
        width = self.js("return innerWidth")
        clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}} if height else {}
        data = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=bool(height), **clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))


def folder_new():
    return tempfile.mkdtemp(prefix="patchbay-browser.")


def main(name, tests, begin):
    """Runs the tests over a world that `begin` makes, and ends what it has started. Prints TAP."""
    world, failed = {"folder": folder_new()}, 0
    print("1..%d" % len(tests), flush=True)
    try:
        begin(world)
        for i, test in enumerate(tests, 1):
            words = "%d - %s: %s" % (i, name, test.__name__.replace("_", " "))
            try:
                test(world)
                print("ok " + words, flush=True)
            except Exception:
                failed += 1
                print("not ok " + words)
                print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    finally:
        for end in ("load", "browser", "server"):
            if end in world:
                world[end].stop()
        shutil.rmtree(world["folder"], ignore_errors=True)
    print("%d passed, %d failed" % (len(tests) - failed, failed))
    sys.exit(failed > 0)
