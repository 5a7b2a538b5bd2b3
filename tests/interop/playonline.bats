#!/usr/bin/env bats
# PlayOnline against what we did not write: a client and a (mis)behaving server in Python, made from the specification alone.

load ../helper

export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

client() {
    "$root/tests/interop/polp_client.py" "$@"
}

# start_polp [OPTION...]: a server of ours for POLP; sets $polp.
start_polp() {
    start_server --polp 127.0.0.1:0 "$@"
    wait_for 10 grep -q 'polp://' serve.log
    polp=$(sed -n 's|.*polp://\(.*\)/$|\1|p' serve.log | head -1)
}

# foreign_polp ARGUMENT...: one that is not ours; sets $foreign_at, and its words are in foreign.log.
foreign_polp() {
    : >foreign.log
    "$root/tests/interop/polp_server.py" "$@" >foreign.log 2>foreign.err 3>&- &
    foreign=$!
    pids+=("$foreign")
    wait_for 20 grep -q '^listening .*:[0-9]\+ *$' foreign.log
    foreign_at=$(sed -n 's/^listening //p' foreign.log | head -1)
}

make_app() { # TREE
    mkdir -p "$1/data/dic"
    seq 40000 >"$1/data/dic/entry.dic"
    head -c 200000 /dev/urandom >"$1/noise.bin"
    head -c 65535 "$1/noise.bin" >"$1/chunk.bin" # with its mode byte just one chunk
    echo small >"$1/small.txt"
    : >"$1/empty"
}

publish() { # TREE VERSION [OPTION...]
    local tree=$1 version=$2
    shift 2
    "$patchbay" publish app "$tree" --app 1000 --hardware W2U --version "$version" "$@"
}

@test "published, and taken by both clients; patch.cfg grows by a line for each new or changed file" {
    "$patchbay" init
    make_app one
    publish one 20030909_A --alias W20
    start_polp
    run -0 client newest "$polp" 1000 W2U ""
    [[ $output == *" empty 127.0.0.1 20030909_A" ]]
    run -0 client newest "$polp" 1000 W20 20010101_1
    [[ $output == *" registered 127.0.0.1 20030909_A" ]]
    client tree "$polp" 1000 W20 theirs
    diff -r one theirs
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    [[ $output == *"5 files installed"* ]]
    diff -r --exclude=.patchbay one ours
    # chunks of any size, with hashes that were not made when it was published; and many requests at once
    size=$(($(stat -c %s one/noise.bin) + 1))
    for chunk in 1000 65536 65535 100000 1048576; do
        client get "$polp" 1000 W2U 20030909_A/Direct/noise.bin.slc "$size" got --chunk "$chunk" --pipeline
        cmp <(tail -c +2 got) one/noise.bin
    done

    cp -r one two
    echo changed >two/small.txt
    echo new >two/data/new.txt
    rm two/empty
    run -0 publish two 20061212_3
    [[ $output == *"2 new or changed files"* ]]
    wait_for 10 eval 'client newest "$polp" 1000 W2U "" | grep -q 20061212_3'
    client config "$polp" 1000 W2U >patch.cfg
    [ "$(grep -c '^20061212_3 ' patch.cfg)" = 2 ]
    [ "$(sed -n '/^file small.txt {/,/^}/p' patch.cfg | wc -l)" = 4 ]
    ! grep -q '^file empty' patch.cfg || false
    # only what is new is asked for
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    [[ $output == *"2 files installed"*"3 kept"* ]]
    [ -e ours/empty ] # what the protocol can't say is not done
    rm ours/empty
    diff -r --exclude=.patchbay two ours
    wait_for 10 eval '[ "$(grep -c "DOWNLOAD 20061212_3/" access.log)" = 2 ]'
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    [[ $output == *"is the newest version; nothing to do"* ]]
    # somebody broke a file: only --repair looks, and mends just that
    echo broken >ours/chunk.bin
    "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours --repair
    [[ $output == *"1 file installed"*  ]]
    diff -r --exclude=.patchbay two ours
    # an older version is made the newest again
    "$patchbay" rollback playonline/1000@W2U 20030909_A
    wait_for 10 eval 'client newest "$polp" 1000 W2U "" | grep -q 20030909_A'
    "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    diff -r --exclude=.patchbay --exclude=new.txt one ours
}

