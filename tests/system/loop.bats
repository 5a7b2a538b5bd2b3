#!/usr/bin/env bats
# A fetch from the caller's own loop: pb_fetch_start, pb_fetch_step, pb_fetch_cancel, pb_fetch_finish.

load ../helper

setup_file() {
    export LOOP=$PATCHBAY_BUILD/tests/loop
}

@test "two fetches at once, from one loop; then nothing to do" {
    "$patchbay" init
    make_map a.map 3000000
    make_map b.map 2000000 2
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish map b.map --level 1
    start_server
    run -0 "$LOOP" go "opensauce://$at/a" one "opensauce://$at/b" two
    [[ ${lines[0]} == "ok: opensauce/a; 1 changes, 1 plans, 0 notices, 0 titles,"*"last place a.map" ]]
    [[ ${lines[1]} == "ok: opensauce/b; 1 changes, 1 plans, 0 notices, 0 titles,"*"last place b.map" ]]
    cmp a.map one/a.map
    cmp b.map two/b.map
    run -0 "$LOOP" go "opensauce://$at/a" one
    [[ ${lines[0]} == "ok: opensauce/a;"*" 0 bytes; last keep a.map" ]]
}

@test "many levels: a step tells 256 things at most, and a fetch that nobody listens to waits" {
    "$patchbay" init
    levels=${LOOP_LEVELS:-20000}
    make_levels tree "$levels" 20 1
    "$patchbay" publish levels tree --collection official --min-version 1
    start_server
    run -0 "$LOOP" late "escape://$at/official" out
    [[ ${lines[0]} == "ok: escape/official; $((levels * 2 + 21)) changes, 1 plans,"*"last "* ]]
    [ ! -e out ]
    run -0 "$LOOP" go "escape://$at/official" out
    [[ ${lines[0]} == "ok: escape/official; $((levels + 21)) changes, 1 plans,"* ]]
    "$patchbay" verify out
}

@test "several titles of one URL: each is told of" {
    "$patchbay" init
    make_levels tree 20 2 1
    make_levels other 20 2 2
    "$patchbay" publish levels tree --collection official --min-version 1
    "$patchbay" publish levels other --collection second --min-version 1
    start_server
    run -0 "$LOOP" both "escape://$at/" out
    [[ ${lines[0]} == "ok: escape/"*" changes, 2 plans, 0 notices, 2 titles,"* ]]
}

@test "errors come from finish; a server that is down, a title that is not there, an option that is wrong" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    run -0 "$LOOP" go "opensauce://127.0.0.1:1/a" one "opensauce://$at/none" two "ftp://$at/a" three "opensauce://$at/a" four
    [[ ${lines[0]} == "network: "*"Couldn't connect"* ]]
    [[ ${lines[1]} == "not found: "* ]]
    [[ ${lines[2]} == "invalid: "*"not a protocol"* ]]
    [[ ${lines[3]} == "ok: opensauce/a;"* ]]
}

@test "cancelled in the middle, or left alone: the folder as it was, and the next one continues" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    "$patchbay" fetch "opensauce://$at/a" out
    stop_server
    before=$(tree_print out)
    make_map a.map 6000000 3
    "$patchbay" publish map a.map --level 1
    start_server --rate 500K
    begin=$(date +%s%3N)
    run -0 "$LOOP" cancel "opensauce://$at/a" out
    [ $(($(date +%s%3N) - begin)) -lt 3000 ] # the whole would take longer
    [[ ${lines[0]} == "cancelled: "* ]]
    [ "$(tree_print out)" = "$before" ]
    run -0 "$LOOP" leave "opensauce://$at/a" out
    [[ ${lines[0]} == "cancelled: "* ]]
    [ "$(tree_print out)" = "$before" ]
    stop_server
    start_server
    run -0 "$LOOP" go "opensauce://$at/a" out
    [[ ${lines[0]} == "ok: "* ]]
    cmp a.map out/a.map
}

@test "the example of a game: 60 frames a second" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    run -0 "$PATCHBAY_BUILD/examples/game_loop" "opensauce://$at/a" out
    [[ $output == *"opensauce/a: fetched, "*" frames" ]]
    cmp a.map out/a.map
    run -1 "$PATCHBAY_BUILD/examples/game_loop" "opensauce://$at/none" out
    [[ $output == *"game_loop: "*"(not found)"* ]]
}
