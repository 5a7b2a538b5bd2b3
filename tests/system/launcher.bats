#!/usr/bin/env bats
# What a launcher, a script and a player see of a fetch: events, exit statuses, the progress line, Ctrl-C.

load ../helper

# events END ARGUMENT...: runs fetch --json, checks its events and its status, and has them in events.json. END is "done" or
# "error STATUS".
events() {
    local end=$1 expected=0
    shift
    [ "$end" = done ] || expected=${end#error }
    status=0
    "$patchbay" fetch --json "$@" >events.lines 2>events.said || status=$?
    [ "$status" = "$expected" ] || { echo "status $status"; cat events.lines events.said; return 1; }
    # shellcheck disable=SC2086
    python3 "$root/tests/system/events.py" $end <events.lines >events.json || { cat events.lines; return 1; }
}

# of EXPRESSION: a Python expression about the events `e`, such as one of a kind: kind("plan").
of() {
    python3 -c '
import json, sys
e = json.load(open("events.json"))
kind = lambda k: [x for x in e if x["event"] == k]
value = eval(sys.argv[1])
assert value, (value, e)' "$1"
}

# start_hole: sets $hole, an address of this machine that takes no connection: its backlog is full.
start_hole() {
    python3 -u -c '
import socket, threading
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(0)
waiting = []
while len(waiting) < 4:  # until one of them is not answered
    c = socket.socket()
    c.settimeout(0.2)
    waiting.append(c)
    try:
        c.connect(s.getsockname())
    except OSError:
        break
print("127.0.0.1:%d" % s.getsockname()[1])
threading.Event().wait()' >hole 2>&1 3>&- &
    pids+=($!)
    wait_for 20 test -s hole
    hole=$(cat hole)
}

# interrupted SIGNAL WORD ARGUMENT...: fetches, sends the signal once the output has the word, and sees it end soon with the
# status of a cancelled fetch. Whatever it waits for would take a minute and longer.
interrupted() {
    local number=$1 word=$2 pid
    shift 2
    : >out.lines >out.said # or those of the one before may be read
    "$patchbay" fetch "$@" >out.lines 2>out.said 3>&- &
    pid=$!
    pids+=("$pid")
    wait_for 30 grep -q "$word" out.lines out.said
    kill "-$number" "$pid"
    wait_for 5 eval "! kill -0 $pid 2>/dev/null"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 7 ] || { echo "status $status"; cat out.lines out.said; return 1; }
    grep -q cancelled out.said
}

publish_map() {
    [ -e depot ] || "$patchbay" init
    make_map a.map "$1"
    "$patchbay" publish map a.map --level 1
}

@test "--json: events of a fetch, of one with nothing to do, and of a dry run" {
    publish_map 8000000
    start_server
    events done "opensauce://$at/a" out --limit-rate 1M
    of 'e[0] == {"event": "progress", "stage": "checking"}'
    of 'kind("plan")[0]["pieces"] >= 2 and kind("plan")[0]["placed"] == 1 and not kind("plan")[0]["unchanged"]'
    of 'kind("plan")[0]["bytes"] == kind("done")[0]["bytes"] > 2000000'
    of '[p["stage"] for p in kind("progress")] == sorted((p["stage"] for p in kind("progress")),
        key=["checking", "downloading", "unpacking", "installing"].index)'
    of 'len({p["stage"] for p in kind("progress")}) == 4'
    # Ten a second at most, and the first and last of each stage: it takes three seconds at this rate.
    of '5 <= len([p for p in kind("progress") if p["stage"] == "downloading"])'
    of 'any("left" in p and "rate" in p for p in kind("progress"))'
    of 'kind("file") == [{"event": "file", "action": "place", "path": "a.map", "bytes": 8000000}]'
    of "kind('done')[0]['md5'] == '$(md5 a.map)' and kind('done')[0]['downloaded'] == kind('plan')[0]['pieces']"
    [ ! -s events.said ]
    events done "opensauce://$at/a" out
    of 'kind("plan")[0]["unchanged"] and kind("done")[0]["unchanged"] and kind("file")[0]["action"] == "keep"'
    events done "opensauce://$at/a" elsewhere --dry-run
    of '[f["action"] for f in kind("file")] == ["download"] * kind("plan")[0]["pieces"] + ["place"]'
    [ ! -e elsewhere ]
}

