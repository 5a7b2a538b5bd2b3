"""What the benchmarks share: processes, the servers and their configurations, loads, counters, statistics."""
import hashlib
import http.client
import os
import re
import resource
import signal
import socket
import statistics
import struct
import subprocess
import time

build = os.path.abspath(os.environ.get("BUILD", "build"))
patchbay = os.path.join(build, "patchbay")
os.environ["PATH"] += ":/usr/sbin"

# The operator's controls that a server in use has on (limits, counters): options of 'patchbay serve'.
CONTROLS = ("--admin 0 --rate 8G --address-rate 8G --title-rate 8G --address-requests 1000000 --least-rate 1 --address-connections 20000 "
            "--max-connections 50000 --ban-connections 1000000 --soft-cap 900T --title-soft-cap 900T --hard-cap 1000T").split()


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        raise SystemExit("%s: status %d\n%s" % (" ".join(command), done.returncode, done.stdout + done.stderr))
    return done.stdout


def files_many():
    """As many open files as are allowed, for us and for all that we start."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ---- statistics ----

class Figures:
    """One figure of each round."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)

    def over(self, other):
        """The ratios of the rounds: what disturbs a round disturbs both."""
        return Figures(a / b for a, b in zip(self.values, other.values))

    def show(self, form="%.2f"):
        return (form + " (" + form + " to " + form + ")") % (self.median, min(self.values), max(self.values))


def interleaved(things, rounds):
    """Name -> what it measured in each round. Each round begins with another one."""
    rows = {name: [] for name in things}
    names = list(things)
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            rows[name].append(things[name]())
    return rows


# ---- servers ----

class Server:
    """A server process, on core 0 if pinned; its messages go to a file. A context: it ends with it."""

    def __init__(self, name, command, ready, pinned=True):
        self.name = name
        self.log = os.path.abspath("%s.%d.err" % (name.split()[0], time.monotonic_ns()))
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*(["taskset", "-c", "0"] if pinned else []), *command],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.ports = self.wait(ready)
        except BaseException:
            self.stop()
            raise
        self.port = self.ports[0]

    def wait(self, ready):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            ports = ready(self.messages())
            if ports:
                return ports
            time.sleep(0.001)
        raise SystemExit("%s does not start:\n%s" % (self.name, self.messages()))

    def messages(self):
        with open(self.log) as f:
            return f.read()

    def pids(self):
        """The process and all below it."""
        found = [self.process.pid]
        for pid in found:
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                    found += [int(p) for p in f.read().split()]
        return found

    def cpu(self):
        """Seconds of CPU so far, from the scheduler's count of nanoseconds."""
        total = 0
        for pid in self.pids():
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                    total += int(f.read().split()[0])
        return total / 1e9

    def memory(self, field):
        """Bytes: Rss, or Anonymous (what it has allocated, without its program and files)."""
        total = 0
        for pid in self.pids():
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += int(re.search(field + r": +(\d+) kB", f.read()).group(1)) * 1024
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start_patchbay(*options, name="patchbay", threads=1, protocols=("http",), pinned=True, address="127.0.0.1", through=()):
    """Ports in the order of `protocols`. `through`: words of a command that runs it."""
    listen = [word for p in protocols for word in ("--" + p, address + ":0")]

    def ready(messages):
        found = dict(re.findall(r"on (http|polp)://%s:(\d+)/\n" % re.escape(address), messages))
        return [int(found[p]) for p in protocols] if len(found) == len(protocols) else None

    return Server(name, [*through, patchbay, "serve", *listen, "--threads", str(threads), "--access-log", "off",
                         *CONTROLS, *options], ready, pinned)


def start_floor(*arguments):
    return Server("floor", [os.path.join(build, "bench", "floor"), *arguments],
                  lambda messages: [int(messages)] if messages.endswith("\n") else None)


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def port_answers(port):
    def ready(_):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return [port]
        except OSError:
            return None

    return ready


NGINX = """daemon off; worker_processes 1; worker_rlimit_nofile 20000;
pid %(tmp)s/nginx.pid; error_log %(tmp)s/nginx.err;%(root)s
events { worker_connections 15000; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 300; keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=1h; open_file_cache_valid 60s;
  client_body_temp_path %(tmp)s/n1; proxy_temp_path %(tmp)s/n2; fastcgi_temp_path %(tmp)s/n3;
  uwsgi_temp_path %(tmp)s/n4; scgi_temp_path %(tmp)s/n5;
  server { listen 127.0.0.1:%(port)d backlog=4096; root %(tmp)s/www; }
}
"""
LIGHTTPD = """server.bind = "127.0.0.1"
server.port = %(port)d
server.document-root = "%(tmp)s/www"
server.errorlog = "%(tmp)s/lighttpd.err"
server.network-backend = "sendfile"
server.stat-cache-engine = "simple"
server.max-fds = 20000
server.max-connections = 15000
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 300
mimetype.assign = ( "" => "application/octet-stream" )
"""
H2O = """listen: {host: 127.0.0.1, port: %(port)d}
num-threads: 1
max-connections: 15000
http1-request-timeout: 300
error-log: %(tmp)s/h2o.err
pid-file: %(tmp)s/h2o.pid
%(root)s
hosts:
  default:
    paths:
      /:
        file.dir: %(tmp)s/www
"""


def configured(name, text, root=""):
    """Writes a configuration; returns its path and the port in it."""
    port = port_free()
    path = os.path.abspath(name + ".conf")
    with open(path, "w") as f:
        f.write(text % {"tmp": os.getcwd(), "port": port, "root": root if os.getuid() == 0 else ""})
    return path, port


