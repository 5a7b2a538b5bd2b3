#!/usr/bin/env bats
# Fetching when things go wrong in the middle, and when much happens at once.

load ../helper

@test "kill -9 in the middle, then again: what was whole stays, half a part is continued" {
    make_foreign a 20000000
    parts=$(grep -c '<part ' foreign/a.xml)
    [ "$parts" -ge 6 ]
    start_foreign foreign hang=4
    "$patchbay" fetch "opensauce://$foreign_at/a" out --connections 1 3>&- &
    pid=$!
    wait_for 20 grep -q hanging foreign.log
    staging=out/.patchbay/staging/opensauce%2Fa
    has_half() { [ -n "$(find "$staging" -name '*.part' -size +511k)" ]; }
    wait_for 20 has_half
    kill -9 "$pid"
    wait "$pid" || true
    [ ! -e out/a.map ]
    [ "$(ls "$staging" | grep -Ec '^[0-9a-f]{32}$')" = 4 ]
    # The same parts from another server: ours.
    start_server
    run -0 "$patchbay" fetch "opensauce://$at/a" out --json
    cmp a.map out/a.map
    python3 -c '
import json, sys
r = json.loads(sys.argv[1].splitlines()[-1])
total = sum(int(n) for n in sys.argv[2].split())
assert r["present"] == 4 and r["downloaded"] == r["pieces"] - 4, r
assert r["bytes"] == total - 4 * 1048576 - 524288, (r, total)' "$output" \
        "$(sed -n 's/.*<part.* size="\([0-9]*\)".*/\1/p' foreign/a.xml | tr '\n' ' ')"
    [ ! -e "$staging" ]
}

@test "staging is not trusted: damage in it is found and mended" {
    "$patchbay" init
    make_map a.map 5000000
    "$patchbay" publish map a.map --level 1
    start_server
    staging=out/.patchbay/staging/opensauce%2Fa
    mkdir -p "$staging"
    for md5 in $(curl -sf "$url?map=a" | sed -n 's/.*<part.* md5="\([0-9a-f]*\)".*/\1/p'); do
        head -c 1048576 /dev/urandom >"$staging/$md5"
        head -c 5000 /dev/urandom >"$staging/$md5.part"
    done
    "$patchbay" fetch "opensauce://$at/a" out
    cmp a.map out/a.map
}

@test "a client that cancels: exit status 1, a word, and the next fetch continues" {
    "$patchbay" init
    make_map a.map 40000000
    "$patchbay" publish map a.map --level 1
    start_server
    run -1 bash -c "trap - INT; '$PATCHBAY_BUILD/examples/embed_client' opensauce://$at/a out 30"
    [[ $output == *"cancelled"* ]]
    [ ! -e out/a.map ]
    run -0 "$patchbay" fetch "opensauce://$at/a" out
    [[ $output == *"had arrived before"* ]]
}

@test "a folder where the map should be, and two fetches into one folder" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    mkdir -p out/a.map
    run -1 "$patchbay" fetch "opensauce://$at/a" out
    [[ $output == *"a.map"* ]]
    rmdir out/a.map
    (
        flock 9
        run -9 "$patchbay" fetch "opensauce://$at/a" out
        [[ $output == *"another process is fetching"* ]]
    ) 9>>out/.patchbay/staging/opensauce%2Fa.lock
    "$patchbay" fetch "opensauce://$at/a" out
    cmp a.map out/a.map
}

@test "a link planted as .patchbay or as staging is refused" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    mkdir out elsewhere
    ln -s ../elsewhere out/.patchbay
    run -1 "$patchbay" fetch "opensauce://$at/a" out
    [ -z "$(ls -A elsewhere)" ]
    rm out/.patchbay
    mkdir out/.patchbay
    ln -s ../../elsewhere out/.patchbay/staging
    run -1 "$patchbay" fetch "opensauce://$at/a" out
    [ -z "$(ls -A elsewhere)" ]
}

