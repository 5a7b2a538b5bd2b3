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
    run -0 client newest "$polp" 1000 W20 20030909_1
    [[ $output == *" registered 127.0.0.1 20030909_A" ]]
    run -0 client newest "$polp" 1000 W20 20010101_1 # before the oldest version that the list has
    [[ $output == *" unknown 127.0.0.1 20030909_A" ]]
    client tree "$polp" 1000 W20 theirs --each
    diff -r one theirs
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    [[ $output == *"5 files installed"* ]]
    diff -r --exclude=.patchbay one ours
    # chunks of any size, with hashes that were not made when it was published; and many requests at once
    size=$(($(stat -c %s one/noise.bin) + 1))
    for chunk in 1000 65536 65535 100000 1048576; do
        client get "$polp" 1000 W2U 20030909_A/Direct/noise.bin.slc "$size" got --chunk "$chunk" --pipeline
        cmp <(tail -c +2 got) one/noise.bin
        client get "$polp" 1000 W2U 20030909_A/Direct/noise.bin.slc "$size" got --chunk "$chunk" --full
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

@test "large files are packed in blocks: one zlib stream each, the same on one core and on all" {
    "$patchbay" init
    mkdir -p tree/sub
    { seq 900000; head -c 1500000 /dev/urandom; seq 300000; } >tree/mixed.bin
    head -c 3000001 /dev/urandom >tree/sub/noise.bin
    head -c 1048576 tree/mixed.bin >tree/block.bin
    head -c 1048577 tree/mixed.bin >tree/more.bin
    run -0 publish tree 20030909_A
    (cd depot/objects && find . -type f | sort) >all
    "$patchbay" init --depot single
    run -0 taskset -c 0 "$patchbay" publish app tree --app 1000 --hardware W2U --version 20030909_A --depot single
    (cd single/objects && find . -type f | sort) >one
    cmp all one
    run -0 "$patchbay" fsck --depot single
    start_polp
    client tree "$polp" 1000 W2U theirs
    diff -r tree theirs
    size=$(client config "$polp" 1000 W2U | sed -n 's|.*/Direct/sub/noise.bin.slc ||p')
    [ "$size" = 3000002 ] # its mode byte, and as it is
    size=$(client config "$polp" 1000 W2U | sed -n 's|.*/Direct/mixed.bin.slc ||p')
    [ "$size" -lt "$(python3 -c 'import sys, zlib; print(len(zlib.compress(sys.stdin.buffer.read(), 9)))' <tree/mixed.bin)" ]
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    diff -r --exclude=.patchbay tree ours
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
    for name in 'a {b' 'a.slc b'; do
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
    for kind in unknownapp unknownhw unknownname offset zerosize; do
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
    [ "$status" != 0 ] # it expects all 70,000; 65,536 come
    [[ $output == *"reply of 65"* ]]
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
    for mode in good literal0 zlibcfg textcfg long strict wronghash cut badmiddle closeeach; do
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
    for mode in crc foreignb; do
    rm -rf ours-b
    foreign_polp one 1000 W2U 20061212_3 --mode $mode
    run -5 "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours-b
    [[ $output == *"--any-checksum"* ]]
    run -0 "$patchbay" fetch "playonline://$foreign_at/1000@W2U" ours-b --any-checksum
    diff -r --exclude=.patchbay one ours-b
    done
}

@test "a server that lies: one line of words, and the tree is as it was" {
    declare -A fetching
    local modes="alwayswronghash wrongname wrongsize endless error wrongsum wronglocal badref cutbits bomb climb badlast huge"
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
        [[ $status == [135] ]] && [ "$(wc -l <"$mode/said")" = 1 ] || { echo "$mode:"; cat "$mode/said"; return 1; }
        [ "$(tree_print "$mode/ours" | grep -v '^\. ')" = "$(tree_print as-it-was | grep -v '^\. ')" ]
        [ ! -e "$mode/evil" ] || { echo "$mode wrote outside"; return 1; }
    done
}