@test "--json: a URL of several titles has an event for each, and done has all" {
    "$patchbay" init
    for name in official extra; do
        mkdir "$name"
        make_levels "$name" 20 2 "${#name}"
        "$patchbay" publish levels "$name" --collection "$name" --min-version 1
    done
    start_server
    mkdir -p game/official game/extra
    events done "escape://$at/" game
    of '[t["title"] for t in kind("title")] == [t["title"] for t in kind("done")[0]["titles"]]'
    of '{t["title"] for t in kind("title")} == {"escape/official", "escape/extra"} and kind("done")[0]["others"] == ""'
    of 'len([f for f in kind("file") if f["action"] == "place"]) == 40'
    mkdir none
    events done "escape://$at/" none
    of 'kind("done")[0]["titles"] == [] and "official" in kind("done")[0]["others"]'
}

@test "--json: warnings of a source that failed and of an install that was broken off; names that drive a terminal" {
    publish_map 300000
    start_server
    events done opensauce://127.0.0.1:1/a out --mirror "http://$at/map_download" --retries 0
    of 'len(kind("warning")) == 1 and "127.0.0.1:1" in kind("warning")[0]["text"] and kind("warning")[0]["title"] == "opensauce/a"'
    run -0 "$patchbay" fetch opensauce://127.0.0.1:1/a out --mirror "http://$at/map_download" --retries 0
    [[ $output == *"patchbay: opensauce/a: http://127.0.0.1:1/map_download: "* ]]
    mkdir levels
    make_levels levels 5 1 1
    "$patchbay" publish levels levels --collection official --min-version 1
    wait_for 10 code_is 200 "http://$at/official.txt"
    mkdir -p game/official
    echo mine >game/official/$'na\033[31m me\n\xff.esx'
    events done "escape://$at/official" game
    of '[f["path"] for f in kind("file") if f["action"] == "attic"] == ["official/na?[31m me??.esx"]'
    # Killed with the journal written: the next fetch finishes that, and says so.
    export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
    for at_call in $(seq 100); do
        rm -rf watched
        run -137 faulty kill-after "$at_call" "$patchbay" fetch "opensauce://$at/a" watched
        [ ! -e watched/.patchbay/journal.arrives ] || break
    done
    [ -e watched/.patchbay/journal.arrives ]
    events done "opensauce://$at/a" watched
    of '[w["text"] for w in kind("warning")] == ["an install that was broken off was found, and finished"]'
    of 'kind("done")[0]["unchanged"]'
}

