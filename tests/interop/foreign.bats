#!/usr/bin/env bats
# Our client against servers that are not ours, well-behaved and not.

load ../helper

# fetch_fails STATUS WORDS [OPTION...]: the fetch ends with the status, says so in one line, and out/ has no map.
fetch_fails() {
    local expected=$1 words=$2
    shift 2
    run "-$expected" "$patchbay" fetch "opensauce://$foreign_at/a" out "$@"
    [ "${#lines[@]}" = 1 ]
    [[ $output == *"$words"* ]] || { echo "$output"; return 1; }
    [ -z "$(ls out)" ]
}

fetch_works() {
    "$patchbay" fetch "opensauce://$foreign_at/a" out "$@"
    cmp a.map out/a.map
    rm -r out
}

@test "absolute and relative redirects" {
    make_foreign a 3000000
    start_foreign foreign relative
    fetch_works
    files=$foreign_at
    start_foreign foreign "redirect=http://$files/files"
    fetch_works
}

@test "no ranges, chunked bodies" {
    make_foreign a 3000000
    start_foreign foreign no-range chunked
    fetch_works
    start_foreign foreign no-range cut=2
    fetch_works
}

@test "a part that breaks off is continued, not begun again" {
    make_foreign a 3000000
    start_foreign foreign cut=1
    fetch_works
    grep -q 'bytes=' foreign.log
}

@test "damage is noticed and tried again, three times" {
    make_foreign a 2000000
    start_foreign foreign damage=2
    fetch_works
    start_foreign foreign damage=1000
    fetch_fails 5 "MD5 is not the one announced"
    # each time once with others on its connection, and once alone
    [ "$(grep -c 'a-[0-9a-f]*\.7z\.001' foreign.log)" = 6 ]
}

@test "several requests on a connection: mixed up, closed, dropped" {
    make_foreign a 12000000
    start_foreign foreign mixed
    fetch_works --connections 1
    grep -q mixed foreign.log
    for mode in closes=1 closes=3 drops=1 drops=3; do
        start_foreign foreign $mode
        fetch_works --connections 1
    done
}

@test "content that changes under the fetch: a part that is gone and comes back" {
    make_foreign a 5000000
    start_foreign foreign missing=1
    fetch_works
    start_foreign foreign missing=1000
    fetch_fails 3 "404"
}

@test "a server that is down for a moment is asked again" {
    make_foreign a 1000000
    start_foreign foreign status=2:503
    fetch_works
}

@test "endless bodies, loops, other schemes, silence: refused" {
    make_foreign a 2000000
    start_foreign foreign long
    fetch_fails 5 "more than the"
    start_foreign foreign loop
    fetch_fails 1 "redirects"
    start_foreign foreign file-redirect
    fetch_fails 1 "Unsupported protocol"
    start_foreign foreign empty
    fetch_fails 4 "Server returned nothing"
}

@test "a definition that lies about sizes" {
    make_foreign a 2000000
    sed -i 's/ compressed_size="[0-9]*"/ compressed_size="5"/' foreign/a.xml
    start_foreign foreign
    fetch_fails 1 "contradicts itself"
}

@test "an archive that unpacks to more than was announced (a bomb), or to less" {
    make_foreign a 2000000
    cp foreign/a.xml a.xml
    sed 's/uncompressed_size="[0-9]*"/uncompressed_size="1999999"/' a.xml >foreign/a.xml
    start_foreign foreign
    fetch_fails 5 "more than the 1999999 announced"
    sed 's/uncompressed_size="[0-9]*"/uncompressed_size="2000001"/' a.xml >foreign/a.xml
    fetch_fails 5 "the definition says 2000001"
}

@test "the right size and the wrong map" {
    make_foreign a 2000000
    sed -i 's/ md5="[0-9a-f]*" uncompressed/ md5="00000000000000000000000000000000" uncompressed/' foreign/a.xml
    start_foreign foreign
    fetch_fails 5 "not the one in the definition (MD5)"
}

