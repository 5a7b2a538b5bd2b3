"""What bench/publish and bench/fetch share: their settings, what one run of a command costs, rows of ours beside peers."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import report
from corpus import SMALL
from measure import build, figures, interleaved, run
from report import say, say_table, target

ROUNDS = int(os.environ.get("ROUNDS") or (1 if SMALL else 5))
WRITE = os.environ.get("WRITE", "") not in ("", "0")
LIMIT = 900  # seconds for one command
REST, PROBES, PROBE_FILES, PROBE_EACH = 5, 12, 2000, 100e-6  # see settle()
OURS = "patchbay"
bars = []  # of the plot: what, ratio, at most


# ---- costs ----

class Cost:
    """Of one command and all that it started: seconds, seconds of CPU, the largest process's peak of memory, bytes that
    went over the network (loopback: in both directions, heads of packets included)."""

    def __init__(self, wall, cpu, memory, wire):
        self.wall, self.cpu, self.memory, self.wire = wall, cpu, memory, wire


def alone():
    """Starts this program again in a network namespace of its own: nothing else goes over its loopback interface. It
    disappears with the program."""
    if "PATCHBAY_BENCH_ALONE" not in os.environ:
        command = ["unshare", "--net"] + ([] if os.getuid() == 0 else ["--map-current-user", "--keep-caps"])
        if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            sys.exit("needs a network namespace: be root, or allow them to users (sysctl kernel.unprivileged_userns_clone)")
        os.execvpe(command[0], [*command, sys.executable, os.path.abspath(sys.argv[0])],
                   dict(os.environ, PATCHBAY_BENCH_ALONE="1"))
    run("ip", "link", "set", "lo", "up")


def wire_bytes():
    """What all interfaces of this namespace have received. (/proc, as /sys shows those of another namespace.)"""
    with open("/proc/self/net/dev") as f:
        return sum(int(line.split(":")[1].split()[0]) for line in f.readlines()[2:])


def spend(*command, statuses=(0,)):
    """Runs a command, after all that was written before is on disk; another status ends the benchmark. What it prints is in
    the file `output` then."""
    os.sync()
    with open("output", "w") as output, open("errors", "w+") as errors:
        before = wire_bytes()
        child = subprocess.Popen([os.path.join(build, "bench", "spend"), "cost", *command], stdin=subprocess.DEVNULL,
                                 stdout=output, stderr=errors, start_new_session=True)
        try:
            child.wait(LIMIT)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
        wire = wire_bytes() - before
        status, wall, cpu, memory = 2, 0, 0, 0
        if child.returncode == 0:
            with open("cost") as f:
                status, wall, cpu, memory = f.read().split()
        if int(status) not in statuses:
            errors.seek(0)
            raise SystemExit("%s: status %s\n%s" % (" ".join(command)[:500], status, errors.read()[:5000]))
        return Cost(float(wall), float(cpu), int(memory), wire)


def sh(script, *words):
    """What a user types, as arguments of spend()."""
    return ("sh", "-ec", script, "sh", *words)


class Fresh:
    """A new path for each round. Nothing is removed while anything is measured: see folder()."""

    def __init__(self, name):
        self.name, self.n = name, 0

    def __call__(self):
        self.n += 1
        return "%s%d" % (self.name, self.n)

    def last(self):
        return "%s%d" % (self.name, self.n)


# ---- rows ----

def folder(path):
    """A new folder, and what is made in it lies far from other folders, if the file system is ext4: that is slow at making
    files where many were removed not long ago, by whomever."""
    os.makedirs(path, exist_ok=True)
    subprocess.run(["chattr", "+T", path], stderr=subprocess.DEVNULL)
    os.chdir(path)


def settle():
    """Waits until new files are made quickly: see folder(). Where they take long for another reason, it goes on after a
    minute."""
    for _ in range(PROBES):
        os.sync()
        probe = tempfile.mkdtemp(prefix="probe.", dir=".")
        began = time.process_time()
        for i in range(PROBE_FILES):
            with open("%s/%d" % (probe, i), "w") as f:
                f.write("x")
        if (time.process_time() - began) / PROBE_FILES < PROBE_EACH:
            return
        time.sleep(REST)


def contest(things):
    """Name -> its costs, one for each round; ours first."""
    settle()
    return interleaved(things, ROUNDS)


def say_costs(rows, network=False):
    """A line for each way; ratios are to the first peer."""
    names = list(rows)
    base = figures(rows[names[1]], "wall") if len(names) > 1 else None
    heads = ["what", "seconds", "CPU s", "peak memory, MB"] + (["over the network, MB"] if network else []) \
        + (["× " + names[1]] if base else [])
    table = []
    for name in names:
        wall = figures(rows[name], "wall")
        line = [name, wall.show("%.2f" if wall.median > 0.5 else "%.3f"), "%.2f" % figures(rows[name], "cpu").median,
                "%.0f" % (figures(rows[name], "memory").median / 1e6)]
        if network:
            line.append("%.3f" % (figures(rows[name], "wire").median / 1e6))
        table.append(line + ([wall.over(base).show()] if base else []))
    say_table(heads, table)


def target_ratio(what, rows, most, peer, field="wall"):
    """Ours by a peer's, the median of the rounds' ratios."""
    ratio = figures(rows[OURS], field).over(figures(rows[peer], field)).median
    target(what, ratio, most)
    bars.append((what, ratio, most))


def target_memory(what, costs, most):
    target(what + ": peak memory", figures(costs, "memory").median / 1e6, most, "MB")


def plot_bars(name):
    """Measured ratios, and a mark at what they may be at most."""
    data = "\n".join('%d "%s" %.4f %g' % (i, what, ratio, most) for i, (what, ratio, most) in enumerate(bars))
    report.plot(name, "$d << E\n%s\nE\nset xlabel 'ours ÷ the peer'\nset xrange [0:*]\nset yrange [%g:-0.6]\nset grid xtics noytics\n"
                "set key above\nset style fill solid 0.8 noborder\n"
                "plot $d using (0):1:(0):3:($1-0.3):($1+0.3):ytic(2) with boxxyerror lc rgb '#6688bb' title 'measured', "
                "$d using 4:($1-0.4):(0):(0.8) with vectors nohead lw 3 lc rgb '#cc0000' title 'at most'" % (data, len(bars) - 0.4))


# ---- the program ----

def chosen(rows):
    """The rows that ROWS names, or all."""
    names = [n for n in os.environ.get("ROWS", "").replace(",", " ").split()] or list(rows)
    if not set(names) <= set(rows):
        sys.exit("ROWS are some of: " + ", ".join(rows))
    if WRITE and (SMALL or len(names) < len(rows)):
        sys.exit("WRITE=1 replaces a part of docs/performance.md: measure all of it, without SMALL and ROWS")
    return names


def main(part, rows, preface, packages):
    """rows: name -> function that measures and says it, in a new current folder."""
    names = chosen(rows)
    alone()
    for what in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(what, lambda *_: sys.exit("stopped"))  # so that all that was started is ended
    with tempfile.TemporaryDirectory(prefix="patchbay-bench.") as tmp:
        measure_all(tmp, part, {name: rows[name] for name in names}, preface, packages)


def measure_all(tmp, part, rows, preface, packages):
    if shutil.disk_usage(tmp).free < (2e9 if SMALL else 30e9):
        sys.exit("needs 30 GB of disk for a while: set TMPDIR")
    began, before = time.monotonic(), report.machine_ticks()
    folder(tmp)
    preface()
    report.say_machine(*packages)
    say()
    plot_at = len(report.lines)
    for name, row in rows.items():
        folder(os.path.join(tmp, name))
        row()
    report.say_targets()
    report.say_quiet(began, before)
    os.chdir(tmp)
    plots = []
    if bars:
        plots = ["performance-%s.svg" % part]
        plot_bars(plots[0])
        report.lines[plot_at:plot_at] = ["![Ours beside peers](%s)" % plots[0], ""]
    report.keep(part, plots, WRITE)
    os.chdir("/")