# capture: what the server of $polp has for 1000@W2U, into patch.cfg and captured/.
capture() {
    client config "$polp" 1000 W2U >patch.cfg
    local direct path
    while read -r direct path; do
        mkdir -p "captured/$(dirname "$path")"
        client get "$polp" 1000 W2U "$path" "$direct" "captured/$path"
    done < <(sed -n 's/^2003[^ ]* [0-9]* [-0-9]* [-0-9]* \(.*\.slc\) \([0-9]*\)$/\2 \1/p' patch.cfg)
}

# status_bytes APP HW: the data of a status reply, mode byte first, in hex.
status_bytes() {
    local packet
    packet=$(python3 -c 'import hashlib,struct,sys; b=b"POLP"+struct.pack("<I",1)+sys.argv[2].encode().ljust(4,b"\0")+sys.argv[1].encode().ljust(4,b"\0"); print((struct.pack("<I",24)+hashlib.md5(b).digest()[:4]+b).hex())' "$1" "$2")
    client raw "$polp" "$packet" | sed 's/^.\{32\}//'
}

@test "an import is served as it is: text in mode 2, captured byte for byte" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    start_polp
    capture
    mkdir -p captured/20030909_A/Indirect
    head -c 100 one/noise.bin >captured/20030909_A/Indirect/small.txt.olc
    sed -i '/small.txt.slc/s|$| 20030909_A/Indirect/small.txt.olc 100|' patch.cfg
    sed -i '1i # a line that nobody knows' patch.cfg
    run -0 "$patchbay" import playonline patch.cfg captured --app 2000 --hardware PS2 --alias P2J --alias P2U
    [[ $output == *"playonline/2000@PS2 20030909_A"* ]]
    wait_for 10 eval 'client config "$polp" 2000 PS2 >served.cfg 2>/dev/null'
    cmp patch.cfg served.cfg
    [[ $(client mode "$polp" 2000 PS2) == "2 "* ]]
    # one tree for several hardware ids
    for hw in PS2 P2J; do
        client tree "$polp" 2000 $hw theirs
        diff -r one theirs
        rm -r theirs
    done
    client get "$polp" 2000 PS2 20030909_A/Indirect/small.txt.olc 100 got
    cmp got captured/20030909_A/Indirect/small.txt.olc
    # captured in any mode: as it was
    for mode in 1 3; do
        python3 -c 'import sys,zlib; d=open("patch.cfg","rb").read(); m=int(sys.argv[1]); sys.stdout.buffer.write(bytes([m])+(d if m==1 else zlib.compress(d)))' $mode >blob
        "$patchbay" import playonline blob captured --app 400$mode --hardware PS2
        wait_for 10 eval 'client newest "$polp" 400$mode PS2 "" | grep -q 20030909_A'
        [[ $(status_bytes 400$mode PS2) == "$(xxd -p blob | tr -d '\n')"* ]]
    done
    printf 'file a {\nfile b {\n' >bad.cfg
    run -1 "$patchbay" import playonline bad.cfg captured --app 5000 --hardware PS2
    [[ $output == *"line"* ]]
    printf '\2\31\0\0\0\377\377\377\377' >bad.cfg # a match before the first byte
    run -5 "$patchbay" import playonline bad.cfg captured --app 5000 --hardware PS2
    [[ $output == *"before its beginning"* ]]
}

@test "what is missing of a captured tree is told once a kind, with how many files; the rest is served" {
    "$patchbay" init
    make_app one
    for i in $(seq 20); do echo "$i" >"one/file$i"; done
    publish one 20030909_A
    start_polp
    capture
    rm captured/20030909_A/Direct/file*
    echo more >>captured/20030909_A/Direct/chunk.bin.slc
    run -1 "$patchbay" import playonline patch.cfg captured --app 3000 --hardware PS2
    [[ $output == *"file1.slc and 19 others: missing"* && $output == *"chunk.bin.slc: another size"* ]]
    [[ $output == *"1 imported, 21 refused"* ]]
    [ "$(wc -l <<<"$output")" = 4 ]
    wait_for 10 eval 'client newest "$polp" 3000 PS2 "" | grep -q 20030909_A'
    size=$(stat -c %s captured/20030909_A/Direct/noise.bin.slc)
    client get "$polp" 3000 PS2 20030909_A/Direct/noise.bin.slc "$size" got
    cmp got captured/20030909_A/Direct/noise.bin.slc
}

