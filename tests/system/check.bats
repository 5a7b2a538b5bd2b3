#!/usr/bin/env bats
# serve --check: all that is wrong, told at once, and nothing opened, made or listened on.

load ../helper

@test "a right configuration: it says so, makes no file, and asks no server that runs to go" {
    "$patchbay" init
    start_server
    printf '[server]\nhttp = %s\naccess_log = %s/new.log\nsend_timeout = 1m\n' "$at" "$T" >conf
    run -0 --separate-stderr "$patchbay" serve --config conf --check
    [ "$output" = "the configuration is right" ]
    [ -z "$stderr" ]
    [ ! -e new.log ]
    [ "$(code "http://$at/map_download?map=none")" = 404 ]
}

@test "everything that is wrong, each with its line, in one go" {
    "$patchbay" init
    cat >conf <<'CONF'
[sever]
http = 127.0.0.1:0
[server
[server]
htpp = 127.0.0.1:0
http = nowhere:80
idle_timeout = 1.5h
deny = 1.2.3
rate = fast
soft_cap = 2G
hard_cap = 1G
sandbox = maybe
admin = 0.0.0.0:0
just words
access_log = /nowhere/access.log
admin_token_file = /nowhere/token
[opensauce]
enabled = maybe
master = none
CONF
    run -1 --separate-stderr "$patchbay" serve --config conf --check --threads 0
    [ -z "$output" ]
    local line
    # shellcheck disable=SC2154
    for line in "conf:1: there is no section [sever]; did you mean server?" \
        "conf:3: a section is written in two brackets, [server], not [server" \
        "conf:5: [server] has no key htpp; did you mean http?" "conf:6: nowhere:80 is not ADDRESS:PORT" \
        "conf:7: idle_timeout is a duration from 1s to 1d" "conf:8: 1.2.3 is not an address" "conf:9: rate is bytes" \
        "conf:10: the soft cap is above the hard cap" "conf:12: sandbox is yes or no" "conf:14: neither [section] nor" \
        "/nowhere/access.log: No such file" "conf:16: token: " "conf:18: enabled is yes or no" "conf:19: master is" \
        "--threads: threads is a number" "other machines reach 0.0.0.0:0"; do
        [[ $stderr == *"$line"* ]] || { echo "missing: $line in $stderr"; false; }
    done
    # shellcheck disable=SC2154
    [ "${#stderr_lines[@]}" = 16 ]
    # The same without --check is the first of these.
    run -1 "$patchbay" serve --config conf
    [[ $output == "patchbay: conf:1: "* && ${#lines[@]} = 1 ]]
}

@test "titles of rates and caps that are not there: a warning, at the start and at a reload, too" {
    "$patchbay" init
    make_map immure.map 100000
    "$patchbay" publish map immure.map --level 1
    printf '[server]\ntitle_rate = opensauce/imure 5M\ntitle_rate = 6M\ntitle_hard_cap = opensauce/immure 1G\n' >conf
    local warning="conf:2: title_rate: opensauce/imure: no such title in the depot; did you mean opensauce/immure?"
    run -0 "$patchbay" serve --config conf --check
    [[ $output == *"$warning"*"the configuration is right" ]]
    start_server --config conf
    grep -qF "$warning" serve.log
    printf '[server]\ntitle_soft_cap = opensauce/other 5M\n' >conf
    kill -HUP "$server"
    wait_for 10 grep -qF "conf:2: title_soft_cap: opensauce/other: no such title in the depot" serve.log
    stop_server
}

@test "a reload checks the same, and an error leaves the old configuration in force" {
    "$patchbay" init
    printf '[server]\nsoft_cap = 1G\n' >conf
    start_server --config conf
    printf '[server]\nsoft_cap = 2G\nhard_cap = 1G\n' >conf
    kill -HUP "$server"
    wait_for 10 grep -qF "the old configuration stays: conf:2: the soft cap is above the hard cap" serve.log
    printf '[server]\nsandbox = maybe\n' >conf
    kill -HUP "$server"
    wait_for 10 grep -qF "conf:2: sandbox is yes or no, not maybe" serve.log
    stop_server
}

@test "durations on the command line: one way to write them" {
    "$patchbay" init
    local bad
    for bad in 0 -1 +5m 1.5h 1h30m 5y 99999999999999999999d; do
        run -2 "$patchbay" ban 192.0.2.7 --for "$bad"
        [[ $output == *"--for is a duration from 1s to "*"such as 30s, 5m, 1h or 7d, not $bad" ]]
    done
    run -0 "$patchbay" ban 192.0.2.7 --for 2m --json
    python3 -c 'import json,sys,time; assert 60 < json.loads(sys.argv[1])["expires"] - time.time() <= 120' "$output"
    run -2 "$patchbay" fetch escape://127.0.0.1:9/a out --timeout 2h
    [[ $output == *"--timeout is a duration from 1s to 1h"* ]]
    run -2 "$patchbay" fetch escape://127.0.0.1:9/a out --then-delay 1.0
    [[ $output == *"--then-delay is a duration from 0s to 1h"* ]]
    run -2 "$patchbay" fetch escape://127.0.0.1:9/a out --limit-rate 10
    [[ $output == *"--limit-rate is a number of bytes from 1k to 4194304T"* ]]
}

@test "no depot, a log's folder that can't be written, a damaged title" {
    run -1 "$patchbay" serve --check
    [[ $output == *"no depot here"* ]]
    "$patchbay" init
    mkdir log
    run -0 "$patchbay" serve --check --access-log log/new.log
    [ -z "$(ls log)" ]
    run -1 "$patchbay" serve --check --access-log log
    [[ $output == *"access log log: Is a directory"* ]]
    make_levels tree 5 1 1
    "$patchbay" publish levels tree --collection few --min-version 1
    python3 - <<'PYTHON'
import sqlite3
with sqlite3.connect("depot/catalog.sqlite") as db:
    db.execute("update release set attributes = '{'")
PYTHON
    run -0 "$patchbay" serve --check
    [[ $output == *"escape/few is not served: "* ]]
}

@test "words that are nearly right: verbs, options, titles; and silence where nothing is near" {
    "$patchbay" init
    make_map immure.map 1000
    "$patchbay" publish map immure.map --level 1
    run -2 "$patchbay" lsit
    [[ $output == *"no such verb: lsit; did you mean list?"* ]]
    run -2 "$patchbay" publish mpa
    [[ $output == *"did you mean publish map?"* ]]
    run -2 "$patchbay" pulbish map
    [[ $output == *"did you mean publish map?"* ]]
    run -2 "$patchbay" list --jsno
    [[ $output == *"no such option: --jsno; did you mean --json?"* ]]
    run -2 "$patchbay" frobnicate
    [[ $output != *"did you mean"* ]]
    # What a server has is asked for once it does not have what is wanted.
    make_levels tree 3 1 1
    "$patchbay" publish levels tree --collection official --min-version 1
    start_server
    run -3 "$patchbay" fetch "escape://$at/oficial" out
    [[ $output == *"(404); did you mean official?"* ]]
    run -3 "$patchbay" fetch "escape://$at/nothing" out
    [[ $output != *"did you mean"* ]]
    run -3 "$patchbay" fetch "escape://$at/" out --subscribe oficial
    [[ $output == *"did you mean official?"* ]]
    run -3 "$patchbay" history opensauce/imure
    [[ $output == *"no such title in the depot; did you mean opensauce/immure?" ]]
    run -1 "$patchbay" withdraw imure
    [[ $output == *"did you mean opensauce/immure?" ]]
    run -3 "$patchbay" rollback opensauce/zzzzzz
    [[ $output != *"did you mean"* ]]
}
