#!/usr/bin/env bats
# export --prune: what is no longer named goes, and nothing else does.

load ../helper

setup_export() {
    make_map a.map 60000 1
    make_map b.map 40000 2
    make_levels levels 20 2 1
    "$patchbay" init
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish map b.map --level 1
    "$patchbay" publish levels levels --collection official --title Official --min-version 200404150
    "$patchbay" export www
}

files() { # DIR
    (cd "$1" && find . ! -type d ! -name .patchbay-export -printf '%P\n' | LC_ALL=C sort)
}

@test "after --prune the folder is what a new export would be" {
    setup_export
    (cd www && sha256sum --quiet --strict -c .patchbay-export)
    [ "$(files www)" = "$(cut -c67- www/.patchbay-export)" ]
    "$patchbay" withdraw opensauce/a
    make_map b.map 40000 3
    "$patchbay" publish map b.map --level 1
    make_levels --change levels 2 1 3 2 2
    "$patchbay" publish levels levels --collection official --title Official --min-version 200404150
    files www >before
    "$patchbay" export www
    [ -z "$(comm -23 before <(files www))" ] # without --prune nothing goes
    (cd www && sha256sum --quiet --strict -c .patchbay-export)
    "$patchbay" export www --prune >said
    grep -q '[0-9] files that are no longer named: removed' said
    "$patchbay" export fresh --prune
    diff -r www fresh
    [ ! -e www/parts/a ]
    run -0 "$patchbay" export www --prune --json
    [ "$(jq_get removed)" = 0 ]
}

jq_get() {
    python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$output" "$1"
}

@test "strangers' files, changed files and files behind links stay" {
    setup_export
    part=$(cd www && ls parts/*/a-*.001)
    mkdir -p www/own victim
    echo mine >www/own/index.html
    echo mine >www/maps/readme.txt
    echo changed >>www/maps/a.map
    # The folder that held a's parts now leads elsewhere, to files with just the right names and bytes.
    folder=$(dirname "www/$part")
    cp "$folder"/* victim
    ls victim >inside
    rm -r "$folder"
    if [ "$folder" = www/parts ]; then ln -s ../victim www/parts; else ln -s ../../victim "$folder"; fi
    "$patchbay" withdraw opensauce/a
    "$patchbay" withdraw opensauce/b
    mv www/maps/b.map aside
    ln -s /etc/hostname www/maps/b.map
    run -0 "$patchbay" export www --prune --json
    [ "$(jq_get kept)" -ge 3 ]
    [ "$(readlink www/maps/b.map)" = /etc/hostname ]
    rm www/maps/b.map
    [ "$(cat www/own/index.html www/maps/readme.txt)" = "mine
mine" ]
    tail -1 www/maps/a.map | grep -q changed
    [ ! -e www/maps/b.map ]
    ls victim | diff inside -
    run -0 "$patchbay" export www --prune --json # what was changed is not ours any more
    [ "$(jq_get kept)" = 0 ]
    [ -e www/maps/a.map ]
}

@test "a list that leads elsewhere is refused, and nothing is changed" {
    setup_export
    echo precious >outside
    sum=$(sha256sum <outside | cut -d' ' -f1)
    "$patchbay" withdraw opensauce/a
    cp www/.patchbay-export list
    for line in "$sum  ../outside" "$sum  $T/outside" "$sum  maps/../../outside" "$sum  ." "$sum  " "$sum *outside" \
        "${sum%?}g  maps/x" "outside" "$sum  a//b" ""; do
        { cat list; printf '%s\n' "$line"; } >www/.patchbay-export
        run -1 "$patchbay" export www --prune
        [[ "$output" == *".patchbay-export, line"* ]]
        [ -e www/maps/a.map ]
    done
    { cat list; printf '%s  maps/a\0b\n' "$sum"; } >www/.patchbay-export
    run -1 "$patchbay" export www --prune
    printf '%s' "$(cat list)" >www/.patchbay-export
    run -1 "$patchbay" export www --prune
    [[ "$output" == *"last line is not complete"* ]]
    mv list elsewhere
    rm www/.patchbay-export && ln -s ../elsewhere www/.patchbay-export
    run ! "$patchbay" export www --prune
    [ -e www/maps/a.map ]
    rm www/.patchbay-export
    run -1 "$patchbay" export www --prune
    [[ "$output" == *"export without --prune first"* ]]
    [ "$(cat outside)" = precious ]
    "$patchbay" export www
    "$patchbay" export www --prune
}

@test "nothing is removed while a title can't be exported, or while another export is under way" {
    setup_export
    sqlite3 depot/catalog.sqlite "UPDATE release SET attributes = 'no' WHERE title = (SELECT id FROM title WHERE name = 'a')"
    files www >before
    run ! "$patchbay" export www --prune
    files www | diff before -
    (flock 9; run -9 "$patchbay" export www --prune; [[ "$output" == *"another export is under way"* ]]) 9<www
}

@test "what a broken-off export wrote is removed by the next one that prunes" {
    setup_export
    cp www/.patchbay-export old
    make_map b.map 40000 3
    "$patchbay" publish map b.map --level 1
    # As a crash would leave it: all names are on the list, and some of the files are there.
    cp -r www other
    "$patchbay" export other
    cp other/.patchbay-export www/.patchbay-export
    cp other/maps/b.map www/maps/b.map
    "$patchbay" withdraw opensauce/b
    "$patchbay" export www --prune
    "$patchbay" export fresh
    diff -r www fresh
}