@test "a list of 6.3 MB is sent in mode 2, in at most 35% of its text, and comes back byte for byte" {
    "$patchbay" init
    mkdir captured
    "$root/scripts/make-patch-cfg" 6300000 >patch.cfg
    run -1 "$patchbay" import playonline patch.cfg captured --app 1000 --hardware W2U
    [[ $output == *"1 imported"* ]]
    start_polp
    read -r mode size _ < <(client mode "$polp" 1000 W2U)
    [ "$mode" = 2 ]
    [ $((size * 100)) -le $(($(stat -c %s patch.cfg) * 35)) ]
    client config "$polp" 1000 W2U >served.cfg
    cmp patch.cfg served.cfg
}

@test "published upon an import: no line for what did not change; end stays last; paths with spaces" {
    "$patchbay" init
    make_app one
    mkdir "one/my files"
    seq 100 >"one/my files/read me.txt"
    publish one 20030909_A
    start_polp
    client tree "$polp" 1000 W2U theirs
    diff -r one theirs
    capture
    "$patchbay" import playonline patch.cfg captured --app 2000 --hardware W2U
    cp -r one two
    echo changed >two/small.txt
    echo changed >"two/my files/new one.txt"
    run -0 "$patchbay" publish app two --app 2000 --hardware W2U --version 20061212_3
    [[ $output == *"2 new or changed files"* ]]
    wait_for 10 eval 'client newest "$polp" 2000 W2U "" | grep -q 20061212_3'
    client config "$polp" 2000 W2U >after.cfg
    [ "$(tail -n 1 after.cfg)" = end ]
    [ "$(grep -c '^end$' after.cfg)" = 1 ]
    [ "$(grep -c '^20061212_3 ' after.cfg)" = 2 ]
    client tree "$polp" 2000 W2U theirs2
    diff -r two theirs2
    run -0 "$patchbay" fetch "playonline://$polp/2000@W2U" ours
    diff -r --exclude=.patchbay two ours
}

# make_old: the depot's lists become what an earlier patchbay wrote: CRC-32 as checksum_b, mode 3, no end.
make_old() {
    python3 - depot <<'END'
import hashlib, json, os, sqlite3, sys, zlib
sys.path.insert(0, os.environ["root"] + "/tests/interop")
import polp_client
depot = sys.argv[1]
db = sqlite3.connect(depot + "/catalog.sqlite")
def path(sha):
    return "%s/objects/%s/%s" % (depot, sha.hex()[:2], sha.hex()[2:])
def stored(release, name):
    row = db.execute("SELECT o.sha256 FROM entry e JOIN object o ON o.id = e.object WHERE release = ? AND name = ?", (release, name)).fetchone()
    return open(path(row[0]), "rb").read()
for release, attributes in db.execute("SELECT id, attributes FROM release").fetchall():
    text = polp_client.decoded(stored(release, "patch.cfg"), 1 << 30, "patch.cfg").decode()
    lines = []
    for line in text.split("\n"):
        words = line.split(" ")
        if line[:2] == "20":
            words[3] = str(polp_client.i32(zlib.crc32(polp_client.decoded(stored(release, words[4]), 1 << 30, line))))
        lines.append(" ".join(words))
    data = b"\3" + zlib.compress("\n".join(lines).replace("}\nend\n", "}\n").encode())
    sha = hashlib.sha256(data).digest()
    os.makedirs(os.path.dirname(path(sha)), exist_ok=True)
    open(path(sha), "wb").write(data)
    db.execute("INSERT INTO object (sha256, md5, size) VALUES (?, ?, ?)", (sha, hashlib.md5(data).digest(), len(data)))
    hash = hashlib.md5(b"POLP\2\0\0\0" + data).digest()[:4]
    db.execute("UPDATE entry SET object = (SELECT id FROM object WHERE sha256 = ?), extra = ? WHERE release = ? AND name = 'patch.cfg'", (sha, hash, release))
    attributes = json.loads(attributes)
    del attributes["oldest"]
    db.execute("UPDATE release SET attributes = ? WHERE id = ?", (json.dumps(attributes, sort_keys=True, separators=(",", ":")), release))
db.commit()
END
}

