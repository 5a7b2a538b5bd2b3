#!/usr/bin/env bats
# Few descriptors: who comes too many waits and is served as soon as there is room, no request fails, the operator gets through.

load ../helper

# serve_with DESCRIPTORS OPTION...: a server with that hard limit and a lower soft one; sets $room.
serve_with() {
    local real=$patchbay limit=$1
    shift
    printf '#!/bin/sh\nulimit -Sn 32\nulimit -Hn %s\nexec "%s" "$@"\n' "$limit" "$real" >few
    chmod +x few
    patchbay=$T/few
    start_operated "$@"
    patchbay=$real
    wait_for 10 grep -q "patchbay: $limit descriptors allow [0-9]* connections at once" serve.log
    room=$(sed -n 's/.* descriptors allow \([0-9]*\) .*/\1/p' serve.log)
    [ "$room" -ge 5 ]
    [ "$room" -lt "$((limit / 2))" ]
}

# crowd WHAT ARGUMENT...: tests/system/descriptors.py
crowd() {
    python3 "$root/tests/system/descriptors.py" "$at" "$admin" "$room" "$@"
}

publish_files() { # NUMBER BYTES: an upgrade of so many files; $files has their paths
    mkdir game
    local i
    for i in $(seq "$1"); do
        head -c "$2" /dev/urandom >"game/$i.bin"
    done
    "$patchbay" init
    "$patchbay" publish upgrade game --platform linux --version 2 --oldest 1 --recommended 1 --note n
}

@test "connections that are kept alive give way to new ones" {
    publish_files 1 100
    serve_with 80 --threads 2
    crowd idle /linux/1.bin
    [ "$(metric 'connections_refused_total{reason="total"}')" = 0 ]
}

@test "everybody downloads another large file: no reply fails; who waits is served when one has ended" {
    publish_files 25 300000
    serve_with 80 --threads 2
    crowd busy /linux
    stop_server
    ! grep -v ' 200 ' access.log || return 1
}

@test "a limit so low that there is room for hardly anybody" {
    publish_files 3 100000
    local real=$patchbay
    printf '#!/bin/sh\nulimit -n 40\nexec "%s" "$@"\n' "$real" >few
    chmod +x few
    patchbay=$T/few
    start_operated --threads 2
    patchbay=$real
    local i
    for i in 1 2 3; do
        curl -sf --max-time 20 "http://$at/linux/$i.bin" | cmp - "game/$i.bin"
    done
}
