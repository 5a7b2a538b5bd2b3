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
    [ "$(status "$url?map=a&part=a.7z.001")" = 200 ]
    [ "$(status "$url?map=a&part=A.7z.001")" = 404 ]
    [ "$(status "$url?map=a&part=a.map")" = 404 ]
    [ "$(status "$url?map=b")" = 404 ]
    [ "$(status "$url?map=")" = 404 ]
    [ "$(status "$url")" = 400 ]
    [ "$(status "$url?part=a.7z.001")" = 400 ]
    [ "$(status -X POST "$url?map=a")" = 405 ]
    [ "$(status -d x=y "$url?map=a")" = 405 ]
    [ "$(status -X DELETE "http://$at/maps/a.map")" = 405 ]
    [ "$(status "http://$at/")" = 404 ]
    [ "$(status --path-as-is "http://$at/maps/../a.map")" = 404 ]
    [ "$(status "http://$at/maps/A.map")" = 200 ]
    [ "$(status "http://$at/maps/a.yelo")" = 404 ]
    [ "$(status "http://$at/maps/a")" = 404 ]
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
    head=$(curl -si "$url?map=b&part=b.7z.001" | tr -d '\r')
    [[ $head == "HTTP/1.1 302 Found"* ]]
    [[ $head == *"Location: http://files.example.org/maps/B%20maps/b.7z.001"* ]]
    [[ $head == *"Content-Length: 0"* ]]
    curl -si "$url?map=a&part=a.7z.001" | grep -q '^Location: http://elsewhere.example.org/a/a.7z.001'
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
    setup_map
    start_server --http '[::1]:0'
    grep -q 'http://127.0.0.1:' serve.log
    six=$(sed -n 's|.*http://\(\[.*\)/$|\1|p' serve.log)
    [ "$(status "http://$six/map_download?map=a")" = 200 ]
    "$patchbay" fetch "opensauce://$six/a" out
    cmp a.map out/a.map
    run -1 "$patchbay" serve --http "$at"
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
    date=$(curl -sI "http://$at/maps/a.map" | tr -d '\r' | sed -n 's/^Last-Modified: //p')
    [ "$(status -H "If-Modified-Since: $date" "http://$at/maps/a.map")" = 304 ]
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
    while (p := s.recv(1 << 20)):
        n += len(p)
    assert n < 5000400
END
    [ "$(status "$url?map=a")" = 200 ]
    stop_server
}
