#!/usr/bin/env bats
# An update killed at every call that changes the disk: after recovery the folder is exactly the old one or exactly the
# new one, and no file of the player's is missing.

load ../helper

export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0


# killed_everywhere NAME URL: from the folder pristine/ (print: old) to the new release, killed at each call.
killed_everywhere() {
    local name=$1 url=$2 n at what was old=0 new=0
    cp -a pristine watched
    faulty none 0 "$patchbay" fetch "$url" watched
    n=$(cat count)
    [ "$n" -ge 40 ]
    tree_print pristine >old
    tree_print watched >new
    ! diff old new >/dev/null || return 1
    for at in $(seq 1 "${FAULT_STRIDE:-1}" "$n"); do
        rm -rf watched
        cp -a pristine watched
        run faulty kill-after "$at" "$patchbay" fetch "$url" watched
        # How many calls a download takes is the network's choice, so the last points may not be reached.
        [ "$status" = 137 ] || { [ "$status" = 0 ] && [ "$at" -gt $((n - 5)) ]; } ||
            { echo "point $at: status $status"; cat faulty.out; return 1; }
        "$patchbay" recover watched >recover.out || { echo "point $at:"; cat recover.out; return 1; }
        tree_print watched >now
        if diff old now >/dev/null; then
            old=$((old + 1))
        elif diff new now >/dev/null; then
            new=$((new + 1))
        else
            echo "point $at: neither the old tree nor the new one"
            diff new now
            return 1
        fi
        # and the next fetch ends it, with nothing of the player's lost
        "$patchbay" fetch "$url" watched >again.out || { echo "point $at:"; cat again.out; return 1; }
        tree_print watched | diff new -
    done
    echo "# $name: $n points, $SECONDS s; old tree after $old, new after $new" >&3
    [ "$old" -gt 0 ]
    [ "$new" -gt 0 ]
}

@test "a collection's update killed at every call: moves, swaps, a level that becomes a folder, attic, pruning" {
    "$patchbay" init
    mkdir -p tree/a/deep tree/b tree/c
    for i in 1 2 3; do
        echo "ESXL level a$i" >tree/a/$i.esx
        echo "ESXL level b$i" >tree/b/$i.esx
    done
    echo "ESXL deep" >tree/a/deep/1.esx
    echo "ESXL to become a folder" >tree/c/thing
    "$patchbay" publish levels tree --collection official --min-version 1 >/dev/null
    start_server
    "$patchbay" fetch "escape://$at/official" pristine
    # what the player has done
    echo "my own" >pristine/official/b/own.esx
    mkdir pristine/official/mine
    echo "in my folder" >pristine/official/mine/x.esx
    echo "edited" >pristine/official/a/2.esx
    echo "ESXL level a1" >pristine/official/mine/copy.esx
    ln -s nowhere pristine/official/b/link
    mkdir pristine/attic
    echo "earlier" >pristine/attic/official_b_own.esx
    # the next release
    mv tree/a/1.esx t && mv tree/b/1.esx tree/a/1.esx && mv t tree/b/1.esx
    mv tree/a/3.esx tree/b/moved.esx
    rm -r tree/a/deep tree/b/3.esx
    echo "ESXL changed" >tree/b/2.esx
    mv tree/c/thing t && mkdir -p tree/c/thing && mv t tree/c/thing/it
    mkdir tree/new
    echo "ESXL new" >tree/new/1.esx
    cp tree/new/1.esx tree/new/same.esx
    "$patchbay" publish levels tree --collection official --min-version 1 >/dev/null
    wait_for 10 eval 'curl -sf "http://$at/official.txt" | grep -q new/same.esx'
    killed_everywhere "collection" "escape://$at/official"
    for text in "my own" "in my folder" "edited" "earlier"; do
        grep -rqx "$text" watched/attic || { echo "lost: $text"; return 1; }
    done
    [ "$(readlink watched/attic/official_b_link)" = nowhere ]
    diff -r --exclude=webindex.esi tree watched/official
}

@test "an upgrade killed at every call: files replaced and made, links, deletions, execute bits" {
    "$patchbay" init
    mkdir -p game/data
    seq 3000 >game/escape.txt
    echo "#!/bin/sh" >game/escape.exe
    echo a >game/data/a
    echo b >game/data/b
    "$patchbay" publish upgrade game --platform linux --version 1 --oldest 1 --recommended 1 >/dev/null
    start_server
    "$patchbay" fetch "escape://$at/linux/UPGRADE" pristine
    echo "of the player" >pristine/save
    chmod 700 pristine/data/b
    seq 4000 >game/escape.txt
    echo "echo 2" >>game/escape.exe
    echo "b2" >game/data/b
    mkdir game/more
    echo c >game/more/c
    rm game/data/a
    ln -s escape.txt game/readme
    "$patchbay" publish upgrade game --platform linux --version 2 --oldest 1 --recommended 1 --delete data/a >/dev/null
    wait_for 10 eval 'curl -sf "http://$at/linux/UPGRADE" | sed -n 4p | grep -qx 2'
    killed_everywhere "upgrade" "escape://$at/linux/UPGRADE"
    grep -qx "of the player" watched/save
    [ -x watched/data/b ] && [ -x watched/escape.exe ] && [ ! -e watched/data/a ]
}

@test "an update interrupted at random 50 times on the way completes, and downloads nothing twice" {
    "$patchbay" init
    make_levels tree 400 20 1
    "$patchbay" publish levels tree --collection official --min-version 1 >/dev/null
    start_server
    "$patchbay" fetch "escape://$at/official" watched
    echo "my own" >watched/official/group1/own.esx
    make_levels --change tree 9 100 50 50 100
    "$patchbay" publish levels tree --collection official --min-version 1 >/dev/null
    wait_for 10 eval 'curl -sf "http://$at/official.txt" | sed -n 4p | grep -qx 450'
    wait_for 10 eval '[ "$(grep -c "GET /official/" access.log)" = 400 ]'
    : >access.log
    RANDOM=11
    for i in $(seq 50); do
        run faulty kill $((RANDOM % 400 + 1)) "$patchbay" fetch "escape://$at/official" watched
        [ "$status" = 137 ] || [ "$status" = 0 ] || { cat faulty.out; return 1; }
    done
    run -0 "$patchbay" fetch "escape://$at/official" watched
    diff -r --exclude=webindex.esi tree watched/official
    [ "$(find watched/attic -type f | wc -l)" = 51 ]
    grep -rqx "my own" watched/attic
    echo "# requests for 150 levels: $(grep -c "GET /official/" access.log)" >&3
    # a level whose last byte had arrived, but not its name, is asked for again: at most one of each connection's a kill
    [ "$(grep -c 'GET /official/' access.log)" -le $((150 + 50 * 8)) ]
}
