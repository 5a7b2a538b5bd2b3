#!/usr/bin/env bats
# Escape as its users use it: subscriptions, releases that change under a fetch, dry runs, what belongs to the player.

load ../helper

publish_levels() { # TREE COLLECTION [OPTION...]
    local tree=$1 collection=$2
    shift 2
    "$patchbay" publish levels "$tree" --collection "$collection" --min-version 100 "$@"
}

served() { # PATH TEXT: is the text a line of what the server has there by now?
    wait_for 10 eval "curl -sf 'http://$at/$1' | grep -qx '$2'"
}

@test "subscriptions: what has a folder is fetched, what is unsubscribed is left alone, what is too new is skipped" {
    "$patchbay" init
    make_levels one 10 2 1
    make_levels two 10 2 2
    publish_levels one official --title "Official"
    publish_levels two eula --title "User levels"
    "$patchbay" publish levels two --collection future --min-version 900
    start_server
    [ "$(curl -sf "http://$at/COLLECTIONS")" = "$(printf '3\neula 100 User levels\nfuture 900 future\nofficial 100 Official')" ]
    run -0 "$patchbay" fetch "escape://$at/" game
    [[ $output == *"subscribed to no collection"*"eula (User levels), future (future), official (Official)"* ]]
    run -0 "$patchbay" fetch "escape://$at/" game --subscribe official --subscribe future --installed-version 500
    [[ $output == *"escape/official: 10 files"*"future (future; needs a newer version of the game)"* ]]
    [ ! -e game/eula ]
    run -8 "$patchbay" fetch "escape://$at/future" game --installed-version 500
    [[ $output == *"needs version 900"* ]]
    run -0 "$patchbay" fetch "escape://$at/" game --unsubscribe official --subscribe eula
    [ -e game/official/unsubscribed ]
    echo mine >game/official/group0/mine.esx
    tree_print game/official >before
    run -0 "$patchbay" fetch "escape://$at/" game
    [[ $output == *escape/eula* && $output != *escape/official* ]]
    tree_print game/official | diff before -
    run -1 "$patchbay" fetch "escape://$at/official" game
    [[ $output == *"unsubscribed from official"* ]]
    run -3 "$patchbay" fetch "escape://$at/" game --subscribe ../up
    run -1 "$patchbay" fetch "opensauce://$at/a" game --subscribe a
    # one collection's fault is not the others'
    rm -r game/official game/eula game/future
    mkdir game/eula
    ln -s . game/eula/group0
    run -1 "$patchbay" fetch "escape://$at/" game --subscribe official
    [[ $output == *"escape/official: 10 files"* && $output == *"group0: is a symbolic link"* ]]
    [ "$(find game/official -name '*.esx' | wc -l)" = 10 ]
}

@test "both protocols on one port; lists change with their releases" {
    "$patchbay" init
    make_map a.map 5000
    make_levels one 10 2 1
    "$patchbay" publish map a.map --algorithm zip --level 0
    publish_levels one official
    start_server
    curl -sf "$url?map=a" | grep -q '<part '
    curl -sf "http://$at/maps/a.map" | cmp - a.map
    curl -sf "http://$at/official.txt" | sed -n 4p | grep -qx 10
    for path in /official /official/ /official.txtx /official.txt/ /nothing.txt /nothing/UPGRADE /official/UPGRADE; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$at$path")" = 404 ] || { echo "$path"; return 1; }
    done
    first=$(curl -sf "http://$at/official.txt")
    old=$(sed -n 's/.* \([0-9a-f]\{32\}\)$/\1/p' <<<"$first" | head -1)
    make_levels --change one 1 0 9 0 3
    publish_levels one official
    served official.txt "$(sed -n 4p <<<"$first" | sed s/10/4/)"
    "$patchbay" rollback escape/official
    wait_for 10 eval '[ "$(curl -sf "http://$at/official.txt")" = "$first" ]'
    curl -sf "http://$at/official/${old:0:2}/${old:2}" | md5sum | grep -q "$old"
    "$patchbay" withdraw escape/official
    served COLLECTIONS 0 || wait_for 10 eval '[ "$(curl -s -o /dev/null -w "%{http_code}" "http://$at/COLLECTIONS")" = 404 ]'
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$at/official.txt")" = 404 ]
}

