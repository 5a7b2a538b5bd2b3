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
