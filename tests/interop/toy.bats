#!/usr/bin/env bats
# A dialect that is in tests/toy alone: what it takes to add one. Server and client are judged by curl, sha256sum and a static
# file server; the format is sha256sum's own.

load ../helper

setup_file() {
    root=$BATS_TEST_DIRNAME/../..
    # It touches its own folder and the list of dialects, and is short.
    [ "$(cat "$root"/tests/toy/plain*.[ch] | wc -l)" -le 300 ]
    diff "$root/src/api/dialects.c" "$PATCHBAY_BUILD/tests/dialects.c" >"$BATS_FILE_TMPDIR/added" || true
    [ "$(grep '^[<>]' "$BATS_FILE_TMPDIR/added")" = "> #include \"plain.h\"
>     &plain_dialect," ]
}

make_site() {
    patchbay=$PATCHBAY_BUILD/tests/patchbay-toy
    "$patchbay" init
    mkdir -p tree/deep/er
    "$root/scripts/make-map" "tree/large file.bin" 3000000
    echo one >tree/one
    echo two >tree/deep/two
    : >tree/deep/er/empty
    publish
}

publish() {
    "$PATCHBAY_BUILD/tests/toy-publish" depot stuff tree
}

@test "the server: sha256sum agrees, ranges and conditions work, nothing else is there" {
    make_site
    start_server
    curl -sf "http://$at/plain/stuff/SHA256SUMS" -o SHA256SUMS
    mkdir got
    while read -r _ path; do
        curl -sf --create-dirs "http://$at/plain/stuff/${path// /%20}" -o "got/$path"
    done <SHA256SUMS
    (cd got && sha256sum --check --strict --quiet ../SHA256SUMS)
    diff -r tree got
    curl -sf -r 100-199 "http://$at/plain/stuff/large%20file.bin" | cmp - <(tail -c +101 "tree/large file.bin" | head -c 100)
    etag=$(curl -sfI "http://$at/plain/stuff/one" | sed -n 's/^ETag: \(.*\)\r/\1/p')
    code_is 304 "http://$at/plain/stuff/one" -H "If-None-Match: $etag"
    code_is 404 "http://$at/plain/stuff/three"
    code_is 404 "http://$at/plain/other/one"
    code_is 404 "http://$at/plain/stuff/../one" --path-as-is
    code_is 405 "http://$at/plain/stuff/one" -X DELETE
}

@test "the client: fetches, keeps what is right, mends what is not, and has an option of its own" {
    make_site
    start_server
    run -0 "$patchbay" fetch "plain://$at/stuff" game
    [[ $output == *"4 files installed"* ]]
    diff -r --exclude=.patchbay tree game
    run -0 "$patchbay" fetch "plain://$at/stuff" game
    [[ $output == *"nothing to do"* ]]
    echo changed >game/one
    rm game/deep/two
    run -0 "$patchbay" fetch --only one "plain://$at/stuff" game
    [ "$(cat game/one)" = one ]
    [ ! -e game/deep/two ]
    run -0 "$patchbay" fetch "plain://$at/stuff" game
    diff -r --exclude=.patchbay tree game
    run -2 "$patchbay" fetch --only "plain://$at/stuff"
    run -0 "$patchbay" fetch --help
    [[ $output == *"--only PATH"* ]]
    run -0 "$PATCHBAY_BUILD/patchbay" fetch --help
    [[ $output != *"--only"* ]]
}

@test "a release follows another; a setting of the dialect's own; other verbs know it" {
    make_site
    printf '[plain]\nlist_name = INDEX\n' >patchbay.conf
    start_server --config patchbay.conf
    curl -sf "http://$at/plain/stuff/INDEX" | grep -q '  one$'
    code_is 404 "http://$at/plain/stuff/SHA256SUMS"
    echo more >>tree/one
    publish
    wait_for 10 eval 'curl -sf "http://$at/plain/stuff/one" | grep -q more'
    run -0 "$patchbay" list
    [[ $output == *"plain/stuff"* ]]
    run -0 "$patchbay" fsck
    run -0 "$patchbay" rollback plain/stuff
    wait_for 10 eval '! curl -sf "http://$at/plain/stuff/one" | grep -q more'
    run -0 "$patchbay" gc
    run -0 "$patchbay" export out
    (cd out/plain/stuff && sha256sum --check --strict --quiet SHA256SUMS)
    stop_server
}

@test "a static server: good content; wrong bytes and hostile lists leave nothing in place" {
    patchbay=$PATCHBAY_BUILD/tests/patchbay-toy
    mkdir -p www/plain/stuff/deep
    echo one >www/plain/stuff/one
    echo two >www/plain/stuff/deep/two
    (cd www/plain/stuff && sha256sum one deep/two >SHA256SUMS && cp SHA256SUMS ../../../good)
    static_server www
    run -0 "$patchbay" fetch "plain://$static_at/stuff" game
    [ "$(cat game/one game/deep/two)" = "$(printf 'one\ntwo')" ]
    echo lies >www/plain/stuff/deep/two
    rm game/deep/two
    run "$patchbay" fetch "plain://$static_at/stuff" game
    [ "$status" -ne 0 ]
    [[ $output == *"deep/two: its SHA-256 is not the one in SHA256SUMS"* ]]
    [ ! -e game/deep/two ]
    local hash
    hash=$(head -c 64 good)
    for line in "$hash  ../out" "$hash  /etc/out" "$hash  .patchbay/out" "${hash:1}g  out" "$hash out" "$hash  " "short"; do
        { cat good; echo "$line"; } >www/plain/stuff/SHA256SUMS
        run "$patchbay" fetch "plain://$static_at/stuff" game
        [ "$status" -ne 0 ]
        [[ $output == *"SHA256SUMS, line 3: "* ]] || { echo "$line: $output"; return 1; }
    done
    { cat good; echo "$hash  one"; } >www/plain/stuff/SHA256SUMS
    run "$patchbay" fetch "plain://$static_at/stuff" game
    [ "$status" -ne 0 ]
    [ ! -e out ]
}
