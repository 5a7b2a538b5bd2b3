#!/usr/bin/env bats
# The README's commands, line by line, as a newcomer types them: none may fail. Judged by their exit statuses alone.

load ../helper

# commands SECTION: the lines of its code blocks that are commands, without their comments.
commands() {
    sed -n "/^## $1/,/^## /p" "$root/README.md" | sed -n 's/^    \(\(patchbay\|curl\) .*\)$/\1/p' | sed 's/ \+# .*//'
}

# filled COMMAND: with the words in capitals replaced, and the ports by those of our server.
filled() {
    sed -e "s|HOST:2303|$at|g; s|HOST:8888|$at|g; s|HOST:54000|$polp|g; s|opensauce://HOST/|opensauce://$at/|g" \
        -e 's/MAP\.map/immure.map/g; s/TEST\.map/test.map/g; s|/MAP|/immure|g; s/map=MAP/map=immure/g; s|/TEST|/test|g' \
        -e "s|/tmp/try|$T/try|g" <<<"$1"
}

content() {
    make_map immure.map 300000 1
    make_map test.map 200000 2
    echo secret >PASSWORD
    mkdir -p GAME APP CAPTURED/20030909_A/Direct DEFINITIONS PARTS/old WWW/official HALO
    echo game >GAME/escape
    make_levels LEVELS 20 2 1
    echo app >APP/app.dat
    make_map old.map 30000 3
    7zz a -bso0 old.7z old.map
    mv old.7z PARTS/old/old.7z.001
    printf '<osHTTPServer><map_download algorithm="7zip" name="old.map" md5="%s" uncompressed_size="30000" compressed_size="%s"><part name="old.7z.001" index="0" md5="%s" size="%s"/></map_download></osHTTPServer>' \
        "$(md5 old.map)" "$(stat -c %s PARTS/old/old.7z.001)" "$(md5 PARTS/old/old.7z.001)" "$(stat -c %s PARTS/old/old.7z.001)" >DEFINITIONS/old.xml
    sum=$(md5 GAME/escape)
    mkdir -p "WWW/user/${sum:0:2}"
    cp GAME/escape "WWW/user/${sum:0:2}/${sum:2}"
    printf '1\nuser 1 User levels\n' >WWW/COLLECTIONS
    printf 'User levels\n1\n0\n1\nnote\na.esx %s\n' "$sum" >WWW/user.txt
    printf '\1captured' >CAPTURED/20030909_A/Direct/a.slc
    sum=$(printf captured | md5sum)
    printf 'file a {\n20030909_A 8 846 %d 20030909_A/Direct/a.slc 9\n}\nend\n' \
        "$((16#${sum:6:2}${sum:4:2}${sum:2:2}${sum:0:2} - (16#${sum:6:2} > 127 ? 4294967296 : 0)))" >PATCH_CFG
    printf '[server]\nhttp = 127.0.0.1:0\n' >CONFIG
}

# serve_try COMMAND: a server starts as the line says, on free ports, and stops.
serve_try() {
    local words
    read -ra words <<<"${1#patchbay }"
    words=("${words[@]//2304/127.0.0.1:0}")
    case $1 in *--config*) ;; *) words+=(--http 127.0.0.1:0) ;; esac
    : >try.log
    "$patchbay" "${words[@]}" --access-log off 2>try.log 3>&- &
    local pid=$!
    pids+=("$pid")
    wait_for 20 grep -q 'http://' try.log || { cat try.log; return 1; }
    kill -TERM "$pid"
    wait "$pid"
}

@test "the operator's and the player's five minutes" {
    content
    commands "Five minutes for an operator" >operator
    commands "Five minutes for a player" >player
    [ "$(wc -l <operator)" -ge 20 ] && [ "$(wc -l <player)" -ge 6 ]
    ln -s "$patchbay" patchbay
    PATH=$T:$PATH
    started=
    while read -r line; do
        [[ $line != "patchbay serve"* || -z $started ]] || { serve_try "$line" || { echo "failed: $line"; return 1; }; continue; }
        if [[ $line == "patchbay serve" ]]; then
            start_server --polp 127.0.0.1:0 --admin 127.0.0.1:0
            wait_for 10 grep -q 'polp://' serve.log
            polp=$(sed -n 's|.*polp://\(.*\)/$|\1|p' serve.log | head -1)
            started=yes
            continue
        fi
        run bash -c "$(filled "$line")" </dev/null
        [ "$status" = 0 ] || { echo "failed ($status): $line"; echo "$output"; return 1; }
    done <operator
    wait_for 10 eval 'curl -sf "http://$at/official.txt"'
    "$patchbay" unban 192.0.2.7
    while read -r line; do
        run bash -c "$(filled "$line")" </dev/null
        [ "$status" = 0 ] || { echo "failed ($status): $line"; echo "$output"; return 1; }
    done <player
    cmp immure.map HALO/maps/immure.map
    diff -r --exclude=webindex.esi LEVELS ESCAPE/official
    cmp APP/app.dat POL/app.dat
    # and the template that is given to players of Chimera
    template=$(sed -n 's/^    download_template=//p' "$root/README.md")
    template=${template//HOST:2303/$at}
    template=${template//\{map\}/immure}
    curl -sf "${template//\{password\}/}" | cmp - immure.map
}
