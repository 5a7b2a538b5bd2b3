#!/usr/bin/env bats
# What a service manager sees: readiness, reloads, the watchdog, sockets that it hands over; the unit files.

load ../helper

# manager.py COMMAND...: prints what it is notified of, a line each, until the command ends.
manager() {
    cat >manager.py <<'EOF'
import os, socket, subprocess, sys, threading
path = os.path.join(os.getcwd(), "notify")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(path)
s.settimeout(0.2)
p = subprocess.Popen(sys.argv[1:], env=dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="600000"))
print("pid", p.pid, flush=True)
while True:
    try:
        print(s.recv(4096).decode().replace("\n", " "), flush=True)
    except socket.timeout:
        if p.poll() is not None:
            break
print("exit", p.returncode, flush=True)
EOF
    python3 manager.py "$@" >notified 2>serve.log 3>&- &
    pids+=($!)
    managing=$!
}

@test "it says when it is ready, alive, reloading and stopping" {
    "$patchbay" init
    manager "$patchbay" serve --http 127.0.0.1:0 --access-log off
    wait_for 10 grep -q '^READY=1' notified
    wait_for 10 grep -q '^WATCHDOG=1' notified
    pid=$(sed -n 's/^pid //p' notified)
    pids+=("$pid")
    kill -HUP "$pid"
    wait_for 10 grep -q '^RELOADING=1 MONOTONIC_USEC=[0-9]' notified
    wait_for 10 eval '[ "$(grep -c ^READY=1 notified)" = 2 ]'
    kill -TERM "$pid"
    wait "$managing"
    grep -q '^STOPPING=1' notified
    grep -q '^exit 0' notified
}

@test "sockets that are handed over; a restart loses no connection" {
    "$patchbay" init
    make_map a.map 50000
    "$patchbay" publish map a.map --level 1
    mkdir tree
    echo content >tree/file
    "$patchbay" publish app tree --app 1000 --hardware W2U --version 20061212_3
    cat >restart.py <<'EOF'
# The manager: listens, starts the server with its sockets, and starts it anew while clients come and go.
import http.client, os, socket, subprocess, sys, threading, time
patchbay = sys.argv[1]
web, polp = socket.create_server(("127.0.0.1", 0), backlog=1000), socket.create_server(("127.0.0.1", 0), backlog=1000)
port, polp_port = web.getsockname()[1], polp.getsockname()[1]
want = open("a.map", "rb").read()

def start():
    # the shell puts its own id, which stays the server's
    web3, polp4 = os.dup(web.fileno()), os.dup(polp.fileno())
    p = subprocess.Popen(["bash", "-c", "exec 3<&%d 4<&%d; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=http:polp exec %s serve --access-log off" % (web3, polp4, patchbay)],
                         pass_fds=(web3, polp4), stderr=subprocess.PIPE, text=True)
    os.close(web3), os.close(polp4)
    lines = [p.stderr.readline(), p.stderr.readline()]
    assert "http://127.0.0.1:%d/" % port in lines[0] and "polp://127.0.0.1:%d/" % polp_port in lines[1], lines
    return p

faults, served, done = [], 0, False
def client():
    global served
    while not done:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            c.request("GET", "/maps/a.map")
            r = c.getresponse()
            if r.status != 200 or r.read() != want:
                faults.append(r.status)
            c.close()
            served += 1
        except Exception as e:
            faults.append(repr(e))

server = start()
threads = [threading.Thread(target=client) for _ in range(4)]
for t in threads:
    t.start()
try:
    for _ in range(5):
        before = served
        while served < before + 50 and not faults:
            time.sleep(0.01)
        server.terminate()
        assert server.wait() == 0
        server = start()
    subprocess.run([patchbay, "fetch", "playonline://127.0.0.1:%d/1000@W2U" % polp_port, "got"], check=True)
    assert open("got/file").read() == "content\n"
finally:
    done = True
    for t in threads:
        t.join()
    server.terminate()
    server.wait()
assert not faults and served > 250, (faults[:5], served)
EOF
    python3 restart.py "$patchbay"
    run -1 "$patchbay" serve --http fd:77
    [[ "$output" == *"fd:77 is not a TCP socket that listens"* ]]
    run -1 bash -c 'exec 3>&-; LISTEN_PID=$$ LISTEN_FDS=1 exec "$1" serve' - "$patchbay"
    [[ "$output" == *"LISTEN_FDS"* ]]
    [ ${#lines[@]} = 1 ]
}

@test "the unit files are right, and leave little to attack" {
    command -v systemd-analyze >/dev/null || skip "systemd-analyze is not here"
    cp "$PATCHBAY_BUILD"/packaging/patchbay.service "$root"/packaging/*.socket .
    sed -i "s|[^ =]*/bin/patchbay |$patchbay |" patchbay.service
    run -0 systemd-analyze verify --man=no patchbay.service patchbay.socket patchbay-polp.socket
    [ -z "$output" ] || { echo "$output"; false; }
    run -0 systemd-analyze security --offline=true --threshold=20 patchbay.service
}

@test "a server starts with the sample configuration" {
    cp "$root"/packaging/patchbay.conf .
    "$patchbay" init
    timeout 5 "$patchbay" serve --config patchbay.conf --http 127.0.0.1:0 --admin 0 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 10 grep -q http:// serve.log
    stop_server
}