@test "a rollback does not take a name that another title has by now" {
    "$patchbay" init
    mkdir game
    echo 1 >game/file
    upgrade() { "$patchbay" publish upgrade game --oldest 1 --recommended 1 "$@"; }
    upgrade --platform linux --version 1 --alias osx
    upgrade --platform linux --version 2
    upgrade --platform mac --version 1 --alias osx
    run -1 "$patchbay" rollback escape/linux 1
    [[ $output == *"osx: the title mac has this alias"* ]]
    "$patchbay" withdraw escape/mac
    run -0 "$patchbay" rollback escape/linux 1
}

@test "a release that is published while a player fetches the one before: one of the two arrives, whole" {
    "$patchbay" init
    make_levels one 1500 10 1
    cp -a one two
    make_levels --change two 5 100 300 300 100
    publish_levels one official
    start_server
    "$patchbay" fetch "escape://$at/official" game --connections 1 >fetch.out 2>&1 3>&- &
    fetch=$!
    pids+=("$fetch")
    wait_for 20 test -e game/.patchbay/staging/escape%2Fofficial
    publish_levels two official
    wait "$fetch" || { cat fetch.out; return 1; }
    diff -r --exclude=webindex.esi one game/official >/dev/null || diff -r --exclude=webindex.esi two game/official
    served official.txt "$(find two -name '*.esx' | wc -l)"
    "$patchbay" fetch "escape://$at/official" game
    diff -r --exclude=webindex.esi two game/official
}

@test "a dry run tells everything and changes nothing, not even the folder" {
    "$patchbay" init
    make_levels one 20 2 1
    publish_levels one official
    start_server
    run -0 "$patchbay" fetch --dry-run "escape://$at/official" game
    [ ! -e game ]
    [ "$(grep -c '^download ' <<<"$output")" = 20 ]
    "$patchbay" fetch "escape://$at/official" game
    make_levels --change one 5 3 2 1 1
    publish_levels one official
    served official.txt 19
    echo mine >game/official/mine.esx
    tree_print game >before
    run -0 "$patchbay" fetch --dry-run "escape://$at/official" game
    tree_print game | diff before -
    [ "$(grep -c '^move ' <<<"$output")" = 3 ]
    [ "$(grep -c '^attic ' <<<"$output")" = 3 ]
    [[ $output == *"2 to download"*"3 to move"*"3 to set aside"* ]]
    run -0 "$patchbay" fetch --dry-run --json "escape://$at/official" game
    [ "$(grep -c '"event":"file","action":"move"' <<<"$output")" = 3 ]
    [ "$(grep -c '"event":"file","action":"attic"' <<<"$output")" = 3 ]
    [[ ${lines[-1]} == '{"event":"done"'*'"pieces":2,'* ]]
    run -0 "$patchbay" fetch "escape://$at/official" game
    [[ $output == *"3 moved"*"3 set aside"* ]]
}

@test "what is the player's goes to the attic, under names that nothing has" {
    "$patchbay" init
    make_levels one 10 2 1
    publish_levels one official
    start_server
    "$patchbay" fetch "escape://$at/official" game
    level=$(basename "$(find game/official/group0 -name '*.esx' | sort | head -1)")
    for edit in first second third; do
        echo "$edit edit" >"game/official/group0/$level"
        printf 'ESXI' >game/official/group0/index.esi
        printf 'odd' >game/official/group1/$'na me\n\xff.esx'
        run -0 "$patchbay" fetch "escape://$at/official" game
        [[ $output == *"2 set aside"* ]]
    done
    for edit in first second third; do
        grep -rqx "$edit edit" game/attic
    done
    [ "$(find game/attic -type f -printf x | wc -c)" = 6 ]
    [ -e game/official/group0/index.esi ]
    diff -r --exclude=webindex.esi --exclude=index.esi one game/official
    # an attic that is no folder: nothing is touched
    rm -r game/attic
    echo "a file" >game/attic
    echo "fourth edit" >"game/official/group0/$level"
    tree_print game >before
    run -1 "$patchbay" fetch "escape://$at/official" game
    [[ $output == *"attic: must be a folder"* ]]
    tree_print game | diff before -
}

