#!/usr/bin/env bats
# Escape against what we did not write: a client that is a shell script made from the specification alone, static file
# servers, gzip, curl.

load ../helper

script() {
    "$root/tests/interop/escape_client.sh" "$@"
}

# What both clients have to agree on: levels, folders, index files; and in the attic the bytes, as names are free.
result_print() {
    (cd "$1" && find official -printf '%p %y\n' | LC_ALL=C sort && find official -type f -print0 | LC_ALL=C sort -z |
        xargs -0 md5sum && find attic -type f -exec md5sum {} + 2>/dev/null | cut -d' ' -f1 | sort)
}

publish_levels() {
    "$patchbay" publish levels "$1" --collection official --title "Official levels" --min-version 200404150
}

@test "2,000 levels, then a release with 100 moved, 50 removed, 50 changed and 100 added: both clients agree" {
    "$patchbay" init
    make_levels tree 2000 40 1
    printf 'ESX!\nThe first group\n\n\n\n\n\n\nlevel000000.esx 9 8 7 6 5 4 3 2 1\n' >tree/group0/webindex.esi
    publish_levels tree
    start_server
    run -0 "$patchbay" fetch "escape://$at/official" ours
    [[ $output == *"2,000 files installed"* ]]
    run -0 script collection "http://$at" official theirs
    [[ $output == *"downloaded 2000 moved 0 attic 0 kept 0"* ]]
    diff <(result_print ours) <(result_print theirs)
    grep -qx 'level000000.esx 9 8 7 6 5 4 3 2 1' ours/official/group0/webindex.esi
    sed -n 2p ours/official/group0/webindex.esi | grep -qx 'The first group'

    rm tree/group0/webindex.esi
    make_levels --change tree 7 100 50 50 100
    run -0 publish_levels tree
    for game in ours theirs; do
        echo "the player's own" >$game/official/group1/mine.esx
        mkdir -p $game/official/own/deep $game/mylevels
        echo "in a folder of the player's" >$game/official/own/deep/other.esx
        echo "solved" >$game/solutions.txt
        echo "untouched" >$game/mylevels/a.esx
    done
    wait_for 10 eval 'curl -sf "http://$at/official.txt" | sed -n 4p | grep -qx 2050'
    run -0 "$patchbay" fetch --json "escape://$at/official" ours
    for fact in '"downloaded":150' '"moved":100' '"kept":1800' '"placed":150' '"attic":52'; do
        [[ ${lines[-1]} == *"$fact"* ]] || { echo "no $fact in $output"; return 1; }
    done
    run -0 script collection "http://$at" official theirs
    [[ $output == *"downloaded 150 moved 100 attic 52 kept 1800"* ]]
    diff <(result_print ours) <(result_print theirs)
    diff -r --exclude=webindex.esi tree ours/official
    [ "$(cat ours/solutions.txt ours/mylevels/a.esx)" = "$(printf 'solved\nuntouched')" ]
    run -0 "$patchbay" fetch "escape://$at/official" ours
    [[ $output == *"nothing to do"* ]]
}

make_game() {
    mkdir -p "$1/data/deep"
    seq 5000 >"$1/escape.txt"
    head -c 70000 /dev/zero >"$1/data/deep/zeros"
    cp "$patchbay" "$1/escape.exe"
    head -c 5000 "$patchbay" | gzip -9 >"$1/data/noise.png"
    : >"$1/empty"
}

publish_upgrade() {
    "$patchbay" publish upgrade "$@" --platform linux --oldest 100 --recommended 200
}

