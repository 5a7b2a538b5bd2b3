"""The report of a benchmark: what is printed, its targets, its plots, and its part of docs/performance.md."""
import os
import platform
import re
import resource
import shutil
import subprocess
import time

from measure import build, run

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
lines = []    # of the part
targets = []  # what, figure, at most, unit


def say(text=""):
    lines.append(text)
    print(text, flush=True)


def say_table(heads, rows):
    widths = [max(len(str(row[i])) for row in [heads] + rows) for i in range(len(heads))]
    say()
    for row in [heads, ["-" * w for w in widths]] + rows:
        say("| " + " | ".join(str(cell).ljust(w) for cell, w in zip(row, widths)) + " |")
    say()


def target(what, figure, most, unit=""):
    targets.append((what, figure, most, unit))


def say_targets():
    say("## Targets")
    held = [figure <= most for _, figure, most, _ in targets]
    say_table(["what", "measured", "at most", "holds"],
              [[what, digits(figure, most, unit) + (" " + unit if unit else ""), "%g" % most + (" " + unit if unit else ""),
                "yes" if good else "**no**"] for (what, figure, most, unit), good in zip(targets, held)])
    say("%d of %d hold." % (sum(held), len(held)))
    say()


def digits(figure, most, unit):
    if unit in ("bytes", "requests") or most == 0:
        return "%.0f" % figure
    return ("%.3f" if most < 0.1 or abs(most - 1) < 0.05 else "%.2f") % figure


# ---- the machine ----

def processor():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())


def versions(*packages):
    """Of Debian packages; those that are not there are left out."""
    found = (subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", p], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True).stdout for p in packages)
    return ", ".join(text for text in found if text)


def say_machine(*packages):
    say("%s, %d cores, Linux %s; %s." % (processor(), os.cpu_count(), platform.release().split("-")[0], versions(*packages)))


def machine_ticks():
    """Seconds of CPU that all of the machine has used since it started, and that its host took."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = (int(n) for n in f.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def say_quiet(began, before):
    """How alone were we?"""
    took = time.monotonic() - began
    ours = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used, stolen = (b - a for a, b in zip(before, machine_ticks()))
    say("It took %.0f s. Meanwhile everything else on this machine used %.0f s of CPU, and its host took %.0f s away." %
        (took, max(0, used - ours), stolen))


# ---- plots and the document ----

def plot(name, commands):
    run("gnuplot", input="set terminal svg size 720,360 font 'sans-serif,12'\nset output '%s'\n"
        "set grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\nset key outside right\n%s\n" % (name, commands))


def splice(document, part, text):
    """The text between the part's marks in a document becomes this one, its headings one level deeper."""
    begin, end = "<!-- %s: begin -->\n" % part, "<!-- %s: end -->\n" % part
    with open(document) as f:
        before, _, rest = f.read().partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit("%s has no marks for %s" % (document, part))
    with open(document, "w") as f:
        f.write(before + begin + re.sub(r"(?m)^#", "##", text) + end + after)


def keep(part, plots, write):
    """The part and its plots, from the current folder to BUILD/bench, and to docs."""
    text = "\n".join(lines).rstrip("\n") + "\n"
    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    with open(os.path.join(build, "bench", "performance-%s.md" % part), "w") as f:
        f.write(text)
    for folder in [os.path.join(build, "bench")] + ([os.path.join(root, "docs")] if write else []):
        for name in plots:
            shutil.copy(name, os.path.join(folder, name))
    if write:
        splice(os.path.join(root, "docs", "performance.md"), part, text)
