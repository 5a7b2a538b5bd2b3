#!/usr/bin/env bats
# What was fetched and is there: not read again while it looks the same, verified, uninstalled; and several sources at once.

load ../helper

official() { # [OPTION...]: publishes the tree `one`, and serves it
    make_levels one 60 4 1
    [ -e depot ] || "$patchbay" init
    "$patchbay" publish levels one --collection official --min-version 100 "$@"
    start_server
}

# recorded FILE TITLE: the record of the last fetch says that the file looked then as it looks now.
recorded() {
    local record=game/.patchbay/records/$2 now
    now=$(stat -c '%s %.9Y %.9Z %i' "$1" | tr -d .)
    awk -v path="${1#game/}" -v now="$now" '$8 == path { $0 = $1 " " $2 " " $3 " " now " " path } { print }' "$record" >record.new
    cat record.new >"$record"
}

spoil() { # FILE: another byte in it
    printf X | dd of="$1" bs=1 seek=9 conv=notrunc status=none
}

@test "nothing changed: one request, answered with 304, and no file is read" {
    official
    "$patchbay" fetch "escape://$at/official" game
    # so that a fetch which reads would notice
    for file in $(find game/official -type f); do recorded "$file" escape%2Fofficial; done
    victim=$(find game/official -name '*.esx' | sort | head -1)
    spoil "$victim"
    recorded "$victim" escape%2Fofficial
    run -0 "$patchbay" fetch "escape://$at/official" game
    [[ $output == *"all 60 files are there already"* ]]
    stop_server
    [ "$(tail -n 1 access.log | grep -c '"GET /official.txt HTTP/1.1" 304 ')" = 1 ]
    run -5 "$patchbay" verify game
    [[ $output == *"${victim#game/} has other bytes"* ]]
    start_server
    run -0 "$patchbay" fetch "escape://$at/official" game --repair
    [[ $output == *"1 of 1 file"* ]]
    run -0 "$patchbay" verify game
}

@test "a map that looks as it was installed is not read; the same size and time are not the same" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_server
    "$patchbay" fetch "opensauce://$at/a" game
    spoil game/a.map
    recorded game/a.map opensauce%2Fa
    run -0 "$patchbay" fetch "opensauce://$at/a" game
    [[ $output == *"is there already"* ]]
    run -0 "$patchbay" fetch "opensauce://$at/a" game --repair
    cmp a.map game/a.map
    touch -r game/a.map stamp
    spoil game/a.map
    touch -r stamp game/a.map
    run -0 "$patchbay" fetch "opensauce://$at/a" game
    [[ $output == *"installed game/a.map"* ]]
    cmp a.map game/a.map
}

@test "what is changed, missing or added is seen, whatever its size and time" {
    official
    "$patchbay" fetch "escape://$at/official" game
    "$patchbay" fetch "escape://$at/official" game
    first=$(find game/official -name '*.esx' | sort | head -1)
    cp -p "$first" kept
    touch -r "$first" stamp
    printf X | dd of="$first" bs=1 seek=1 conv=notrunc status=none
    touch -r stamp "$first"
    run -0 "$patchbay" fetch "escape://$at/official" game
    [[ $output == *"1 of 1 file"* ]]
    cmp kept "$first"
    rm "$first"
    "$patchbay" fetch "escape://$at/official" game
    cmp kept "$first"
    echo mine >game/official/mine.esx
    mkdir game/official/empty
    "$patchbay" fetch "escape://$at/official" game
    [ "$(cat game/attic/official_mine.esx)" = mine ]
    [ ! -e game/official/empty ]
}

@test "verify names what is missing or differs; repair brings it back" {
    official
    run -3 "$patchbay" verify game
    "$patchbay" fetch "escape://$at/official" game
    run -0 "$patchbay" verify game
    [[ $output == "60 files ("*" checked, 0 problems" ]]
    victims=($(find game/official -name '*.esx' | sort | head -3))
    rm "${victims[0]}"
    printf X | dd of="${victims[1]}" bs=1 seek=1 conv=notrunc status=none
    echo more >>"${victims[2]}"
    run -5 "$patchbay" verify game
    [[ $output == *"escape/official: ${victims[0]#game/} is missing"* ]]
    [[ $output == *"escape/official: ${victims[1]#game/} has other bytes"* ]]
    [[ $output == *"escape/official: ${victims[2]#game/} has another size"* ]]
    [[ $output == *"3 problems" ]]
    run -5 --separate-stderr "$patchbay" verify game escape/official --json
    [ "$(jq_count "$output")" = 3 ]
    run -3 "$patchbay" verify game escape/other
    "$patchbay" fetch "escape://$at/official" game
    run -0 "$patchbay" verify game
}

jq_count() { # JSON: how many problems it lists
    python3 -c 'import json, sys; print(len(json.loads(sys.argv[1])["list"]))' "$1"
}

@test "uninstall: what a fetch has put there goes, what is the player's stays or is set aside" {
    official
    mkdir -p game/official
    level=$(cd one && find . -name '*.esx' | sort | head -1)
    mkdir -p "game/official/$(dirname "$level")"
    cp "one/$level" "game/official/$level" # the player had it before
    "$patchbay" fetch "escape://$at/official" game
    changed=$(find game/official -name '*.esx' | sort | sed -n 5p)
    echo changed >>"$changed"
    echo mine >game/official/notes.txt
    run -3 "$patchbay" uninstall escape/other game
    run -0 "$patchbay" uninstall escape/official game
    [[ $output == "escape/official: "*" files removed, 2 moved to game/attic" ]]
    [ "$(ls game/attic | wc -l)" = 2 ]
    [ "$(find game/official -type f)" = game/official/notes.txt ]
    [ "$(find game/official -mindepth 1 -type d | wc -l)" = 0 ]
    run -0 "$patchbay" list --installed game
    [[ $output != *official* ]]
    run -3 "$patchbay" uninstall escape/official game
    # and it can be fetched again
    "$patchbay" fetch "escape://$at/official" game
    run -0 "$patchbay" verify game
}

@test "uninstall killed anywhere is finished or was never begun" {
    official
    "$patchbay" fetch "escape://$at/official" whole
    tree_print whole >before
    for at_call in 1 3 5 9 17 33 65; do
        rm -rf watched
        cp -a whole watched
        "$patchbay" verify watched >/dev/null
        faulty kill "$at_call" "$patchbay" uninstall escape/official watched || true
        "$patchbay" recover watched
        if "$patchbay" list --installed watched | grep -q official; then
            tree_print watched | diff before -
        else
            [ "$(find watched -name '*.esx' | wc -l)" = 0 ]
        fi
    done
}

@test "several sources at once: each brings its share, one that lies is named and left" {
    make_foreign a 12000000
    start_foreign foreign
    good=$foreign_at
    start_server
    : >access.log
    run -0 "$patchbay" fetch "opensauce://$at/a" out --mirror "http://$good/map_download"
    cmp a.map out/a.map
    grep -q 'part=' foreign.log
    stop_server
    grep -q 'part=' access.log
    rm -r out
    start_server
    start_foreign foreign damage=1000
    run -0 "$patchbay" fetch "opensauce://$at/a" out --mirror "http://$foreign_at/map_download"
    [[ $output == *"$foreign_at"*"MD5 is not the one announced"* ]]
    cmp a.map out/a.map
    # the host is gone: the mirror alone has it all
    stop_server
    start_foreign foreign
    rm -r out
    "$patchbay" fetch "opensauce://$at/a" out --mirror "http://$foreign_at/map_download"
    cmp a.map out/a.map
}
