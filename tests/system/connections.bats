#!/usr/bin/env bats
# Connections: who asks for real things, one connection for each of them, is never banned or refused; who does not, is.

load ../helper

# publish_parts NAME SIZE PARTS: imports a map in so many parts; the file `parts` lists them as one_each.py reads it.
publish_parts() {
    local name=$1 part i=0
    mkdir -p definitions "parts/$name"
    make_map "$name.map" "$2"
    7zz a -bso0 -mx=0 "$name.7z" "$name.map"
    split -n "$3" -d -a 3 --numeric-suffixes=1 "$name.7z" "parts/$name/$name.7z."
    {
        echo "<osHTTPServer><map_download algorithm=\"7zip\" name=\"$name.map\" md5=\"$(md5 "$name.map")\"" \
            "uncompressed_size=\"$2\" compressed_size=\"$(stat -c %s "$name.7z")\" host_directory=\"$name\">"
        while read -r sum part; do
            echo "<part name=\"${part##*/}\" index=\"$i\" md5=\"$sum\" size=\"$(stat -c %s "$part")\"/>"
            i=$((i + 1))
        done < <(md5sum "parts/$name"/*)
        echo '</map_download></osHTTPServer>'
    } >"definitions/$name.xml"
    [ -d depot ] || "$patchbay" init
    "$patchbay" import opensauce definitions parts
    echo "- /map_download?map=$name" >parts.list
    md5sum "parts/$name"/* | sed -E "s|^([^ ]*) +.*/(.*)|\1 /map_download?map=$name\&part=\2|" >>parts.list
}

# list_levels: the collection `official` as one_each.py reads it, from the tree that it was published from.
list_levels() {
    echo "- /official.txt"
    find levels -name '*.esx' -print0 | xargs -0r md5sum | sed -E 's|^((..)([^ ]*)) .*|\1 /official/\2/\3|'
}

one_each() { # SOURCE VERSION LATE LIST
    python3 "$root/tests/system/one_each.py" "$at" "$1" "$2" "$3" <"$4"
}

# The examples of packaging/patchbay.conf, switched on.
packaged() {
    sed 's/^;\([a-z]\)/\1/' "$root/packaging/patchbay.conf" >conf
    grep -q '^address_connections' conf
}

# nobody_hit: no ban has begun, and no connection was refused.
nobody_hit() {
    [ "$(metric 'connections_refused_total{reason="address"}')" = 0 ]
    metric_is bans 0
    ! grep -q 'is banned' serve.log
}

# knock SOURCE HOW: 150 connections that are good for nothing.
knock() {
    python3 - "$at" "$@" <<'PYTHON'
import socket, sys
host, port = sys.argv[1].split(":")
source, how = sys.argv[2:]
words = {"garbage": b"\x16\x03\x01 hello\r\n\r\n", "missing": b"GET /maps/none.map HTTP/1.1\r\nHost: a\r\n\r\n",
         "half": b"GET /maps/a.map HT", "nothing": b"", "silence": b""}[how]
socks = []
for _ in range(150):
    s = socket.create_connection((host, int(port)), source_address=(source, 0))
    try:
        s.sendall(words)
        if how in ("garbage", "missing"):
            s.recv(1000)
    except ConnectionError:
        pass
    if how != "silence":
        s.close()
    socks.append(s)
if how == "silence":
    for s in socks:
        assert s.recv(1) == b"" # the server ends it
PYTHON
}

@test "a map of 200 parts, one connection for each part: nobody is banned or refused, with either set of examples" {
    publish_parts big 300000 200
    [ "$(wc -l <parts.list)" = 201 ]
    start_operated --ban-connections 100 --ban-window 60
    [ "$(one_each 127.0.0.2 1.1 0 parts.list)" = 201 ]
    [ "$(one_each 127.0.0.3 1.0 0 parts.list)" = 201 ]
    nobody_hit
    stop_server
    packaged
    start_operated --config conf --ban-connections 100 --ban-window 60
    [ "$(one_each 127.0.0.2 1.1 0 parts.list)" = 201 ]
    nobody_hit
}

@test "a collection of 2,500 levels, one connection for each level: nobody is banned or refused" {
    make_levels levels 2500 20 1
    "$patchbay" init
    "$patchbay" publish levels levels --collection official --min-version 1
    list_levels >levels.list
    [ "$(wc -l <levels.list)" = 2501 ]
    start_operated --ban-connections 100 --ban-window 60
    [ "$(one_each 127.0.0.2 1.0 0 levels.list)" = 2501 ]
    nobody_hit
}

@test "connections that bring garbage, half a request, nothing, or ask for what is not there: banned; others are not" {
    publish_parts a 10000 2
    start_operated --ban-connections 100 --ban-window 600 --idle-timeout 1
    local n=10 how
    for how in garbage half missing nothing silence; do
        n=$((n + 1))
        knock "127.0.0.$n" "$how"
        wait_for 10 grep -q "127.0.0.$n is banned" serve.log
        [ "$(code "http://$at/maps/a.map" --interface "127.0.0.$n")" = 403 ]
    done
    metric_is bans 5
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.10)" = 200 ]
    # A banned address that tries on: its ban is one, and ends as it would have.
    ends=$(sqlite3 depot/state.sqlite "SELECT expires FROM ban WHERE range = '127.0.0.13'")
    knock 127.0.0.13 missing
    [ "$(sqlite3 depot/state.sqlite "SELECT expires FROM ban WHERE range = '127.0.0.13'")" = "$ends" ]
    [ "$(grep -c '127.0.0.13 is banned' serve.log)" = 1 ]
}

# expect_each SOURCE STATUS TIMES URL: a connection each, and that answer to each.
expect_each() {
    python3 - "$@" <<'PYTHON'
import http.client, sys, urllib.parse
source, status, times, url = sys.argv[1:]
u = urllib.parse.urlsplit(url)
for _ in range(int(times)):
    c = http.client.HTTPConnection(u.hostname, u.port, source_address=(source, 0))
    c.request("GET", u.path + "?" + u.query, headers={"Connection": "close"})
    r = c.getresponse()
    r.read()
    c.close()
    assert r.status == int(status), r.status
PYTHON
}

@test "a client that meets a cap, a rate or a deny list many times is not banned" {
    publish_parts a 100000 2
    start_operated --hard-cap 50k --ban-connections 20 --ban-window 600
    curl -sf "http://$at/maps/a.map" -o /dev/null
    wait_for 5 code_is 503 "$url?map=a"
    expect_each 127.0.0.2 503 200 "$url?map=a"
    nobody_hit
    stop_server
    start_operated --soft-cap 50k --ban-connections 20 --ban-window 600 --deny 127.0.0.3 --address-requests 40
    expect_each 127.0.0.2 404 100 "$url?map=a"
    expect_each 127.0.0.3 403 100 "$url?map=a"
    nobody_hit
    # What is not there, cap or not, is nothing that a player asks for.
    expect_each 127.0.0.4 404 20 "$url?map=none"
    nobody_hit
    expect_each 127.0.0.4 404 1 "$url?map=none"
    wait_for 5 grep -q '127.0.0.4 is banned' serve.log
}

@test "a limit of 2 connections of an address does not refuse a client that makes one after the other" {
    publish_parts big 300000 200
    start_operated --address-connections 2 --threads 2
    [ "$(one_each 127.0.0.2 1.1 0 parts.list)" = 201 ]
    # Not either when the client is slow to close its side.
    [ "$(one_each 127.0.0.2 1.1 50 parts.list)" = 201 ]
    nobody_hit
}

@test "connections that asked while their address was banned do not count once the ban is lifted" {
    publish_parts a 10000 2
    start_operated --ban-connections 2 --ban-window 600
    "$patchbay" ban 127.0.0.2
    wait_for 5 code_is 403 "http://$at/maps/a.map" --interface 127.0.0.2
    python3 - "$at" "$patchbay" "http://$admin/metrics" <<'PYTHON'
import http.client, subprocess, sys, time, urllib.request
def ask():
    c = http.client.HTTPConnection(sys.argv[1], source_address=("127.0.0.2", 0))
    c.request("GET", "/maps/a.map")
    r = c.getresponse()
    r.read()
    return c, r.status
held = [ask() for _ in range(10)]
assert all(status == 403 for _, status in held), held
subprocess.run([sys.argv[2], "unban", "127.0.0.2"], check=True)
until = time.monotonic() + 10
while b"\npatchbay_bans 0\n" not in urllib.request.urlopen(sys.argv[3]).read():
    assert time.monotonic() < until
for c, _ in held:
    c.close()
assert ask()[1] == 200
PYTHON
    wait_for 5 metric_is connections 0
    [ "$(code "http://$at/maps/a.map" --interface 127.0.0.2)" = 200 ]
    nobody_hit
}
