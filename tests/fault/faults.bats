#!/usr/bin/env bats
# A process killed behind every call that changes the disk, and a disk that is full from every such call on. (Before a call
# the disk is as it was behind the call before.)

load ../helper

export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

# points COMMAND...: how many calls are there to be broken off?
points() {
    faulty none 0 "$@"
    cat count
}

setup_publish() {
    export PATCHBAY_DEPOT=$T/watched/depot
    mkdir watched
    "$patchbay" init
    make_map a.map 1500000 1
    "$patchbay" publish map a.map --algorithm zip --level 0
    make_map a.map 1500000 2
    cp -a watched pristine
}

@test "publish killed at every call: the old release or the new one is live, fsck is content, gc cleans up" {
    setup_publish
    n=$(points "$patchbay" publish map a.map --algorithm zip --level 0)
    [ "$n" -ge 20 ]
    old=0 new=0
    for at in $(seq 1 "${FAULT_STRIDE:-1}" "$n"); do
        rm -rf watched
        cp -a pristine watched
        run faulty kill-after "$at" "$patchbay" publish map a.map --algorithm zip --level 0
        [ "$status" = 137 ] || { echo "point $at: status $status"; cat faulty.out; return 1; }
        "$patchbay" fsck >fsck.out || { echo "point $at"; cat fsck.out; return 1; }
        live=$("$patchbay" history opensauce/a | grep ' live$')
        case $live in
        *" 1 "*live) old=$((old + 1)) ;;
        *" 2 "*live) new=$((new + 1)) ;;
        *) echo "point $at: $live" && return 1 ;;
        esac
        "$patchbay" gc >gc.out
        "$patchbay" fsck | grep -q ' 0 problems, 0 files for gc'
    done
    echo "# publish: $n points; old release live after $old, new after $new" >&3
    [ "$old" -gt 0 ]
    [ "$new" -gt 0 ]
}

@test "publish with the disk full from any call on: fails in words, or was through; nothing is lost" {
    setup_publish
    n=$(points "$patchbay" publish map a.map --algorithm zip --level 0)
    for at in $(seq 1 "${FAULT_STRIDE:-1}" "$n"); do
        rm -rf watched
        cp -a pristine watched
        if ! faulty full "$at" "$patchbay" publish map a.map --algorithm zip --level 0; then
            [ "$(wc -l <faulty.out)" = 1 ]
            grep -Eq 'No space left|full|unable to open|disk I/O error' faulty.out || { echo "point $at"; cat faulty.out; return 1; }
        fi
        "$patchbay" fsck >/dev/null
        "$patchbay" history opensauce/a | grep -q ' live$'
    done
}

setup_fetch() {
    export PATCHBAY_DEPOT=$T/depot
    "$patchbay" init
    make_map a.map 1500000 1
    "$patchbay" publish map a.map --algorithm zip --level 0
    start_server
    mkdir -p watched/out
    echo "the player's own" >watched/out/other.map
    make_map watched/out/a.map 5000 7
    old=$(md5 watched/out/a.map)
    cp -a watched pristine
}

@test "fetch killed at every call: the folder has the old map or the new one, and the next fetch completes" {
    setup_fetch
    n=$(points "$patchbay" fetch "opensauce://$at/a" watched/out --connections 1)
    [ "$n" -ge 20 ]
    for point in $(seq 1 "${FAULT_STRIDE:-1}" "$n"); do
        rm -rf watched
        cp -a pristine watched
        run faulty kill-after "$point" "$patchbay" fetch "opensauce://$at/a" watched/out --connections 1
        # How many writes a download takes is the network's choice, so the last points may not be reached.
        [ "$status" = 137 ] || [ "$status" = 0 ] || { cat faulty.out; return 1; }
        got=$(md5 watched/out/a.map)
        [ "$got" = "$old" ] || [ "$got" = "$(md5 a.map)" ] || { echo "point $point: torn"; return 1; }
        [ "$(cat watched/out/other.map)" = "the player's own" ]
        "$patchbay" fetch "opensauce://$at/a" watched/out >/dev/null
        cmp a.map watched/out/a.map
        "$patchbay" list --installed watched/out | grep -q a.map
        [ -z "$(find watched/out/.patchbay -name "journal*")" ]
    done
    echo "# fetch: $n points" >&3
}

@test "fetch with the disk full from any call on: one line of words, and the folder is as it was" {
    setup_fetch
    n=$(points "$patchbay" fetch "opensauce://$at/a" watched/out --connections 1)
    for point in $(seq 1 "${FAULT_STRIDE:-1}" "$n"); do
        rm -rf watched
        cp -a pristine watched
        if ! faulty full "$point" "$patchbay" fetch "opensauce://$at/a" watched/out --connections 1; then
            [ "$(wc -l <faulty.out)" = 1 ] || { cat faulty.out; return 1; }
            grep -q 'No space left' faulty.out || { echo "point $point"; cat faulty.out; return 1; }
            got=$(md5 watched/out/a.map)
            [ "$got" = "$old" ] || [ "$got" = "$(md5 a.map)" ]
        fi
        "$patchbay" fetch "opensauce://$at/a" watched/out >/dev/null
        cmp a.map watched/out/a.map
    done
}
