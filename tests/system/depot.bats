#!/usr/bin/env bats
# The depot under trouble: flipped bytes, read-only media, pipes in the place of files, gc beside publishers.

load ../helper

flip() { # FILE: one byte in the middle
    chmod u+w "$1"
    local at=$(($(stat -c %s "$1") / 2))
    local byte
    byte=$(dd if="$1" bs=1 skip=$at count=1 status=none | od -An -tu1)
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
}

object_over() { # SIZE: an object that is larger
    find depot/objects -type f -size "+$1" | head -1
}

@test "a damaged object is found, answered with 503, told, and served again when it is mended" {
    "$patchbay" init
    make_map a.map 2000000
    "$patchbay" publish map a.map --level 1
    raw=$(object_over 1500k)
    flip "$raw"
    start_operated --verify-rate 0
    wait_for 10 metric_is objects_damaged 1
    wait_for 10 code_is 503 "http://$at/maps/a.map"
    code_is 503 "http://$at/maps/a.map" -I
    grep -q 'its bytes are not those of its name.*it hurts opensauce/a' serve.log
    wait_for 10 metric_is objects_verified_total 2
    code_is 200 "$url?map=a&part=$(part_name a)" # the others are served
    "$patchbay" publish map a.map --level 1
    wait_for 10 code_is 200 "http://$at/maps/a.map"
    curl -sf "http://$at/maps/a.map" | cmp - a.map
    metric_is objects_damaged 0
    grep -q 'is whole again' serve.log
    stop_server
}

@test "what is asked for first is checked first, and verify = no checks nothing" {
    "$patchbay" init
    make_levels tree 200 4 1
    "$patchbay" publish levels tree --collection official --min-version 1
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    flip "$(object_over 280k)"
    # The walk comes to the levels first, and needs 8 s for a hundred of them at this rate.
    start_operated --verify-rate 50k
    curl -s "http://$at/maps/a.map" -o first
    wait_for 20 code_is 503 "http://$at/maps/a.map"
    [ "$(metric objects_verified_total)" -lt 100 ]
    stop_server
    start_operated --verify no
    code_is 200 "http://$at/maps/a.map"
    metric_is objects_verified_total 0
    run -2 "$patchbay" serve --verify perhaps --http 127.0.0.1:0
    stop_server
}

@test "a pipe in the place of a file is a fault, and nobody waits for it" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    raw=$(object_over 280k)
    mv "$raw" kept
    mkfifo "$raw"
    start_operated --verify no
    [ "$(code -m 10 "http://$at/maps/a.map")" = 500 ]
    code_is 200 "$url?map=a" # the thread still turns
    run -5 timeout 20 "$patchbay" fsck
    stop_server
    mkfifo pipe
    run -1 timeout 20 "$patchbay" serve --config pipe
    run -1 timeout 20 "$patchbay" serve --access-log pipe --http 127.0.0.1:0
    [[ $output == *"nobody reads this pipe"* ]]
    run -1 timeout 20 "$patchbay" publish map pipe
    local name
    for name in lock turn; do # no lock of anybody's: replaced
        rm -f "depot/$name"
        mkfifo "depot/$name"
        run timeout 20 "$patchbay" fsck
        [ "$status" -ne 124 ]
        [ -f "depot/$name" ]
    done
    for name in catalog.sqlite-wal catalog.sqlite; do
        rm -f "depot/$name"
        mkfifo "depot/$name"
        run ! timeout 20 "$patchbay" fsck
        [ "$status" -ne 124 ]
        [[ $output == *"not a regular file"* ]]
        rm "depot/$name"
    done
}