@test "an upgrade: both clients agree, gzip unpacks what is packed, curl gets it packed only when it asks" {
    "$patchbay" init
    make_game game
    publish_upgrade game --version 300 --symlink "readme=escape.txt" --delete old.dll --alias osx
    start_server
    for client in ours theirs; do
        mkdir $client
        echo old >$client/old.dll
        echo "of the player" >$client/save.txt
        head -c 70000 /dev/zero >$client/readme
    done
    run -0 "$patchbay" fetch "escape://$at/osx/UPGRADE" ours --installed-version 150
    [[ $output == *"5 files installed, 1 linked, 2 set aside"* && $output == *"recommended"* ]]
    run -0 script upgrade "http://$at" osx theirs 150
    [[ $output == *"recommended"* && $output == *"linked 1 deleted 1"* ]]
    # The game's client deletes what is not known to be the game's; ours sets it aside.
    grep -qx old ours/attic/old.dll
    cmp ours/attic/readme <(head -c 70000 /dev/zero)
    rm -r ours/attic
    diff <(tree_print ours) <(tree_print theirs)
    [ -x ours/escape.exe ] && [ ! -x ours/escape.txt ] && [ ! -e ours/old.dll ]
    cmp <(curl -sf "http://$at/linux/escape.txt.gz" | gzip -dc) game/escape.txt
    cmp <(curl -sf "http://$at/linux/data_deep_zeros.gz" | gzip -dc) game/data/deep/zeros
    [ "$(curl -sf "http://$at/linux/UPGRADE" | grep -c ' uz ')" -ge 3 ]
    curl -sf "http://$at/linux/UPGRADE" | grep -q '^data/noise.png u '
    [ "$(curl -sf -o plain -w '%{size_download}' "http://$at/linux/escape.txt")" = "$(stat -c %s game/escape.txt)" ]
    [ "$(curl -sf --compressed -o packed -w '%{size_download}' "http://$at/linux/escape.txt")" -lt 15000 ]
    cmp plain packed
    # the next version: only what differs is downloaded, and what is too old is refused
    echo "more" >>game/escape.txt
    publish_upgrade game --version 301
    wait_for 10 eval 'curl -sf "http://$at/linux/UPGRADE" | grep -qx 301'
    run -0 "$patchbay" fetch "escape://$at/linux/UPGRADE" ours
    [[ $output == *"1 of 1 file downloaded"* ]]
    run -8 "$patchbay" fetch "escape://$at/linux/UPGRADE" ours --installed-version 99
    [[ $output == *"too old"* ]]
    run -3 script upgrade "http://$at" linux theirs 99
}

@test "export makes a tree that any file server serves to both clients, over HTTP/1.0; import takes it back" {
    "$patchbay" init
    make_levels tree 120 6 3
    make_game game
    publish_levels tree
    publish_upgrade game --version 300 --alias osx
    make_map a.map 3000000
    "$patchbay" publish map a.map --algorithm zip --level 0
    run -0 "$patchbay" export www
    [[ $output == *"3 titles"* ]]
    run -0 "$patchbay" export www
    [[ $output == *" 0 written"* ]]
    cmp www/maps/a.map a.map
    cat www/parts/a/* >joined.zip
    cmp <(unzip -p joined.zip) a.map
    static_server www
    run -0 "$patchbay" fetch "escape://$static_at/official" ours
    [[ $output == *"120 files installed"* ]]
    script collection "http://$static_at" official theirs
    diff <(result_print ours) <(result_print theirs)
    "$patchbay" fetch "escape://$static_at/linux/UPGRADE" ours
    "$patchbay" fetch "escape://$static_at/osx/UPGRADE" ours2
    diff -r game ours2 --exclude=.patchbay
    # and back: lists byte for byte
    export PATCHBAY_DEPOT=$T/again
    "$patchbay" init
    run -0 "$patchbay" import escape www
    [[ $output == *"3 imported, 0 refused"* ]]
    "$patchbay" export www2
    diff -r www www2 --exclude=maps --exclude=parts --exclude=.patchbay-export
    # a level and a file that are not what their lists say: named, and only their titles are left out
    rm -r again
    "$patchbay" init
    level=$(find www/official -type f | sort | sed -n 5p)
    echo damage >>"$level"
    echo damage >>www/osx/escape.txt
    run -1 "$patchbay" import escape www
    [[ $output == *"MD5"* && $output == *"escape.txt"* && $output == *"1 imported, 2 refused"* ]]
    run -0 "$patchbay" list
    [[ $output == *escape/linux* && $output != *official* ]]
}

@test "a server that was written from the protocol's description has nested files at their plain paths" {
    "$patchbay" init
    make_game game
    publish_upgrade game --version 300
    "$patchbay" export www
    rm www/linux/data_*
    static_server www
    "$patchbay" fetch "escape://$static_at/linux/UPGRADE" ours
    diff -r game ours --exclude=.patchbay
}

# hostile LIST WORD: a collection's list that must be refused in words, with the tree unchanged.
hostile() {
    printf '%b' "$1" >www/official.txt
    run -1 "$patchbay" fetch "escape://$static_at/official" game
    [[ $output == *"$2"* ]] || { echo "not a word of '$2' in: $output"; return 1; }
    [ "$(wc -l <<<"$output")" = 1 ]
    tree_print game >after
    diff before after
}

@test "hostile lists: a clear error, and the tree is as it was" {
    mkdir -p www game/official/easy
    echo mine >game/official/easy/mine.esx
    echo other >game/outside
    ln -s "$T" game/official/planted
    tree_print game >before
    m=00000000000000000000000000000000
    static_server www
    hostile "T\n1\n0\n1\nn\n../a.esx $m\n" '".." in it'
    hostile "T\n1\n0\n1\nn\n/etc/passwd $m\n" 'begins with /'
    hostile "T\n1\n1\n1\nn\na A\na//b $m\n" 'empty name'
    hostile "T\n1\n0\n1\nn\na\\\\\\\\b $m\n" '\'
    hostile "T\n1\n0\n1\nn\n.patchbay/lock $m\n" 'patchbay keeps'
    hostile "T\n1\n0\n1\nn\na\001b $m\n" 'control'
    hostile "T\n1\n1\n1\nn\nplanted P\nplanted/x.esx $m\n" 'symbolic link'
    hostile "T\n1\n0\n2\nn\na.esx $m\na.esx $m\n" 'twice'
    hostile "T\n1\n0\n2\nn\na.esx $m\nA.ESX $m\n" 'only by case'
    hostile "T\n1\n1\n1\nn\na A\na $m\n" 'twice'
    hostile "T\n1\n0\n1\nn\nno/where.esx $m\n" 'not listed'
    hostile "T\n1\n2\n0\nn\na/b B\na A\n" 'before'
    hostile "T\n1\n0\n1\nn\nwebindex.esi $m\n" 'may not be called'
    hostile "T\n1\n1\n0\nn\nwebindex.esi D\n" 'may not be called'
    hostile "T\n1\n0\n1\nn\nunsubscribed $m\n" 'may not be called'
    hostile "T\n1\n0\n3\nn\na.esx $m\n" 'ends after'
    hostile "T\n1\n0\n4000000000\nn\n" 'more than'
    hostile "T\n1\n0\n99999999999999999999\nn\n" 'number'
    hostile "T\n1\n0\n1\nn\na.esx 123\n" 'MD5'
    hostile "" 'ends after'
    { printf 'T\n1\n0\n1000000\nn\n' && seq -f "l%.0f.esx $m" 1000000; } >www/official.txt
    run -1 "$patchbay" fetch "escape://$static_at/official" game
    [[ $output == *"more than 250000"* ]]
    tree_print game | diff before -
}

# The size of a level stands nowhere. The body is read up to the ceiling once: the request before it, if there is one, shows that
# there is no length.
@test "levels without an end: each is downloaded once, and the words say so" {
    local name=000000000000000000000000000000
    mkdir -p www/official/00
    printf "T\n1\n0\n1\nn\na.esx 00$name\n" >www/official.txt
    echo x >www/official/00/$name
    start_foreign www static long=$name
    run -5 "$patchbay" fetch "escape://$foreign_at/official" game
    [[ $output == *"the server sends more than the 16777216 bytes that make sense"* ]]
    [ "$(grep -c "GET .*$name" foreign.log)" -le 2 ]
}

# hostile_upgrade LINE WORD [STATUS]
hostile_upgrade() {
    printf '1\n1\n1\n2\nnote\n%b\n' "$1" >www/linux/UPGRADE
    run "-${3:-1}" "$patchbay" fetch "escape://$static_at/linux/UPGRADE" game
    [[ $output == *"$2"* ]] || { echo "not a word of '$2' in: $output"; return 1; }
    tree_print game | diff before -
}

@test "hostile upgrades: links that lead out, files through links, folders in the way, bytes that are others" {
    mkdir -p www/linux game/folder outside
    echo keep >game/folder/keep
    ln -s ../outside game/planted
    tree_print game >before
    m=00000000000000000000000000000000
    static_server www
    hostile_upgrade "a ? ->../x" 'leads out'
    hostile_upgrade "a ? ->/etc/passwd" 'begins with /'
    hostile_upgrade "d/a ? ->b/../../x" '".." in it'
    hostile_upgrade "planted/x u $m" 'symbolic link'
    hostile_upgrade "planted/x ? *" 'symbolic link'
    hostile_upgrade "attic/x ? *" 'set aside'
    hostile_upgrade "attic ? ->x" 'set aside'
    hostile_upgrade "folder u $m" 'a folder where a file must be'
    hostile_upgrade ".patchbay/installed.json u $m" 'patchbay keeps'
    hostile_upgrade "a q $m" 'neither u nor z'
    hostile_upgrade "missing u $m" '404' 3
    echo "not this" >www/linux/wrong
    hostile_upgrade "wrong u $m" 'MD5' 5
    gzip -c www/linux/wrong >www/linux/wrong.gz
    hostile_upgrade "wrong z $m" 'MD5' 5
    echo "no gzip" >www/linux/wrong.gz
    hostile_upgrade "wrong z $m" 'damaged' 5
    printf 'half of it' | gzip -c | head -c 20 >www/linux/wrong.gz
    hostile_upgrade "wrong z $m" 'cut off' 5
    [ -z "$(ls outside)" ]
}

# pooled TREE OUT: the tree of a static host as the original server has it: a pool of levels, and collection folders that
# are links to it; one file of the pool is a link as well.
pooled() {
    local out=$2 name sum file
    mkdir -p "$out/pool"
    for name in official eula; do
        {
            printf '%s levels\n200404150\n1\n%s\n24 Sept 2003\neasy Easy\n' "$name" "$(find "$1" -type f | wc -l)"
            find "$1" -type f | LC_ALL=C sort | while read -r file; do
                sum=$(md5 "$file")
                mkdir -p "$out/pool/${sum:0:2}"
                cp "$file" "$out/pool/${sum:0:2}/${sum:2}"
                echo "easy/$(basename "$file") $sum"
            done
        } >"$out/$name.txt"
        ln -s pool "$out/$name"
    done
    printf '2\neula 200309240 Escape User Level Archive\nofficial 200309240 Official\nignored 1 x\n' >"$out/COLLECTIONS"
}

@test "the original server's layout is imported: collection folders are links into the pool; its COLLECTIONS stays" {
    "$patchbay" init
    make_levels tree 60 1 1
    pooled tree www
    file=$(find www/pool -type f | LC_ALL=C sort | head -1)
    mv "$file" www/elsewhere
    ln -s ../../elsewhere "$file"
    run -0 "$patchbay" import escape www
    [[ $output == *"2 imported, 0 refused"* ]]
    start_server
    curl -sf "http://$at/COLLECTIONS" >served
    diff served <(printf '2\neula 200309240 Escape User Level Archive\nofficial 200309240 Official\n')
    run -0 script collection "http://$at" official theirs
    [[ $output == *"downloaded 60"* ]]
    for level in theirs/official/easy/*.esx; do
        cmp "$level" "$(find tree -name "$(basename "$level")")"
    done
    # publishing upon it keeps the line; publish can set it
    "$patchbay" publish levels tree --collection official --title "Official levels" --min-version 200404160
    wait_for 10 eval 'curl -sf "http://$at/official.txt" | sed -n 2p | grep -qx 200404160'
    curl -sf "http://$at/COLLECTIONS" | cmp - served
    "$patchbay" publish levels tree --collection official --title "Official levels" --min-version 200404160 \
        --list-title "The best" --list-version 200404155 --position 1
    wait_for 10 eval 'curl -sf "http://$at/COLLECTIONS" | sed -n 2p | grep -qx "eula .*\|official 200404155 The best"'
    "$patchbay" publish levels tree --collection aaa --min-version 200404160
    wait_for 10 eval 'curl -sf "http://$at/COLLECTIONS" | sed -n 1p | grep -qx 3'
    curl -sf "http://$at/COLLECTIONS" | sed -n 4p | grep -qx 'aaa 200404160 aaa'
}

@test "links that lead out of the tree are not followed; each kind of fault is told once" {
    "$patchbay" init
    make_levels tree 60 1 1
    pooled tree www
    mv www/pool outside
    ln -s "$PWD/outside" www/pool
    run -1 "$patchbay" import escape www
    [[ $output == *"official.txt: "*" and 59 others: a link that leads out of the tree"* ]]
    [ "$(grep -c 'leads out' <<<"$output")" = 2 ] # once for each collection
    rm www/pool
    mv outside www/pool
    find www/pool -type f | LC_ALL=C sort | head -20 | xargs rm
    find www/pool -type f | LC_ALL=C sort | head -10 | while read -r file; do echo other >"$file"; done
    run -1 "$patchbay" import escape www
    [[ $output == *"official.txt: "*" and 19 others: missing"* ]]
    [[ $output == *"official.txt: "*" and 9 others: its MD5 is not the one in the list"* ]]
    [[ $output == *"0 imported, 2 refused"* ]]
}

@test "a player who is half-way through a collection finishes after it has changed, went back or was withdrawn" {
    "$patchbay" init
    make_levels tree 30 2 1
    publish_levels tree
    start_server
    curl -sf -0 "http://$at/official.txt" | sed -n 's/^[^ ]* \([0-9a-f]\{32\}\).*/\1/p' >sums
    [ "$(wc -l <sums)" = 30 ]
    # get N: the next level, as the game asks: one connection, HTTP/1.0.
    get() {
        local sum
        sum=$(sed -n "$1p" sums)
        [ "$(curl -sf -0 "http://$at/official/${sum:0:2}/${sum:2}" | md5sum | cut -d' ' -f1)" = "$sum" ]
    }
    for i in 1 2 3 4 5; do
        rm -r tree
        make_levels tree 10 2 1$i
        publish_levels tree
        wait_for 10 eval '! curl -sf "http://$at/official.txt" | grep -q "$(sed -n 30p sums)"'
        get $i
    done
    "$patchbay" rollback escape/official
    get 6
    "$patchbay" withdraw escape/official
    wait_for 10 eval '! curl -sf "http://$at/official.txt"'
    get 7
    stop_server
    start_server --http "$at"
    for i in $(seq 8 30); do get "$i"; done
    # a title that is gone altogether is gone
    sqlite3 depot/catalog.sqlite 'UPDATE release SET retired = 1'
    "$patchbay" gc --keep 0
    wait_for 10 eval '! get 8'
}

@test "what breaks a collection for every player is refused when it is published, all of it at once" {
    "$patchbay" init
    mkdir -p bad/group good
    printf 'ESXL level' >good/a.esx
    printf 'ESXL level' >'bad/a b.esx'
    printf 'ESXL level' >'bad/group/c d.esx'
    : >bad/group/empty.esx
    run -1 "$patchbay" publish levels bad --collection official --min-version 1
    [[ $output == *"a b.esx: the name has a space"* && $output == *"group/c d.esx: the name has a space"* ]]
    [[ $output == *"group/empty.esx: is empty"* && $output == *"3 files or folders can't be published"* ]]
    # % and # are fine in a level's name, which no client asks for
    printf 'ESXL other' >'good/50%#1.esx'
    # texts are left out, with one line that says so
    echo words | tee good/README good/notes.txt good/.hidden >/dev/null
    mkdir good/.git
    echo x >'good/.git/x y'
    run -0 "$patchbay" publish levels good --collection official --min-version 1
    [[ $output == *" others: left out: no level"* ]]
    [ "$(grep -c 'left out' <<<"$output")" = 1 ]
    start_server
    [ "$(curl -sf "http://$at/official.txt" | sed -n 4p)" = 2 ]
    run -0 script collection "http://$at" official theirs
    cmp 'good/50%#1.esx' 'theirs/official/50%#1.esx'
    run -0 "$patchbay" fetch "escape://$at/official" ours
    cmp 'good/50%#1.esx' 'ours/official/50%#1.esx'
    # the player's own folder
    for name in mylevels MyLevels attic; do
        run -1 "$patchbay" publish levels good --collection $name --min-version 1
        [[ $output == *"$name"* ]]
        run -1 "$patchbay" fetch "escape://$at/$name" ours
    done
    printf '1\nmylevels 1 Mine\n' >www-collections
    mkdir www
    mv www-collections www/COLLECTIONS
    run -1 "$patchbay" import escape www
    [[ $output == *"the player's own folder"* ]]
    # numbers that wrap in the game
    for number in 2147483648 99999999999999999999; do
        run ! "$patchbay" publish levels good --collection official --min-version $number
        echo "a.esx 1 2 3 4 5 6 7 8 $number" >ratings
        run -1 "$patchbay" publish levels good --collection official --min-version 1 --ratings ratings
        [[ $output == *"line 1: a number above 2147483647"* ]]
    done
    echo "a.esx 1 2 3 4 5 6 7 8 2147483647" >ratings
    "$patchbay" publish levels good --collection official --min-version 2147483647 --ratings ratings
    mkdir -p www/c
    printf 'C\n1\n0\n1\nnote\na.esx %s 1 2 2147483648\n' "$(md5 good/a.esx)" >www/c.txt
    printf '1\nc 1 C\n' >www/COLLECTIONS
    run -1 "$patchbay" import escape www
    [[ $output == *"line 6: a number above"* ]]
    sum=$(: | md5sum | cut -d' ' -f1)
    mkdir -p "www/c/${sum:0:2}"
    : >"www/c/${sum:0:2}/${sum:2}"
    printf 'C\n1\n0\n1\nnote\na.esx %s\n' "$sum" >www/c.txt
    run -1 "$patchbay" import escape www
    [[ $output == *"empty, which keeps the game"* ]]
}

@test "a level that becomes a folder of its name: a warning; the title comes from the index file at the top" {
    "$patchbay" init
    mkdir tree
    printf 'ESXL level' >tree/a
    printf 'ESXL other' >tree/b
    printf 'ESX!\nMy own levels\n\n\n\n\n\n\n' >tree/webindex.esi
    run -0 "$patchbay" publish levels tree --collection own --min-version 1
    [[ $output != *"was a level"* ]]
    rm tree/a
    mkdir tree/a
    printf 'ESXL level' >tree/a/one
    run -0 "$patchbay" publish levels tree --collection own --min-version 1
    [[ $output == *"a: was a level and is a folder now"* ]]
    start_server
    [ "$(curl -sf "http://$at/own.txt" | head -1)" = "My own levels" ]
    [ "$(curl -sf "http://$at/COLLECTIONS" | sed -n 2p)" = "own 1 My own levels" ]
    "$patchbay" publish levels tree --collection own --min-version 1 --title "Said"
    wait_for 10 eval '[ "$(curl -sf "http://$at/own.txt" | head -1)" = Said ]'
}

@test "a player half-way through an upgrade gets the files of the release whose list he was given" {
    "$patchbay" init
    upgrade() { # TREE VERSION
        "$patchbay" publish upgrade "$1" --platform linux --version "$2" --oldest 1 --recommended 1
    }
    for release in one two; do
        mkdir -p $release/data
        for name in escape font.png data/tiles.png gone-$release same; do echo "$name $release" >"$release/$name"; done
        echo same >"$release/same"
    done
    upgrade one 10
    start_server
    # get ADDRESS PATH: as the game asks.
    get() {
        curl -sf -0 --interface "$1" "http://$at/linux/$2"
    }
    get 127.0.0.2 UPGRADE >first.list
    [ "$(get 127.0.0.2 escape)" = "escape one" ]
    upgrade two 20
    wait_for 10 eval 'get 127.0.0.3 UPGRADE | sed -n 4p | grep -qx 20'
    # who began before goes on with it; who begins now, and who never asked, gets the new one
    for name in escape font.png data_tiles.png data/tiles.png; do
        [ "$(get 127.0.0.2 $name)" = "${name/data_/data/} one" ]
        [ "$(get 127.0.0.3 $name)" = "${name/data_/data/} two" ]
        [ "$(get 127.0.0.4 $name)" = "${name/data_/data/} two" ]
    done
    [ "$(get 127.0.0.2 gone-one)" = "gone-one one" ]
    [ "$(get 127.0.0.2 same)" = same ]
    run ! get 127.0.0.3 gone-one
    # once he asks for the list again he has the new release
    get 127.0.0.2 UPGRADE | sed -n 4p | grep -qx 20
    [ "$(get 127.0.0.2 escape)" = "escape two" ]
    # and back, and withdrawn
    "$patchbay" rollback escape/linux 10
    wait_for 10 eval 'get 127.0.0.5 UPGRADE | sed -n 4p | grep -qx 10'
    [ "$(get 127.0.0.2 escape)" = "escape two" ]
    [ "$(get 127.0.0.5 escape)" = "escape one" ]
    "$patchbay" withdraw escape/linux
    wait_for 10 eval '! get 127.0.0.5 UPGRADE'
    [ "$(get 127.0.0.2 font.png)" = "font.png two" ]
    [ "$(get 127.0.0.5 font.png)" = "font.png one" ]
    run ! get 127.0.0.6 font.png
}
