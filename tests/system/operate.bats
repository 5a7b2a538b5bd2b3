#!/usr/bin/env bats
# The operator's controls: rates, limits, bans, caps, counters. Times are only ever asked to be long enough.

load ../helper

# took TENTHS COMMAND...: succeeds, and not sooner than that.
took() {
    local began ended
    began=$(date +%s%N)
    "${@:2}" || return 1
    ended=$(date +%s%N)
    [ $(((ended - began) / 100000000)) -ge "$1" ] || { echo "took only $(((ended - began) / 1000000)) ms" >&2; return 1; }
}

publish() { # NAME BYTES
    [ -d depot ] || "$patchbay" init
    make_map "$1.map" "$2"
    "$patchbay" publish map "$1.map" --level 1
}

fetch_both() {
    curl -sf "http://$at/maps/a.map" -o a.got &
    curl -sf "http://$at/maps/b.map" -o b.got && wait $! && cmp a.map a.got && cmp b.map b.got
}

@test "rates: of the server, of an address, of a title; nothing is lost, and others are not held back" {
    publish a 1500000
    publish b 1500000
    start_operated --rate 1000000 # 3.0 MB with one second's burst: two seconds
    took 18 fetch_both
    stop_server
    start_operated --address-rate 500000 --address-rate "127.0.0.2 1G"
    took 18 curl -sf "http://$at/maps/a.map" -o a.got
    cmp a.map a.got
    before=$(metric delays_total)
    curl -sf --interface 127.0.0.2 "http://$at/maps/a.map" -o a.got
    metric_is delays_total "$before"
    stop_server
    start_operated --title-rate "opensauce/a 500000"
    curl -sf "http://$at/maps/b.map" -o b.got
    metric_is delays_total 0
    took 18 curl -sf "http://$at/maps/a.map" -o a.got
    cmp a.map a.got
    [ "$(metric delays_total)" -gt 0 ]
}

