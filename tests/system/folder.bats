#!/usr/bin/env bats
# A player's folder is written to by others, too. Whatever is planted in it, and whenever: the client writes nowhere else, waits
# for nothing, and loses nothing of the player's. STRIDE=1 tries each kind of thing at each place.

load ../helper

export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
stride=${STRIDE:-9}

folder() { # MODE URL [ARGUMENT...]
    local mode=$1 from=$2
    shift 2
    run python3 "$root/tests/system/folder.py" "$mode" "$patchbay" "$from" pristine "$@"
    echo "# $mode: ${lines[-1]}" >&3
    [ "$status" = 0 ]
}

levels() {
    "$patchbay" init
    mkdir -p tree/a tree/b
    for i in 1 2; do
        echo "ESXL a$i" >tree/a/$i.esx
        echo "ESXL b$i" >tree/b/$i.esx
    done
    "$patchbay" publish levels tree --collection official --min-version 1
    start_server
    "$patchbay" fetch "escape://$at/official" pristine
}

levels_next() {
    echo "ESXL changed" >tree/a/1.esx
    mv tree/a/2.esx tree/b/moved.esx
    rm tree/b/2.esx
    mkdir tree/new
    echo "ESXL new" >tree/new/x.esx
    cp tree/new/x.esx tree/new/same.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    wait_for 10 eval 'curl -sf "http://$at/official.txt" | grep -q new/same.esx'
}

@test "a map: links, second names, FIFOs, sockets, devices, folders and case twins at every place" {
    "$patchbay" init
    make_map a.map 20000 1
    "$patchbay" publish map a.map --level 1
    start_server
    "$patchbay" fetch "opensauce://$at/a" pristine
    make_map a.map 30000 2
    "$patchbay" publish map a.map --level 1
    wait_for 10 eval 'curl -sf "$url?map=a" | grep -q 30000'
    folder plant "opensauce://$at/a" "$stride"
}

@test "a collection: likewise" {
    levels
    levels_next
    folder plant "escape://$at/official" "$stride"
}

@test "an upgrade: likewise; execute bits of a file with a second name elsewhere stay" {
    "$patchbay" init
    mkdir -p tree/data
    echo "#!/bin/sh" >tree/escape.exe
    echo a >tree/data/a
    echo b >tree/data/b
    "$patchbay" publish upgrade tree --platform linux --version 1 --oldest 1 --recommended 1
    start_server
    "$patchbay" fetch "escape://$at/linux/UPGRADE" pristine
    cp -a pristine game
    cp tree/escape.exe elsewhere
    chmod 644 elsewhere
    ln -f elsewhere game/escape.exe
    "$patchbay" fetch "escape://$at/linux/UPGRADE" game
    [ -x game/escape.exe ] && [ ! -x elsewhere ]
    echo "echo 2" >>tree/escape.exe
    echo b2 >tree/data/b
    rm tree/data/a
    ln -s data/b tree/readme
    "$patchbay" publish upgrade tree --platform linux --version 2 --oldest 1 --recommended 1 --delete data/a
    wait_for 10 eval 'curl -sf "http://$at/linux/UPGRADE" | sed -n 4p | grep -qx 2'
    folder plant "escape://$at/linux/UPGRADE" "$stride"
}

@test "an application: likewise" {
    "$patchbay" init
    mkdir -p tree/data
    seq 400 >tree/data/a.dic
    echo one >tree/one.txt
    "$patchbay" publish app tree --app 1000 --hardware W2U --version 20030909_A
    start_server --polp 127.0.0.1:0
    polp=$(sed -n 's|.*polp://\(.*\)/$|\1|p' serve.log | head -1)
    "$patchbay" fetch "playonline://$polp/1000@W2U" pristine
    seq 500 >tree/data/a.dic
    echo two >tree/two.txt
    run -0 "$patchbay" publish app tree --app 1000 --hardware W2U --version 20030910_A
    wait_for 10 eval '"$patchbay" fetch "playonline://$polp/1000@W2U" seen && [ -e seen/two.txt ]'
    folder plant "playonline://$polp/1000@W2U" "$stride"
}

@test "folders exchanged for links to outside and back while it fetches: nothing arrives outside" {
    levels
    levels_next
    folder swap "escape://$at/official" "${FETCHES:-20}"
}

@test "SIGTERM ends a client that waits for a lock within a second" {
    levels
    levels_next
    folder wait "escape://$at/official"
}

@test "hidden names and those of devices are refused, unless the title has them installed" {
    "$patchbay" init
    mkdir tree www
    echo "ESXL fine" >tree/fine.esx
    "$patchbay" publish levels tree --collection official --min-version 1
    start_server
    hash=$(md5 tree/fine.esx)
    curl -sf "http://$at/official.txt" >official.txt
    stop_server
    mkdir -p "www/official/${hash:0:2}"
    cp tree/fine.esx "www/official/${hash:0:2}/${hash:2}"
    static_server www
    for name in .bashrc CON nul.esx com1.x a:b; do
        sed "s/^fine.esx/$name/" official.txt >www/official.txt
        run -1 "$patchbay" fetch "escape://$static_at/official" game
        [[ $output == *"official/$name"* ]]
        [ ! -e "game/official/$name" ]
    done
    # as an earlier client has left it
    cp official.txt www/official.txt
    "$patchbay" fetch "escape://$static_at/official" game
    mv game/official/fine.esx game/official/.bashrc
    record=game/.patchbay/records/escape%2Fofficial
    sed -i 's|official/fine.esx$|official/.bashrc|' "$record"
    { grep -v '^[0-9a-f]\{32\} ' "$record"; grep '^[0-9a-f]\{32\} ' "$record" | LC_ALL=C sort -k8; } >sorted
    cp sorted "$record"
    echo "ESXL newer" >newer
    hash=$(md5 newer)
    mkdir -p "www/official/${hash:0:2}"
    cp newer "www/official/${hash:0:2}/${hash:2}"
    sed "s/^fine.esx [0-9a-f]*/.bashrc $hash/" official.txt >www/official.txt
    "$patchbay" fetch "escape://$static_at/official" game
    cmp newer game/official/.bashrc
}
