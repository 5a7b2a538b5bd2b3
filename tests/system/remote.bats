#!/usr/bin/env bats
# Publishing from afar: tokens, uploads that break and go on, and what is left of those that do not.

load ../helper

# start_published OPTION...: a server that takes maps, and the token of "me" in the file token; sets $admin and $auth.
start_published() {
    [ -e depot ] || "$patchbay" init
    [ -e token ] || "$patchbay" token add me --rights publish,look >token 2>/dev/null
    auth="Authorization: Bearer $(cat token)"
    start_operated --publish yes "$@"
}

# begin FILE [SIZE]: the path of a new upload.
begin() {
    curl -sf -X POST -H "$auth" -D - "http://$admin/uploads?name=$(basename "$1")&size=${2:-$(stat -c %s "$1")}" |
        sed -n 's/^Location: \([^\r]*\).*/\1/p'
}

offset() { # PATH
    curl -sfI -H "$auth" "http://$admin$1" | sed -n 's/^Upload-Offset: \([0-9]*\).*/\1/p'
}

offset_is() {
    [ "$(offset "$1")" = "$2" ]
}

state_is() { # PATH STATE: of the job of an upload
    curl -sf -H "$auth" "http://$admin/jobs/${1##*/}" >job && grep -q "\"state\": \"$2\"" job
}

publish_to() { # FILE [OPTION...]
    "$patchbay" publish map "$@" --to "http://$admin" --token-file token --level 1
}

json() { # WHERE: what JSON on standard input has there, as Python writes it
    python3 -c 'import json, sys; print(eval("o" + sys.argv[1], {"o": json.load(sys.stdin)}))' "$1"
}

# Nothing is left of what was not published: no file for gc, and none that the server holds without a name.
clean() {
    "$patchbay" fsck | grep -q ' 0 problems, 0 files for gc'
    [ -z "$(ls depot/tmp)" ]
    ! ls -l "/proc/$server/fd" 2>/dev/null | grep -q 'depot/tmp/.*(deleted)'
}

@test "a map goes from our client to a server in its sandbox, and from there to players" {
    start_published
    make_map one.map 3000000
    run publish_to one.map --json
    [ "$status" -eq 0 ]
    [ "$(json "['title']" <<<"$output")" = opensauce/one ]
    [ "$(json "['unchanged']" <<<"$output")" = False ]
    wait_for 10 code_is 200 "$url?map=one" # HEAD of the definition
    "$patchbay" fetch "opensauce://$at/one" got
    cmp one.map got/one.map
    python3 "$root/tests/interop/opensauce_client.py" "http://$at" one one.7z
    7zz x -so one.7z | cmp - one.map
    run publish_to one.map
    [[ $output == *"unchanged; this is live already"* ]]
    clean
    "$patchbay" token list | grep -q '^me .*look,publish.*last used 20'
    [ "$(grep -c 'sandbox refused' serve.log)" = 0 ]
    stop_server
}

@test "the same result as published here, with a password, too" {
    start_published
    make_map one.map 500000
    printf 'secret\n' >password
    publish_to one.map --password-file password --json >there.json
    PATCHBAY_DEPOT=$T/here "$patchbay" init
    PATCHBAY_DEPOT=$T/here "$patchbay" publish map one.map --level 1 --password-file password --json >here.json
    diff there.json here.json
    run -8 "$patchbay" fetch "opensauce://$at/one" got
    "$patchbay" fetch "opensauce://$at/one" got --password-file password
    cmp one.map got/one.map
    cat access.log serve.log >logs
    [ "$(grep -c secret logs)" = 0 ]
    [ "$(grep -c "$(cat token)" logs)" = 0 ]
    [ "$(grep -c "$(cat token)" depot/state.sqlite*)" = "$(printf '%s\n' depot/state.sqlite* | sed 's/$/:0/')" ]
}