def start_nginx(pinned=True):
    path, port = configured("nginx", NGINX, " user root;")
    return Server("nginx", ["nginx", "-c", path], port_answers(port), pinned)


def start_lighttpd():
    path, port = configured("lighttpd", LIGHTTPD)
    return Server("lighttpd", ["lighttpd", "-D", "-f", path], port_answers(port))


def start_h2o():
    path, port = configured("h2o", H2O, "user: root")
    return Server("h2o", ["h2o", "-c", path], port_answers(port))


# ---- requests and their replies ----

def get_request(path, *fields):
    return "".join("%s\r\n" % line for line in ("GET %s HTTP/1.1" % path, "Host: 127.0.0.1", *fields, "")).encode()


def polp_packet(opcode, body):
    covered = b"POLP" + struct.pack("<I", opcode) + body
    return struct.pack("<I", 8 + len(covered)) + hashlib.md5(covered).digest()[:4] + covered


def polp_request(offset, name):
    return polp_packet(3, struct.pack("<II", offset, 65536) + b"W2U\x001000" + struct.pack("<I", len(name) + 1) + name + b"\0")


def receive(s, buffer, n):
    while len(buffer) < n:
        more = s.recv(1 << 18)
        assert more, "the server has closed"
        buffer += more


def http_reply(s, status):
    """The length of one reply, and its body."""
    got = bytearray()
    while b"\r\n\r\n" not in got:
        receive(s, got, len(got) + 1)
    head = got[:got.index(b"\r\n\r\n") + 4]
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    n = len(head) + int(re.search(rb"(?i)\r\nContent-Length: *(\d+)\r\n", head).group(1))
    receive(s, got, n)
    assert len(got) == n
    return n, bytes(got[len(head):])


def polp_reply(s):
    got = bytearray()
    receive(s, got, 28)
    n, digest, mark, opcode, _, _, name_n = struct.unpack("<I4s4sIIII", got[:28])
    assert (mark, opcode) == (b"POLP", 4), got[:28]
    receive(s, got, n)
    assert len(got) == n and hashlib.md5(got[8:]).digest()[:4] == digest
    return n, bytes(got[28 + name_n:])


def checked(port, requests, read, expected):
    """Asks everything once, on one connection. Returns the one length that all replies have."""
    lengths = set()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(10)
        for request, body in zip(requests, expected):
            s.sendall(request)
            n, got = read(s)
            assert got == body, "another body than that of the file"
            lengths.add(n)
    assert len(lengths) == 1, "replies differ in length: %s" % lengths
    return lengths.pop()


def http_status(port, path):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        c.request("GET", path)
        return c.getresponse().status
    finally:
        c.close()


def wait_for(port, path, seconds=20):
    """Seconds until a path answers 200."""
    began = time.monotonic()
    while http_status(port, path) != 200:
        assert time.monotonic() - began < seconds, path + " does not appear"
        time.sleep(0.002)
    return time.monotonic() - began


# ---- loads ----

class Result:
    """What one run of a load gave: requests a second, and microseconds of the server's CPU for each."""

    def __init__(self, requests, seconds, cpu):
        self.rate = requests / seconds
        self.cpu = cpu / requests * 1e6


def figures(results, field):
    return Figures(getattr(r, field) for r in results)


def wrk_counts(out):
    """Requests, and how many of them failed."""
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = sum(int(n) for found in (sockets, other) if found for n in found.groups())
    return int(re.search(r"(\d+) requests in", out).group(1)), errors


def wrk(server, path, seconds, connections=32):
    before = server.cpu()
    out = run("taskset", "-c", "1", "wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds,
              "http://127.0.0.1:%d%s" % (server.port, path))
    used = server.cpu() - before
    n, errors = wrk_counts(out)
    assert n > 0 and errors == 0, out
    return Result(n, seconds, used)


class Load:
    """bench/load, connected and answered once on each connection. A context: it ends with it."""

    def __init__(self, port, connections, seconds, length, requests, pinned=True):
        self.file = os.path.abspath("load.%d" % time.monotonic_ns())
        with open(self.file, "wb") as f:
            for r in requests:
                f.write(struct.pack("<I", len(r)) + r)
        self.process = subprocess.Popen(
            [*(["taskset", "-c", "1"] if pinned else []), os.path.join(build, "bench", "load"), str(port),
             str(connections), str(seconds), str(length), self.file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert self.process.stdout.readline() == "ready\n", "the load could not connect"
        except BaseException:
            self.__exit__()
            raise

    def measure(self, server):
        before = server.cpu()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        used = server.cpu() - before
        n, errors, seconds = re.fullmatch(r"(\d+) requests, (\d+) errors, ([\d.]+) seconds\n", line).groups()
        assert errors == "0", line
        return Result(int(n), float(seconds), used)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        os.unlink(self.file)


def loaded(server, port, connections, seconds, length, requests, pinned=True):
    with Load(port, connections, seconds, length, requests, pinned) as load:
        return load.measure(server)


def publish_map(name, size):
    """A map of random bytes, served raw as /maps/NAME.map."""
    with open(name + ".map", "wb") as f:
        f.write(os.urandom(size))
    run(patchbay, "publish", "map", name + ".map", "--algorithm", "zip", "--level", "0")


def share(name, content):
    """The depot's own file of `content` as www/NAME: another copy of it would lie otherwise in the page cache, where large
    folios make sendfile cheaper."""
    digest = hashlib.sha256(content).hexdigest()
    os.makedirs("www", exist_ok=True)
    os.link("depot/objects/%s/%s" % (digest[:2], digest[2:]), "www/" + name)
