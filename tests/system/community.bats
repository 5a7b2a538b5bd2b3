#!/usr/bin/env bats
# What the game of Escape asks of its community's server: answered here in plain words, or handed to another server.

load ../helper

setup_levels() {
    "$patchbay" init
    mkdir levels
    echo "ESXL a level" >levels/a.esx
    "$patchbay" publish levels levels --collection official --min-version 1
}

# ask METHOD ROUTE [BODY-FILE]: as the game does: HTTP/1.0, the whole body is sent before a byte is read. Prints all
# that comes back.
ask() {
    python3 - "$at" "$@" <<'PYTHON'
import socket, sys
at, method, route = sys.argv[1:4]
body = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else b""
host, port = at.split(":")
with socket.create_connection((host, int(port)), timeout=30) as s:
    head = f"{method} /f/a/escape/{route} HTTP/1.0\r\nUser-Agent: Escape (200404150; linux)\r\nHost: {host}\r\nAccept: */*\r\n"
    if method == "POST":
        head += f"Content-Type: multipart/form-data; boundary=sep\r\nContent-Length: {len(body)}\r\n"
    s.sendall(head.encode() + b"\r\n" + body)
    while piece := s.recv(65536):
        sys.stdout.buffer.write(piece)
PYTHON
}

# The same without the head.
answer() {
    ask "$@" | sed '1,/^\r$/d'
}

status() { # CURL ARGUMENT...
    curl -s -o /dev/null -w '%{http_code}' "$@"
}

@test "each route answers 200 with one line, over HTTP/1.0 and with Connection: close" {
    setup_levels
    start_server
    head -c 20000 /dev/urandom >solution
    for route in 'register?name=a' 'ping?id=1' 'comment?id=1&comment=x' 'rate?id=1' allsols/0123456789abcdef 'deletefromgame?id=1'; do
        ask GET "$route" >reply
        [ "$(head -1 reply | tr -d '\r')" = "HTTP/1.1 200 OK" ]
        grep -q "^Content-Length: $(sed '1,/^\r$/d' reply | wc -c)" reply
        grep -q '^Connection: close' reply
        [ "$(sed '1,/^\r$/d' reply | wc -l)" = 1 ]
    done
    for route in upload upsol; do
        ask POST "$route" solution >reply
        [ "$(head -1 reply | tr -d '\r')" = "HTTP/1.1 200 OK" ]
        [ "$(sed '1,/^\r$/d' reply | wc -l)" = 1 ]
    done
    [ "$(answer GET rate)" = "this server keeps no ratings" ]
    [ "$(answer GET allsols/0123456789abcdef)" = 0 ]
    [ -z "$(answer HEAD rate)" ]
    [ "$(ask HEAD rate | head -1 | tr -d '\r')" = "HTTP/1.1 200 OK" ]
}

@test "register: a player has one number, in an int, and another player another" {
    setup_levels
    start_server
    first=$(answer GET 'register?name=Ann&seql=1&seqh=2')
    [[ $first =~ ^ok\ [1-9][0-9]*$ ]]
    [ "${first#ok }" -le 2147483647 ]
    [ "$(answer GET 'register?name=Ann&seql=1&seqh=2')" = "$first" ]
    [ "$(answer GET 'register?name=Bob&seql=1&seqh=2')" != "$first" ]
    stop_server
    start_server # and after a restart
    [ "$(answer GET 'register?name=Ann&seql=1&seqh=2')" = "$first" ]
    [[ $(answer GET register) =~ ^ok\ [1-9][0-9]*$ ]]
    for i in $(seq 200); do
        answer=$(curl -sf "http://$at/f/a/escape/register?name=$i")
        [ "${answer#ok }" -ge 1 ] && [ "${answer#ok }" -le 2147483647 ]
        echo "$answer"
    done | sort -u | wc -l | grep -qx 200
}