@test "what is refused when publishing: names, versions, orders" {
    "$patchbay" init
    make_app one
    publish one 20061212_3
    for version in 2006 20061212 20061212_ 20061212_3x 20050101_1; do
        run -1 publish one "$version"
    done
    run -0 publish one 20061212_3
    [[ $output == *unchanged* ]]
    echo more >>one/small.txt
    run -0 publish one 20050101_1 --force
    start_polp
    client config "$polp" 1000 W2U | grep -c '^20061212_3' | grep -qx 0
    client tree "$polp" 1000 W2U theirs
    diff -r one theirs
    for name in 'a b' 'a{b'; do
        mkdir -p "bad/$name"
        echo x >"bad/$name/file"
        run -1 publish bad 20070101_1
        [[ $output == *"$name"* ]]
        rm -r bad
    done
    run -1 "$patchbay" publish app one --app 10000 --hardware W2U --version 20070101_1
    run -1 "$patchbay" publish app one --app 2000 --hardware W-2 --version 20070101_1
    run -1 publish one 20070101_1 --alias W2U
}

# fault KIND OUTCOME
fault() {
    run -0 client fault "$polp" 1000 W2U "$1" 20030909_A/Direct/noise.bin.slc
    [ "$output" = "$2" ] || { echo "$1: $output"; return 1; }
}

@test "every row of the table of faults" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    start_polp
    for kind in badsize badhash badsignature shutdown unknownopcode; do
        fault $kind closed
    done
    for kind in unknownapp unknownhw unknownname offset range zerosize hugechunk; do
        fault $kind 'error closed'
    done
    fault junkversion 'newest unknown'
    # a packet that comes one byte at a time is the same packet
    packet=$(python3 -c 'import hashlib,struct; b=b"POLP"+struct.pack("<I",1)+b"W2U\x001000"; print((struct.pack("<I",24)+hashlib.md5(b).digest()[:4]+b).hex())')
    run -0 client raw "$polp" "$packet" --delay-bytes
    [[ $output == *504f4c5002000000* ]]
    wait_for 10 grep -q '"STATUS 1000" 2 ' access.log
}

@test "advertised addresses are handed out in turn; a chunk limit; an idle connection is closed" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    start_polp --playonline-advertise '127.0.0.1, 127.0.0.9' --playonline-chunk-limit 65536 --brief-timeout 1
    for i in 1 2 3 4; do
        client newest "$polp" 1000 W2U "" >>newest
    done
    [ "$(grep -c ' 127.0.0.1 ' newest)" = 2 ] && [ "$(grep -c ' 127.0.0.9 ' newest)" = 2 ]
    run client get "$polp" 1000 W2U 20030909_A/Direct/noise.bin.slc 70000 got --chunk 70000
    [ "$status" != 0 ]
    exec 5<>"/dev/tcp/127.0.0.1/${polp##*:}"
    run timeout 20 cat <&5
    [ "$status" = 0 ] # closed by the server
    exec 5>&-
    run -2 "$patchbay" serve --polp 127.0.0.1:0 --playonline-advertise example.org
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours --no-follow
    diff -r --exclude=.patchbay one ours
}

@test "a server that is not ours: taken as it is, with every way of compressing that is known" {
    make_app one
    for mode in good literal0 strict wronghash cut badmiddle closeeach; do
        foreign_polp one 1000 W2U 20061212_3 --mode "$mode"
        # One connection: which replies "cut" breaks off depends on the order of requests.
        run -0 "$patchbay" fetch "playonline://$foreign_at/1000@W2U" "ours-$mode" --connections 1
        diff -r --exclude=.patchbay one "ours-$mode"
    done
    # what it asks is what the original client asks: chunks of 65,536 bytes and a last one
    awk '$2 == "0x0003" && $5 > 65536 {bad = 1} END {exit bad}' foreign.log
    # nothing but the chunk that was wrong is asked for again
    foreign_polp one 1000 W2U 20061212_3 --mode badmiddle
    "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours-again --connections 1
    awk '$2 == "0x0003" && seen[$3 " " $4]++ {again++} END {exit again != 1}' foreign.log
    foreign_polp one 1000 W2U 20061212_3 --mode foreignb
    run -1 "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours-b
    [[ $output == *"--any-checksum"* ]]
    run -0 "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours-b --any-checksum
    diff -r --exclude=.patchbay one ours-b
}

@test "a server that lies: one line of words, and the tree is as it was" {
    declare -A fetching
    local modes="alwayswronghash wrongname wrongsize endless error wrongsum wronglocal backref climb badlast huge"
    make_app one
    mkdir as-it-was
    echo old >as-it-was/small.txt
    # All at once, each in a folder of its own: most of the time they wait before they try again.
    for mode in $modes; do
        mkdir "$mode"
        cd "$mode"
        foreign_polp ../one 1000 W2U 20061212_3 --mode "$mode"
        mkdir ours
        echo old >ours/small.txt
        "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours >said 2>&1 3>&- &
        fetching[$mode]=$!
        cd ..
    done
    for mode in $modes; do
        status=0
        wait "${fetching[$mode]}" || status=$?
        [ "$status" = 1 ] && [ "$(wc -l <"$mode/said")" = 1 ] || { echo "$mode:"; cat "$mode/said"; return 1; }
        [ "$(tree_print "$mode/ours" | grep -v '^\. ')" = "$(tree_print as-it-was | grep -v '^\. ')" ]
        [ ! -e "$mode/evil" ] || { echo "$mode wrote outside"; return 1; }
    done
}