@test "200 fetches at once while a map is published and the first is rolled back: none fails, all whole" {
    "$patchbay" init
    make_map a.map 300000 1
    "$patchbay" publish map a.map --level 1
    first=$(md5 a.map)
    make_map a.map 500000 2
    "$patchbay" publish map a.map --level 1
    second=$(md5 a.map)
    make_map b.map 300000 3
    start_server
    fetchers=()
    for i in $(seq 200); do
        "$patchbay" fetch "opensauce://$at/a" "out/$i" >"log.$i" 2>&1 3>&- &
        fetchers+=($!)
        case $i in
        50) "$patchbay" publish map b.map --level 1 ;;
        100) "$patchbay" rollback opensauce/a ;;
        esac
    done
    for pid in "${fetchers[@]}"; do
        wait "$pid" || { cat log.*; return 1; }
    done
    [ "$(md5sum out/*/a.map | wc -l)" = 200 ]
    [ "$(md5sum out/*/a.map | grep -c -e "$first" -e "$second")" = 200 ]
    stop_server
}

@test "the examples: a server in the caller's poll loop, a client with progress and cancel" {
    make_map a.map 3000000
    mkfifo hold
    "$PATCHBAY_BUILD/examples/embed_server" "$T/embedded" a.map <hold >server.out 3>&- &
    server=$!
    pids+=("$server")
    exec 7>hold
    wait_for 20 test -s server.out
    at=$(cat server.out)
    run -0 "$PATCHBAY_BUILD/examples/embed_client" "opensauce://$at/a" out
    [[ $output == *checking*downloading*unpacking*installing*"opensauce/a: a.map, md5 $(md5 a.map)"* ]]
    run -0 "$PATCHBAY_BUILD/examples/embed_client" "opensauce://$at/a" out
    [[ $output == *unchanged* ]]
    run -1 "$PATCHBAY_BUILD/examples/embed_client" "opensauce://$at/a" other 10
    [[ $output == *"(cancelled)"* ]]
    [ ! -e other/a.map ]
    # A publish shows in this loop as well.
    make_map b.map 10000
    "$patchbay" publish map b.map --depot "$T/embedded"
    wait_for 5 bash -c "curl -sf 'http://$at/map_download?map=b' >/dev/null"
    exec 7>&-
    wait "$server"
}

@test "a map too large for the disk is refused before it is downloaded; a disk that fills up leaves the folder as it was" {
    mkdir small
    mount -t tmpfs -o size=12m none small || skip "mounting needs root"
    umount_small() { umount "$T/small"; }
    "$patchbay" init
    make_map a.map 20000000
    "$patchbay" publish map a.map --level 1
    start_server
    run -6 "$patchbay" fetch "opensauce://$at/a" small/out
    after=$(find small/out -type f -size +1k | wc -l)
    umount_small
    [[ $output == *"the disk is full:"*"bytes are needed"* ]]
    [ "$after" = 0 ]
}

@test "links planted where we write are not followed; a damaged record stops nothing" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    mkdir -p out/.patchbay/staging/opensauce%2Fa
    echo precious >precious
    for name in journal.arrives.new installed.json.new staging/opensauce%2Fa/map; do
        ln -s "$T/precious" "out/.patchbay/$name"
    done
    echo '{' >out/.patchbay/installed.json
    "$patchbay" fetch "opensauce://$at/a" out
    cmp a.map out/a.map
    [ "$(cat precious)" = precious ]
    "$patchbay" list --installed out | grep -q a.map
}

@test "publishing, collecting garbage, checking and fetching, all at once" {
    "$patchbay" init
    make_map a.map 400000 0
    "$patchbay" publish map a.map --level 1
    start_server
    workers=()
    for i in 1 2 3 4; do
        (
            mkdir "w$i"
            for round in 1 2 3 4 5; do
                make_map "w$i/a.map" 400000 "$((round % 2))"
                make_map "w$i/m$i.map" 200000 "$round"
                "$patchbay" publish map "w$i/a.map" --level 1
                "$patchbay" publish map "w$i/m$i.map" --level 1
                "$patchbay" gc
                "$patchbay" fetch "opensauce://$at/a" "w$i/out"
            done
        ) >"log.$i" 2>&1 3>&- &
        workers+=($!)
    done
    for pid in "${workers[@]}"; do
        wait "$pid" || { cat log.*; return 1; }
    done
    run -0 "$patchbay" fsck
    "$patchbay" gc
    run -0 "$patchbay" fsck
    [[ $output == *" 0 problems, 0 files for gc" ]]
    stop_server
}