@test "each kind of failure has its exit status, in words and as an event" {
    publish_map 300000
    start_server
    events "error 3" "opensauce://$at/nothing" out
    of 'e[-1]["code"] == "not found" and "404" in e[-1]["text"]'
    [ "$(wc -l <events.said)" = 1 ]
    events "error 4" opensauce://127.0.0.1:1/a out --retries 0
    of 'e[-1]["code"] == "network"'
    events "error 1" "ftp://127.0.0.1/a" out
    of 'e[-1]["code"] == "invalid"'
    events "error 1" "opensauce://$at/a" out --password-file missing
    "$patchbay" fetch "opensauce://$at/a" out
    exec 8>>out/.patchbay/staging/opensauce%2Fa.lock
    flock 8
    events "error 9" "opensauce://$at/a" out
    of 'e[-1]["code"] == "busy"'
    exec 8>&-
    rm -r out
    stop_server
    echo secret >password
    make_map a.map 300000 2
    "$patchbay" publish map a.map --level 1 --password-file password
    start_server --verify no # what is damaged below is to be sent
    events "error 8" "opensauce://$at/a" out
    of 'e[-1]["code"] == "denied"'
    # Damage, where the object in the depot is not what its definition says.
    for object in depot/objects/*/*; do
        [ "$(stat -c %s "$object")" -lt 1000 ] || printf x | dd of="$object" bs=1 seek=99 conv=notrunc status=none
    done
    events "error 5" "opensauce://$at/a" out --password-file password
    of 'e[-1]["code"] == "damaged"'
    run -2 "$patchbay" fetch --json "opensauce://$at/a"
    [[ $output != *event* ]]
    run -0 "$patchbay" --help
    for status in 0 1 2 3 4 5 6 7 8 9; do
        [[ $output == *$'\n'"  $status  "* ]]
    done
}

@test "a launcher that goes away ends the fetch; a full disk for standard output is told" {
    publish_map 3000000
    start_server
    run bash -c "'$patchbay' fetch --json 'opensauce://$at/a' out --limit-rate 100K | head -n 1; exit \${PIPESTATUS[0]}"
    [ "$status" = 1 ]
    [ ! -e out/a.map ]
    run -1 bash -c "'$patchbay' fetch --json 'opensauce://$at/a' out >/dev/full"
    [[ $output == *"standard output: No space left"* ]]
    [ "${#lines[@]}" = 1 ]
}

@test "--then with --json: done comes first, and what the command says is no event" {
    publish_map 100000
    start_server
    events done "opensauce://$at/a" out --then 'echo "of the command"; test "$(tail -n 1 events.lines | cut -c 3-14)" = "event\":\"done"'
    [ "$(cat events.said)" = "of the command" ]
}

@test "Ctrl-C and SIGTERM: connecting to nothing, a server that says nothing, a pause, a slow download" {
    start_hole
    interrupted INT checking --json "opensauce://$hole/a" out --retries 100
    python3 "$root/tests/system/events.py" error 7 <out.lines
    interrupted TERM checking --json "playonline://$hole/1000@W2U" out --retries 100
    python3 "$root/tests/system/events.py" error 7 <out.lines
    mkdir empty
    start_foreign empty status=1000:503:100
    interrupted TERM checking --json "opensauce://$foreign_at/a" out
    make_foreign b 3000000
    start_foreign foreign hang=0
    interrupted INT '"done":[1-9]' --json "opensauce://$foreign_at/b" out
    publish_map 3000000
    start_server
    interrupted INT '"done":[1-9]' --json "opensauce://$at/a" out --limit-rate 1K
    python3 "$root/tests/system/events.py" error 7 <out.lines
    "$patchbay" fetch "opensauce://$at/a" out # and goes on
    cmp a.map out/a.map
}

@test "Ctrl-C and SIGTERM: while it unpacks, in --then-delay, and while another process holds the lock" {
    publish_map 40000000
    start_server
    interrupted INT unpacking --json "opensauce://$at/a" out
    python3 "$root/tests/system/events.py" error 7 <out.lines
    [ ! -e out/a.map ]
    "$patchbay" fetch "opensauce://$at/a" out
    interrupted TERM '"done"' --json "opensauce://$at/a" out --then 'touch then' --then-delay 3600
    [ ! -e then ]
    rm out/a.map
    # The install step waits for a lock that nothing but the end of its holder sets free.
    exec 8>>out/.patchbay/lock
    flock 8
    interrupted INT installing --json "opensauce://$at/a" out
    python3 "$root/tests/system/events.py" error 7 <out.lines
    exec 8>&-
    "$patchbay" fetch "opensauce://$at/a" out
    cmp a.map out/a.map
}

@test "the progress line: four stages, one line of at most 79 columns, an estimate only when there is one; nothing in a pipe" {
    publish_map 8000000
    start_server
    run -0 "$patchbay" fetch "opensauce://$at/a" piped
    [[ $output != *%* && $output != *$'\r'* && $output != *checking* ]]
    [ -c /dev/pts/ptmx ] || skip "no terminals here"
    run -0 script -qec "stty cols 80; '$patchbay' fetch 'opensauce://$at/a' out --limit-rate 1M" /dev/null
    tr '\r' '\n' <<<"$output" | sed 's/\x1b\[K//g' >drawn
    [[ $output == *checking*downloading*unpacking*installing* ]]
    [ "$(awk 'length($0) > 79' drawn | grep -vc 'parts downloaded')" = 0 ]
    [[ $(grep '%' drawn | head -n 1) != *left* ]]
    grep -q 'downloading .* of .*%  .*/s  0:0[0-9] left' drawn
    ! grep -q -- '-[0-9]' <(grep '%' drawn)
    run -0 script -qec "stty cols 40; '$patchbay' fetch 'opensauce://$at/a' narrow" /dev/null
    tr '\r' '\n' <<<"$output" | sed 's/\x1b\[K//g' | grep '%' >drawn
    [ "$(awk 'length($0) > 39' drawn | wc -l)" = 0 ]
}

@test "docs/launchers.md names every event, field and exit status" {
    python3 "$root/tests/system/events.py" --fields | while read -r event field; do
        grep -q "^### \`$event\`" "$root/docs/launchers.md" || { echo "no event $event"; exit 1; }
        grep -q "^| [^|]*\`$field\`.* |" "$root/docs/launchers.md" || { echo "no field $field of $event"; exit 1; }
    done
    "$patchbay" --help | sed -n 's/^  \([0-9]\)  \(.*\)/| \1 | \2 |/p' | while read -r line; do
        grep -qF "$line" "$root/docs/launchers.md" || { echo "no line: $line"; exit 1; }
    done
}
