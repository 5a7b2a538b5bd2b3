#!/usr/bin/env bats
# HTTPS: judged by curl, openssl s_client, wget and our own client.

load ../helper

# make_certificate NAME [OPENSSL OPTION...]: NAME.pem and NAME.key, for localhost and 127.0.0.1.
make_certificate() {
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.pem" -days 30 \
        -subj "/CN=localhost" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "$@" 2>/dev/null
    chmod 600 "$name.key"
}

# start_secure OPTION...: a server with https and an operator's address; sets $secure (ADDRESS:PORT) and $secure_admin.
start_secure() {
    [ -e one.pem ] || make_certificate one
    start_server --https 127.0.0.1:0 --admin-https 0 --certificate one.pem --certificate-key one.key "$@"
    secure=$(sed -n 's|.*on https://\(.*\)/$|\1|p' serve.log)
    secure_admin=$(sed -n 's|.*for the operator: https://\([^/]*\)/.*|\1|p' serve.log)
}

publish_map() { # NAME SIZE
    make_map "$1.map" "$2"
    [ -e depot ] || "$patchbay" init
    "$patchbay" publish map "$1.map" --level 1
}

get() { # PATH [CURL OPTION...]
    curl -sf --cacert one.pem "https://$secure$1" "${@:2}"
}

tls_metric() {
    curl -sf --cacert one.pem "https://$secure_admin/metrics" | awk -v name="patchbay_tls_handshakes_$1" '$1 == name { print $2 }'
}

tls_metric_is() {
    [ "$(tls_metric "$1")" = "$2" ]
}

client() { # OPENSSL OPTION...: ends at once
    timeout 10 openssl s_client -connect "$secure" -CAfile one.pem "$@" </dev/null 2>&1
}