@test "an import is served as it is: text, captured, and with a compression that nobody knows" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    start_polp
    client config "$polp" 1000 W2U >patch.cfg
    while read -r version size a b path direct; do
        mkdir -p "captured/$(dirname "$path")"
        client get "$polp" 1000 W2U "$path" "$direct" "captured/$path"
    done < <(grep ^2003 patch.cfg)
    mkdir -p captured/20030909_A/Indirect
    head -c 100 one/noise.bin >captured/20030909_A/Indirect/small.txt.olc
    sed -i '/small.txt.slc/s|$| 20030909_A/Indirect/small.txt.olc 100|' patch.cfg
    echo "# a line that nobody knows" >>patch.cfg
    run -0 "$patchbay" import playonline patch.cfg captured --app 2000 --hardware PS2
    [[ $output == *"playonline/2000@PS2 20030909_A"* ]]
    wait_for 10 eval 'client config "$polp" 2000 PS2 >served.cfg 2>/dev/null'
    cmp patch.cfg served.cfg
    client tree "$polp" 2000 PS2 theirs
    diff -r one theirs
    client get "$polp" 2000 PS2 20030909_A/Indirect/small.txt.olc 100 got
    cmp got captured/20030909_A/Indirect/small.txt.olc
    # a missing file and one of another size are reported; the rest is served
    rm captured/20030909_A/Direct/noise.bin.slc
    echo more >>captured/20030909_A/Direct/chunk.bin.slc
    run -1 "$patchbay" import playonline patch.cfg captured --app 3000 --hardware PS2
    [[ $output == *noise.bin.slc* && $output == *"chunk.bin.slc: has"* && $output == *"1 imported, 2 refused"* ]]
    # a captured blob with back references is kept verbatim
    printf '\2\10\0\0\0\377\377' >blob
    run -1 "$patchbay" import playonline blob captured --app 4000 --hardware PS2
    run -0 "$patchbay" import playonline blob captured --app 4000 --hardware PS2 --version 20030909_A
    wait_for 10 eval 'client newest "$polp" 4000 PS2 "" | grep -q 20030909_A'
    packet=$(python3 -c 'import hashlib,struct; b=b"POLP"+struct.pack("<I",1)+b"PS2\x004000"; print((struct.pack("<I",24)+hashlib.md5(b).digest()[:4]+b).hex())')
    run -0 client raw "$polp" "$packet"
    [[ $output == *"504f4c5002000000$(xxd -p blob)"* ]]
    run -1 "$patchbay" fetch "playonline://$polp/4000@PS2" ours
    [[ $output == *"nobody has described"* ]]
    printf 'file a {\nfile b {\n' >bad.cfg
    run -1 "$patchbay" import playonline bad.cfg captured --app 5000 --hardware PS2
    [[ $output == *"line"* ]]
}

@test "killed half-way and continued: chunks that had arrived are not asked for again" {
    "$patchbay" init
    mkdir one
    head -c 6000000 /dev/urandom >one/big.bin
    publish one 20030909_A
    start_polp
    mkdir watched
    for at in 30 30 20; do
        run faulty kill $at "$patchbay" fetch "playonline://$polp/1000@W2U" watched
        [ "$status" = 137 ]
    done
    "$patchbay" fetch "playonline://$polp/1000@W2U" watched
    cmp one/big.bin watched/big.bin
    # 92 chunks in all; each kill loses at most the one under way
    [ "$(grep -c DOWNLOAD access.log)" -le 95 ]
}

@test "a third version while a client is half-way: a consistent tree of one version or the other" {
    "$patchbay" init
    mkdir one
    for i in $(seq 60); do head -c 200000 /dev/urandom >"one/file$i"; done
    publish one 20030909_1
    start_polp
    cp -r one two
    for i in $(seq 30); do echo "$i" >"two/file$i"; done
    "$patchbay" fetch "playonline://$polp/1000@W2U" ours --connections 1 >fetch.out 2>&1 3>&- &
    fetch=$!
    pids+=("$fetch")
    wait_for 20 grep -q DOWNLOAD access.log
    publish two 20030909_2
    wait "$fetch" || { cat fetch.out; return 1; }
    diff -r --exclude=.patchbay one ours >/dev/null || diff -r --exclude=.patchbay two ours
    wait_for 10 eval 'client newest "$polp" 1000 W2U "" | grep -q 20030909_2'
    "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    diff -r --exclude=.patchbay two ours
}