@test "who may: no token, a wrong one, one without the right, an ended one, another site's page" {
    start_published
    "$patchbay" token add looker >looker 2>/dev/null
    "$patchbay" token add brief --rights publish --for 2s >brief 2>/dev/null
    local there="http://$admin/uploads?name=a.map&size=5"
    post() { code -X POST "$there" "$@"; }
    [ "$(post)" = 401 ]
    [ "$(post -H "$auth"x)" = 401 ]
    [ "$(post -H 'Authorization: Bearer pbt_')" = 401 ]
    [ "$(post -H "Authorization: Basic $(cat token)")" = 401 ]
    wait_for 5 code_is 200 "http://$admin/status" -H "Authorization: Bearer $(cat looker)"
    [ "$(post -H "Authorization: Bearer $(cat looker)")" = 403 ]
    wait_for 5 code_is 201 "$there" -X POST -H "Authorization: Bearer $(cat brief)"
    [ "$(code "http://$admin/status" -H "Authorization: Bearer $(cat brief)")" = 403 ]
    [ "$(post -H "$auth" -H 'Origin: http://evil.example')" = 403 ]
    [ "$(post -H "$auth" -H 'Origin: null')" = 403 ]
    [ "$(post -H "$auth" -H "Origin: http://$admin")" = 201 ]
    [ "$(post -H "$auth" -H "Host: evil.example")" = 421 ]
    [ "$(code "http://$admin/metrics")" = 401 ] # where there are tokens, everything needs one
    wait_for 10 code_is 401 "$there" -X POST -H "Authorization: Bearer $(cat brief)"
    "$patchbay" token list | grep -q '^brief .*(over)'

    # Another's upload is not there; a token that is revoked takes what it has sent along.
    "$patchbay" token add other --rights publish >other 2>/dev/null
    local path
    path=$(begin a.map 5)
    wait_for 5 code_is 404 "http://$admin$path" -H "Authorization: Bearer $(cat other)" -I
    [ "$(code "http://$admin$path" -H "$auth" -I)" = 204 ]
    "$patchbay" token revoke me
    wait_for 1 code_is 401 "$there" -X POST -H "$auth"
    run -3 "$patchbay" token revoke me
    # Nor does a later token of the same name have what the earlier one has sent.
    auth="Authorization: Bearer $(cat other)"
    path=$(begin b.map 5)
    "$patchbay" token revoke other
    "$patchbay" token add other --rights publish >other 2>/dev/null
    auth="Authorization: Bearer $(cat other)"
    wait_for 5 code_is 404 "http://$admin$path" -H "$auth" -I
    "$patchbay" token revoke other
    wait_for 5 clean
    run -8 publish_to token
    run -2 "$patchbay" token add x --rights everything
    run -1 "$patchbay" token add 'a b'
    run -1 "$patchbay" token add looker
    [[ $output == *"there is a token looker already"* ]]
}

@test "no routes without publish = yes, and no publishing without a token on a loopback address" {
    "$patchbay" init
    start_operated
    [ "$(code "http://$admin/publish")" = 404 ]
    [ "$(code -X POST "http://$admin/uploads?name=a.map&size=5")" = 405 ] || [ "$(code -X POST "http://$admin/uploads?name=a.map&size=5")" = 404 ]
    [ "$(code "http://$admin/status")" = 200 ]
    stop_server
    start_operated --publish yes
    [ "$(code "http://$admin/publish")" = 200 ]
    [ "$(code -X POST "http://$admin/uploads?name=a.map&size=5")" = 401 ]
    [ "$(code "http://$admin/status")" = 200 ]
    stop_server
    # A last token that has ended does not open the address; one that is revoked does, and that is said.
    "$patchbay" token add brief --for 1s >brief 2>/dev/null
    start_operated
    wait_for 10 code_is 401 "http://$admin/status" -H "Authorization: Bearer $(cat brief)"
    [ "$(code "http://$admin/status")" = 401 ]
    "$patchbay" token revoke brief 2>&1 | grep -q 'that was the last one'
    wait_for 5 code_is 200 "http://$admin/status"
    stop_server
    # With a stored token other machines may reach the address.
    "$patchbay" token add me --rights publish >token 2>/dev/null
    auth="Authorization: Bearer $(cat token)"
    start_server --admin 0.0.0.0:0 --publish yes
    admin=127.0.0.1:$(sed -n 's|.*for the operator: http://[^/]*:\([0-9]*\)/.*|\1|p' serve.log)
    [ "$(code -X POST "http://$admin/uploads?name=a.map&size=5" -H "$auth")" = 201 ]
    "$patchbay" token revoke me
    wait_for 5 code_is 401 "http://$admin/status"
}

@test "broken off half-way, also by curl: it goes on where it stopped" {
    start_published
    make_map one.map 3000000
    local path
    path=$(begin one.map)
    head -c 1000000 one.map | curl -sf -H "$auth" -X PATCH -H 'Upload-Offset: 0' --data-binary @- "http://$admin$path"
    offset_is "$path" 1000000
    # A connection that ends within a body.
    { printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\n%s\r\nUpload-Offset: 1000000\r\nContent-Length: 2000000\r\n\r\n' "$path" "$admin" "$auth"
      tail -c +1000001 one.map | head -c 500000; } | timeout 5 bash -c "cat >/dev/tcp/${admin%:*}/${admin##*:}"
    wait_for 5 offset_is "$path" 1500000
    # Not where it is; and more than was announced.
    [ "$(code "http://$admin$path" -H "$auth" -X PATCH -H 'Upload-Offset: 7' -d x)" = 409 ]
    [ "$(code "http://$admin$path" -H "$auth" -X PATCH -H 'Upload-Offset: 2999999' -d xx)" = 413 ]
    [ "$(code "http://$admin$path" -H "$auth" -X PATCH -d xx)" = 400 ]
    [ "$(code "http://$admin$path" -H "$auth" -X PATCH -H 'Upload-Offset: 1500000' -H 'Transfer-Encoding: chunked' -d xx)" = 411 ]
    [ "$(code "http://$admin$path/publish" -H "$auth" -d kind=map)" = 409 ]
    curl -sf -H "$auth" -T one.map -C 1500000 "http://$admin$path"
    offset_is "$path" 3000000
    [ "$(code "http://$admin$path/publish" -H "$auth" -d 'kind=map&level=1')" = 202 ]
    wait_for 20 state_is "$path" done
    [ "$(code "http://$admin$path/publish" -H "$auth" -d 'kind=map&level=1')" = 202 ] # the answer may have been lost
    wait_for 5 "$patchbay" fetch "opensauce://$at/one" got
    cmp one.map got/one.map
    clean
}

# start_breaking cut|hold BYTES TIMES: what lies on the way to the server; sets $way.
start_breaking() {
    python3 "$root/tests/system/breaking.py" "${admin##*:}" "$@" >way.log 3>&- &
    pids+=("$!")
    wait_for 10 grep -q listening way.log
    way=$(sed -n 's/^listening //p' way.log)
}

@test "the connection breaks three times: our client goes on by itself, and gives up where it never gets on" {
    start_published
    make_map one.map 3000000
    start_breaking cut 1000000 3
    "$patchbay" publish map one.map --to "http://$way" --token-file token --algorithm zip --level 0
    [ "$(grep -c cut way.log)" = 3 ]
    wait_for 5 "$patchbay" fetch "opensauce://$at/one" got
    cmp one.map got/one.map
    clean
    start_breaking cut 200 1000 # not even the head gets there
    run -4 "$patchbay" publish map one.map --to "http://$way" --token-file token --retries 1
    [ "$(grep -c cut way.log)" = 2 ]
    clean
}

@test "our client is killed half-way; given again, it sends the rest" {
    start_published
    make_map one.map 3000000
    start_breaking hold 1000000 1
    "$patchbay" publish map one.map --to "http://$way" --token-file token >client.log 2>&1 3>&- &
    local client=$! path
    pids+=("$client")
    wait_for 20 grep -q hold way.log
    path=/uploads/$(curl -sf -H "$auth" "http://$admin/uploads" | json "[0]['id']")
    kill -9 "$client"
    wait "$client" || true
    some() { [ "$(offset "$path")" -gt 900000 ]; }
    wait_for 5 some
    [ "$(offset "$path")" -lt 1000000 ]
    publish_to one.map --algorithm zip
    [ "$(curl -sf -H "$auth" "http://$admin/uploads" | json '.__len__()')" = 1 ] # the same one
    state_is "$path" done
    clean
}

@test "the server is killed: nothing is left, and our client begins anew at the next one" {
    start_published
    make_map one.map 3000000
    local path
    path=$(begin one.map)
    head -c 1000000 one.map | curl -sf -H "$auth" -X PATCH -H 'Upload-Offset: 0' --data-binary @- "http://$admin$path"
    kill -9 "$server"
    wait "$server" || true
    clean
    start_published
    [ "$(code "http://$admin$path" -H "$auth" -I)" = 404 ]
    publish_to one.map
    clean
}

@test "what can't be published is refused with the words of publish map, before it is sent where that can be" {
    start_published --upload-max 2M
    make_map 'one.map' 100000
    local file here there
    : >empty.map
    cp one.map one.zip
    cp one.map 'a"b.map'
    for file in empty.map one.zip 'a"b.map'; do
        here=$("$patchbay" publish map "$file" 2>&1) && false
        there=$(publish_to "$file" 2>&1) && false
        [ "$here" = "$there" ]
    done
    head -c 3000 /dev/urandom >damaged.map
    here=$("$patchbay" publish map damaged.map 2>&1 >/dev/null)
    head -c 3001 /dev/urandom >damaged.map
    there=$(publish_to damaged.map 2>&1 >/dev/null)
    [ "$here" = "$there" ] # a warning: no Halo map header
    make_map big.map 3000000
    run -1 publish_to big.map
    [[ $output == *"larger than the server's upload_max"* ]]
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=..%2Fa.map&size=5")" = 422 ]
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=a.map&size=x")" = 400 ]
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=a.map&size=99999999999999999999")" = 400 ]
    run -1 "$patchbay" publish map one.map --to http://192.0.2.7 --token-file token
    [[ $output == *"all on the way can read the token"* ]]
    run -2 env -u PATCHBAY_TOKEN "$patchbay" publish map one.map --to "http://$admin"
    mkdir tree
    run -2 "$patchbay" publish levels tree --collection c --min-version 1 --to "http://$admin"
    [[ $output == *"only maps can be published from afar"* ]]

    # An option that nobody would heed; a digest that is another.
    local path
    path=$(begin one.map)
    curl -sf -H "$auth" -T one.map "http://$admin$path"
    curl -sf -H "$auth" -d 'kind=map&pasword=x' "http://$admin$path/publish"
    wait_for 10 state_is "$path" failed
    grep -q 'no option \\"pasword\\"' job
    path=$(curl -sf -X POST -H "$auth" -D - "http://$admin/uploads?name=one.map&size=100000&sha256=$(printf '0%.0s' {1..64})" |
        sed -n 's/^Location: \([^\r]*\).*/\1/p')
    curl -sf -H "$auth" -T one.map "http://$admin$path"
    curl -sf -H "$auth" -d kind=map "http://$admin$path/publish"
    wait_for 10 state_is "$path" failed
    grep -q 'another SHA-256' job
    [ "$(code -H "$auth" -X DELETE "http://$admin$path")" = 204 ]
    [ "$(code -H "$auth" -X DELETE "http://$admin$path")" = 404 ]
    [ "$("$patchbay" list | grep -c opensauce/one)" = 0 ]
    clean
}

@test "two at once, and no more than four of a token" {
    start_published
    make_map one.map 2000000 1
    make_map two.map 2000000 2
    publish_to one.map >first.log 2>&1 3>&- & local first=$!
    publish_to two.map
    wait "$first"
    "$patchbay" list | grep -q opensauce/one
    "$patchbay" list | grep -q opensauce/two
    local i path
    for i in 1 2 3 4; do
        path=$(begin "$i.map" 100000)
        [ -n "$path" ]
    done
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=5.map&size=5")" = 429 ]
    run -9 publish_to one.map
    [ "$(code -H "$auth" -X DELETE "http://$admin$path")" = 204 ]
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=5.map&size=5")" = 201 ]
    curl -sf -H "$auth" "http://$admin/uploads" | grep -o '"id": "[0-9a-f]*' | cut -d'"' -f4 | while read -r i; do
        curl -sf -H "$auth" -X DELETE "http://$admin/uploads/$i"
    done
    clean
}

@test "the disk is full: said so, and nothing is left" {
    start_published
    make_map one.map 2000000
    [ "$(code -X POST -H "$auth" "http://$admin/uploads?name=a.map&size=4000000000000")" = 413 ]
    stop_server
    (ulimit -f 1000 && exec "$patchbay" serve --http 127.0.0.1:0 --admin 0 --publish yes 2>limited.log 3>&-) & server=$!
    pids+=("$server")
    wait_for 20 grep -q 'for the operator' limited.log
    admin=$(sed -n 's|.*for the operator: http://\([^/]*\)/.*|\1|p' limited.log)
    run -6 publish_to one.map
    [[ $output == *"no room"* ]]
    [ "$(curl -sf -H "$auth" "http://$admin/uploads" | json '.__len__()')" = 0 ]
    clean
}

@test "a body that does not come: the connection ends, and the upload is there" {
    start_published --send-timeout 2
    local path
    path=$(begin a.map 100)
    exec 5<>"/dev/tcp/${admin%:*}/${admin##*:}"
    printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\n%s\r\nUpload-Offset: 0\r\nContent-Length: 100\r\n\r\nabc' "$path" "$admin" "$auth" >&5
    wait_for 5 offset_is "$path" 3
    timeout 10 cat <&5 >/dev/null # until the server closes
    exec 5>&-
    offset_is "$path" 3
    # A second writer takes over from one that hangs; requests behind a body are answered.
    exec 5<>"/dev/tcp/${admin%:*}/${admin##*:}"
    printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\n%s\r\nUpload-Offset: 3\r\nContent-Length: 97\r\n\r\nabc' "$path" "$admin" "$auth" >&5
    wait_for 5 offset_is "$path" 6
    printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\n%s\r\nUpload-Offset: 6\r\nContent-Length: 4\r\n\r\nabcdGET /jobs/x HTTP/1.1\r\nHost: %s\r\n%s\r\nConnection: close\r\n\r\n' \
        "$path" "$admin" "$auth" "$admin" "$auth" | timeout 5 bash -c "exec 6<>/dev/tcp/${admin%:*}/${admin##*:}; cat >&6; cat <&6" >answers
    grep -q '^HTTP/1.1 204' answers
    grep -q '^HTTP/1.1 404' answers
    offset_is "$path" 10
    printf 'abc' >&5
    exec 5>&-
    offset_is "$path" 10
    # A server that stops does not wait for a body.
    exec 5<>"/dev/tcp/${admin%:*}/${admin##*:}"
    printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\n%s\r\nUpload-Offset: 10\r\nContent-Length: 9\r\n\r\nabc' "$path" "$admin" "$auth" >&5
    wait_for 5 offset_is "$path" 13
    local since=$SECONDS
    stop_server
    [ $((SECONDS - since)) -lt 8 ] # drain_timeout is 10
    exec 5>&-
}
