#!/usr/bin/env bats
# OpenSauce: our server, archives and definitions, judged by curl, wget, aria2c, 7zz, unzip, xmllint, sqlite3 and a client
# written from the specification.

load ../helper

wad=/usr/share/games/doom/freedoom2.wad

setup_file() {
    # One depot with a real map for all tests of this file, as packing it takes a while.
    export SHARED
    SHARED=$(mktemp -d "${TMPDIR:-/tmp}/patchbay-test.XXXXXX")
    cd "$SHARED"
    cp "$wad" blood.map
    head -c 6000000 "$wad" | tee Crypt.map >zipped.map
    echo halo1234 >password
    export PATCHBAY_DEPOT=$SHARED/depot
    "$PATCHBAY_BUILD/patchbay" init
    "$PATCHBAY_BUILD/patchbay" publish map blood.map --level 1
    "$PATCHBAY_BUILD/patchbay" publish map Crypt.map --level 1 --password-file password
    "$PATCHBAY_BUILD/patchbay" publish map zipped.map --algorithm zip --level 1
}

teardown_file() {
    rm -rf "$SHARED"
}

serve_shared() {
    export PATCHBAY_DEPOT=$SHARED/depot
    start_server "$@"
}

# parts NAME: the names of the parts, as xmllint reads them from the definition.
parts() {
    curl -sf "$url?map=$1" >definition.xml
    xmllint --noout definition.xml
    xmllint --xpath '//part/@name' definition.xml | sed 's/.*name="\(.*\)"/\1/'
}

@test "freedoom2.wad: xmllint reads the definition, the joined parts are an archive that 7zz tests and extracts" {
    serve_shared
    for part in $(parts blood); do
        curl -sf "$url?map=blood&part=$part" -o "$part"
    done
    [ "$(ls blood-*.7z.* | wc -l)" -ge 8 ]
    cat blood-*.7z.* >joined.7z
    7zz t joined.7z
    7zz l -slt joined.7z | grep -q '^Path = blood.map$'
    7zz x -oout joined.7z
    [ "$(md5 out/blood.map)" = "$(md5 "$wad")" ]
    [ "$(xmllint --xpath 'string(//map_download/@md5)' definition.xml)" = "$(md5 "$wad")" ]
    [ "$(xmllint --xpath 'string(//map_download/@compressed_size)' definition.xml)" = "$(stat -c %s joined.7z)" ]
    [ "$(xmllint --xpath 'string(//map_download/@uncompressed_size)' definition.xml)" = "$(stat -c %s "$wad")" ]
    # 7zz also opens the parts as a split archive, by the first of them.
    7zz t blood-*.7z.001
}

# joined NAME: the map's parts as one archive, joined.7z.
joined() {
    rm -f joined.7z
    for part in $(parts "$1"); do
        curl -sf "$url?map=$1&part=$part" >>joined.7z
    done
}

@test "packed with several threads: one plain 7z for libarchive, and one LZMA2 stream for a decoder of one thread" {
    serve_shared
    joined blood
    [ "$(bsdtar -tf joined.7z)" = blood.map ]
    bsdtar -xOf joined.7z blood.map | cmp - "$wad"
    # The stream begins behind 32 bytes; its length is in them.
    run -0 python3 -c 'if True:
        import hashlib, lzma, struct
        archive = open("joined.7z", "rb").read()
        offset, size = struct.unpack("<QQ", archive[12:28])
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 16 << 20}]
        stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        print(hashlib.md5(stream.decompress(archive[32 : 32 + offset])).hexdigest(), stream.eof, len(stream.unused_data))
        print(len(archive) - 32 - offset - size, archive[32 + offset])'
    [ "$output" = "$(md5 "$wad") True 0"$'\n'"0 1" ]
    # Two blocks: the second restarts with a dictionary of its own.
    7zz l -slt joined.7z | grep -qx 'Method = LZMA2:2[0-9]'
}

@test "one core and many pack the same bytes; levels differ" {
    for cores in 0 all; do
        export PATCHBAY_DEPOT=$T/$cores
        "$patchbay" init
        if [ $cores = 0 ]; then
            taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" "$patchbay" publish map "$SHARED/blood.map" --level 1
        else
            "$patchbay" publish map "$SHARED/blood.map" --level 1
        fi
        "$patchbay" export "export-$cores"
    done
    diff -r export-0 export-all
    head -c 9000000 "$wad" >levels.map # two blocks
    for level in 0 4 6; do
        "$patchbay" publish map levels.map --level "$level"
        "$patchbay" export "level-$level"
        cat $(find "level-$level/parts/levels" -type f | sort) >"level-$level.7z"
        7zz x -so "level-$level.7z" | cmp - levels.map
    done
    [ "$(stat -c %s level-0.7z)" -gt "$(stat -c %s level-4.7z)" ]
    [ "$(stat -c %s level-4.7z)" -gt "$(stat -c %s level-6.7z)" ]
}