@test "a depot whose lists have CRC-32 is mended when it is served or published upon; nothing is packed again" {
    export root
    "$patchbay" init
    make_app one
    publish one 20030909_A
    cp -r one two
    echo changed >two/small.txt
    publish two 20061212_3
    make_old
    "$patchbay" gc # the lists as they were
    cp -a depot old
    find depot/objects -type f | sort >before
    start_polp
    grep -q 'playonline/1000@W2U 20061212_3: the second checksum of 6 lines' serve.log
    grep -q 'playonline/1000@W2U 20030909_A: the second checksum of 5 lines' serve.log
    client tree "$polp" 1000 W2U theirs
    diff -r two theirs
    run -0 "$patchbay" fetch "playonline://$polp/1000@W2U" ours
    diff -r --exclude=.patchbay two ours
    # the two lists, and nothing else, are new
    [ "$(find depot/objects -type f | sort | comm -13 before - | wc -l)" = 2 ]
    run -0 "$patchbay" fsck
    stop_server
    start_polp # there is nothing left to mend
    ! grep -q 'second checksum' serve.log || false
    "$patchbay" rollback playonline/1000@W2U 20030909_A
    wait_for 10 eval 'client newest "$polp" 1000 W2U "" | grep -q 20030909_A'
    client tree "$polp" 1000 W2U theirs-back
    diff -r one theirs-back
    stop_server
    # the same by publishing
    rm -r depot
    mv old depot
    cp -r two three
    echo changed again >three/small.txt
    run -0 publish three 20070101_1
    [[ $output == *"1 new or changed file"* ]]
    start_polp
    client tree "$polp" 1000 W2U theirs-three
    diff -r three theirs-three
}

@test "a title that is held at a version: newest and list; the list is cut" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    cp -r one two
    echo changed >two/small.txt
    echo new >two/new.txt
    publish two 20061212_3 --alias W20
    start_polp --playonline-pin '1000@W20 20050101_1'
    for hw in W2U W20; do
        run -0 client newest "$polp" 1000 $hw ""
        [[ $output == *" 20050101_1" ]]
        run -0 client newest "$polp" 1000 $hw 20030908_A
        [[ $output == *" unknown "* ]]
        client config "$polp" 1000 $hw >patch.cfg
        ! grep -q 'new.txt\|20061212_3' patch.cfg || false
        client tree "$polp" 1000 $hw theirs
        diff -r one theirs
        rm -r theirs
    done
    # publishing goes on behind it, and without the pin the newest is there
    echo more >two/new.txt
    publish two 20070101_1 --alias W20
    "$patchbay" publish app one --app 3000 --hardware W2U --version 20030909_A # once it is there, so is that
    wait_for 10 client newest "$polp" 3000 W2U ""
    run -0 client newest "$polp" 1000 W2U ""
    [[ $output == *" 20050101_1" ]]
    stop_server
    start_polp
    run -0 client newest "$polp" 1000 W2U ""
    [[ $output == *" 20070101_1" ]]
    for pin in '1000@W2U' '1000@W2U 2005' 'x' '1000@W2U 20050101_1 x'; do
        run -2 "$patchbay" serve --polp 127.0.0.1:0 --playonline-pin "$pin"
        [[ $output == *"a pin is written"* ]]
    done
}

@test "titles that are not there: an error, or where the operator wants so, clients are current" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    start_polp
    fault unknownapp 'error closed'
    stop_server
    start_polp --playonline-unknown-current yes
    run -0 client newest "$polp" 9999 PS2 20030303_1
    [[ $output == *" registered 127.0.0.1 20030303_1" ]]
    run -0 client newest "$polp" 9999 PS2 ""
    [[ $output == *" empty 127.0.0.1 " ]]
    run -1 client config "$polp" 9999 PS2
    run -0 client newest "$polp" 1000 W2U ""
    [[ $output == *" 20030909_A" ]]
}

