#!/usr/bin/env bats
# Our client on the network: https, proxies, servers that want to be left alone, a rate, attempts.

load ../helper

# make_certificate NAME [HOST]: NAME.pem with a key and a certificate of its own for HOST, NAME.crt with the certificate.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days 2 \
        -subj "/CN=${2:-127.0.0.1}" -addext "subjectAltName=${2:+DNS:$2}${2:-IP:127.0.0.1}" 2>openssl.log || { cat openssl.log; return 1; }
    cat "$1.key" "$1.crt" >"$1.pem"
}

# start_proxy [refuse]: sets $proxy_at; its requests are in proxy.log.
start_proxy() {
    : >proxy.log
    python3 "$root/tests/interop/proxy.py" "$@" >proxy.log 2>proxy.err 3>&- &
    pids+=($!)
    wait_for 20 grep -q '^listening .*:[0-9]\+ *$' proxy.log
    proxy_at=$(sed -n 's/^listening //p' proxy.log | head -1)
}

# fetch_fails STATUS WORDS COMMAND...
fetch_fails() {
    local expected=$1 words=$2
    shift 2
    run "-$expected" "$@"
    [ "${#lines[@]}" = 1 ]
    [[ $output == *"$words"* ]] || { echo "$output"; return 1; }
    [ ! -e out/a.map ]
}

milliseconds() {
    date +%s%3N
}

@test "opensauces:// and escapes://: a certificate that is trusted, by every way to say so" {
    make_foreign a 3000000
    make_certificate good
    start_foreign foreign tls=good.pem
    secure=opensauces://$foreign_at/a
    fetch_fails 4 "certificate is not accepted: self" "$patchbay" fetch "$secure" out
    [ "$(grep -c GET foreign.log)" = 0 ]
    run -0 "$patchbay" fetch "$secure" out --cacert good.crt --then 'echo "$PATCHBAY_ADDRESS $PATCHBAY_PORT" >then'
    [[ $output == *"from https://$foreign_at/map_download"* ]]
    [ "$(cat then)" = "127.0.0.1:2302 ${foreign_at##*:}" ]
    cmp a.map out/a.map
    rm -r out
    SSL_CERT_FILE=good.crt "$patchbay" fetch "$secure" out
    rm -r out
    CURL_CA_BUNDLE=good.crt SSL_CERT_FILE=none "$patchbay" fetch "$secure" out
    rm -r out
    mkdir trusted
    cp good.crt "trusted/$(openssl x509 -hash -noout -in good.crt).0"
    SSL_CERT_DIR=trusted "$patchbay" fetch "$secure" out
    cmp a.map out/a.map
    rm -r out
    fetch_fails 1 "certificates in none" env SSL_CERT_FILE=none "$patchbay" fetch "$secure" out
    fetch_fails 3 "certificates: none: No such file" "$patchbay" fetch "$secure" out --cacert none
    # Another's certificate, and ours for another name.
    make_certificate other
    fetch_fails 4 "certificate is not accepted" "$patchbay" fetch "$secure" out --cacert other.crt
    make_certificate named files.example.org
    start_foreign foreign tls=named.pem
    fetch_fails 4 "it is for another name" "$patchbay" fetch "opensauces://$foreign_at/a" out --cacert named.crt
    fetch_fails 1 "playonlines is not a protocol" "$patchbay" fetch playonlines://127.0.0.1/1000@W2U out
}

@test "escapes://: lists and levels over https" {
    make_certificate good
    echo level >a.esx
    hash=$(md5 a.esx)
    mkdir -p "www/official/${hash:0:2}"
    cp a.esx "www/official/${hash:0:2}/${hash:2}"
    printf 'Title\n1\n0\n1\nnote\na.esx %s\n' "$hash" >www/official.txt
    start_foreign www static tls=good.pem
    run -0 "$patchbay" fetch "escapes://$foreign_at/official" out --cacert good.crt
    [[ $output == *"from https://$foreign_at"* ]]
    cmp a.esx out/official/a.esx
}