@test "a full disk for the archive under way is told, with the way out; nothing is published" {
    [ -d /dev/shm ] || skip "no file system in memory here"
    "$patchbay" init
    make_map a.map 3000000
    run -6 bash -c "ulimit -f 500; trap '' XFSZ; '$patchbay' publish map a.map --no-raw --level 1"
    [[ $output == *"TMPDIR chooses another folder"* ]]
    TMPDIR=$T/missing run -3 "$patchbay" publish map a.map
    [[ $output == *"$T/missing"*"TMPDIR chooses another folder"* ]]
    [ "$("$patchbay" list --json)" = "[]" ]
}

@test "a map with a password: an independent client decrypts it, 7zz extracts it" {
    serve_shared
    run -0 python3 "$root/tests/interop/opensauce_client.py" "http://$at" crypt joined.7z halo1234
    [ "$output" = "Crypt.map $(md5 "$SHARED/Crypt.map") $(stat -c %s "$SHARED/Crypt.map")" ]
    7zz x -oout joined.7z
    cmp "$SHARED/Crypt.map" out/Crypt.map
    run ! python3 "$root/tests/interop/opensauce_client.py" "http://$at" crypt joined.7z halo1235
    # As sent, it is no archive.
    curl -sf "$url?map=crypt&part=$(parts crypt | head -1)" -o raw
    run ! 7zz t raw
}

@test "a map as zip: unzip tests and extracts it" {
    serve_shared
    for part in $(parts zipped); do
        curl -sf "$url?map=zipped&part=$part" -o "$part"
    done
    cat zipped-*.zip.* >joined.zip
    unzip -tq joined.zip
    unzip -q joined.zip -d out
    cmp "$SHARED/zipped.map" out/zipped.map
}

@test "our client fetches all three, identical" {
    serve_shared
    "$patchbay" fetch "opensauce://$at/blood" out
    "$patchbay" fetch "opensauce://$at/Crypt" out --password-file "$SHARED/password"
    "$patchbay" fetch "opensauce://$at/zipped" out
    for name in blood Crypt zipped; do
        cmp "$SHARED/$name.map" "out/$name.map"
    done
}

@test "curl -C -, wget -c and aria2c -x4 download a part, and the raw map" {
    serve_shared
    part=$(parts blood | head -1)
    curl -sf "$url?map=blood&part=$part" -o whole
    head -c 400000 whole >by-curl
    cp by-curl by-wget
    curl -sf -C - "$url?map=blood&part=$part" -o by-curl
    wget -q -c "$url?map=blood&part=$part" -O by-wget
    aria2c -q -x4 -s4 -k 1M --allow-overwrite=true "$url?map=blood&part=$part" -o by-aria
    for by in curl wget aria; do
        cmp whole "by-$by"
    done
    aria2c -q -x4 -s4 -k 1M "http://$at/maps/blood.map" -o raw.map
    cmp "$wad" raw.map
}

@test "the original client's chunk by chunk order works over one connection each" {
    serve_shared
    for part in $(parts blood); do
        curl -sf --http1.0 "$url?map=blood&part=$part" >>joined
    done
    7zz t joined
}

@test "the raw map of an encrypted one needs the password" {
    serve_shared
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$at/maps/crypt.map")" = 403 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$at/maps/crypt.map?password=halo")" = 403 ]
    curl -sf "http://$at/maps/crypt.map?password=halo1234" -o raw
    cmp "$SHARED/Crypt.map" raw
    stop_server
    run ! grep -q halo1234 access.log
    grep -q 'password=\*\*\*' access.log
}

@test "sqlite3 finds the catalog sound" {
    [ "$(sqlite3 "$SHARED/depot/catalog.sqlite" 'PRAGMA integrity_check')" = ok ]
    [ -z "$(sqlite3 "$SHARED/depot/catalog.sqlite" 'PRAGMA foreign_key_check')" ]
}

