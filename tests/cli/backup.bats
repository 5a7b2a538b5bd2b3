#!/usr/bin/env bats
# backup and restore: what was saved is served again, byte for byte; sqlite3 and fsck judge the copies.

load ../helper

# The faults' library is preloaded.
export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

content() {
    "$patchbay" init
    make_map a.map 2000000 1
    "$patchbay" publish map a.map --level 1
    make_levels tree 100 4 1
    "$patchbay" publish levels tree --collection official --min-version 1
    "$patchbay" ban 192.0.2.7 --reason "for the test"
}

sound() { # DEPOT
    run -0 "$patchbay" fsck --depot "$1"
    [ "$(sqlite3 "$1/catalog.sqlite" 'PRAGMA integrity_check')" = ok ]
}

@test "backed up, lost and restored: the same is served, and bans are kept" {
    content
    run -0 "$patchbay" backup copy
    [[ $output == *" objects, "*" of them copied now"* ]]
    sound copy
    rm -rf depot
    run -0 "$patchbay" restore copy
    sound depot
    start_server
    curl -sf "http://$at/maps/a.map" | cmp - a.map
    "$patchbay" fetch "escape://$at/official" game
    diff -r --exclude=webindex.esi tree game/official
    "$patchbay" bans | grep -q 192.0.2.7
    run -3 "$patchbay" status --depot copy --once # it knows of no server
    [[ $output == *"no server"* ]]
    # a backup is a depot
    [ "$("$patchbay" list --json --depot copy | md5sum)" = "$("$patchbay" list --json | md5sum)" ]
}

@test "a second backup copies only what is new" {
    content
    "$patchbay" backup copy
    find copy/objects -type f -printf '%p %i %T@\n' | sort >before
    echo "ESXL new" >tree/new.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    run -0 "$patchbay" backup copy --json
    [[ $output == *'"copied": 3'* ]] # the level, and the list in both forms
    find copy/objects -type f -printf '%p %i %T@\n' | sort | comm -13 - before >changed
    [ ! -s changed ]
    sound copy
    run -0 "$patchbay" backup copy --json
    [[ $output == *'"copied": 0'* ]]
    # old objects go with gc
    "$patchbay" withdraw escape/official
    sqlite3 depot/catalog.sqlite 'UPDATE release SET retired = 1 WHERE retired IS NOT NULL'
    "$patchbay" gc --keep 0
    "$patchbay" backup copy
    "$patchbay" gc --depot copy
    [ "$(find copy/objects -type f | wc -l)" = "$(find depot/objects -type f | wc -l)" ]
}

@test "consistent while a server serves and publishes go by" {
    content
    start_server
    (
        for i in $(seq 8); do
            make_levels "tree$i" 60 3 "2$i"
            "$patchbay" publish levels "tree$i" --collection official --min-version 1
        done
    ) >/dev/null 3>&- &
    publishing=$!
    pids+=("$publishing")
    for i in $(seq 6); do
        "$patchbay" backup copy
        sound copy
        "$patchbay" backup "once$i"
        sound "once$i"
    done
    wait "$publishing"
    "$patchbay" backup copy
    [ "$("$patchbay" history escape/official --json --depot copy | md5sum)" = "$("$patchbay" history escape/official --json | md5sum)" ]
}

@test "killed at any call that changes the disk: the backup before it is whole, and the next one completes" {
    "$patchbay" init
    make_levels tree 3 1 1
    "$patchbay" publish levels tree --collection official --min-version 1
    mkdir watched
    "$patchbay" backup watched/copy
    cp -a watched/copy first
    "$patchbay" list --json --depot first >listed
    echo "ESXL new" >tree/new.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    faulty none 0 "$patchbay" backup watched/copy
    points=$(cat count)
    [ "$points" -gt 10 ]
    for at in $(seq 1 "$FAULT_STRIDE" "$points"); do
        rm -rf watched/copy
        cp -a first watched/copy
        run faulty kill "$at" "$patchbay" backup watched/copy
        [ "$status" = 137 ]
        "$patchbay" list --json --depot watched/copy >now
        cmp -s listed now || cmp -s now <("$patchbay" list --json)
        "$patchbay" fsck --depot watched/copy >/dev/null
        "$patchbay" backup watched/copy >/dev/null
        cmp <("$patchbay" list --json --depot watched/copy) <("$patchbay" list --json)
    done
    for at in $(seq 1 "$FAULT_STRIDE" "$points"); do # the disk is full from some call on
        rm -rf watched/copy
        cp -a first watched/copy
        run faulty full "$at" "$patchbay" backup watched/copy
        "$patchbay" list --json --depot watched/copy >now
        cmp -s listed now || cmp -s now <("$patchbay" list --json)
        "$patchbay" fsck --depot watched/copy >/dev/null
    done
}

@test "a damaged or missing object is told; the backup before stays as it was" {
    content
    "$patchbay" backup copy
    cp copy/catalog.sqlite before
    echo "ESXL new" >tree/new.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    sum=$(sha256sum tree/new.esx | cut -d' ' -f1)
    object=depot/objects/${sum:0:2}/${sum:2}
    chmod u+w "$object"
    printf 'X' | dd of="$object" conv=notrunc status=none
    run -5 "$patchbay" backup copy
    [[ $output == *"missing or damaged: 1 "*"its bytes are not those of its name"* ]]
    cmp before copy/catalog.sqlite
    sound copy
    rm "$object"
    run -5 "$patchbay" backup copy
    [[ $output == *"missing or damaged"* ]]
    "$patchbay" publish levels tree --collection official --min-version 1 # mends it
    run -0 "$patchbay" backup copy
    sound copy
}

@test "what a backup may not go over, or into" {
    content
    mkdir other
    echo mine >other/file
    run -1 "$patchbay" backup other
    [[ $output == *"is no depot, and not empty"* ]]
    [ "$(cat other/file)" = mine ]
    ln -s depot/objects link
    for target in depot depot/inside . link; do
        run -1 "$patchbay" backup "$target"
    done
    [ ! -e depot/inside ]
    sound depot
    "$patchbay" backup copy
    run -1 "$patchbay" restore copy
    [[ $output == *"there is a depot already"* ]]
    run -3 "$patchbay" restore nothing --depot new
    [ ! -e new/catalog.sqlite ]
    run -1 "$patchbay" restore copy --depot other
    # a copy that was not made with backup may lack tmp
    rmdir depot/tmp
    run -0 "$patchbay" list
    sound depot
    # in use: a server on the backup
    PATCHBAY_DEPOT=$T/copy start_server
    echo "ESXL new" >tree/new.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    run -9 "$patchbay" backup copy
    [[ $output == *"in use by another program"* ]]
    curl -sf "http://$at/maps/a.map" | cmp - a.map
}