@test "a definition of another map does not replace what the user has" {
    make_foreign a 2000000
    sed -i 's/name="a.map"/name="b.map"/' foreign/a.xml
    mkdir out
    echo mine >out/b.map
    start_foreign foreign
    run -1 "$patchbay" fetch "opensauce://$foreign_at/a" out
    [[ $output == *"another map, b.map"* ]]
    [ "$(cat out/b.map)" = mine ]
}

@test "names that climb out are refused" {
    make_foreign a 2000000
    sed -i 's/name="a.map"/name="..\/a.map"/' foreign/a.xml
    start_foreign foreign
    fetch_fails 1 "../a.map"
}

@test "wrong and missing passwords have their own words" {
    echo secret >right
    echo wrong >wrong
    make_foreign a 2000000 --password-file right
    start_foreign foreign
    fetch_fails 8 "encrypted: its password is needed"
    fetch_fails 8 "wrong password" --password-file wrong
    fetch_works --password-file right
}

@test "mirrors, in order, then master servers" {
    make_foreign a 2000000
    start_foreign foreign
    good=$foreign_at
    mkdir nothing
    start_foreign nothing
    run -0 "$patchbay" fetch "opensauce://$foreign_at/a" out --mirror "http://$good/map_download"
    [[ $output == *"from http://$good/map_download"* ]]
    rm -r out
    # Our own server serves the list of masters, and has not got the map.
    "$patchbay" withdraw opensauce/a
    start_server --opensauce-master "one | http://$good/map_download | a host"
    run -0 "$patchbay" fetch "opensauce://$at/a" out
    [[ $output == *"from http://$good/map_download"* ]]
    rm -r out
    run -0 "$patchbay" fetch "opensauce://$foreign_at/a" out \
        --master-list "http://$at/Halo1/CE/MapDownload/Halo1_CE_MapDownloadMasterServers.xml"
    cmp a.map out/a.map
}

@test "a dead server" {
    run -4 "$patchbay" fetch opensauce://127.0.0.1:1/a out
    [[ $output == *"Couldn't connect"* ]]
    [ "${#lines[@]}" = 1 ]
}

@test "a source that lies does not keep the good ones away" {
    make_foreign a 2000000
    start_foreign foreign
    good=http://$foreign_at/map_download
    cp -r foreign lying
    # It says that the map is encrypted, and later that it is as large as no disk is.
    sed -i 's|<part \(.*\)/>|<part \1 encrypted="true" unencrypted_md5="00000000000000000000000000000000"/>|' lying/a.xml
    start_foreign lying
    run -0 "$patchbay" fetch "opensauce://$foreign_at/a" out --mirror "$good"
    cmp a.map out/a.map
    rm -r out
    fetch_fails 8 "its password is needed"
    sed 's/ compressed_size="[0-9]*"/ compressed_size="4294967295"/' foreign/a.xml >lying/a.xml
    fetch_fails 1 "makes no sense"
}

@test "CRC-32 of a map from a stored zip of another tool" {
    mkdir -p foreign/a
    make_map a.map 300000
    7zz a -bso0 -tzip -mx=0 foreign/a/a.zip.001 a.map
    printf '<osHTTPServer><map_download algorithm="zip" name="a.map" md5="%s" uncompressed_size="300000" compressed_size="%s">
        <part name="a.zip.001" md5="%s" size="%s"/></map_download></osHTTPServer>' "$(md5 a.map)" \
        "$(stat -c %s foreign/a/a.zip.001)" "$(md5 foreign/a/a.zip.001)" "$(stat -c %s foreign/a/a.zip.001)" >foreign/a.xml
    start_foreign foreign
    run -0 "$patchbay" fetch "opensauce://$foreign_at/a" out --json
    crc=$(python3 -c 'import zlib; print("%08x" % zlib.crc32(open("a.map","rb").read()))')
    [[ $output == *"\"crc32\":\"$crc\""* ]]
}

@test "a server with another spelling replaces the player's map and adds no second" {
    make_foreign A 200000
    mv foreign/A foreign/a
    mv foreign/A.xml foreign/a.xml
    mkdir out
    echo old >out/a.map
    start_foreign foreign
    "$patchbay" fetch "opensauce://$foreign_at/a" out
    [ "$(ls out)" = a.map ]
    cmp A.map out/a.map
}
