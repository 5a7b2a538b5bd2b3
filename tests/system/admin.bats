#!/usr/bin/env bats
# The operator's address: by which names it is asked, and who has the token.

load ../helper

token=0123456789abcdef-a-token

@test "names of others get 421, also through the request line; further ones can be allowed" {
    "$patchbay" init
    start_operated --admin-hosts status.example.org
    local port=${admin##*:}
    [ "$(code "http://$admin/metrics")" = 200 ]
    [ "$(code "http://localhost:$port/metrics" --resolve "localhost:$port:127.0.0.1")" = 200 ]
    [ "$(code "http://status.example.org:$port/status" --resolve "status.example.org:$port:127.0.0.1")" = 200 ]
    local path
    for path in metrics status healthz readyz nothing; do
        [ "$(code "http://rebound.example:$port/$path" --resolve "rebound.example:$port:127.0.0.1")" = 421 ]
    done
    [ "$(code "http://$admin/status" --request-target http://rebound.example/status)" = 421 ]
    "$patchbay" status --once | grep -q serving
}

@test "an address that others reach needs a token" {
    "$patchbay" init
    local address
    for address in 0.0.0.0:0 '[::]:0'; do
        [[ $address == '[::]:0' && ! -e /proc/net/if_inet6 ]] && continue
        run -1 "$patchbay" serve --http 127.0.0.1:0 --admin "$address"
        [[ $output == *"other machines reach"*"admin_token_file"* ]]
    done
    python3 - "$patchbay" <<'PYTHON'
import socket, subprocess, sys
with socket.create_server(("0.0.0.0", 0)) as s: # handed over
    run = subprocess.run([sys.argv[1], "serve", "--http", "127.0.0.1:0", "--admin", "fd:%d" % s.fileno()],
                         pass_fds=[s.fileno()], capture_output=True, text=True, timeout=20)
assert run.returncode == 1 and "other machines reach" in run.stderr, run
PYTHON
}

@test "the token: asked for by everything, read from files alone, changed by a reload" {
    "$patchbay" init
    printf '%s\n' "$token" >token
    printf '[server]\nadmin_token_file = %s\n' "$T/token" >conf
    start_server --config conf --admin 0.0.0.0:0
    admin=127.0.0.1:$(sed -n 's|.*for the operator: http://[^/]*:\([0-9]*\)/.*|\1|p' serve.log)
    local path
    for path in metrics status healthz readyz nothing; do
        [ "$(code "http://$admin/$path")" = 401 ]
        [ "$(code "http://$admin/$path" -H "Authorization: Bearer ${token}x")" = 401 ]
    done
    curl -si "http://$admin/metrics" | grep -qi '^www-authenticate: bearer'
    [ "$(code "http://$admin/metrics" -H "Authorization: Bearer $token")" = 200 ]
    run -3 "$patchbay" status --once
    [[ $output == *"refuses us (401)"* ]]
    "$patchbay" status --once --token-file token | grep -q serving
    "$patchbay" status --once --token-file token --admin "$admin" | grep -q serving
    [ "$(cat access.log serve.log | grep -c "$token")" = 0 ]

    tr a-f A-F <token >other && mv other token
    kill -HUP "$server"
    wait_for 10 code_is 200 "http://$admin/metrics" -H "Authorization: Bearer $(cat token)"
    [ "$(code "http://$admin/metrics" -H "Authorization: Bearer $token")" = 401 ]
    : >conf # that would let everybody in
    kill -HUP "$server"
    wait_for 10 grep -q 'the old configuration stays: .*other machines reach' serve.log
    [ "$(code "http://$admin/metrics")" = 401 ]
    stop_server
}

@test "a token that is none" {
    "$patchbay" init
    local words
    for words in short "two words that are long enough" "$(printf 'a%.0s' {1..600})"; do
        printf '%s' "$words" >token
        run "$patchbay" serve --http 127.0.0.1:0 --admin 0 --admin-token-file token
        [ "$status" -ne 0 ]
        [[ $output == *"token"* ]]
        run "$patchbay" status --token-file token
        [ "$status" -ne 0 ]
        [[ $output == *"token"* ]]
    done
    run "$patchbay" serve --http 127.0.0.1:0 --admin 0 --admin-token-file nowhere
    [ "$status" -ne 0 ]
    run "$patchbay" serve --http 127.0.0.1:0 --admin 0 --admin-hosts "a b"
    [ "$status" -ne 0 ]
}

@test "connections that ask for nothing, or never end their request, do not keep the operator out" {
    "$patchbay" init
    start_operated
    python3 - "${admin%:*}" "${admin##*:}" <<'END'
import http.client, socket, sys
at = (sys.argv[1], int(sys.argv[2]))
for begun in (b"", b"GET /status HT", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"):
    crowd = [socket.create_connection(at) for _ in range(100)]
    for one in crowd:
        try:
            one.sendall(begun)
        except OSError:
            pass  # it had to give way
    for _ in range(3):
        operator = http.client.HTTPConnection(*at, timeout=10)
        operator.request("GET", "/healthz")
        assert operator.getresponse().status == 200
    for one in crowd:
        one.close()
END
    stop_server
}