@test "TLS 1.2 and 1.3 give the same bytes as HTTP, in ranges, too; 1.1 is refused" {
    publish_map big 20000000
    start_secure
    part=$(part_name big)
    curl -sf "$url?map=big&part=$part" -o plain
    get "/map_download?map=big&part=$part" --tlsv1.3 -o new
    get "/map_download?map=big&part=$part" --tls-max 1.2 -o old
    get "/map_download?map=big&part=$part" --http1.0 -o ten
    get "/map_download?map=big&part=$part" -r 1000-900000 -o range
    cmp plain new
    cmp plain old
    cmp plain ten
    cmp range <(tail -c +1001 plain | head -c 899001)
    wget -q --ca-certificate=one.pem "https://$secure/map_download?map=big&part=$part" -O wget
    cmp plain wget
    run client -tls1_1 -cipher 'ALL:@SECLEVEL=0'
    [ "$status" -ne 0 ]
    [[ $output == *"protocol version"* ]]
    [ "$(get "/map_download?map=big" -o a -w '%{num_connects} ' "https://$secure/map_download?map=big" -o b)" = "1 0 " ]
    logged() { [ "$(grep -c '"GET /map_download' access.log)" -ge 8 ]; }
    wait_for 10 logged
}

@test "our client fetches over opensauces:// with --cacert, and not without" {
    publish_map big 20000000
    start_secure
    mkdir game
    run "$patchbay" fetch "opensauces://$secure/big" game
    [ "$status" -ne 0 ]
    "$patchbay" fetch --cacert one.pem "opensauces://$secure/big" game
    cmp big.map game/big.map
}

@test "a client that reads slowly, and one that sends many requests at once, get all of it" {
    publish_map big 20000000
    start_secure
    part=$(part_name big)
    curl -sf "$url?map=big&part=$part" -o plain
    get "/map_download?map=big&part=$part" --limit-rate 2M -o slow
    cmp plain slow
    run python3 - "$secure" "$part" <<'PY'
import socket, ssl, sys
host, port = sys.argv[1].split(":")
context = ssl.create_default_context(cafile="one.pem")
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect((host, int(port)))
s = context.wrap_socket(s, server_hostname="localhost")
one = b"GET /map_download?map=big&part=%s HTTP/1.1\r\nHost: x\r\n\r\n" % sys.argv[2].encode()
s.sendall(one * 12 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
got = b"".join(iter(lambda: s.recv(65536), b""))
body = open("plain", "rb").read()
assert got.count(b"HTTP/1.1 200") == 13 and got.count(body) == 13, (len(got), got.count(b"HTTP/1.1 200"))
PY
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "sessions are resumed on any thread, with TLS 1.2 and 1.3, and after a reload" {
    publish_map small 20000
    start_secure --threads 3
    run client -tls1_2 -reconnect
    [ "$(grep -c '^Reused, TLSv1.2' <<<"$output")" -eq 5 ]
    printf 'GET /map_download?map=small HTTP/1.0\r\n\r\n' |
        timeout 10 openssl s_client -connect "$secure" -CAfile one.pem -tls1_3 -sess_out session -quiet >/dev/null 2>&1
    for i in 1 2 3 4; do
        run client -tls1_3 -sess_in session
        [[ $output == *"Reused, TLSv1.3"* ]]
    done
    kill -HUP "$server"
    wait_for 10 grep -q 'read' serve.log
    run client -tls1_3 -sess_in session
    [[ $output == *"Reused, TLSv1.3"* ]]
    wait_for 10 tls_metric_is resumed_total 10
}

@test "a new certificate is used after SIGHUP, while a download goes on; a broken one is not" {
    publish_map big 20000000
    make_certificate one
    make_certificate two
    mkdir archive live
    cp one.pem archive/chain1.pem
    cp one.key archive/key1.pem
    ln -s ../archive/chain1.pem live/chain.pem
    ln -s ../archive/key1.pem live/key.pem
    start_server --https 127.0.0.1:0 --certificate live/chain.pem --certificate-key live/key.pem
    secure=$(sed -n 's|.*on https://\(.*\)/$|\1|p' serve.log)
    part=$(part_name big)
    curl -sf "$url?map=big&part=$part" -o plain
    get "/map_download?map=big&part=$part" --limit-rate 500K -o slow &
    slow=$!
    wait_for 10 test -s slow
    echo broken >archive/chain2.pem
    cp two.key archive/key2.pem
    ln -sf ../archive/chain2.pem live/chain.pem
    ln -sf ../archive/key2.pem live/key.pem
    kill -HUP "$server"
    wait_for 10 grep -q 'old configuration stays.*chain.pem' serve.log
    get "/map_download?map=big" -o /dev/null
    cp two.pem archive/chain2.pem
    kill -HUP "$server"
    wait_for 10 grep -q 'opened anew' serve.log
    curl -sf --cacert two.pem "https://$secure/map_download?map=big" -o /dev/null
    run get "/map_download?map=big"
    [ "$status" -ne 0 ]
    wait "$slow"
    cmp plain slow
    run ! grep -q 'refused system call' serve.log
}

@test "the operator's address: by token, and patchbay status" {
    "$patchbay" init
    echo secret-of-the-operator >token
    chmod 600 token
    start_secure --admin-token-file token
    [ "$(code "https://$secure_admin/status" --cacert one.pem)" = 401 ]
    [ "$(code "https://$secure_admin/status" --cacert one.pem -H 'Authorization: Bearer secret-of-the-operator')" = 200 ]
    "$patchbay" status --once --cacert one.pem --token-file token | grep -q 'serving for'
    "$patchbay" status --once --cacert one.pem --token-file token --admin "https://$secure_admin" | grep -q 'serving for'
    run "$patchbay" status --once --token-file token
    [ "$status" -ne 0 ]
}

@test "a handshake that drips is closed in head_timeout; what is not TLS at once" {
    publish_map small 20000
    start_secure --head-timeout 1 --idle-timeout 60
    run timeout 20 python3 - "$secure" <<'PY'
import select, socket, sys, time
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"\x16\x03\x01\x02\x00\x01")
begun = time.monotonic()
while not select.select([s], [], [], 0.2)[0]:
    s.sendall(b"\x00")
assert s.recv(100) == b"" and time.monotonic() - begun >= 0.9
g = socket.create_connection((host, int(port)))
g.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
try:
    while g.recv(1000): pass
except ConnectionResetError:
    pass
PY
    echo "$output"
    [ "$status" -eq 0 ]
    wait_for 10 tls_metric_is failed_total 2
    get "/map_download?map=small" -o /dev/null
}

@test "certificates that can't be used are told of at the start" {
    "$patchbay" init
    make_certificate one
    make_certificate two
    fails() { # WORDS OPTION...
        run "$patchbay" serve --http 127.0.0.1:0 "${@:2}"
        [ "$status" -ne 0 ]
        [[ $output == *"$1"* ]] || { echo "$output"; return 1; }
    }
    fails 'needs a certificate: set certificate' --https 127.0.0.1:0
    fails 'needs a certificate: set certificate' --admin-https 0
    fails 'none.pem' --https 127.0.0.1:0 --certificate none.pem --certificate-key one.key
    fails 'none.key' --https 127.0.0.1:0 --certificate one.pem --certificate-key none.key
    fails 'not the key of the certificate' --https 127.0.0.1:0 --certificate one.pem --certificate-key two.key
    fails 'no certificate can be read' --https 127.0.0.1:0 --certificate one.key --certificate-key one.key
    run -1 "$patchbay" serve --check --https 127.0.0.1:0 --certificate one.pem --certificate-key two.key
    [[ $output == *"not the key of the certificate"* ]]
    run -0 "$patchbay" serve --check --https 127.0.0.1:0 --certificate one.pem --certificate-key one.key
    openssl ec -in one.key -aes256 -passout pass:x -out locked.key 2>/dev/null
    fails 'password' --https 127.0.0.1:0 --certificate one.pem --certificate-key locked.key
    chmod 644 one.key
    start_secure
    grep -q 'every user of this machine can read it' serve.log
}
