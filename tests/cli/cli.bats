#!/usr/bin/env bats
# The command line: help, exit statuses, words, JSON, and every verb as an operator uses it.

load ../helper

@test "help comes from the table: every verb has it, with every option" {
    run -0 "$patchbay" --help
    verbs=$(sed -n 's/^  \([a-z]*\( [a-z]\+\)\?\) .*/\1/p' <<<"$output")
    [ "$(wc -l <<<"$verbs")" -ge 11 ]
    while read -r verb; do
        # shellcheck disable=SC2086
        run -0 "$patchbay" $verb --help
        [[ $output == "usage: patchbay $verb"* ]]
        [[ $output == *--help* ]]
    done <<<"$verbs"
    run -0 "$patchbay" publish map --help
    [[ $output == *"--password-file FILE"* ]]
    run -0 "$patchbay" serve --help
    [[ $output == *"--opensauce-redirect-root URL"* ]]
    run -0 "$patchbay" --version
    [[ $output =~ ^patchbay\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "wrong usage: exit status 2 and one line on stderr" {
    for call in "" "frobnicate" "list --frob" "history" "publish map" "publish map a b" "list --json --json" \
        "list --json=1" "gc --keep" "gc --keep x" "publish map a --level 10" "publish map a --algorithm rar" "serve --log-format xml" "fetch x" "list -x"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr "$patchbay" $call
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "no depot: exit status 1, and what to do" {
    run -3 "$patchbay" list
    [[ $output == *"patchbay init --depot"* ]]
    run -3 "$patchbay" serve
    [[ $output == *"patchbay init"* ]]
}

@test "the depot: --depot, PATCHBAY_DEPOT, ./depot" {
    unset PATCHBAY_DEPOT
    "$patchbay" init
    [ -f depot/catalog.sqlite ]
    PATCHBAY_DEPOT=second "$patchbay" init
    [ -f second/catalog.sqlite ]
    PATCHBAY_DEPOT=second "$patchbay" init --depot third/deep
    [ -f third/deep/catalog.sqlite ]
    run -1 "$patchbay" init
    [[ $output == *"there is a depot already"* ]]
}

@test "publish map refuses what can't be served, each with its own line" {
    "$patchbay" init
    refused() { # WORDS ARGUMENT...
        local words=$1
        shift
        run -1 "$patchbay" publish map "$@"
        [ "${#lines[@]}" = 1 ]
        [[ $output == *"$words"* ]] || { echo "$output"; return 1; }
    }
    make_map a.exe 5000
    refused "must end in .map or .yelo" a.exe
    : >empty.map
    refused "is empty" empty.map
    truncate -s 4G huge.map
    refused "4 GiB or more" huge.map
    run -3 "$patchbay" publish map missing.map
    [[ $output == *"No such file"* ]]
    mkdir folder.map
    refused "not a regular file" folder.map
    make_map a.map 5000
    : >none
    refused "first line is missing" a.map --password-file none
    echo >none
    refused "the password is empty" a.map --password-file none
    echo 123456789 >long
    refused "the game allows 8" a.map --password-file long
    "$patchbay" publish map a.map --password-file long --long-password
    printf 'p\xc3\xa4ss\n' >umlaut
    refused "not printable ASCII" a.map --password-file umlaut
    echo secret >password
    printf x >tiny.map
    refused "below 256 bytes cannot be encrypted" tiny.map --password-file password
    refused "must begin with http" a.map --redirect-root ftp://x
    refused "host directory ../x" a.map --host-directory ../x
    [ "$("$patchbay" list --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 1 ]
    "$patchbay" fsck
}

@test "a password from standard input; a .yelo; a map without a header is published with a warning" {
    "$patchbay" init
    make_map a.yelo 100000
    run -0 --separate-stderr "$patchbay" publish map a.yelo --password-file - <<<secret
    [ -z "$stderr" ]
    head -c 10000 /dev/zero >b.map
    run -0 --separate-stderr "$patchbay" publish map b.map
    [[ $stderr == *"warning: b.map: no Halo map header"* ]]
    make_map c.map 10000
    run -0 --separate-stderr "$patchbay" publish map c.map
    [ -z "$stderr" ]
}

@test "publishing again stores nothing twice and says so; rollback, history, withdraw" {
    "$patchbay" init
    make_map a.map 300000 1
    "$patchbay" publish map a.map
    before=$(find depot/objects -type f | wc -l)
    run -0 "$patchbay" publish map a.map
    [[ $output == *"unchanged"*"nothing was stored"* ]]
    # The same content in other clothes: the raw map is there already.
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish map a.map
    [ "$(find depot/objects -type f | wc -l)" = $((before + 1)) ]
    make_map a.map 300000 2
    "$patchbay" publish map a.map
    run -0 "$patchbay" history opensauce/a
    [ "${#lines[@]}" = 4 ]
    [[ ${lines[0]} == *" 4 "*live ]]
    run -0 "$patchbay" rollback opensauce/a
    [[ $output == *" 3 "*live ]]
    run -0 "$patchbay" rollback opensauce/a 1
    [[ $output == *" 1 "*live ]]
    run -3 "$patchbay" rollback opensauce/a 9
    [[ $output == *"there is no release 9"* ]]
    "$patchbay" withdraw opensauce/a
    run -0 "$patchbay" list
    [[ $output == "depot: "* ]]
    run -0 "$patchbay" list --json
    [ "$output" = "[]" ]
    run -3 "$patchbay" history opensauce/b
    [[ $output == *"no such title"* ]]
    run -1 "$patchbay" history b
    [[ $output == *"DIALECT/NAME"* ]]
    "$patchbay" rollback opensauce/a
    "$patchbay" fsck
}

@test "fsck names damage, publishing again mends it, gc removes leftovers" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map
    object=$(find depot/objects -type f -size +280k)
    chmod u+w "$object"
    printf x | dd of="$object" bs=1 seek=99 conv=notrunc status=none
    run -5 "$patchbay" fsck
    [[ $output == *"its bytes are not those of its name"*"hurts opensauce/a 1 (live)"* ]]
    run -5 "$patchbay" fsck --json
    python3 -c 'import json,sys; d=json.loads(sys.argv[1]); assert d["problems"]==1, d' "$output"
    "$patchbay" publish map a.map
    "$patchbay" fsck
    rm "$object"
    run -5 "$patchbay" fsck
    [[ $output == *"No such file"* ]]
    "$patchbay" publish map a.map
    echo leftover >depot/tmp/leftover
    run -0 "$patchbay" fsck
    [[ $output == *"1 file for gc"* ]]
    run -0 "$patchbay" gc
    [[ $output == "removed 1 object"* ]]
    "$patchbay" fsck
}

@test "fsck finds a release that could not be served, and rows that are damaged" {
    "$patchbay" init
    make_map a.map 100000
    "$patchbay" publish map a.map
    cp -r depot sound
    sqlite3 depot/catalog.sqlite "UPDATE release SET attributes = '{}'"
    run -5 "$patchbay" fsck
    [[ $output == *"attributes are damaged; hurts opensauce/a 1 (live)"* ]]
    rm -r depot
    mv sound depot
    sqlite3 depot/catalog.sqlite "PRAGMA ignore_check_constraints = 1; UPDATE object SET md5 = x'00' WHERE id = 1"
    run -5 "$patchbay" fsck
    [[ $output == *"the row of an object is damaged; hurts opensauce/a 1 (live)"* ]]
}

@test "--json on every verb that prints facts is JSON" {
    json() {
        run -0 --separate-stderr "$patchbay" "$@" --json
        python3 -c 'import json,sys; json.loads(sys.argv[1])' "$output"
    }
    json init
    make_map a.map 100000
    json publish map a.map
    json publish map a.map
    make_map a.map 100000 2
    json publish map a.map
    json list
    json history opensauce/a
    json rollback opensauce/a
    json gc --keep 0
    json fsck
    start_server
    "$patchbay" fetch "opensauce://$at/a" out
    json list --installed out
    json withdraw opensauce/a
}

@test "installed list, --then, nothing to do, no state where nothing was fetched" {
    "$patchbay" init
    make_map a.map 100000
    "$patchbay" publish map a.map
    start_server
    # shellcheck disable=SC2016
    "$patchbay" fetch "opensauce://$at/a" out --then 'echo "$PATCHBAY_TITLE $PATCHBAY_FILE" >then'
    [ "$(cat then)" = "opensauce/a $(realpath out/a.map)" ]
    crc=$(python3 -c 'import zlib; print("%08x" % zlib.crc32(open("a.map","rb").read()))')
    run -0 "$patchbay" list --installed out
    [[ $output == *"a.map"*"crc32 $crc" ]]
    run -0 "$patchbay" fetch "opensauce://$at/a" out
    [[ $output == *"nothing to do"* ]]
    # what the game needs to come back
    echo secret >pw
    host=${at%:*} port=${at##*:}
    "$patchbay" fetch "opensauce://$at/a" out --password-file pw --then-delay 1 \
        --then 'echo "$PATCHBAY_HOST $PATCHBAY_PORT $PATCHBAY_ADDRESS $PATCHBAY_PASSWORD_FILE" >then; date +%s%N >>then'
    [ "$(head -1 then)" = "$host $port $host:$((port - 1)) $(realpath pw)" ]
    begin=$(date +%s%N)
    "$patchbay" fetch "opensauce://$at/a" out --then-delay 1 --then 'echo "$PATCHBAY_PASSWORD_FILE$(date +%s%N)" >then'
    [ "$(cat then)" -ge $((begin + 1000000000)) ] # and no password file
    run -2 "$patchbay" fetch "opensauce://$at/a" out --then-delay soon
    # an option that the URL's protocol has not got
    run -1 "$patchbay" fetch "opensauce://$at/a" out --no-follow
    [[ $output == *"opensauce has no option no_follow"* ]]
    run -1 "$patchbay" fetch "opensauce://$at/a" out --then 'exit 3'
    [[ $output == *"the command failed"* ]]
    mkdir other
    run -3 "$patchbay" list --installed other
    [ -z "$(ls -A other)" ]
}

@test "standard output that can't be written is an error" {
    "$patchbay" init
    make_map a.map 10000
    "$patchbay" publish map a.map
    run -1 bash -c "'$patchbay' list >/dev/full"
    run -1 bash -c "'$patchbay' list --json >/dev/full"
}

@test "nothing of the progress line in a pipe; on a terminal there is one" {
    "$patchbay" init
    make_map a.map 3000000
    run -0 "$patchbay" publish map a.map
    [[ $output != *%* ]]
    make_map b.map 3000000 2
    [ -c /dev/pts/ptmx ] || skip "no terminals here"
    run -0 script -qec "'$patchbay' publish map b.map" /dev/null
    [[ $output == *"compressing"*%* ]]
}

@test "the configuration file: unknown keys and bad values are errors with their line" {
    "$patchbay" init
    printf '[server]\nhttp = 127.0.0.1:0\nfrob = 1\n' >patchbay.conf
    run -1 "$patchbay" serve --config patchbay.conf
    [[ $output == *"patchbay.conf:3: [server] has no key frob"* ]]
    printf '[server]\nidle_timeout = soon\n' >patchbay.conf
    run -1 "$patchbay" serve --config patchbay.conf
    [[ $output == *"patchbay.conf:2: idle_timeout is a duration"* ]]
    run -2 "$patchbay" serve --http nonsense
    [[ $output == *"--http: nonsense is not ADDRESS:PORT"* ]]
    run -3 "$patchbay" serve --config missing.conf
    [[ $output == *"missing.conf"* ]]
}

@test "fsck finds names that are none, and an older release that could not be served" {
    "$patchbay" init
    make_map a.map 100000
    "$patchbay" publish map a.map
    make_map a.map 100000 2
    "$patchbay" publish map a.map
    run -0 "$patchbay" fsck
    cp -r depot sound
    sqlite3 depot/catalog.sqlite "UPDATE release SET attributes = '{}' WHERE id = 1"
    run -5 "$patchbay" fsck
    [[ $output == *"attributes are damaged; hurts opensauce/a 1"$'\n'* ]]
    rm -r depot
    cp -r sound depot
    sqlite3 depot/catalog.sqlite "UPDATE entry SET name = '' WHERE release = 1 AND position = 0"
    run -5 "$patchbay" fsck
    [[ $output == *"an entry of release 1 has no valid name"* ]]
    rm -r depot
    mv sound depot
    sqlite3 depot/catalog.sqlite "INSERT INTO object (sha256, md5, size) VALUES (zeroblob(32), zeroblob(16), 1)"
    run -5 "$patchbay" fsck
    [[ $output == *"1 file for gc"* ]]
    "$patchbay" gc
    run -0 "$patchbay" fsck
}