# What a depot that can't be written still has to do.
read_only_works() { # AS...: a command that runs others where the depot is at ./ro
    "$@" "$patchbay" list --depot ro | grep -q opensauce/a
    "$@" "$patchbay" fsck --depot ro | grep -q ' 0 problems'
    run ! "$@" "$patchbay" publish map a.map --depot ro
    [[ $output == *"can only be read here"* ]]
    run ! "$@" "$patchbay" gc --depot ro
    [[ $output == *"can only be read here"* ]]
    "$@" "$patchbay" serve --depot ro --http 127.0.0.1:0 --admin 0 --access-log off 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    grep -q 'the depot can only be read: bans are not in force' serve.log
    at=$(sed -n 's|.*http://\(.*\)/$|\1|p' serve.log | head -1)
    curl -sf "http://$at/maps/a.map" | cmp - a.map
    admin=$(sed -n 's|.*for the operator: http://\([^/]*\)/.*|\1|p' serve.log)
    [ "$(curl -s -o refused -w '%{http_code}' -X POST "http://$admin/ban?range=192.0.2.1")" = 500 ]
    grep -qi 'read-only\|unable to open\|readonly' refused || { cat refused; false; }
}

@test "a depot on a read-only mount is listed, checked, exported, copied and served, and follows its writer" {
    unshare -m true 2>/dev/null || skip "no mounts are allowed here"
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    mkdir ro
    cat >within <<'END'
#!/bin/sh
mount --bind depot ro && mount -o remount,ro,bind ro && exec "$@"
END
    chmod +x within
    unshare -m ./within true || skip "no read-only mount can be made here"
    read_only_works unshare -m ./within
    unshare -m ./within "$patchbay" export out --depot ro
    unshare -m ./within "$patchbay" backup copy --depot ro
    "$patchbay" fsck --depot copy
    # published by another program: the server copies the catalog again
    make_map b.map 300000 2
    "$patchbay" publish map b.map --level 1
    wait_for 20 code_is 200 "http://$at/maps/b.map"
    stop_server
    # what only the log has counts, too: a depot that was copied while it was in use
    python3 - <<'END'
import shutil, sqlite3
db = sqlite3.connect("depot/catalog.sqlite")
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute("UPDATE title SET live = NULL WHERE name = 'b'")
db.commit()
shutil.copytree("depot", "used")
END
    rm -rf depot used/catalog.sqlite-shm
    mv used depot
    [ "$(unshare -m ./within "$patchbay" list --depot ro | grep -c opensauce)" = 1 ]
}

@test "somebody else's depot is listed, checked and served" {
    [ "$(id -u)" = 0 ] || skip "another user is needed"
    setpriv --reuid 65534 --regid 65534 --clear-groups true || skip "no other user can be had"
    mkdir -m 755 ro
    chmod 755 .
    "$patchbay" init --depot ro
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1 --depot ro
    chmod -R a+rX,go-w ro a.map
    setpriv --reuid 65534 --regid 65534 --clear-groups test -r ro/catalog.sqlite || skip "the folder can't be reached"
    read_only_works setpriv --reuid 65534 --regid 65534 --clear-groups
    stop_server
}

@test "gc gets its turn beside publishers who never stop" {
    "$patchbay" init
    local i
    for i in 1 2 3; do
        make_map "m$i.map" 3000000 "$i"
        # Until gc is through; a bound, should it never be.
        (n=0; while [ ! -e done ] && [ $((n += 1)) -lt 400 ]; do
            "$patchbay" publish map "m$i.map" --level $((1 + n % 2)) >/dev/null || exit 1
        done; echo $n >"published$i") 3>&- &
        pids+=("$!")
    done
    wait_for 20 test -e depot/lock
    for i in 1 2 3; do
        timeout 30 "$patchbay" gc
    done
    touch done
    for i in "${pids[@]}"; do wait "$i"; done
    pids=()
    cat published* | awk '$1 >= 400 { exit 1 }'
    "$patchbay" fsck
}

# mirrored OPTION...: another server, of a copy of the depot; sets $mirror.
mirrored() {
    start_server --depot mirror "$@"
    mirror=$at mirror_server=$server
    cp serve.log mirror.log
}

every_object_flip() {
    local object
    find depot/objects -type f | while read -r object; do flip "$object"; done
}

@test "damaged objects are fetched again from a mirror: maps, levels and an upgrade, whatever other mirrors say" {
    "$patchbay" init
    make_map a.map 2500000
    make_map b.map 300000 2
    make_levels tree 30 4 1
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish map b.map --level 1 --password-file <(echo secret)
    "$patchbay" publish levels tree --collection official --min-version 1
    "$patchbay" publish upgrade tree --platform linux --version 2 --oldest 1 --recommended 1
    "$patchbay" backup mirror
    mirrored --opensauce-require-client yes
    mkdir liar
    "$patchbay" export liar
    find liar -type f -exec sed -i '1s/^/x/' {} +
    static_server liar
    # One map's raw form is protected: no mirror gives it without the password.
    raw=$(find depot/objects -type f -size 300000c)
    cp "$raw" kept
    every_object_flip
    start_operated --verify-rate 0 --repair-from "http://127.0.0.1:1" --repair-from "http://$static_at" --repair-from "http://$mirror"
    objects=$(find depot/objects -type f | wc -l)
    wait_for 30 metric_is objects_verified_total "$objects"
    wait_for 30 metric_is objects_damaged 1
    cmp -s "$raw" kept && return 1
    [ "$(grep -c 'was fetched again' serve.log)" = $((objects - 1)) ]
    ! grep -q 'refused' serve.log # by the sandbox
    cp kept "$raw.new" && mv "$raw.new" "$raw"
    wait_for 20 metric_is objects_damaged 0
    curl -sf "http://$at/maps/a.map" | cmp - a.map
    stop_server
    "$patchbay" fsck
    [ -z "$(find depot/tmp -type f)" ]
}

@test "a damaged file of PlayOnline is fetched again over POLP, from a server that is looked up by name" {
    "$patchbay" init
    mkdir -p app/data
    for i in 1 2 3; do make_map "app/data/$i.dat" 200000 "$i"; done
    "$patchbay" publish app app --app 1000 --hardware W2U --version 20070101_1
    "$patchbay" backup mirror
    mirrored --polp 127.0.0.1:0
    port=$(sed -n 's|.*polp.*:\([0-9]*\).*|\1|p' mirror.log | head -1)
    for object in $(find depot/objects -type f -size +50k); do flip "$object"; done
    start_operated --polp 127.0.0.1:0 --verify-rate 0 --repair-from "polp://localhost:$port"
    wait_for 30 grep -q 'was fetched again' serve.log
    wait_for 30 metric_is objects_damaged 0
    stop_server
    "$patchbay" fsck
    # Nobody has it: told once, and tried again later. Stopping does not wait for the mirror.
    flip "$object"
    start_operated --polp 127.0.0.1:0 --verify-rate 0 --repair-from "polp://127.0.0.1:1"
    wait_for 30 grep -q 'could not be fetched again, and is tried later' serve.log
    metric_is objects_damaged 1
    stop_server
    run -2 "$patchbay" serve --repair-from ftp://a
    run -2 "$patchbay" serve --repair-from http://a/
}