@test "a rate is shared evenly, a reload changes it, and a stop does not wait for it" {
    publish a 4000000
    cat >conf <<<'[server]
rate = 200k'
    start_operated --config conf --drain-timeout 1
    for i in 1 2 3 4 5 6 7 8; do
        curl -s "http://$at/maps/a.map" -o "got$i" &
        pids+=($!)
    done
    spread() { # all have some, and the largest not much more than the smallest
        local sizes=(got*)
        [ ${#sizes[@]} = 8 ] || return 1
        mapfile -t sizes < <(stat -c %s got* | sort -n)
        [ "${sizes[0]}" -gt 60000 ] && [ "${sizes[7]}" -lt $((sizes[0] * 8)) ]
    }
    wait_for 20 spread
    metric_is connections_waiting 8
    echo '[server]' >conf
    kill -HUP "$server"
    wait "${pids[@]:1}"
    for i in 1 2 3 4 5 6 7 8; do cmp a.map "got$i"; done
    printf '[server]\nrate = 1k\n' >conf
    kill -HUP "$server"
    wait_for 20 eval '! curl -s -m 1 "http://$at/maps/a.map" -o probe' # the new rate holds
    curl -s "http://$at/maps/a.map" -o slow &
    pids+=($!)
    wait_for 5 metric_is connections_waiting 1
    stop_server
}

@test "requests a second: further ones wait, in order, and none is refused" {
    publish a 10000
    start_operated --address-requests 10
    for i in $(seq 30); do echo "url = http://$at/maps/a.map"; echo "output = got$i"; done >urls
    took 18 curl -sf -K urls
    for i in $(seq 30); do cmp a.map "got$i"; done
    python3 - "$at" <<'EOF'
import socket, sys
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"".join(b"GET /none%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(15)) + b"GET /maps/a.map HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
got = b""
while piece := s.recv(65536):
    got += piece
assert got.count(b"HTTP/1.1 404") == 15 and got.count(b"HTTP/1.1 200") == 1, got[-300:]
EOF
}

@test "connections: overall, and of one address; the others are served" {
    publish a 10000
    start_operated --address-connections 3 --max-connections 5 --threads 2
    python3 - "$at" <<'EOF'
import socket, sys
host, port = sys.argv[1].split(":")
def ask(s):
    s.sendall(b"GET /maps/a.map HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        return s.recv(12)
    except ConnectionResetError:
        return b""
def connect(source):
    return socket.create_connection((host, int(port)), source_address=(source, 0))
good = [connect("127.0.0.2") for _ in range(3)]
assert all(ask(s) == b"HTTP/1.1 200" for s in good)
assert ask(connect("127.0.0.2")) == b""
good.append(connect("127.0.0.3"))
assert ask(good[-1]) == b"HTTP/1.1 200"
good.append(connect("127.0.0.3"))
assert ask(good[-1]) == b"HTTP/1.1 200"
assert ask(connect("127.0.0.4")) == b""
EOF
    metric_is 'connections_refused_total{reason="address"}' 1
    metric_is 'connections_refused_total{reason="total"}' 1
    wait_for 5 metric_is connections 0
    [ "$(code "http://$at/maps/a.map")" = 200 ]
}

@test "a head that is too large is refused; a client that takes too little is cut off" {
    publish a 30000000
    start_operated --head-max 512 --send-timeout 1 --least-rate 100k
    [ "$(code "http://$at/maps/a.map" -r 0-9)" = 206 ]
    [ "$(code "http://$at/maps/a.map" -H "X-Long: $(printf 'x%.0s' $(seq 600))")" = 431 ]
    # 8 kB a second is a steady reader, but not one that may hold a connection for an hour.
    curl -s --limit-rate 8k "http://$at/maps/a.map" -o slow &
    pids+=($!)
    wait_for 20 metric_is timeouts_total 1
    metric_is 'replies_broken_off_total{dialect="opensauce"}' 1
    metric_is 'title_replies_broken_off_total{title="opensauce/a"}' 1
}

@test "bans: at once, what is under way too; kept across restarts; lifted; expired; ranges of both kinds" {
    publish a 30000000
    start_operated --http '[::1]:0'
    six=$(sed -n 's|.*http://\(\[::1\]:[0-9]*\)/$|\1|p' serve.log)
    curl -s --limit-rate 100k --interface 127.0.0.5 "http://$at/maps/a.map" -o cut &
    downloading=$!
    pids+=($downloading)
    wait_for 5 metric_is 'active_transfers{dialect="opensauce"}' 1
    run -0 "$patchbay" ban 127.0.0.5 --reason "asks too much"
    [ "$output" = "127.0.0.5: banned for ever" ]
    wait_for 5 metric_is 'replies_broken_off_total{dialect="opensauce"}' 1
    kill "$downloading"
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.5)" = 403 ]
    [ "$(code "http://$at/maps/a.map" -r 0-9 --interface 127.0.0.6)" = 206 ]
    "$patchbay" ban ::1/64 --for 1h
    wait_for 5 code_is 403 "http://$six/maps/a.map"
    metric_is bans 2
    stop_server
    start_operated
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.5)" = 403 ]
    run -0 "$patchbay" bans
    [[ "${lines[0]}" == "127.0.0.5 "*"for ever"*"asks too much" ]]
    [[ "${lines[1]}" == "::/64 "*"until"* ]]
    "$patchbay" bans --json | python3 -c 'import json, sys; assert [b["range"] for b in json.load(sys.stdin)] == ["127.0.0.5", "::/64"]'
    "$patchbay" unban 127.0.0.5
    wait_for 5 code_is 206 "http://$at/maps/a.map" -r 0-9 --interface 127.0.0.5
    "$patchbay" ban 127.0.0.5 --for 3s
    wait_for 5 code_is 403 "http://$at/maps/a.map" -r 0-9 --interface 127.0.0.5
    wait_for 5 code_is 206 "http://$at/maps/a.map" -r 0-9 --interface 127.0.0.5
    run -3 "$patchbay" unban 127.0.0.5
    [[ "$output" == *"is not banned"* ]]
    run -1 "$patchbay" ban 300.1.1.1
    run -2 "$patchbay" ban 192.0.2.1 --for soon
    run -1 "$patchbay" ban 192.0.2.1 --reason $'two\nlines'
    [ ${#lines[@]} = 1 ]
}

@test "a ban over POLP: closed without a word" {
    mkdir tree
    echo content >tree/file
    "$patchbay" init
    "$patchbay" publish app tree --app 1000 --hardware W2U --version 20061212_3
    start_operated --polp 127.0.0.1:0
    polp=$(sed -n 's|.*polp://\(.*\)/$|\1|p' serve.log)
    "$patchbay" fetch "playonline://$polp/1000@W2U" got
    "$patchbay" ban 127.0.0.1
    wait_for 5 metric_is bans 1
    banned() { ! "$patchbay" fetch "playonline://$polp/1000@W2U" "got$RANDOM"; }
    wait_for 10 banned
}

@test "the connection ban: too many connections for nothing, a cool-down, kept across restarts, lifted" {
    local words='more than 5 connections without a valid request within 3600 s'
    publish a 10000
    start_operated --ban-connections 5 --ban-window 3600 --ban-cooldown 3600
    for i in 1 2 3 4 5; do
        [ "$(code "http://$at/none" --interface 127.0.0.7)" = 404 ]
    done
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.7)" = 200 ]
    [ "$(code "http://$at/none" --interface 127.0.0.7)" = 404 ]
    wait_for 5 code_is 403 "http://$at/maps/a.map" --interface 127.0.0.7
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.8)" = 200 ]
    wait_for 5 grep -q "127.0.0.7 is banned for 3600 s: $words" serve.log
    "$patchbay" bans | grep -q "^127.0.0.7 .*$words"
    stop_server
    start_operated
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.7)" = 403 ]
    "$patchbay" unban 127.0.0.7
    wait_for 5 code_is 200 "http://$at/maps/a.map" --interface 127.0.0.7
    stop_server
    # What was counted is forgotten after the window, and the ban ends after the cool-down.
    start_operated --ban-connections 2 --ban-window 1 --ban-cooldown 1
    again() { code_is 403 "http://$at/none" --interface 127.0.0.9; }
    wait_for 5 again
    wait_for 10 code_is 200 "http://$at/maps/a.map" --interface 127.0.0.9
}

@test "daily caps: soft, hard, of the server and of a title; kept across restarts; a new day begins anew" {
    publish a 2500000
    publish b 10000
    start_operated --title-soft-cap "opensauce/a 2M" --title-hard-cap "opensauce/a 4M"
    curl -sf "$url?map=a" -o definition
    part=$(xmllint --xpath 'string(//part[1]/@name)' definition)
    curl -sf "http://$at/maps/a.map" -o /dev/null
    wait_for 5 code_is 404 "$url?map=a"          # no new download
    [ "$(code "http://$at/maps/a.map")" = 404 ]
    [ "$(code "$url?map=a&part=$part")" = 200 ]  # those under way finish
    [ "$(code "http://$at/maps/a.map" -r 2000000-)" = 206 ]
    [ "$(code "$url?map=b")" = 200 ]
    metric_is 'title_cap_state{title="opensauce/a"}' 1
    curl -sf "http://$at/maps/a.map" -r 1- -o /dev/null
    wait_for 5 code_is 503 "$url?map=a&part=$part"
    stop_server
    start_operated --title-hard-cap 4M
    [ "$(code "$url?map=a")" = 503 ]
    [ "$(code "$url?map=b")" = 200 ]
    stop_server
    start_operated --soft-cap 4M
    [ "$(code "$url?map=b")" = 404 ]
    [ "$(code "$url?map=a&part=$part")" = 200 ]
    metric_is cap_state 1
    stop_server
    start_operated --hard-cap 4M
    [ "$(code "$url?map=b")" = 503 ]
    [ "$(code "http://$at/nothing")" = 404 ]
    stop_server
    sqlite3 depot/state.sqlite 'UPDATE use SET day = day - 1'
    start_operated --hard-cap 4M
    [ "$(code "$url?map=b")" = 200 ]
    [ "$(metric today_bytes)" -lt 10000 ]
}

@test "caps over POLP and for levels" {
    mkdir tree
    head -c 300000 /dev/urandom >tree/file
    "$patchbay" init
    "$patchbay" publish app tree --app 1000 --hardware W2U --version 20061212_3
    make_levels levels 20 2 1
    "$patchbay" publish levels levels --collection official --min-version 1
    start_operated --polp 127.0.0.1:0 --title-soft-cap 1k
    polp=$(sed -n 's|.*polp://\(.*\)/$|\1|p' serve.log)
    "$patchbay" fetch "playonline://$polp/1000@W2U" got
    wait_for 5 metric_is 'title_cap_state{title="playonline/1000@W2U"}' 1
    run -3 "$patchbay" fetch "playonline://$polp/1000@W2U" other
    for i in 1 2 3 4 5 6 7 8; do curl -sf "http://$at/official.txt" -o /dev/null || break; done
    wait_for 5 code_is 404 "http://$at/official.txt"
}

@test "counters count just what happened; a parser of Prometheus takes them; status shows them" {
    publish a 3000000
    start_operated
    curl -sf "http://$at/maps/a.map" -o /dev/null
    curl -sf "http://$at/maps/a.map" -r 5- -o /dev/null
    curl -sf "http://$at/maps/a.map" -r 0-5 -o /dev/null
    "$patchbay" fetch "opensauce://$at/a" got
    [ "$(code "http://$at/maps/none.map")" = 404 ]
    [ "$(code "$url?map=none")" = 404 ]
    parts=$(curl -sf "$url?map=a" | xmllint --xpath 'count(//part)' -)
    metric_is 'requests_total{dialect="opensauce"}' $((6 + parts))
    metric_is 'requests_total{dialect="none"}' 1
    metric_is 'errors_total{dialect="opensauce"}' 1
    metric_is 'title_requests_total{title="opensauce/a"}' $((5 + parts))
    metric_is 'title_downloads_completed_total{title="opensauce/a"}' 3
    [ "$(metric 'sent_bytes_total{dialect="opensauce"}')" -gt 6000000 ]
    metric_is 'active_transfers{dialect="opensauce"}' 0
    curl -sf "http://$admin/metrics" | /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
names = [f.name for f in families]
assert len(names) == len(set(names)) and len(names) > 20, names
assert all(n.startswith(("patchbay_", "process_")) for n in names), names
assert all(f.documentation and f.type in ("counter", "gauge") for f in families), families'
    "$patchbay" status --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["state"] == "serving" and s["titles"] == 1 and s["dialects"]["opensauce"]["errors"] == 1, s
assert s["by_title"][0]["downloads_completed"] == 3, s'
    run -0 "$patchbay" status
    [[ "$output" == *"serving for 0d 00:00:"*"1 titles"* ]]
    [[ "$output" == *"opensauce/a "* ]]
    [ "$(code "http://$admin/nothing")" = 404 ]
    [ "$(code "http://$admin/metrics" -X POST)" = 405 ]
    curl -sfI "http://$admin/metrics" | grep -qi '^content-length: [1-9]'
    ! grep -q metrics access.log
}

@test "health and readiness: while it serves, while it stops" {
    publish a 30000000
    start_operated --drain-timeout 30
    [ "$(curl -sf "http://$admin/healthz")" = ok ]
    [ "$(curl -sf "http://$admin/readyz")" = ok ]
    mkfifo gate
    curl -s "http://$at/maps/a.map" >gate &
    pids+=($!)
    exec 7<gate
    wait_for 5 metric_is 'active_transfers{dialect="opensauce"}' 1
    kill -TERM "$server"
    wait_for 5 code_is 503 "http://$admin/readyz"
    [ "$(curl -s "http://$admin/readyz")" = stopping ]
    [ "$(curl -sf "http://$admin/healthz")" = ok ]
    cat <&7 >got
    exec 7<&-
    cmp a.map got
    wait "$server"
}

@test "under load: many clients, a rate, publishes and bans; every download is whole" {
    publish a 400000
    start_operated --rate 8M --address-requests 200 --threads 2
    python3 - "$at" "$patchbay" <<'EOF'
import hashlib, http.client, subprocess, sys, threading
host, port = sys.argv[1].split(":")
want = hashlib.md5(open("a.map", "rb").read()).digest()
faults = []
def client(n):
    try:
        c = http.client.HTTPConnection(host, int(port), source_address=("127.0.0.%d" % (20 + n % 10), 0))
        for _ in range(2):
            c.request("GET", "/maps/a.map")
            r = c.getresponse()
            if r.status != 200 or hashlib.md5(r.read()).digest() != want:
                faults.append(r.status)
    except Exception as e:
        faults.append(repr(e))
threads = [threading.Thread(target=client, args=(n,)) for n in range(40)]
for t in threads:
    t.start()
for i in range(5):
    with open("extra%d.map" % i, "w") as f:
        f.write("x" * 5000)
    subprocess.run([sys.argv[2], "publish", "map", "extra%d.map" % i, "--level", "1"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.argv[2], "ban", "192.0.2.%d" % i], check=True, stdout=subprocess.DEVNULL)
for t in threads:
    t.join()
assert not faults, faults[:5]
EOF
    metric_is 'title_downloads_completed_total{title="opensauce/a"}' 80
    [ "$(metric delays_total)" -gt 0 ]
}

@test "bad values of limits are refused in words" {
    "$patchbay" init
    local bad
    for bad in "--rate fast" "--rate 9000G" "--address-rate nowhere.example 5M" "--title-rate nothing 5M" \
        "--title-soft-cap quake/a 5M" "--soft-cap -1" "--address-connections many" "--head-max 10" "--admin here"; do
        # shellcheck disable=SC2086
        run -2 "$patchbay" serve --http 127.0.0.1:0 "${bad%% *}" "${bad#* }"
        [ ${#lines[@]} = 1 ]
        [[ "$output" == *"${bad%% *}"* ]] || { echo "$bad: $output"; false; }
    done
}

@test "a rate that is changed holds at once, for those who wait, too; clients that go give back what they took" {
    publish a 600000
    publish b 600000
    printf '[server]\nrate = 1k\n' >conf
    start_operated --config conf
    for i in $(seq 20); do
        curl -s "http://$at/maps/a.map" -o "got$i" &
        pids+=($!)
    done
    wait_for 10 metric_is connections_waiting 20
    printf '[server]\ntitle_rate = 100M\n' >conf
    kill -HUP "$server"
    for pid in "${pids[@]:1}"; do wait "$pid"; done
    for i in $(seq 20); do cmp a.map "got$i"; done
    # Grants that were taken at one rate and come back at another must not spoil the bucket.
    printf '[server]\nrate = 1k\n' >conf
    kill -HUP "$server"
    wait_for 5 eval '[ "$(grep -c "configuration read again" serve.log)" = 2 ]'
    python3 - "$at" "$server" <<'EOF'
import os, signal, socket, struct, sys, time
host, port = sys.argv[1].split(":")
socks = []
for _ in range(50):
    s = socket.create_connection((host, int(port)))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.sendall(b"GET /maps/b.map HTTP/1.1\r\nHost: a\r\n\r\n")
    socks.append(s)
with open("conf", "w") as f:
    f.write("[server]\naddress_rate = 1M\ntitle_rate = 1M\n")
os.kill(int(sys.argv[2]), signal.SIGHUP)
for s in socks:
    s.close()
EOF
    wait_for 5 eval '[ "$(grep -c "configuration read again" serve.log)" = 3 ]'
    curl -sf --max-time 20 "http://$at/maps/b.map" -o b.got
    cmp b.map b.got
    wait_for 5 metric_is connections 0
    metric_is 'active_transfers{dialect="opensauce"}' 0
}

@test "requests that nobody waits for any more do not hold up others of the address" {
    publish a 10000
    start_operated --address-requests 10
    python3 - "$at" <<'EOF'
import socket, struct, sys
host, port = sys.argv[1].split(":")
for _ in range(1000):
    s = socket.create_connection((host, int(port)))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.sendall(b"GET /maps/a.map HTTP/1.1\r\nHost: a\r\n\r\n")
    s.close()
EOF
    curl -sf --max-time 20 "http://$at/maps/a.map" -o got
    cmp a.map got
}

@test "a record that is damaged, locked or full: serving, publishing and caps go on" {
    publish a 300000
    start_operated
    "$patchbay" ban 127.0.0.9
    wait_for 5 metric_is bans 1
    sqlite3 depot/state.sqlite 'BEGIN IMMEDIATE' '.shell touch locked; while [ ! -e unlock ]; do sleep 0.05; done' 'COMMIT' 3>&- &
    pids+=($!)
    locking=$!
    wait_for 10 test -e locked
    publish b 10000
    wait_for 5 code_is 200 "$url?map=b"
    [ "$(curl -sf "http://$admin/healthz")" = ok ]
    touch unlock
    wait "$locking"
    stop_server
    # Pages behind a good header are damaged.
    sqlite3 depot/state.sqlite 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
    dd if=/dev/urandom of=depot/state.sqlite bs=1 seek=4096 count=8192 conv=notrunc status=none
    start_operated
    [ "$(code "$url?map=a")" = 200 ]
    publish c 10000
    wait_for 5 code_is 200 "$url?map=c"
}

@test "a depot that can't be written: it serves, and says that bans and caps are not kept" {
    publish a 10000
    echo 'not a database' >depot/state.sqlite
    start_operated
    [ "$(code "http://$at/maps/a.map")" = 200 ]
    grep -q 'bans are not in force' serve.log
    run -5 "$patchbay" bans
    [ ${#lines[@]} = 1 ]
    stop_server
}