@test "what the original tool made is imported: every part checked, faults reported by file and part" {
    mkdir -p definitions parts/mine
    head -c 3000000 "$wad" >mine.map
    7zz a -bso0 -mx=0 mine.7z mine.map
    split -b 1048576 -d -a 3 --numeric-suffixes=1 mine.7z parts/mine/mine.7z.
    {
        echo '<?xml version="1.0" encoding="UTF-8"?><osHTTPServer>'
        echo "<map_download algorithm=\"7zip\" name=\"mine.map\" md5=\"$(md5 mine.map)\" uncompressed_size=\"3000000\"" \
            "compressed_size=\"$(stat -c %s mine.7z)\" host_directory=\"mine\">"
        i=0
        for part in parts/mine/*; do
            echo "<part name=\"$(basename "$part")\" index=\"$i\" md5=\"$(md5 "$part")\" size=\"$(stat -c %s "$part")\"/>"
            i=$((i + 1))
        done
        echo '</map_download></osHTTPServer>'
    } >definitions/mine.xml
    sed 's/mine.map/broken.map/' definitions/mine.xml >definitions/broken.xml
    echo '<osHTTPServer>' >definitions/torn.xml
    "$patchbay" init
    # The second map has the same parts, but its name is not the member's.
    run -1 "$patchbay" import opensauce definitions parts
    [[ $output == *"mine.xml: opensauce/mine 1: live"* ]]
    [[ $output == *"broken.xml: "*"no member broken.map"* ]]
    [[ $output == *"torn.xml: line 2: not well-formed"* ]]
    [[ $output == *"1 imported, 2 refused"* ]]
    start_server
    "$patchbay" fetch "opensauce://$at/mine" out
    cmp mine.map out/mine.map
    curl -sf "http://$at/maps/mine.map" | cmp - mine.map
    # Damage a part, lose another.
    printf x | dd of=parts/mine/mine.7z.001 bs=1 seek=5000 conv=notrunc status=none
    rm parts/mine/mine.7z.002
    run -1 "$patchbay" import opensauce definitions parts
    [[ $output == *"mine.xml: part mine.7z.001: its MD5 is not the one in the definition"* ]]
    [[ $output == *"mine.xml: part mine.7z.002: not found in parts"* ]]
    "$patchbay" fsck
}

# original NAME: the original client's way, one part for each line in the pipe `steps`; its words are in NAME.said.
original() {
    mkfifo "$1.steps"
    python3 "$root/tests/interop/opensauce_client.py" "http://$at" "$1" "$1.7z" --steps <"$1.steps" >"$1.said" 2>&1 3>&- &
    original=$!
    pids+=("$original")
    exec 7>"$1.steps"
}
step() { # NAME N: the next part; then there are N
    echo >&7
    wait_for 20 eval '[ "$(grep -c "^part" '"$1"'.said)" = '"$2"' ]' || { cat "$1.said"; return 1; }
}

@test "an original client, which asks for the definition once, finishes while five publishes go by, and more" {
    "$patchbay" init
    make_map a.map 9000000 1
    "$patchbay" publish map a.map --algorithm zip --level 0
    cp a.map first.map
    start_server
    original a
    step a 1
    for i in 2 3 4 5 6; do
        make_map a.map 9000000 $i
        "$patchbay" publish map a.map --algorithm zip --level 0
        wait_for 10 eval 'curl -sf "$url?map=a" | grep -q "$(md5 a.map)"'
        [ "$i" = 6 ] || step a $i
    done
    "$patchbay" rollback opensauce/a
    wait_for 10 eval '! curl -sf "$url?map=a" | grep -q "$(md5 a.map)"'
    step a 6
    "$patchbay" withdraw opensauce/a
    wait_for 10 eval '! curl -sf "$url?map=a"'
    stop_server
    start_server --http "$at" # and a restart
    "$patchbay" gc --keep 10
    for i in $(seq 7 "$(grep -c . <(sqlite3 depot/catalog.sqlite 'SELECT 1 FROM entry WHERE release = 1 AND kind = 1'))"); do
        step a "$i"
    done
    exec 7>&-
    wait "$original" || { cat a.said; return 1; }
    7zz x -bso0 -oout a.7z
    cmp first.map out/a.map
    # what the depot does not have any more is not there
    part=$(sqlite3 depot/catalog.sqlite 'SELECT name FROM entry WHERE release = 1 AND kind = 1 LIMIT 1')
    curl -sf "$url?map=a&part=$part" -o part
    sqlite3 depot/catalog.sqlite 'UPDATE release SET retired = 1'
    "$patchbay" gc --keep 1
    wait_for 10 eval '[ "$(curl -s -o /dev/null -w "%{http_code}" "$url?map=a&part=$part")" = 404 ]'
}

@test "the same bytes keep the same names; other bytes, and another password, have others" {
    "$patchbay" init
    make_map a.map 2000000
    echo one >one
    echo two >two
    "$patchbay" publish map a.map --level 1
    start_server
    plain=$(part_name a)
    "$patchbay" publish map a.map --level 1 --password-file one
    wait_for 10 eval '[ "$(part_name a)" != "$plain" ]'
    encrypted=$(part_name a)
    "$patchbay" publish map a.map --level 1 --password-file two
    wait_for 10 eval '[ "$(part_name a)" != "$encrypted" ]'
    [ "$(part_name a)" != "$plain" ]
    "$patchbay" publish map a.map --level 1
    wait_for 10 eval '[ "$(part_name a)" = "$plain" ]'
}

@test "names that the original can't load: endings in lower case, ASCII, a warning for long ones" {
    "$patchbay" init
    make_map Upper.MAP 50000
    "$patchbay" publish map Upper.MAP
    start_server
    curl -sf "$url?map=upper" >definition.xml
    [ "$(xmllint --xpath 'string(//map_download/@name)' definition.xml)" = Upper.map ]
    python3 "$root/tests/interop/opensauce_client.py" "http://$at" upper joined.7z
    7zz l -slt joined.7z | grep -q '^Path = Upper.map$'
    curl -sf "http://$at/maps/upper.map" | cmp - Upper.MAP
    make_map größe.map 50000
    run -1 "$patchbay" publish map größe.map
    [[ $output == *"not ASCII"* ]]
    make_map a234567890b234567890c234567890d.map 50000
    run -0 "$patchbay" publish map a234567890b234567890c234567890d.map
    [[ $output != *Chimera* ]]
    make_map a234567890b234567890c234567890d2.map 50000
    run -0 "$patchbay" publish map a234567890b234567890c234567890d2.map
    [[ $output == *"more than 31 characters"* ]]
}

# define NAME SIZE ATTRIBUTES PART_ATTRIBUTES: a definition of NAME.map in one part, NAME.7z.001, in parts/FOLDER.
define() { # NAME FOLDER ATTRIBUTES PART_ATTRIBUTES
    mkdir -p definitions "parts/$2"
    make_map "$1.map" 30000
    7zz a -bso0 -mx=0 "$1.7z" "$1.map"
    mv "$1.7z" "parts/$2/$1.7z.001"
    local size
    size=$(stat -c %s "parts/$2/$1.7z.001")
    printf '\357\273\277<?xml version="1.0" encoding="UTF-8"?>\r\n<osHTTPServer xmlns="x"><map_download algorithm="7zip" name="%s.map" md5="%s" uncompressed_size="30000" compressed_size="%s" %s>\r\n<part name="%s.7z.001" index="0" md5="%s" size="%s" %s/></map_download></osHTTPServer>\r\n' \
        "$1" "$(md5 "$1.map" | tr a-f A-F)" "$size" "$3" "$1" "$(md5 "parts/$2/$1.7z.001")" "$size" "$4" >"definitions/$1.xml"
}

@test "definitions as original clients take them: folders with slashes, encrypted=false; redirects to the root" {
    define deep halo/maps 'host_directory="halo/maps"' 'encrypted="false" unencrypted_md5="d41d8cd98f00b204e9800998ecf8427e"'
    define flat . '' ''
    define climb . 'host_directory="../x"' ''
    "$patchbay" init
    run -1 "$patchbay" import opensauce definitions parts --redirect-root http://files.example.org/root
    [[ $output == *"2 imported, 1 refused"* && $output == *"climb.xml: "*"host_directory"* ]]
    start_server
    curl -si "$url?map=deep&part=deep.7z.001" | grep -q '^Location: http://files.example.org/root/halo/maps/deep.7z.001'
    curl -si "$url?map=flat&part=flat.7z.001" | tr -d '\r' | grep -qx 'Location: http://files.example.org/root/flat.7z.001'
    curl -sf "http://$at/maps/deep" | cmp - deep.map
    "$patchbay" export exported
    cmp parts/flat.7z.001 exported/parts/flat.7z.001
    cmp parts/halo/maps/deep.7z.001 exported/parts/halo/maps/deep.7z.001
    # our client takes them as well
    mkdir -p foreign/deep
    cp definitions/deep.xml foreign/deep.xml
    cp parts/halo/maps/deep.7z.001 foreign/deep/
    start_foreign foreign
    "$patchbay" fetch "opensauce://$foreign_at/deep" out
    cmp deep.map out/deep.map
}

@test "a part set that the original splitter broke is named as such" {
    "$patchbay" init
    mkdir -p definitions parts
    head -c 1048000 /dev/urandom >part
    for bad in "1048676 splitter" "2097152 splitter" "1049000 contradicts"; do # modulo 1,048,576: 100, 0, 424
        read -r size word <<<"$bad"
        printf '<osHTTPServer><map_download algorithm="7zip" name="a.map" md5="%s" uncompressed_size="3000000" compressed_size="%s"><part name="a.7z.001" md5="%s" size="1048000"/></map_download></osHTTPServer>' \
            "$(md5 part)" "$size" "$(md5 part)" >definitions/a.xml
        cp part parts/a.7z.001
        run -1 "$patchbay" import opensauce definitions parts
        [[ $output == *"$word"* ]]
    done
}

# define_archive FILE SIZE MD5: a definition of a.map, packed as FILE in one part.
define_archive() {
    mkdir -p definitions parts foreign/a
    local size
    size=$(stat -c %s "$1")
    cp "$1" parts/a.7z.001
    cp "$1" foreign/a/a.7z.001
    printf '<osHTTPServer><map_download algorithm="7zip" name="a.map" md5="%s" uncompressed_size="%s" compressed_size="%s"><part name="a.7z.001" index="0" md5="%s" size="%s"/></map_download></osHTTPServer>' \
        "$3" "$2" "$size" "$(md5 "$1")" "$size" >definitions/a.xml
    cp definitions/a.xml foreign/a.xml
}

@test "small archives that unpack to large headers, or want a dictionary of 4 GiB, are refused in little memory" {
    hostile=$root/tests/interop/hostile_7z.py
    "$patchbay" init
    python3 "$hostile" entries entries.7z
    python3 "$hostile" names names.7z
    python3 "$hostile" dictionary dictionary.7z 1258291200
    [ "$(stat -c %s dictionary.7z)" -lt 300000 ]
    bsdtar -xOf dictionary.7z | head -c 4000000 | cmp -n 4000000 - /dev/zero # it is an archive
    start_foreign foreign
    for attack in "entries:too much" "names:header is too large" "dictionary:dictionary of 4095 MiB"; do
        size=100000
        [[ $attack != dictionary* ]] || size=1258291200
        define_archive "${attack%%:*}.7z" $size "$(md5 /dev/null)"
        for way in "1 import opensauce definitions parts" "5 fetch opensauce://$foreign_at/a out"; do
            run "-${way%% *}" python3 "$hostile" run "$patchbay" ${way#* }
            [[ $output == *"${attack#*:}"* ]]
            echo "$way: $attack: ${lines[-1]} MB"
            [ "${lines[-1]}" -lt 450 ]
        done
    done
}

@test "what 7zz makes is fetched: one block, many, other coders, several members, a header that is packed" {
    mkdir more
    head -c 3000000 "$wad" >a.map
    seq 1000 >more/b.txt
    : >more/empty
    start_foreign foreign
    for how in -m0=lzma2:c=1m "-m0=lzma2:d=26" -m0=lzma -m0=ppmd "-m0=bcj2 -m1=lzma2" -mx=0 "-mhc=off -ms=off more" "-mx=1 more" "-mhc=off -ms=on more"; do
        rm -rf a.7z out foreign/a parts
        7zz a -bso0 a.7z $how a.map
        split -b 1048576 -d -a 3 --numeric-suffixes=1 a.7z part.
        mkdir -p foreign/a
        {
            printf '<osHTTPServer><map_download algorithm="7zip" name="a.map" md5="%s" uncompressed_size="3000000" compressed_size="%s">' \
                "$(md5 a.map)" "$(stat -c %s a.7z)"
            for part in part.*; do
                printf '<part name="a.7z.%s" index="%d" md5="%s" size="%s"/>' "${part#part.}" "$((10#${part#part.} - 1))" \
                    "$(md5 "$part")" "$(stat -c %s "$part")"
                mv "$part" "foreign/a/a.7z.${part#part.}"
            done
            printf '</map_download></osHTTPServer>'
        } >foreign/a.xml
        echo "$how"
        "$patchbay" fetch "opensauce://$foreign_at/a" out
        cmp a.map out/a.map
    done
}
