#!/usr/bin/env bats
# The server as an operator meets it: every row of the specification, configuration, signals, what clients do to it.

load ../helper

setup_map() {
    "$patchbay" init
    make_map a.map "${1:-100000}"
    "$patchbay" publish map a.map --level 1
}

status() { # CURL ARGUMENT...
    curl -s -o /dev/null -w '%{http_code}' "$@"
}

@test "every row of the request table" {
    setup_map
    start_server
    [ "$(status "$url?map=a")" = 200 ]
    [ "$(curl -sI "$url?map=a" | tr -d '\r' | sed -n 's/^Content-Type: //p')" = text/xml ]
    [ "$(status "$url?map=A.MAP")" = 200 ]
    [ "$(status "$url?map=a.yelo")" = 200 ]
    [ "$(status "$url?map=%61")" = 200 ]
    part=$(part_name a)
    [[ $part =~ ^a-[0-9a-f]{8}\.7z\.001$ ]]
    [ "$(status "$url?map=a&part=$part")" = 200 ]
    [ "$(status "$url?map=a&part=${part^^}")" = 404 ]
    [ "$(status "$url?map=a&part=a.7z.001")" = 404 ]
    [ "$(status "$url?map=a&part=a.map")" = 404 ]
    [ "$(status "$url?map=b")" = 404 ]
    [ "$(status "$url?map=")" = 404 ]
    [ "$(status "$url")" = 400 ]
    [ "$(status "$url?part=$part")" = 400 ]
    [ "$(status -X POST "$url?map=a")" = 405 ]
    [ "$(status -d x=y "$url?map=a")" = 405 ]
    [ "$(status -X DELETE "http://$at/maps/a.map")" = 405 ]
    [ "$(status "http://$at/index.html")" = 404 ]
    [ "$(status --path-as-is "http://$at/maps/../a.map")" = 404 ]
    [ "$(status "http://$at/maps/A.map")" = 200 ]
    [ "$(status "http://$at/maps/a.yelo")" = 404 ]
    # the other templates of today's downloaders
    for path in /maps/a /maps/A /halom/maps/a /halom/maps/a.map; do
        [ "$(status "http://$at$path")" = 200 ]
        curl -sf "http://$at$path" | cmp - a.map
    done
    for path in /maps/ /maps/b /halom/maps/b.map /halom/maps/a.yelo //maps/a /halom/x/maps/a /halom/maps/a/b; do
        [ "$(status "http://$at$path")" = 404 ]
    done
    curl -sI "$url?map=a" | grep -q '^Server: OpenSauce_Halo1_CE_Dedi'
}

@test "switched off, only the game's client, denied addresses" {
    setup_map
    start_server --opensauce-enabled no
    [ "$(status "$url?map=a")" = 503 ]
    stop_server
    start_server --opensauce-require-client yes
    [ "$(status "$url?map=a")" = 405 ]
    [ "$(status -A OpenSauce_Halo1_CE_Client/1.0 "$url?map=a")" = 200 ]
    [ "$(status "http://$at/maps/a.map")" = 200 ]
    "$patchbay" fetch "opensauce://$at/a" out
    stop_server
    start_server --deny 127.0.0.0/8
    [ "$(status "$url?map=a")" = 403 ]
}

@test "redirects: of a map, and of all" {
    setup_map
    make_map b.map 50000
    "$patchbay" publish map b.map --redirect-root http://files.example.org/maps/ --host-directory "B maps"
    start_server --opensauce-redirect-root http://elsewhere.example.org
    part=$(part_name b)
    head=$(curl -si "$url?map=b&part=$part" | tr -d '\r')
    [[ $head == "HTTP/1.1 302 Found"* ]]
    [[ $head == *"Location: http://files.example.org/maps/B%20maps/$part"* ]]
    [[ $head == *"Content-Length: 0"* ]]
    part=$(part_name a)
    curl -si "$url?map=a&part=$part" | grep -q "^Location: http://elsewhere.example.org/a/$part"
    run ! grep -q host_directory <(curl -s "$url?map=b")
}

@test "the master server list, read again on SIGHUP; a broken file changes nothing" {
    setup_map
    list=/Halo1/CE/MapDownload/Halo1_CE_MapDownloadMasterServers.xml
    printf '[opensauce]\nmaster = One & only | http://one.example.org/map_download | The first\n' >patchbay.conf
    start_server --config patchbay.conf
    curl -sf "http://$at$list" | tee list.xml | grep -q '<map_download_server name="One &amp; only">'
    xmllint --noout list.xml
    [ "$(xmllint --xpath 'string(//address)' list.xml)" = http://one.example.org/map_download ]
    printf '[opensauce]\nmaster = Two|http://two.example.org/|The second\n' >patchbay.conf
    kill -HUP "$server"
    wait_for 10 bash -c "curl -sf http://$at$list | grep -q two.example.org"
    printf '[opensauce]\nmasters = Three\n' >patchbay.conf
    kill -HUP "$server"
    wait_for 10 grep -q 'patchbay.conf:2: \[opensauce\] has no key masters' serve.log
    curl -sf "http://$at$list" | grep -q two.example.org
}

@test "IPv4 and IPv6 at once; a port in use is refused in words" {
    [ -n "$(cat /proc/net/if_inet6 2>/dev/null)" ] || skip "no IPv6 here"
    setup_map
    start_server --http '[::1]:0'
    grep -q 'http://127.0.0.1:' serve.log
    six=$(sed -n 's|.*http://\(\[.*\)/$|\1|p' serve.log)
    [ "$(status "http://$six/map_download?map=a")" = 200 ]
    "$patchbay" fetch "opensauce://$six/a" out
    cmp a.map out/a.map
    run -9 "$patchbay" serve --http "$at"
    [[ $output == *"another program listens there"* ]]
}

@test "a publish, a rollback and a withdrawal show without a restart" {
    setup_map
    start_server
    first=$(curl -sf "$url?map=a" | md5sum)
    is() { [ "$(curl -sf "$url?map=a" | md5sum)" = "$1" ]; }
    make_map a.map 100000 2
    "$patchbay" publish map a.map
    wait_for 5 bash -c "[ \"\$(curl -sf '$url?map=a' | md5sum)\" != '$first' ]"
    "$patchbay" rollback opensauce/a
    wait_for 5 is "$first"
    "$patchbay" withdraw opensauce/a
    wait_for 5 bash -c "[ \$(curl -s -o /dev/null -w '%{http_code}' '$url?map=a') = 404 ]"
}

@test "conditional requests" {
    setup_map
    start_server
    etag=$(curl -sI "$url?map=a" | tr -d '\r' | sed -n 's/^ETag: //p')
    [ "$(status -H "If-None-Match: $etag" "$url?map=a")" = 304 ]
    etag=$(curl -sI "http://$at/maps/a.map" | tr -d '\r' | sed -n 's/^ETag: //p')
    [ "$(status -H "If-None-Match: $etag" "http://$at/maps/a.map")" = 304 ]
    [ "$(status -r 100000- "http://$at/maps/a.map")" = 416 ]
    [ "$(curl -s -r 5-8 "http://$at/maps/a.map" | xxd -p)" = "$(xxd -p -s 5 -l 4 a.map)" ]
}

@test "the access log: combined, and JSON that a parser takes" {
    setup_map
    start_server
    curl -s -A 'x"y' "$url?map=a" >/dev/null
    stop_server
    grep -Eq '^127\.0\.0\.1 - - \[.*\] "GET /map_download\?map=a HTTP/1.1" 200 [0-9]+ "-" "x\\"y"$' access.log
    rm access.log
    start_server --log-format json
    curl -s -A 'x"y' "$url?map=a" >/dev/null
    curl -s --http1.0 "http://$at/maps/a.map" >/dev/null
    stop_server
    python3 - <<'END'
import json
lines = [json.loads(line) for line in open("access.log")]
assert len(lines) == 2, lines
assert sorted(l["target"] for l in lines) == ["/map_download?map=a", "/maps/a.map"]
assert any(l["agent"] == 'x"y' and l["status"] == 200 for l in lines)
assert any(l["bytes"] == 100000 for l in lines)
END
}

@test "SIGHUP opens a rotated access log anew" {
    setup_map
    start_server
    curl -s "$url?map=a" >/dev/null
    wait_for 5 test -s access.log
    mv access.log access.log.1
    kill -HUP "$server"
    wait_for 5 test -e access.log
    curl -s "$url?map=a" >/dev/null
    wait_for 5 test -s access.log
    [ "$(wc -l <access.log.1)" = 1 ]
}

@test "SIGTERM finishes the reply under way, takes no new connection, and exits 0" {
    setup_map 30000000
    start_server
    # A client that reads nothing yet: the reply can't be through.
    exec 5<>"/dev/tcp/${at%:*}/${at#*:}"
    printf 'GET /maps/a.map HTTP/1.0\r\n\r\n' >&5
    head -c 100 <&5 >start
    kill -TERM "$server"
    wait_for 10 bash -c "! curl -s -o /dev/null http://$at/"
    cat <&5 >>start
    exec 5<&- 5>&-
    wait "$server"
    [ "$(tail -c 30000000 start | md5sum)" = "$(md5sum <a.map)" ]
}

@test "SIGTERM is not held up for longer than drain_timeout, and exits 0 then, too" {
    setup_map 30000000
    start_server --drain-timeout 1
    exec 5<>"/dev/tcp/${at%:*}/${at#*:}"
    printf 'GET /maps/a.map HTTP/1.0\r\n\r\n' >&5
    head -c 100 <&5 >/dev/null
    stop_server
    exec 5<&- 5>&-
}

@test "pipelined requests are answered in order, in whatever pieces they come" {
    setup_map
    start_server
    python3 - "$at" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
one = b"GET /maps/a.map HTTP/1.1\r\nHost: x\r\nRange: bytes=%d-%d\r\n\r\n"
data = open("a.map", "rb").read()
requests = [(i * 37 % 90000, i * 37 % 90000 + i * 11 % 9000) for i in range(1, 401)]
text = b"".join(one % r for r in requests[:-1]) + (one % requests[-1]).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
for step in (1, 7, 1000, len(text)):
    s = socket.create_connection((host, int(port)), timeout=20)
    f = s.makefile("rb")
    sent = 0
    import threading
    def feed():
        for at in range(0, len(text), step):
            s.sendall(text[at:at + step])
    t = threading.Thread(target=feed)
    t.start()
    for first, last in requests:
        assert f.readline() == b"HTTP/1.1 206 Partial Content\r\n"
        length = None
        while (line := f.readline()) != b"\r\n":
            if line.startswith(b"Content-Length: "):
                length = int(line[16:])
        assert f.read(length) == data[first:last + 1]
    assert f.read() == b""
    t.join()
END
}

@test "slow, silent and vanishing clients do not hurt the others" {
    setup_map 5000000
    start_server --head-timeout 1 --idle-timeout 1 --send-timeout 1
    python3 - "$at" <<'END'
import socket, sys, urllib.request
host, port = sys.argv[1].split(":")
def connect(text):
    s = socket.create_connection((host, int(port)), timeout=20)
    s.sendall(text)
    return s
silent = [connect(b"") for _ in range(100)]
slow = [connect(b"GET /maps/a.map HTT") for _ in range(100)]
greedy = [connect(b"GET /maps/a.map HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(20)]
for _ in range(100):
    connect(b"GET /maps/a.map HTTP/1.1\r\nHost: x\r\n\r\n").close()
assert len(urllib.request.urlopen("http://%s:%s/maps/a.map" % (host, port), timeout=20).read()) == 5000000
for s in silent + slow:
    assert s.recv(1) == b"", "still open"
for s in greedy:
    n = 0
    try:
        while (p := s.recv(1 << 20)):
            n += len(p)
    except ConnectionResetError:
        pass # what the kernel still held for it went, too
    assert n < 5000400
END
    [ "$(status "$url?map=a")" = 200 ]
    stop_server
}

@test "a reader that is slow but steady gets all of it" {
    setup_map 12000000
    start_server --send-timeout 1
    python3 - "$at" <<'END'
import socket, sys, time
host, port = sys.argv[1].split(":")
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
s.connect((host, int(port)))
s.settimeout(20)
s.sendall(b"GET /maps/a.map HTTP/1.0\r\n\r\n")
n = 0
began = time.monotonic()
# About 2 MB/s for the first seconds, so that the server's buffer empties slower than its time-out.
while (p := s.recv(20000)):
    n += len(p)
    if time.monotonic() - began < 4:
        time.sleep(0.01)
assert n > 12000000, n
END
}

@test "an object that was mended is served right at once, and gc frees the space of what is gone" {
    setup_map
    make_map b.map 500000 5
    "$patchbay" publish map b.map --level 1
    start_server
    object=$(find depot/objects -type f -size +97k -size -110k)
    chmod u+w "$object"
    printf x | dd of="$object" bs=1 seek=99 conv=notrunc status=none
    [ "$(curl -sf "http://$at/maps/a.map" | md5sum)" != "$(md5sum <a.map)" ]
    curl -sf "http://$at/maps/b.map" >/dev/null
    run -0 "$patchbay" publish map a.map --level 1
    [[ $output == *"damaged in the depot is written anew"* ]]
    wait_for 20 bash -c "curl -sf http://$at/maps/a.map | cmp - a.map"
    open_objects() { find "/proc/$server/fd" -lname '*/objects/*' | wc -l; }
    [ "$(open_objects)" -gt 0 ]
    "$patchbay" withdraw opensauce/a
    "$patchbay" withdraw opensauce/b
    none_open() { [ "$(open_objects)" = 0 ]; }
    wait_for 10 none_open
}

@test "after a rollback, a tag of what was served before matches nothing" {
    "$patchbay" init
    for seed in 1 2; do
        make_map a.map 50000 "$seed"
        "$patchbay" publish map a.map --level 1
    done
    start_server
    etag=$(curl -sI "http://$at/maps/a.map" | tr -d '\r' | sed -n 's/^ETag: //p')
    [ -n "$etag" ]
    "$patchbay" rollback opensauce/a
    fresh() { [ "$(status -H "If-None-Match: $etag" "http://$at/maps/a.map")" = 200 ]; }
    wait_for 5 fresh
}

@test "SIGTERM answers what has arrived already" {
    setup_map
    start_server
    python3 - "$at" "$server" <<'END'
import os, signal, socket, sys
host, port = sys.argv[1].split(":")
server = int(sys.argv[2])
request = b"GET /map_download?map=a HTTP/1.1\r\nHost: x\r\n\r\n"
old = [socket.create_connection((host, int(port)), timeout=20) for _ in range(10)]
for s in old:
    s.sendall(request)
    assert s.recv(65536).startswith(b"HTTP/1.1 200")
os.kill(server, signal.SIGSTOP)
new = [socket.create_connection((host, int(port)), timeout=20) for _ in range(10)]
for s in old + new:
    s.sendall(request)
os.kill(server, signal.SIGTERM)
os.kill(server, signal.SIGCONT)
for s in old + new:
    assert s.recv(65536).startswith(b"HTTP/1.1 200")
END
    wait "$server"
}

@test "SIGTERM ends a server whose log nobody reads" {
    setup_map
    mkfifo log
    exec 6<>log
    "$patchbay" serve --http 127.0.0.1:0 2>serve.log >log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    at=$(sed -n 's|.*http://\(.*\)/$|\1|p' serve.log)
    for i in $(seq 20); do
        curl -s -o /dev/null $(printf "http://$at/%s?$(printf 'x%.0s' {1..900}) " {1..50})
    done
    kill -TERM "$server"
    wait "$server"
    exec 6>&-
    grep -q 'the access log is not whole' serve.log
}

@test "a deny list holds for open connections after SIGHUP, and changed addresses are told" {
    setup_map
    printf '[server]\n' >patchbay.conf
    start_server --config patchbay.conf
    python3 - "$at" "$server" <<'END'
import os, signal, socket, sys, time
host, port = sys.argv[1].split(":")
request = b"GET /map_download?map=a HTTP/1.1\r\nHost: x\r\n\r\n"
s = socket.create_connection((host, int(port)), timeout=20)
s.sendall(request)
assert s.recv(65536).startswith(b"HTTP/1.1 200")
open("patchbay.conf", "w").write("[server]\ndeny = 127.0.0.1\nthreads = 7\n")
os.kill(int(sys.argv[2]), signal.SIGHUP)
for _ in range(1000):
    s.sendall(request)
    if s.recv(65536).startswith(b"HTTP/1.1 403"):
        break
    time.sleep(0.01)
else:
    raise AssertionError("never denied")
END
    grep -q 'used from the next start on' serve.log
}