@test "a client half-way through a version that is taken back, or withdrawn, gets the rest of its files" {
    "$patchbay" init
    make_app one
    publish one 20030909_A
    cp -r one two
    head -c 300000 /dev/urandom >two/new.bin
    publish two 20061212_3
    start_polp
    size=$(client config "$polp" 1000 W2U | sed -n 's|.*20061212_3/Direct/new.bin.slc ||p')
    "$patchbay" rollback playonline/1000@W2U
    wait_for 10 eval 'client newest "$polp" 1000 W2U "" | grep -q 20030909_A'
    for chunk in 65536 70000; do # hashes that were made, and others
        client get "$polp" 1000 W2U 20061212_3/Direct/new.bin.slc "$size" got --chunk $chunk
        cmp <(tail -c +2 got) two/new.bin
    done
    "$patchbay" withdraw playonline/1000@W2U
    wait_for 10 eval '! client newest "$polp" 1000 W2U ""'
    for chunk in 65536 70000; do
        client get "$polp" 1000 W2U 20061212_3/Direct/new.bin.slc "$size" got --chunk $chunk
        cmp <(tail -c +2 got) two/new.bin
    done
    run -1 client config "$polp" 1000 W2U
}

# took COMMAND...: prints the milliseconds that it took.
took() {
    local begin
    begin=$(date +%s%N)
    "$@" >/dev/null
    echo $((($(date +%s%N) - begin) / 1000000))
}

@test "slow consoles are paced without a burst, others are not; an updater's + is the same title" {
    "$patchbay" init
    make_app one
    publish one 20030909_A --alias PS2 --alias P2U
    start_polp
    size=$(($(stat -c %s one/noise.bin) + 1))
    get() { client get "$polp" 1000 "$1" 20030909_A/Direct/noise.bin.slc "$size" got; }
    # 200,001 bytes at 280,000 a second take 714 ms; nothing but the server's pace makes it slow
    [ "$(took get PS2)" -ge 650 ]
    cmp <(tail -c +2 got) one/noise.bin
    [ "$(took get P2U)" -ge 650 ]
    run -0 client newest "$polp" 1000 PS2+ ""
    [[ $output == *" 20030909_A" ]]
    get PS2+
    cmp <(tail -c +2 got) one/noise.bin
    # of the first tenth of a second not more than its share arrives
    run -0 "$root/tests/interop/polp_client.py" pace "$polp" 1000 PS2 20030909_A/Direct/noise.bin.slc 65536
    [ "$output" -le 20000 ]
    stop_server
    start_polp --playonline-hardware-rate 'W2U 400000' --playonline-hardware-rate 'PS2 0'
    [ "$(took get W2U)" -ge 450 ]
    run -2 "$patchbay" serve --polp 127.0.0.1:0 --playonline-hardware-rate 'PS2'
    [[ $output == *"PS2 280k"* ]]
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

@test "what a killed run left in staging is not trusted: damaged, it is downloaded again" {
    "$patchbay" init
    mkdir one
    head -c 6000000 /dev/urandom >one/big.bin
    head -c 100000 /dev/urandom >one/small.bin
    publish one 20030909_A
    start_polp
    run faulty kill 60 "$patchbay" fetch "playonline://$polp/1000@W2U" watched
    [ "$status" = 137 ]
    staging=watched/.patchbay/staging/playonline%2F1000%40W2U
    whole=$(find "$staging" -name 'slc.*' -size -200k ! -name '*.part')
    part=$(find "$staging" -name 'slc.*.part' -size +200k)
    [ -n "$whole" ] && [ -n "$part" ]
    head -c "$(stat -c %s "$whole")" /dev/zero >"$whole"
    printf damage | dd of="$part" seek=1000 bs=1 conv=notrunc status=none
    "$patchbay" fetch "playonline://$polp/1000@W2U" watched
    diff -r --exclude=.patchbay one watched
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
