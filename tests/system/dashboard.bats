#!/usr/bin/env bats
# What the operator's page is made of: the page, its events, bans from there. tests/browser looks at it in a browser.

load ../helper

change() { # PATH [CURL OPTION...]: the status of a POST
    code "http://$admin/$1" -X POST "${@:2}"
}

# follow SECONDS: begins to take the events, into the file `events`; sets $follower.
follow() {
    curl -sN -m "$1" "http://$admin/events" >events 3>&- &
    follower=$!
    pids+=("$follower")
    wait_for 10 has_events 1
}

has_events() { # N
    [ "$(grep -c '^data: ' events)" -ge "$1" ]
}

event() { # N EXPRESSION: of the Nth event e
    sed -n 's/^data: //p' events | sed -n "$1p" | python3 -c "import json, sys; e = json.load(sys.stdin); print($2)"
}

@test "the page: a policy that names its script and style by what openssl makes of them, and nothing from outside" {
    "$patchbay" init
    start_operated
    curl -sD head -o page "http://$admin/"
    grep -qi '^content-type: text/html; charset=utf-8' head
    grep -qi '^cache-control: no-store' head
    grep -qi '^x-content-type-options: nosniff' head
    grep -qi '^referrer-policy: no-referrer' head
    grep -qi "^content-security-policy: default-src 'none'; connect-src 'self'; .*frame-ancestors 'none'" head
    local tag hash
    for tag in script style; do
        hash=$(python3 -c 'import re, sys; sys.stdout.write(re.search("<%s>(.*)</%s>" % (sys.argv[1], sys.argv[1]), open("page", newline="").read(), re.S)[1])' "$tag" |
            openssl dgst -sha256 -binary | base64)
        grep -qF "$tag-src 'sha256-$hash'" head
    done
    run ! grep -qE 'https?://[^w]|innerHTML|eval\(|document\.write' page
    [ "$(wc -c <page)" -lt 100000 ]
    [ "$(code "http://$admin/" -I)" = 200 ]
    [ "$(code "http://$admin/" -X POST)" = 405 ]
    [ "$(code "http://$admin/ban")" = 405 ]
    curl -si "http://$admin/ban" | grep -qi '^allow: POST'
}

@test "scripts/embed-page: further parts, each script and style in the policy; what refers to something outside is refused" {
    local embed=$root/scripts/embed-page
    printf '<style>a{}</style>\n<main>\n<!-- parts -->\n</main>\n<script>1</script>\n' >page
    printf '<form></form><script>2</script>\n' >part
    python3 "$embed" out.c it page part
    [ "$(grep -o "'sha256-[^']*'" out.c | wc -l)" = 3 ]
    printf '#include <stdio.h>\n#include "%s"\nint main(void) { return fwrite(it.bytes, 1, it.n, stdout) != it.n; }\n' "$T/out.c" >main.c
    gcc -I "$root/src" -I "$root/include" -o main main.c
    ./main | cmp - <(printf '<style>a{}</style>\n<main>\n<form></form><script>2</script>\n</main>\n<script>1</script>\n')
    local bad
    for bad in '<img src="x">' '<p onclick="x">' '<p style="x">' '<a href="https://example.org">' '<script async>1</script>' '<script>1'; do
        printf '%s\n' "$bad" >part
        run python3 "$embed" out.c it page part
        [ "$status" = 1 ]
    done
    printf '<p>no place</p>\n' >page
    run python3 "$embed" out.c it page part
    [ "$status" = 1 ]
}

@test "events: the hour first, then one a second with what is new; they end at once when the server stops" {
    "$patchbay" init
    make_map a.map 200000
    "$patchbay" publish map a.map --level 1
    start_operated
    follow 30
    [ "$(event 1 'e["history"]["points"], len(e["history"]["series"]), e["releases"][0]["name"], e["server"]["state"]')" = "720 5 a serving" ]
    [ "$(event 1 'e["history"]["series"][""]')" = "[[-720], [-720], [-720]]" ]
    curl -sf "http://$at/maps/a.map" -o got
    "$patchbay" publish map a.map --level 2
    "$patchbay" ban 192.0.2.7 --reason 'a <b>bold</b> one'
    wait_for 10 has_events 7 # the first point of the history is among them
    python3 - <<'PYTHON'
import json
events = [json.loads(line[6:]) for line in open("events") if line.startswith("data: ")]
late = [b["now"] - a["now"] for a, b in zip(events, events[1:])]
assert all(400 <= ms for ms in late), late
assert sum("history" in e for e in events) == 1
points = [e["point"]["series"] for e in events if "point" in e]
assert points and points[0][""][0] == 1 and points[0]["opensauce/a"] == points[0]["opensauce"] == points[0][""], points
assert points[0][""][1] > 200000 and points[0][""][2] == 1
assert [r["version"] for e in events[1:] for r in e.get("releases", [])][-1] == "2"
assert [b["reason"] for e in events for b in e.get("bans", [])][-1] == "a <b>bold</b> one"
assert events[-1]["busiest"][0]["address"] == "127.0.0.1" and events[-1]["titles"][0]["name"] == "opensauce/a"
PYTHON
    local began=$EPOCHREALTIME
    stop_server
    wait "$follower" # curl takes it for the regular end
    python3 -c "import sys; assert $EPOCHREALTIME - $began < 3"
}

@test "events: they end with the token that asked for them" {
    "$patchbay" init
    "$patchbay" token add me --rights look >token 2>/dev/null
    "$patchbay" token add other >other 2>/dev/null
    start_operated
    (timeout 20 curl -sN -H "Authorization: Bearer $(cat token)" "http://$admin/events" >events; echo $? >ended) 3>&- &
    wait_for 10 grep -q '^data:' events
    "$patchbay" token revoke me
    wait_for 10 test -s ended
    [ "$(cat ended)" = 0 ]
    stop_server
}

@test "events: who does not take them is dropped, and sixteen are the most" {
    "$patchbay" init
    start_operated --send-timeout 1
    python3 - "$admin" <<'PYTHON'
import socket, sys, time
host, port = sys.argv[1].split(":")
def follow(room=None):
    s = socket.socket()
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.connect((host, int(port)))
    s.settimeout(20)
    s.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return s
def status(s):
    return s.recv(12).split()[1]
some = [follow() for _ in range(15)]
assert all(status(s) == b"200" for s in some)
slow = follow(1)
assert status(slow) == b"200"
assert status(follow()) == b"503" # until one of them is gone
for s in some[:10]:
    s.close()
def again():
    s = follow()
    return status(s) == b"200"
until = time.monotonic() + 10
while not again():
    assert time.monotonic() < until
    time.sleep(0.05)
# Whatever it sends makes no further events.
some[12].settimeout(0.2)
def events(seconds, sends):
    n, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        if sends:
            some[12].sendall(b"x")
        try:
            n += some[12].recv(1 << 20).count(b"data: ")
        except TimeoutError:
            pass
    return n
events(1, False)
assert events(2, True) <= 3
# It reads nothing more: what it has not taken stays in the server's kernel, until it is thrown away with a reset.
def is_there(): # the server's end, established
    return ":%04X 0100007F:%04X 01" % (int(port), slow.getsockname()[1]) in open("/proc/net/tcp").read()
assert is_there()
until = time.monotonic() + 40
while is_there():
    assert time.monotonic() < until
    time.sleep(0.2)
PYTHON
    [ "$(code "http://$admin/healthz")" = 200 ]
}

@test "bans: what is asked for wrongly, by others, without the token; a record that is in use" {
    "$patchbay" init
    start_operated
    local origin=http://$admin
    [ "$(change 'ban?range=127.0.0.1&reason=too%20much&for=3600' -H "Origin: $origin" -H 'Sec-Fetch-Site: same-origin')" = 200 ]
    wait_for 5 code_is 403 "http://$at/"
    "$patchbay" bans | grep -q '127.0.0.1.*too much'
    [ "$(change 'unban?range=127.0.0.1' -H "Origin: $origin")" = 200 ]
    wait_for 5 code_is 404 "http://$at/none"
    [ "$(change 'unban?range=127.0.0.1')" = 404 ]
    local query
    for query in '' '?range=' '?range=nowhere' '?range=192.0.2.1&for=x' '?range=192.0.2.1&for=0' '?range=192.0.2.1&for=-1' \
        '?range=192.0.2.1&for=99999999999999999999' '?range=192.0.2.1&reason=a%0ab' '?range=192.0.2.1&reason=%00' \
        "?range=192.0.2.1&reason=$(printf 'a%.0s' {1..201})" "?range=$(printf '1%.0s' {1..1000})"; do
        [ "$(change "ban$query")" = 400 ] || { echo "$query: $(change "ban$query")"; false; }
    done
    [ "$(change 'ban?range=192.0.2.1' -H 'Origin: http://evil.example')" = 403 ]
    [ "$(change 'ban?range=192.0.2.1' -H 'Origin: null')" = 403 ]
    [ "$(change 'ban?range=192.0.2.1' -H 'Sec-Fetch-Site: cross-site')" = 403 ]
    [ "$(change 'ban?range=192.0.2.1' -H 'Host: evil.example')" = 421 ]
    [ "$(code "http://$admin/ban?range=192.0.2.1")" = 405 ]
    "$patchbay" bans | grep -q 'no bans\|nobody' || [ "$("$patchbay" bans --json | grep -c 192.0.2)" = 0 ]

    python3 - "http://$admin/ban?range=192.0.2.1" <<'PYTHON'
import sqlite3, sys, time, urllib.error, urllib.request
db = sqlite3.connect("depot/state.sqlite", isolation_level=None)
db.execute("BEGIN IMMEDIATE")
began = time.monotonic()
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="POST"), timeout=20)
    raise SystemExit("it was not busy")
except urllib.error.HTTPError as e:
    assert e.code == 503 and e.headers["Retry-After"] == "1", e
assert time.monotonic() - began < 3
db.execute("ROLLBACK")
PYTHON
    [ "$(change 'ban?range=192.0.2.1')" = 200 ]
    stop_server
    run ! grep -i 'sandbox refused' serve.log

    printf '0123456789abcdef-a-token' >token
    start_operated --admin-token-file token
    [ "$(code "http://$admin/")" = 200 ] # the page alone; what it shows needs the token
    [ "$(code "http://$admin/events")" = 401 ]
    [ "$(change 'ban?range=192.0.2.2')" = 401 ]
    [ "$(change 'unban?range=192.0.2.1')" = 401 ]
    [ "$(change 'unban?range=192.0.2.1' -H "Authorization: Bearer $(cat token)")" = 200 ]
    [ "$(cat access.log serve.log | grep -c "$(cat token)")" = 0 ]
}
