#!/usr/bin/env bats
# Our server and archives, judged by programs that we did not write.

load ../helper

wad=/usr/share/games/doom/freedoom2.wad

setup_file() {
    # One depot with a real map for all tests of this file, as packing it takes a while.
    export SHARED
    SHARED=$(mktemp -d "${TMPDIR:-/tmp}/patchbay-test.XXXXXX")
    cd "$SHARED"
    cp "$wad" blood.map
    cp "$wad" Crypt.map
    cp "$wad" zipped.map
    echo halo1234 >password
    export PATCHBAY_DEPOT=$SHARED/depot
    "$PATCHBAY_BUILD/patchbay" init
    "$PATCHBAY_BUILD/patchbay" publish map blood.map --level 3
    "$PATCHBAY_BUILD/patchbay" publish map Crypt.map --level 2 --password-file password
    "$PATCHBAY_BUILD/patchbay" publish map zipped.map --algorithm zip --level 6
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
    [ "$(ls blood.7z.* | wc -l)" -ge 8 ]
    cat blood.7z.* >joined.7z
    7zz t joined.7z
    7zz l -slt joined.7z | grep -q '^Path = blood.map$'
    7zz x -oout joined.7z
    [ "$(md5 out/blood.map)" = "$(md5 "$wad")" ]
    [ "$(xmllint --xpath 'string(//map_download/@md5)' definition.xml)" = "$(md5 "$wad")" ]
    [ "$(xmllint --xpath 'string(//map_download/@compressed_size)' definition.xml)" = "$(stat -c %s joined.7z)" ]
    [ "$(xmllint --xpath 'string(//map_download/@uncompressed_size)' definition.xml)" = "$(stat -c %s "$wad")" ]
    # 7zz also opens the parts as a split archive, by the first of them.
    7zz t blood.7z.001
}

@test "freedoom2.wad with a password: an independent client decrypts it, 7zz extracts it" {
    serve_shared
    run -0 python3 "$root/tests/interop/opensauce_client.py" "http://$at" crypt joined.7z halo1234
    [ "$output" = "Crypt.map $(md5 "$wad") $(stat -c %s "$wad")" ]
    7zz x -oout joined.7z
    [ "$(md5 out/Crypt.map)" = "$(md5 "$wad")" ]
    run ! python3 "$root/tests/interop/opensauce_client.py" "http://$at" crypt joined.7z halo1235
    # As sent, it is no archive.
    curl -sf "$url?map=crypt&part=Crypt.7z.001" -o raw
    run ! 7zz t raw
}

@test "freedoom2.wad as zip: unzip tests and extracts it" {
    serve_shared
    for part in $(parts zipped); do
        curl -sf "$url?map=zipped&part=$part" -o "$part"
    done
    cat zipped.zip.* >joined.zip
    unzip -tq joined.zip
    unzip -q joined.zip -d out
    [ "$(md5 out/zipped.map)" = "$(md5 "$wad")" ]
}

@test "our client fetches all three, identical" {
    serve_shared
    "$patchbay" fetch "opensauce://$at/blood" out
    "$patchbay" fetch "opensauce://$at/Crypt" out --password-file "$SHARED/password"
    "$patchbay" fetch "opensauce://$at/zipped" out
    for name in blood Crypt zipped; do
        cmp "$wad" "out/$name.map"
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
    cmp "$wad" raw
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
