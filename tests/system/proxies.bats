#!/usr/bin/env bats
# Behind haproxy and nginx: each player is himself, for the log, bans, rates and limits; and nobody else is believed.
# The proxies' configurations are those of docs/deploying.md.

load ../helper

stream_module=/usr/lib/nginx/modules/ngx_stream_module.so

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export PATCHBAY_DEPOT=$BATS_FILE_TMPDIR/depot
    "$root/scripts/make-map" a.map 3000000
    "$PATCHBAY_BUILD/patchbay" init
    "$PATCHBAY_BUILD/patchbay" publish map a.map --level 1
    mkdir tree && cp a.map tree/one.bin
    "$PATCHBAY_BUILD/patchbay" publish app tree --app 1000 --hardware W20 --version 20061212_3
}

# start OPTION...: a server that trusts 127.0.0.1.
start() {
    export PATCHBAY_DEPOT=$T/depot
    [ -e depot ] || cp -r "$BATS_FILE_TMPDIR/depot" depot
    start_operated --trusted-proxies 127.0.0.1 "$@"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# block LANGUAGE WORD: the example of docs/deploying.md that has the word.
block() {
    awk -v fence="\`\`\`$1" -v word="$2" '
        /^```/ { if (inside && index(text, word)) printf "%s", text; inside = $0 == fence; text = ""; next }
        inside { text = text $0 "\n" }' "$root/docs/deploying.md"
}

# start_nginx: listens at $front for the server at $at; with $polp, at $polp_front for that.
start_nginx() {
    front=127.0.0.1:$(free_port) polp_front=127.0.0.5:$(free_port)
    {
        printf 'load_module %s;\nevents {}\nerror_log %s/nginx.log;\npid %s/nginx.pid;\n' "$stream_module" "$T" "$T"
        printf 'http {\naccess_log off;\n'
        for path in client_body proxy fastcgi uwsgi scgi; do echo "${path}_temp_path $T/$path;"; done
        block nginx upstream | sed "s/listen 80;/listen $front;/; s/127.0.0.1:2303/$at/"
        echo '}'
        [ -z "${polp:-}" ] || block nginx 'proxy_protocol on' | sed "s/listen 54000;/listen $polp_front;/; s/127.0.0.1:54001/$polp/"
    } >nginx.conf
    nginx -p "$T" -e "$T/nginx.log" -c "$T/nginx.conf" -g 'daemon off; master_process off;' 3>&- &
    pids+=($!)
    wait_for 20 curl -s -o /dev/null "http://$front/"
}

# start_haproxy [SED COMMAND]: the same.
start_haproxy() {
    front=127.0.0.1:$(free_port) polp_front=127.0.0.5:$(free_port)
    block haproxy backend | sed "s/bind :80/bind $front/; s/127.0.0.1:2303/$at/; s/bind :54000/bind $polp_front/
        s/127.0.0.1:54001/${polp:-$at}/; ${1:-}" >haproxy.conf
    haproxy -db -f haproxy.conf >haproxy.log 2>&1 3>&- &
    pids+=($!)
    wait_for 20 curl -s -o /dev/null "http://$front/"
}

# as PLAYER URL [OPTION...]: the status that he gets.
as() {
    code --interface "127.0.0.$1" "http://$2" "${@:3}"
}

as_is() {
    [ "$(as "${@:2}")" = "$1" ]
}

logged() { # ADDRESS WORDS
    grep -q "^$1 .*$2" access.log
}

# polp_newest PLAYER HOST:PORT: asks for the newest version; prints the address that he is sent to.
polp_newest() {
    python3 - "$@" <<'PYTHON'
import hashlib, socket, struct, sys
host, port = sys.argv[2].split(":")
s = socket.socket()
s.settimeout(10)
s.bind(("127.0.0." + sys.argv[1], 0))
s.connect((host, int(port)))
rest = b"POLP" + struct.pack("<I", 7) + b"W20\0" + b"1000" + b"20061212_2".ljust(64, b"\0")
s.sendall(struct.pack("<I", 8 + len(rest)) + hashlib.md5(rest).digest()[:4] + rest)
data = b""
while len(data) < 4 or len(data) < struct.unpack("<I", data[:4])[0]:
    more = s.recv(65536)
    if not more:
        sys.exit("closed")
    data += more
print(data[16:].decode("latin-1").replace("\0", " "))
PYTHON
}

two_players() {
    as_is 200 2 "$front/map_download?map=a" -A second
    as_is 200 3 "$front/map_download?map=a" -A third -H 'X-Forwarded-For: 192.0.2.9' -H 'Forwarded: for=192.0.2.8'
    wait_for 10 logged 127.0.0.2 second
    wait_for 10 logged 127.0.0.3 third
    run ! grep -q '^192\.' access.log
    "$patchbay" ban 127.0.0.2
    wait_for 10 as_is 403 2 "$front/map_download?map=a"
    as_is 200 3 "$front/map_download?map=a"
    "$patchbay" unban 127.0.0.2
    wait_for 10 as_is 200 2 "$front/map_download?map=a"
}

@test "nginx: each player has his own address, and a ban hits one" {
    start
    start_nginx
    two_players
}

@test "haproxy, HTTP: each player has his own address, and a ban hits one" {
    start
    start_haproxy
    two_players
}

@test "haproxy, PROXY 1 and 2: each player has his own address, and a ban hits one" {
    local version
    for version in send-proxy send-proxy-v2; do
        start --proxy-protocol yes
        start_haproxy "s/mode http/mode tcp/; /option forwardfor/d; /del-header/d; /server one $at/s/\$/ $version/"
        two_players
        stop_server
        rm access.log
    done
}

@test "PlayOnline behind haproxy and nginx: each player has his own address, and learns the one that he reached" {
    local kind
    for kind in haproxy nginx; do
        local port
        port=$(free_port)
        polp=127.0.0.1:$port
        start --polp "$polp" --proxy-protocol "$polp"
        "start_$kind"
        polp_newest 2 "$polp_front" | grep -qF 127.0.0.5
        polp_newest 3 "$polp_front"
        wait_for 10 logged 127.0.0.2 NEWEST
        wait_for 10 logged 127.0.0.3 NEWEST
        # Nobody but the proxy has to send a header.
        polp_newest 4 "$polp"
        wait_for 10 logged 127.0.0.4 NEWEST
        "$patchbay" ban 127.0.0.2
        wait_for 10 refused 2 "$polp_front"
        polp_newest 3 "$polp_front"
        stop_server
        rm -r access.log depot
    done
}

refused() {
    ! polp_newest "$@" 2>/dev/null
}

# raw SCRIPT: a Python script that has ask(source, *pieces), which sends pieces one by one and returns what comes until the end.
raw() {
    python3 - "$at" "$1" <<'PYTHON'
import socket, sys
host, port = sys.argv[1].split(":")
REQUEST = b"GET /map_download?map=a HTTP/1.0\r\nUser-Agent: raw\r\n%s\r\n"
FIRST = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"
SECOND = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\x08\x7f\0\0\1\0\1\0\2\4\0\0"
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
def connect(source):
    s = socket.create_connection((host, int(port)), 10, ("127.0.0.%d" % source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s
def ask(source, *pieces):
    s, data = connect(source), b""
    try:
        for piece in pieces:
            s.sendall(piece)
        while True:
            more = s.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionError:
        return data
def status(*what):
    return ask(*what)[9:12]
def each(p):
    return [p[i:i + 1] for i in range(len(p))]
exec(sys.argv[2])
PYTHON
}

@test "PROXY headers: in pieces, of both versions, none, and from others" {
    start --proxy-protocol yes
    raw '
assert status(1, FIRST + REQUEST % b"") == b"200"
assert status(1, *each(FIRST + REQUEST % b"")) == b"200"
assert status(1, SECOND + REQUEST % b"") == b"200"
assert status(1, *each(SECOND), REQUEST % b"") == b"200"
assert status(1, LOCAL, REQUEST % b"X-Forwarded-For: 192.0.2.9\r\n") == b"200"
assert status(1, b"PROXY UNKNOWN\r\n" + REQUEST % b"") == b"200"
assert status(1, FIRST + REQUEST % b"X-Forwarded-For: 192.0.2.10\r\n") == b"200"
assert ask(1, REQUEST % b"") == b""
assert ask(1, b"PROXY TCP4 192.0.2.7 127.0.0.1 1 66666\r\n" + REQUEST % b"") == b""
assert status(2, REQUEST % b"X-Forwarded-For: 192.0.2.11\r\n") == b"200"
assert status(2, FIRST + REQUEST % b"") == b"400"
assert status(2, SECOND + REQUEST % b"") == b"400"'
    wait_for 10 logged 192.0.2.7 raw
    wait_for 10 logged 192.0.2.8 raw
    wait_for 10 logged 192.0.2.9 raw
    wait_for 10 logged 127.0.0.2 raw
    wait_for 10 logged 127.0.0.1 raw
    run ! grep -qE '^192\.0\.2\.1[01] ' access.log
    wait_for 10 grep -q '127.0.0.1 sends no PROXY header' serve.log
    [ "$(grep -c 'no PROXY header' serve.log)" = 1 ]
}

@test "a PROXY header may not take for ever" {
    start --proxy-protocol yes --head-timeout 1
    raw '
assert ask(1) == b""
assert ask(1, FIRST[:20]) == b""'
    # A check that only connects is nobody who forgot it.
    raw 'connect(1).close()'
    run ! grep -q 'no PROXY header' serve.log
}

@test "one connection of a proxy carries many: each has his rate, his limit and his ban" {
    start --address-requests 2 --ban-connections 3
    # 192.0.2.1 has used up his second's requests, and the others have theirs at once.
    raw '
import time
s = connect(1)
def one(name, path=b"/map_download?map=a"):
    s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, %s\r\nUser-Agent: many\r\n\r\n" % (path, name))
    data = b""
    while b"\r\n\r\n" not in data:
        data += s.recv(65536)
    head, body = data.split(b"\r\n\r\n", 1)
    left = int([f for f in head.lower().split(b"\r\n") if f.startswith(b"content-length")][0].split(b":")[1]) - len(body)
    while left > 0:
        left -= len(s.recv(left))
    return head[9:12]
begin = time.monotonic()
for i in range(20):
    assert one(b"192.0.2.%d" % (100 + i)) == b"200"
assert time.monotonic() - begin < 10, "others wait for one"
begin = time.monotonic()
for i in range(8):
    assert one(b"192.0.2.1") == b"200"
assert time.monotonic() - begin > 1.5, "no rate"
# Who asks for nothing real is banned; the proxy is not, nor is anybody else.
for i in range(6):
    one(b"192.0.2.66", b"/maps/none.map")
until = time.monotonic() + 10
while one(b"192.0.2.66") != b"403":
    assert time.monotonic() < until
assert one(b"192.0.2.67") == b"200"
assert one(b"unknown") == b"200"'
    "$patchbay" bans | grep -q 192.0.2.66
    [[ $("$patchbay" bans) != *127.0.0.1* ]]
    run ! grep -q '^6\.6' access.log
}

@test "whom to trust may change: connections that are open are judged anew" {
    printf '[server]\nhttp = 127.0.0.1:0\nadmin = 0\naccess_log = access.log\n' >conf
    cp conf conf.without
    cp -r "$BATS_FILE_TMPDIR/depot" depot
    : >serve.log
    "$patchbay" serve --config conf 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    at=$(sed -n 's|.*http://\(.*\)/$|\1|p' serve.log | head -1)
    export at server
    python3 - <<'PYTHON'
import os, signal, socket, time
host, port = os.environ["at"].split(":")
s = socket.create_connection((host, int(port)), 10)
def one(name):
    s.sendall(b"GET /map_download?map=a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nUser-Agent: %s\r\n\r\n" % name)
    data = b""
    while not data.endswith(b"</osHTTPServer>") and b"/osHTTPServer" not in data:
        data += s.recv(65536)
def reload(text):
    open("conf", "w").write(open("conf.without").read() + text)
    os.kill(int(os.environ["server"]), signal.SIGHUP)
def until(address, how):
    end = time.monotonic() + 10
    n = 0
    while time.monotonic() < end:
        name = b"%s%d" % (how, n)
        n += 1
        one(name)
        for _ in range(100):
            line = [l for l in open("access.log") if '"%s"' % name.decode() in l]
            if line:
                break
            time.sleep(0.05)
        if line[0].startswith(address + " "):
            return
    raise SystemExit("never " + address)
until("127.0.0.1", b"before")
reload("trusted_proxies = 10.0.0.1, 127.0.0.0/8\n")
until("192.0.2.7", b"trusted")
reload("")
until("127.0.0.1", b"after")
PYTHON
    stop_server
}

@test "downloads through a proxy: a limit of connections, and a ban that breaks one off" {
    start --address-connections 1 --address-rate 300k
    start_nginx
    local part=map_download?map=a\&part=$(part_name a)
    curl -s --interface 127.0.0.2 "http://$front/$part" -o second 3>&- &
    local second=$!
    curl -s --interface 127.0.0.3 "http://$front/$part" -o third 3>&- &
    local third=$!
    wait_for 10 test -s second
    wait_for 10 test -s third
    as_is 503 2 "$front/map_download?map=a"
    as_is 200 4 "$front/map_download?map=a"
    "$patchbay" ban 127.0.0.2
    if wait "$second"; then
        return 1
    fi
    kill -0 "$third"
    kill "$third"
    "$patchbay" status | grep -q 127.0.0.3
}

@test "proxy_protocol needs to know whom to trust, and an address that there is" {
    "$patchbay" init
    run -2 "$patchbay" serve --http 127.0.0.1:0 --proxy-protocol yes
    [[ $output == *trusted_proxies* ]]
    run -2 "$patchbay" serve --http 127.0.0.1:0 --trusted-proxies 127.0.0.1 --proxy-protocol 127.0.0.1:9
    [[ $output == *'127.0.0.1:9'* ]]
    run -2 "$patchbay" serve --http 127.0.0.1:0 --trusted-proxies localhost
    [[ $output == *localhost* ]]
}

@test "[::]: for IPv4, too, and beside 0.0.0.0 at the same port" {
    [ -e /proc/net/if_inet6 ] || skip "no IPv6"
    local port
    port=$(free_port)
    "$patchbay" init
    : >serve.log
    "$patchbay" serve --http "[::]:$port" --admin 0 --access-log access.log 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    wait_for 10 code_is 404 "http://127.0.0.1:$port/none"
    code_is 404 "http://[::1]:$port/none"
    wait_for 10 grep -q '^127.0.0.1 ' access.log
    wait_for 10 grep -q '^::1 ' access.log
    "$patchbay" ban 127.0.0.1
    wait_for 10 code_is 403 "http://127.0.0.1:$port/"
    code_is 404 "http://[::1]:$port/none"
    [[ $("$patchbay" status) != *::ffff* ]]
    stop_server
    run ! grep -q '::ffff' access.log serve.log
    : >serve.log
    "$patchbay" unban 127.0.0.1
    "$patchbay" serve --http "[::]:$port" --http "0.0.0.0:$port" --access-log access.log 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://0' serve.log
    wait_for 10 code_is 404 "http://127.0.0.1:$port/none"
    code_is 404 "http://[::1]:$port/none"
    stop_server
}