@test "POST is for these routes only; other names are not there" {
    setup_levels
    start_server
    [ "$(status -d x=y "http://$at/f/a/escape/rate")" = 200 ]
    [ "$(status -d x=y "http://$at/COLLECTIONS")" = 405 ]
    [ "$(status -d x=y "http://$at/official.txt")" = 405 ]
    [ "$(status -X DELETE "http://$at/f/a/escape/rate")" = 405 ]
    curl -si -X DELETE "http://$at/f/a/escape/rate" | grep -q '^Allow: GET, HEAD, POST'
    for path in /f /f/ /f/a/escape /f/a/escape/ /f/a/escape/other /f/a/escape/ratex /f/a/escape/rate/x /f/a/rate \
        /F/a/escape/rate /f/a/escape/rate/; do
        [ "$(status "http://$at$path")" = 404 ] || { echo "$path"; return 1; }
    done
    "$patchbay" withdraw escape/official
    wait_for 10 eval '[ "$(status "http://$at/f/a/escape/rate")" = 404 ]'
}

@test "an upload of 5 MB is answered, whether or not the client reads before it has sent all" {
    setup_levels
    start_server
    head -c 5000000 /dev/urandom >big
    [ "$(curl -sf -F level=@big "http://$at/f/a/escape/upload")" = "this server takes no levels from players" ]
    [ "$(curl -sf -0 -F level=@big "http://$at/f/a/escape/upload")" = "this server takes no levels from players" ]
    [ "$(answer POST upsol big)" = "this server keeps no solutions" ]
    curl -sf "http://$at/official.txt" >/dev/null
}

@test "past the hard cap these routes say so, too" {
    setup_levels
    start_server --hard-cap 1k
    for _ in 1 2 3 4 5 6 7 8; do
        curl -s "http://$at/official.txt" >/dev/null
    done
    wait_for 10 eval '[ "$(status "http://$at/f/a/escape/register?name=a")" = 503 ]'
    [ "$(status "http://$at/f/a/escape/rate")" = 503 ]
}

@test "no title of Escape may be called f" {
    setup_levels
    for name in f F; do
        run -1 "$patchbay" publish levels levels --collection "$name" --min-version 1
        [[ $output == *"the name $name is taken"* ]]
    done
    mkdir game
    echo x >game/x
    run -1 "$patchbay" publish upgrade game --platform linux --version 2 --oldest 1 --recommended 1 --alias f
    [[ $output == *"the name f is taken"* ]]
}

# ---- handed to another server ----

# start_community MODE [ANSWER-FILE]: sets $community, $community_at.
start_community() {
    : >community.log
    python3 "$root/tests/system/community_server.py" "$@" >community.log 2>community.err 3>&- &
    community=$!
    pids+=("$community")
    wait_for 20 grep -q '^listening ' community.log
    community_at=$(sed -n 's/^listening //p' community.log)
}

make_answer() { # FILE BYTES
    printf 'HTTP/1.0 200 Fine\r\nX-Odd:  as it is \r\nContent-Length: %d\r\nConnection: close\r\n\r\n' "$2" >"$1"
    head -c "$2" /dev/urandom >>"$1"
}

silent="the community server does not answer"

descriptors() {
    find "/proc/$server/fd" -mindepth 1 | wc -l
}

# As many descriptors as before: relays leave none behind.
descriptors_back() { # BEFORE
    wait_for 20 eval '[ "$(descriptors)" -le '"$1"' ]'
}

logged() { # PATTERN
    wait_for 10 grep -q "$1" access.log
}

@test "a request reaches the other server as it was asked, and the answer the client byte for byte" {
    "$patchbay" init
    make_answer good 900000
    start_community good good
    start_server --escape-community "http://$community_at/pre/fix/"
    before=$(descriptors)
    ask GET 'rate?id=1&difficulty=3%20x' >reply
    cmp reply good
    tr -d '\r' <1.head >head
    [ "$(head -1 head)" = "GET /pre/fix/f/a/escape/rate?id=1&difficulty=3%20x HTTP/1.0" ]
    grep -qx "Host: $community_at" head
    grep -qx 'User-Agent: Escape (200404150; linux)' head
    grep -qx 'X-Forwarded-For: 127.0.0.1' head
    grep -qx 'Connection: close' head
    ! grep -qi '^Content-' head
    ! grep -qi '^Accept' head
    head -c 3000000 /dev/urandom >big
    ask POST upload big >reply
    cmp reply good
    [ "$(md5 2.body)" = "$(md5 big)" ]
    grep -qx 'Content-Length: 3000000' <(tr -d '\r' <2.head)
    grep -qx 'Content-Type: multipart/form-data; boundary=sep' <(tr -d '\r' <2.head)
    curl -sf -F level=@big "http://$at/f/a/escape/upsol" | cmp - <(sed '1,/^\r$/d' good)
    [ "$(stat -c %s 3.body)" -gt 3000000 ]
    : >empty
    ask POST upsol empty >/dev/null
    grep -qx 'Content-Length: 0' <(tr -d '\r' <4.head)
    ask HEAD rate >/dev/null
    grep -q '^HEAD /pre/fix/f/a/escape/rate HTTP/1.0' 5.head
    [ "$(status "http://$at/f/a/escape/other")" = 404 ]
    [ "$(status -X PUT "http://$at/f/a/escape/rate")" = 405 ]
    [ "$(status -d x=y "http://$at/COLLECTIONS")" = 404 ]
    logged '"GET /f/a/escape/rate?id=1&difficulty=3%20x HTTP/1.0" 200 900000 '
    logged '"POST /f/a/escape/upload HTTP/1.0" 200 900000 '
    descriptors_back "$before"
    stop_server
}

@test "an answer in single bytes, and one that comes before the body is read" {
    "$patchbay" init
    make_answer good 200
    start_community bytewise good
    start_server --escape-community "http://$community_at"
    cmp <(ask GET rate) good
    stop_server
    start_community early good
    start_server --escape-community "http://localhost:${community_at#*:}"
    head -c 3000000 /dev/urandom >big
    ask POST upload big >reply
    # It closes with the body unread, which may take its answer with it.
    cmp reply good || grep -qx "$silent" reply
    stop_server
}

@test "another server that is down, closes, fails, talks nonsense or breaks off: the player reads that it does not answer" {
    "$patchbay" init
    head -c 500000 /dev/urandom >big
    for mode in close error garbage half; do
        start_community $mode
        start_server --escape-community "http://$community_at"
        before=$(descriptors)
        for route in 'register?name=a' rate allsols/00; do
            ask GET "$route" >reply
            [ "$(head -1 reply | tr -d '\r')" = "HTTP/1.1 200 OK" ]
            grep -q '^Connection: close' reply
            [ "$(sed '1,/^\r$/d' reply)" = "$silent" ]
        done
        [ "$(answer POST upload big)" = "$silent" ]
        [ "$(answer HEAD rate)" = "" ]
        logged "\"GET /f/a/escape/allsols/00 HTTP/1.0\" 200 $((${#silent} + 1)) "
        descriptors_back "$before"
        stop_server
        kill "$community"
        wait "$community" || true
    done
    # nobody listens there any more
    start_server --escape-community "http://$community_at"
    [ "$(answer GET rate)" = "$silent" ]
    [ "$(answer POST upload big)" = "$silent" ]
    # a connection that may go on does, and what was asked behind is answered
    [ "$(curl -sf "http://$at/f/a/escape/rate" "http://$at/f/a/escape/rate" -w '%{num_connects} ' | tr '\n' ' ')" = "$silent 1 $silent 0 " ]
    printf 'GET /f/a/escape/rate HTTP/1.1\r\nHost: a\r\n\r\nGET /COLLECTIONS HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' >two
    [ "$(exec 4<>"/dev/tcp/${at%:*}/${at#*:}" && cat two >&4 && cat <&4 | grep -c '^HTTP/1.1')" = 2 ]
}

@test "a server that can't be connected to is given up after five seconds, one that hangs does not delay a stop" {
    setup_levels
    start_community deaf
    start_server --escape-community "http://$community_at"
    [ "$(answer GET rate)" = "$silent" ]
    stop_server
    start_community hang
    start_server --escape-community "http://$community_at" --drain-timeout 1
    ask GET rate >reply 3>&- &
    asker=$!
    wait_for 10 test -e 1.head
    curl -sf "http://$at/official.txt" >/dev/null # others go on
    stop_server
    wait "$asker" || true
    [ ! -s reply ]
}

@test "an answer without an end is cut off" {
    "$patchbay" init
    start_community endless
    start_server --escape-community "http://$community_at"
    before=$(descriptors)
    run curl -s -o reply "http://$at/f/a/escape/rate"
    [ "$status" -ne 0 ]
    [ "$(stat -c %s reply)" -le 1048576 ]
    descriptors_back "$before"
}

@test "bodies without a length are 411, bodies that are too long 413" {
    "$patchbay" init
    make_answer good 2
    start_community good good
    start_server --escape-community "http://$community_at"
    [ "$(status -H 'Transfer-Encoding: chunked' -d x=y "http://$at/f/a/escape/upload")" = 411 ]
    head -c 16777217 /dev/zero >long
    [ "$(status --data-binary @long "http://$at/f/a/escape/upload")" = 413 ]
    [ ! -e 1.head ]
    head -c 16777216 /dev/zero >long
    [ "$(status --data-binary @long "http://$at/f/a/escape/upload")" = 200 ]
    [ "$(stat -c %s 1.body)" = 16777216 ]
}

@test "a client that goes away in the middle of its upload takes the relay with it" {
    "$patchbay" init
    make_answer good 2
    start_community good good
    start_server --escape-community "http://$community_at"
    before=$(descriptors)
    python3 - "$at" <<'PYTHON'
import socket, struct, sys
host, port = sys.argv[1].split(":")
for reset in (False, True):
    s = socket.create_connection((host, int(port)))
    s.sendall(b"POST /f/a/escape/upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
    assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    s.sendall(b"x" * 500000)
    if reset:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
PYTHON
    descriptors_back "$before"
    wait_for 10 eval '[ "$(grep -c "POST /f/a/escape/upload" access.log)" = 2 ]'
    cmp <(ask GET rate) good
    stop_server
}

# crowd N: as many requests at once, each with a body; prints how many got which answer.
crowd() {
    python3 - "$at" "$1" <<'PYTHON'
import collections, socket, sys, threading
host, port = sys.argv[1].split(":")
answers = collections.Counter()
def one(i):
    body = bytes([i % 256]) * 100000
    with socket.create_connection((host, int(port)), timeout=60) as s:
        s.sendall(b"POST /f/a/escape/upsol HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        reply = b""
        while piece := s.recv(65536):
            reply += piece
    answers[reply.partition(b"\r\n\r\n")[2].decode().strip()] += 1
threads = [threading.Thread(target=one, args=(i,)) for i in range(int(sys.argv[2]))]
for t in threads: t.start()
for t in threads: t.join()
for text, n in sorted(answers.items()): print(n, text)
PYTHON
}

@test "100 at once: 64 are handed on, the others are told at once, and everybody else is served meanwhile" {
    setup_levels
    printf 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nok 1\n' >good
    echo 65 >crowd # 64 requests wait for a 65th
    start_community late good
    start_server --escape-community "http://$community_at" --threads 1
    before=$(descriptors)
    crowd 100 >answers 3>&- &
    asker=$!
    wait_for 30 test -e 64.head
    curl -sf "http://$at/official.txt" >/dev/null
    curl -sf "http://$at/COLLECTIONS" >/dev/null
    wait_for 30 eval '[ "$(grep -c "upsol HTTP/1.0\" 200" access.log)" = 36 ]'
    # the 65th comes past the server: now all 64 get their answers
    curl -sf "http://$community_at/" >/dev/null
    wait "$asker"
    [ "$(cat answers)" = "$(printf '64 ok 1\n36 %s' "$silent")" ]
    for n in $(seq 64); do
        [ "$(stat -c %s "$n.body")" = 100000 ]
    done
    descriptors_back "$before"
    # and there is room for as many again
    echo 0 >crowd
    [ "$(crowd 50)" = "50 ok 1" ]
    descriptors_back "$before"
}

@test "a rate holds for what is handed on, too" {
    "$patchbay" init
    make_answer good 300000
    start_community good good
    start_server --escape-community "http://$community_at" --address-rate 200k
    ask GET rate >reply
    cmp reply good
    start=$(date +%s%N)
    ask GET rate >reply
    cmp reply good
    [ $((($(date +%s%N) - start) / 1000000)) -ge 1000 ]
}

@test "the address is checked at the start, and at a reload the old one stays" {
    "$patchbay" init
    refused() { # STATUS VALUE WORDS
        run -"$1" timeout 10 "$patchbay" serve --http 127.0.0.1:0 --escape-community "$2"
        [[ $output == *"$3"* ]] || { echo "$2: no '$3' in: $output"; return 1; }
    }
    refused 2 https://example.org/ "not https://"
    for value in '' example.org ftp://a http:// http:///x http://a:0 http://a:70000 http://a:x http://a: 'http://u@a' 'http://a/?x' \
        'http://a/#x' 'http://a b' 'http://[::1' 'http://[::1]x' 'http://[]'; do
        refused 2 "$value" "http://HOST[:PORT][/PREFIX]"
    done
    refused 1 http://nowhere.invalid/ "nowhere.invalid"
    make_answer good 20
    start_community good good
    printf '[escape]\ncommunity = http://%s/one\n' "$community_at" >patchbay.conf
    start_server --config patchbay.conf
    cmp <(ask GET rate) good
    printf '[escape]\ncommunity = http://nowhere.invalid/\n' >patchbay.conf
    kill -HUP "$server"
    wait_for 20 grep -q nowhere.invalid serve.log
    cmp <(ask GET rate) good
    printf '[escape]\ncommunity = http://%s/two\n' "$community_at" >patchbay.conf
    kill -HUP "$server"
    wait_for 20 eval 'ask GET ping | cmp -s - good && grep -q "^GET /two/f/a/escape/ping" ./*.head'
    printf '[escape]\n' >patchbay.conf
    kill -HUP "$server"
    wait_for 20 eval '[ "$(status "http://$at/f/a/escape/rate")" = 404 ]' # and no title of Escape is live
}
