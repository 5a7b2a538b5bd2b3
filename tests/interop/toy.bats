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
    run -3 "$patchbay" fetch --only three "plain://$at/stuff" game
    [[ $output == *"three: is not in SHA256SUMS"* ]]
}

@test "the program itself does not know the dialect" {
    make_site
    run -0 "$patchbay" serve --help
    [[ $output == *"--plain-list-name NAME"* ]]
    patchbay=$PATCHBAY_BUILD/patchbay
    run -0 "$patchbay" fetch --help
    [[ $output != *"--only"* ]]
    run -0 "$patchbay" serve --help
    [[ $output != *"--plain"* ]]
    run -1 "$patchbay" fetch plain://127.0.0.1:1/stuff game
    [[ $output == *"plain is not a protocol that patchbay fetches by"* ]]
    [ ! -e game ]
}

@test "names that an address can't hold, and the longest path" {
    make_site
    local long
    long=$(printf 'a%.0s' {1..255})
    mkdir -p "tree/$long/$long/$long"
    echo far >"tree/$long/$long/$long/${long:0:255}"
    echo 'cent' >'tree/100%25 #1'
    "$PATCHBAY_BUILD/tests/toy-publish" depot 'all of it, 100%25' tree
    start_server
    run -0 "$patchbay" fetch "plain://$at/all%20of%20it,%20100%2525" game
    diff -r --exclude=.patchbay tree game
}

@test "what no client would take is not published" {
    make_site
    echo x >tree/.hidden
    run -1 publish
    [[ $output == *"begins or ends with a dot"* ]]
    rm tree/.hidden
    echo x >tree/SHA256SUMS
    run -1 publish
    [[ $output == *"the list's own name"* ]]
    run -1 "$PATCHBAY_BUILD/tests/toy-publish" depot a/b tree
    mkdir empty
    run -1 "$PATCHBAY_BUILD/tests/toy-publish" depot stuff empty
    run -0 "$patchbay" history plain/stuff
    [ "$(grep -c . <<<"$output")" -eq 1 ]
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
    run -0 "$patchbay" withdraw plain/stuff
    run -0 "$patchbay" gc --keep 0
    run -0 "$patchbay" fsck
    static_server out
    run -0 "$patchbay" fetch "plain://$static_at/stuff" game
    diff -r --exclude=.patchbay --exclude=SHA256SUMS out/plain/stuff game
}

# A server that is not ours; sets $list, $hash (of the file "one").
make_static() {
    patchbay=$PATCHBAY_BUILD/tests/patchbay-toy
    mkdir -p www/plain/stuff/deep
    echo one >www/plain/stuff/one
    echo two >www/plain/stuff/deep/two
    list=www/plain/stuff/SHA256SUMS
    (cd www/plain/stuff && sha256sum one deep/two >SHA256SUMS)
    cp "$list" good
    hash=$(head -c 64 good)
    static_server www
}

# refused WORDS: the fetch fails, says so, and has changed nothing.
refused() {
    rm -rf game
    run "-${2:-1}" "$patchbay" fetch "plain://$static_at/stuff" game
    [[ $output == *"$1"* ]] || { echo "not \"$1\": $output"; return 1; }
    [ -z "$(find game -path game/.patchbay -prune -o -type f -print)" ]
}

@test "a static server: what arrived before a fetch broke off is not fetched again; mirrors" {
    make_static
    mv www/plain/stuff/deep/two two
    run -3 "$patchbay" fetch "plain://$static_at/stuff" game
    [[ $output == *"deep/two: "*404* ]]
    [ ! -e game/one ]
    mv two www/plain/stuff/deep/two
    local asked
    asked=$(grep -c 'GET /plain/stuff/one ' static.log)
    run -0 "$patchbay" fetch "plain://$static_at/stuff" game
    [[ $output == *"1 of 2 files downloaded"*"1 had arrived before"* ]]
    [ "$(grep -c 'GET /plain/stuff/one ' static.log)" -eq "$asked" ]
    [ "$(cat game/one game/deep/two)" = "$(printf 'one\ntwo')" ]
    run -0 "$patchbay" fetch --mirror "http://$static_at/" plain://127.0.0.1:1/stuff elsewhere
    [ "$(cat elsewhere/one elsewhere/deep/two)" = "$(printf 'one\ntwo')" ]
}

@test "wrong bytes leave nothing in place" {
    make_static
    echo lies >www/plain/stuff/deep/two
    refused "deep/two: its SHA-256 is not the one in SHA256SUMS" 5
}

@test "hostile lists are refused, and nothing that they name is asked for" {
    make_static
    for line in "$hash  ../out" "$hash  /etc/out" "$hash  a/../../out" "$hash  .patchbay/out" "$hash  a\\b" "${hash:1}g  out" \
        "$hash out" "$hash  " "short" ""; do
        { cat good; echo "$line"; } >"$list"
        refused "SHA256SUMS, line 3: "
    done
    { cat good; echo "$hash  one"; } >"$list"
    refused "one and one: can't both be there"
    { cat good; echo "$hash  one/more"; } >"$list"
    refused "one: can't both be there"
    : >"$list"
    refused "SHA256SUMS names no file"
    seq 50001 | sed "s/^/$hash  /" >"$list"
    refused "SHA256SUMS, line 50001: is one too many"
    seq 300000 | sed "s/^/$hash  /" >"$list"
    refused "the document is larger than"
    [ ! -e out ]
    [ "$(grep -c 'GET /plain/stuff/' static.log)" -eq "$(grep -c 'GET /plain/stuff/SHA256SUMS ' static.log)" ]
}