@test "a redirect from http to https is followed, from https to http refused" {
    make_foreign a 3000000
    make_certificate good
    start_foreign foreign
    plain=$foreign_at
    start_foreign foreign tls=good.pem
    secure=$foreign_at
    start_foreign foreign "elsewhere=https://$secure"
    "$patchbay" fetch "opensauce://$foreign_at/a" out --cacert good.crt
    cmp a.map out/a.map
    rm -r out
    start_foreign foreign "elsewhere=http://$plain" tls=good.pem
    fetch_fails 1 "redirected to http://$plain/" "$patchbay" fetch "opensauces://$foreign_at/a" out --cacert good.crt
    # Also where it was http once: http to https to http.
    turning=$foreign_at
    start_foreign foreign "elsewhere=https://$turning"
    fetch_fails 1 "redirected to http://$plain/" "$patchbay" fetch "opensauce://$foreign_at/a" out --cacert good.crt
    # The same for parts alone.
    start_foreign foreign "redirect=http://$plain/files" tls=good.pem
    fetch_fails 1 "redirected to http://$plain/" "$patchbay" fetch "opensauces://$foreign_at/a" out --cacert good.crt
}

@test "proxies of the environment: http, https through CONNECT, none for some hosts" {
    make_foreign a 3000000
    make_certificate good
    start_foreign foreign
    start_proxy
    http_proxy=http://$proxy_at "$patchbay" fetch "opensauce://$foreign_at/a" out
    cmp a.map out/a.map
    [ "$(grep -c "^GET http://$foreign_at/map_download" proxy.log)" -ge 2 ] # the definition and a part
    rm -r out
    asked=$(wc -l <proxy.log)
    http_proxy=http://$proxy_at no_proxy=127.0.0.1 "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ "$(wc -l <proxy.log)" = "$asked" ]
    rm -r out
    all_proxy=http://$proxy_at "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ "$(wc -l <proxy.log)" -gt "$asked" ]
    rm -r out
    start_foreign foreign tls=good.pem
    https_proxy=http://$proxy_at "$patchbay" fetch "opensauces://$foreign_at/a" out --cacert good.crt
    cmp a.map out/a.map
    grep -q "^CONNECT $foreign_at" proxy.log
    rm -r out
    # --proxy says more than the environment; "" is none.
    start_foreign foreign
    "$patchbay" fetch "opensauce://$foreign_at/a" out --proxy "http://$proxy_at"
    grep -q "^GET http://$foreign_at/map_download" proxy.log
    rm -r out
    asked=$(grep -c . proxy.log)
    http_proxy=http://$proxy_at "$patchbay" fetch "opensauce://$foreign_at/a" out --proxy ""
    [ "$(grep -c . proxy.log)" = "$asked" ]
    rm -r out
    http_proxy=http://127.0.0.1:1 "$patchbay" fetch "opensauce://$foreign_at/a" out --proxy "http://$proxy_at"
    [ "$(grep -c . proxy.log)" -gt "$asked" ]
    rm -r out
    fetch_fails 1 "ftp is not a proxy's protocol" "$patchbay" fetch "opensauce://$foreign_at/a" out --proxy ftp://127.0.0.1:1
    fetch_fails 1 "playonline goes through no proxy" "$patchbay" fetch "playonline://$foreign_at/1000@W2U" out \
        --proxy "http://$proxy_at"
    start_proxy refuse
    fetch_fails 4 "proxy answered with status 407" env https_proxy=http://$proxy_at "$patchbay" fetch \
        "opensauces://$foreign_at/a" out --cacert good.crt --retries 0
    fetch_fails 4 "proxy answered with status 407" env http_proxy=http://$proxy_at "$patchbay" fetch \
        "opensauce://$foreign_at/a" out --retries 0
}

@test "Retry-After is waited for, as seconds and as a date, for documents and for parts; too long is an error" {
    make_foreign a 8000000
    start_foreign foreign status=1:503:2
    begin=$(milliseconds)
    "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ $(($(milliseconds) - begin)) -ge 2000 ]
    rm -r out
    # While the server wants to be left alone it is not asked for other parts either. Two are in flight at first.
    start_foreign foreign busy=3:429:2
    begin=$(milliseconds)
    "$patchbay" fetch "opensauce://$foreign_at/a" out --connections 1
    [ $(($(milliseconds) - begin)) -ge 4000 ]
    [ "$(grep -c ' 429 ' foreign.log)" = 3 ]
    [ "$(grep ' 429 ' foreign.log | sort -u | wc -l)" -le 2 ]
    cmp a.map out/a.map
    rm -r out
    start_foreign foreign busy=1:503:+3 # a date has no fractions of a second
    begin=$(milliseconds)
    "$patchbay" fetch "opensauce://$foreign_at/a" out --connections 1
    [ $(($(milliseconds) - begin)) -ge 1500 ]
    rm -r out
    start_foreign foreign status=1000:503:3600
    fetch_fails 4 "come back in 3600 seconds" "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ "$(grep -c ' 503 ' foreign.log)" = 1 ]
    start_foreign foreign busy=1000:429:3600
    fetch_fails 4 "come back in 3600 seconds" "$patchbay" fetch "opensauce://$foreign_at/a" out --connections 1
    [ "$(grep -c ' 429 ' foreign.log)" -le 2 ] # as many as were in flight
    # What is no time at all is the usual second.
    start_foreign foreign status=1:503:soon
    "$patchbay" fetch "opensauce://$foreign_at/a" out
    cmp a.map out/a.map
}

@test "--retries: so many further attempts, for a document and for a part" {
    make_foreign a 1000000
    start_foreign foreign status=1000:500
    fetch_fails 4 "status 500" "$patchbay" fetch "opensauce://$foreign_at/a" out --retries 0
    [ "$(grep -c ' 500 ' foreign.log)" = 1 ]
    start_foreign foreign status=1000:500
    fetch_fails 4 "status 500" "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ "$(grep -c ' 500 ' foreign.log)" = 3 ]
    start_foreign foreign busy=1000:500:
    fetch_fails 4 "status 500" "$patchbay" fetch "opensauce://$foreign_at/a" out --retries 1
    [ "$(grep -c ' 500 ' foreign.log)" = 2 ]
    start_foreign foreign busy=4:500:
    "$patchbay" fetch "opensauce://$foreign_at/a" out --retries 4
    cmp a.map out/a.map
    run -2 "$patchbay" fetch "opensauce://$foreign_at/a" out --retries 101
    run -2 "$patchbay" fetch "opensauce://$foreign_at/a" out --retries -1
}

# took URL BYTES RATE [OPTION...]: the fetch takes at least so long as the bytes need at the rate, less a tenth.
took() {
    local begin bytes=$2 rate=$3 spent
    begin=$(milliseconds)
    "$patchbay" fetch "$1" out --limit-rate "$3" "${@:4}"
    spent=$(($(milliseconds) - begin))
    [ "$spent" -ge $((bytes * 900 / rate)) ] || { echo "$bytes bytes in $spent ms"; return 1; }
}

@test "--limit-rate: over all connections, over http and POLP, documents too" {
    "$patchbay" init
    head -c 2000000 /dev/urandom >noise
    mkdir app levels
    cp noise app/noise.bin
    make_map a.map 100000
    cat noise >>a.map
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish app app --app 1000 --hardware W2U --version 20070101_1
    start_server --polp 127.0.0.1:0
    polp=$(sed -n 's|.*polp://\([^/]*\)/.*|\1|p' serve.log | head -1)
    took "opensauce://$at/a" 2000000 1000000
    cmp a.map out/a.map
    rm -r out
    took "opensauce://$at/a" 2000000 1000000 --connections 1
    rm -r out
    took "playonline://$polp/1000@W2U" 2000000 1000000
    cmp noise out/noise.bin
    rm -r out
    # A list of 200 KB of which nothing is wanted any more.
    make_levels levels 3000 10 1
    "$patchbay" publish levels levels --collection official --min-version 1
    wait_for 10 code_is 200 "http://$at/official.txt"
    "$patchbay" fetch "escape://$at/official" out
    bytes=$(curl -s "http://$at/official.txt" | wc -c)
    [ "$bytes" -gt 100000 ]
    took "escape://$at/official" "$(curl -s --compressed -o /dev/null -w '%{size_download}' "http://$at/official.txt")" 100000 --repair
    run -2 "$patchbay" fetch "opensauce://$at/a" out --limit-rate 1023
    [[ $output == *"from 1k to"* ]]
    for bad in "" K 1.5M 5X 5KB -5 99999999999999999999; do
        run -2 "$patchbay" fetch "opensauce://$at/a" out --limit-rate "$bad"
    done
}

@test "--timeout: a server that stops, or drips, is left after so many seconds" {
    make_foreign a 1000000
    start_foreign foreign hang=0
    fetch_fails 4 "1 attempts" timeout 15 "$patchbay" fetch "opensauce://$foreign_at/a" out --timeout 1 --retries 0
    run -2 "$patchbay" fetch "opensauce://$foreign_at/a" out --timeout 0
    run -2 "$patchbay" fetch "opensauce://$foreign_at/a" out --timeout 3601
}