@test "bytes that no fetch put there are the player's, whatever their names" {
    "$patchbay" init
    mkdir -p tree/sub outside
    echo "first" >tree/level.esx
    echo "x" >tree/sub/x.esx
    publish_levels tree official
    start_server
    # the player has the very level of the first release already, and a webindex.esi with words of their own
    mkdir -p game/official/mine game/.patchbay
    cp tree/level.esx game/official/level.esx
    printf 'ESX!\nmy notes\nand more of them\n' >game/official/mine/webindex.esi
    cp game/official/mine/webindex.esi game/official/webindex.esi
    run -0 "$patchbay" fetch "escape://$at/official" game
    [ "$(grep -rl 'and more of them' game/attic | wc -l)" = 2 ]
    echo "second" >tree/level.esx
    publish_levels tree official
    served official.txt "level.esx $(md5 tree/level.esx)"
    run -0 "$patchbay" fetch "escape://$at/official" game
    grep -rqx first game/attic
    # from now on it is known
    echo "third" >tree/level.esx
    publish_levels tree official
    served official.txt "level.esx $(md5 tree/level.esx)"
    run -0 "$patchbay" fetch "escape://$at/official" game
    [[ $output != *"set aside"* ]]
    # a planted link where our records are: nothing is written through it
    rm -r game/.patchbay/records
    ln -s "$T/outside" game/.patchbay/records
    echo "fourth" >tree/level.esx
    publish_levels tree official
    served official.txt "level.esx $(md5 tree/level.esx)"
    run "$patchbay" fetch "escape://$at/official" game
    [ -z "$(ls outside)" ]
}

@test "a program that runs is replaced safely, and started again by --then" {
    "$patchbay" init
    mkdir game
    cp "$(command -v sleep)" game/escape.exe
    "$patchbay" publish upgrade game --platform linux --version 1 --oldest 1 --recommended 1
    start_server
    "$patchbay" fetch "escape://$at/linux/UPGRADE" here
    here/escape.exe 600 3>&- &
    running=$!
    pids+=("$running")
    printf '#!/bin/sh\necho "version 2 runs"\n' >game/escape.exe
    "$patchbay" publish upgrade game --platform linux --version 2 --oldest 1 --recommended 2
    wait_for 10 eval 'curl -sf "http://$at/linux/UPGRADE" | sed -n 4p | grep -qx 2'
    run -0 "$patchbay" fetch "escape://$at/linux/UPGRADE" here --then './here/escape.exe'
    [[ $output == *"recommended"* && $output == *"version 2 runs"* ]]
    kill -0 "$running"
    run -0 "$patchbay" list --installed here
    [[ $output == *"escape/linux"*" 2 "* ]]
}

@test "publishing again stores only what is new; index files, descriptions and ratings" {
    "$patchbay" init
    make_levels tree 300 6 1
    printf 'ESX!\nFrom the index\n\n\n\n\n\n\nlevel000000.esx 1 1 1 1 1 1 1 1 1\nlevel000006.esx 2 2\n' >tree/group0/webindex.esi
    printf 'group1 Described\n' >descriptions
    printf 'group0/level000000.esx 9 9 9 9 9 9 9 9 -9\n%s 7 7 7 7 7 7 7 7 7\n' "$(md5 tree/group1/level000001.esx)" >ratings
    publish_levels tree official --descriptions descriptions --ratings ratings
    run -0 publish_levels tree official --descriptions descriptions --ratings ratings
    [[ $output == *"unchanged"* ]]
    start_server
    curl -sf "http://$at/official.txt" >list
    grep -qx 'group0 From the index' list
    grep -qx 'group1 Described' list
    grep -qx 'group2 group2' list
    grep -q '^group0/level000000.esx .* 9 9 9 9 9 9 9 9 -9$' list
    grep -q '^group0/level000006.esx .* 2 2 0 0 0 0 0 0 0$' list
    grep -q '^group1/level000001.esx .* 7 7 7 7 7 7 7 7 7$' list
    [ "$(sed -n 4p list)" = 300 ]
    echo "one more" >tree/group5/more.esx
    run -0 publish_levels tree official --json
    [ "$(sed -n 's/.*"stored": \([0-9]*\).*/\1/p' <<<"$output")" -lt 40000 ]
    for wrong in "none Text" "group1/none Text"; do
        echo "$wrong" >descriptions
        run -1 publish_levels tree official --descriptions descriptions
        [[ $output == *"line 1: there is no folder"* ]]
    done
    echo "a.esx 1 2 3" >ratings
    run -1 publish_levels tree official --ratings ratings
    [[ $output == *"9 numbers"* ]]
}
