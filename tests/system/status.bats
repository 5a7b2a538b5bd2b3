#!/usr/bin/env bats
# patchbay status: which server it finds, and what its text looks like.

load ../helper

# asked: how many requests for nothing the server had that `patchbay status` finds; tells servers from one another.
asked() {
    "$patchbay" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["dialects"]["none"]["requests"])'
}

# distinct N: N requests for nothing to the server at $at.
distinct() {
    for _ in $(seq "$1"); do
        [ "$(code "http://$at/none")" = 404 ] || return 1
    done
}

rows() {
    sqlite3 depot/state.sqlite 'SELECT count(*) FROM running'
}

need_terminals() {
    python3 -c 'import os, pty; os.ttyname(pty.openpty()[1])' 2>/dev/null || skip "there are no pseudo-terminals here"
}

# start_status: a server that answers with the file status.json; sets $fake.
start_status() {
    : >status.log
    python3 "$root/tests/system/status_server.py" status.json >status.log 3>&- &
    pids+=($!)
    wait_for 20 grep -q '^listening .*:[0-9]\+ *$' status.log
    fake=$(sed -n 's/^listening //p' status.log)
}

# make_status TITLES ADDRESSES: status.json, with long names, large numbers and what would drive a terminal.
make_status() {
    python3 - "$@" >status.json <<'PYTHON'
import json, sys
titles, addresses = int(sys.argv[1]), int(sys.argv[2])
def counts(n):
    return dict.fromkeys(("requests", "sent_bytes", "errors", "downloads_completed", "replies_broken_off", "active_transfers"), n)
status = {"version": "9" * 200, "state": "serving\x1b[31m" + "x" * 200, "cap_state": "none\x1b]0;x\x07",
          "now": 2 ** 60, "start_time_seconds": 5, "titles": titles, "entries": 2 ** 61, "bans": 99999, "today_bytes": 2 ** 59,
          "dialects": {name: counts(2 ** 60) for name in ("escape", "none", "opensauce", "playonline")},
          "by_title": [dict(counts(10 ** 6 * (titles - i)), cap="hard" * 9,
                            title="opensauce/%03d" % i + "ä\x1b[2J" * i * 10 + "t" * 200) for i in range(titles)],
          "busiest": [{"address": "2001:db8:ffff:%04x::/64" % i, "connections": 10 ** 9, "sent_bytes": 10 ** 15 - i,
                       "requests": -1} for i in range(addresses)]}
for key in ("connections", "connections_waiting", "connections_accepted_total", "connections_refused_total", "timeouts_total"):
    status[key] = 99999
print(json.dumps(status))
PYTHON
}

@test "status finds a running server whoever else starts, stops or is killed" {
    "$patchbay" init
    start_operated
    distinct 3
    local first=$server first_admin=$admin
    start_operated
    [ "$(rows)" = 2 ]
    [ "$(asked)" = 0 ] # the newest
    stop_server
    [ "$(asked)" = 3 ]
    start_server # one that answers no operator
    [ "$(asked)" = 3 ]
    stop_server
    [ "$(asked)" = 3 ]
    start_operated
    kill -9 "$server"
    wait "$server" || true
    [ "$(asked)" = 3 ]
    [ "$(rows)" = 2 ]
    start_operated # and takes the killed one's row away
    [ "$(rows)" = 2 ]
    distinct 1
    [ "$(asked)" = 1 ]
    local second=$server second_admin=$admin
    kill -TERM "$first"
    wait "$first"
    [ "$(asked)" = 1 ]
    kill -9 "$second"
    wait "$second" || true
    run -4 "$patchbay" status
    [[ "$output" == *"no answer from a server at $second_admin"* ]]
    [ ${#lines[@]} = 1 ]
}

@test "without a server status says so; one of another depot is not taken for ours" {
    "$patchbay" init
    run -3 "$patchbay" status
    [[ "$output" == *"no server with an admin address"* ]]
    start_operated
    distinct 2
    local ours=$server
    start_operated
    kill -9 "$server"
    wait "$server" || true
    sqlite3 depot/state.sqlite "UPDATE running SET started = started - 5 WHERE admin = '$admin'"
    "$patchbay" init --depot other
    start_server --depot other --admin "$admin"
    [ "$(asked)" = 2 ]
    kill -TERM "$ours"
    wait "$ours"
    run -4 "$patchbay" status
    [[ "$output" == *"no answer from a server at $admin: another program answers there"* ]]
    [ ${#lines[@]} = 1 ]
    stop_server
    run -3 "$patchbay" status --depot other
    [[ "$output" == *"no server with an admin address"* ]]
}

@test "the record of an earlier program is taken over: its bans hold, and its server is found" {
    "$patchbay" init
    start_operated
    distinct 4
    "$patchbay" ban 192.0.2.1
    sqlite3 depot/state.sqlite "DROP TABLE running;
        CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), admin TEXT NOT NULL);
        INSERT INTO server VALUES (1, '$admin')"
    [ "$(asked)" = 4 ]
    run -0 "$patchbay" bans
    [[ "$output" == "192.0.2.1 "* ]]
    [ "$(rows)" = 1 ]
    wait_for 10 metric_is bans 1
}

@test "the busiest addresses: by bytes, with their requests and connections; not among the metrics" {
    "$patchbay" init
    make_map a.map 300000
    "$patchbay" publish map a.map --level 1
    start_operated
    curl -sf --interface 127.0.0.3 "http://$at/maps/a.map" -r 0-9 -o /dev/null
    curl -sf --interface 127.0.0.2 "http://$at/maps/a.map" "http://$at/maps/a.map" -o /dev/null -o /dev/null
    "$patchbay" status --json | python3 -c '
import json, sys
b = json.load(sys.stdin)["busiest"]
assert [(a["address"], a["requests"]) for a in b] == [("127.0.0.2", 2), ("127.0.0.3", 1)], b
assert 600000 < b[0]["sent_bytes"] < 601000 and 10 < b[1]["sent_bytes"] < 1000, b
assert all(0 <= a["connections"] <= 1 for a in b), b'
    run -0 "$patchbay" status
    [[ "$output" == *"busiest addresses "*$'\n'"127.0.0.2  "*" 2 "*"586"*"k"*$'\n'"127.0.0.3 "* ]]
    ! curl -sf "http://$admin/metrics" | grep -q 127.0.0
}

@test "80 columns, whatever the answer has; in a pipe all of it" {
    make_status 60 10
    start_status
    for form in "" --once; do
        # shellcheck disable=SC2086
        "$patchbay" status --admin "$fake" $form >shown
        python3 - <<'PYTHON'
lines = open("shown", encoding="utf-8").read().split("\n")
assert all(len(l) <= 80 for l in lines), max(lines, key=len)
assert all(c == "…" or " " <= c <= "~" for l in lines for c in l), "a control character"
assert sum("opensauce/0" in l for l in lines) == 60 and sum("2001:db8:ffff" in l for l in lines) == 10, lines
cut = [l for l in lines if l.startswith("opensauce/000")][0]
assert cut[29] == "…" and cut[30] == " " and cut.endswith(" hard"), cut
assert "60.0M" in cut and "60000000" in cut, cut
assert any("1.0E" in l for l in lines), lines
PYTHON
    done
    # What is no answer of a server's at all.
    for odd in '[]' '{}' '{"by_title": 3, "busiest": {"a": 1}, "dialects": [1]}' '{"by_title": [1, null], "busiest": ["x"]}'; do
        echo "$odd" >status.json
        run "$patchbay" status --admin "$fake"
        [ "$status" -le 1 ]
    done
}

@test "a terminal of any height: it never scrolls, and is drawn again when its size changes" {
    need_terminals
    make_status 60 10
    start_status
    python3 "$root/tests/system/on_terminal.py" 24 80 2,10,80,1,50,120,1,3,80,1,24,40,1 \
        "$patchbay" status --admin "$fake" >screens
    python3 - <<'PYTHON'
import json
screens = json.load(open("screens"))
sizes = [(24, 80)] * 2 + [(10, 80), (50, 120), (3, 80), (24, 40)]
assert len(screens) == len(sizes), len(screens)
for lines, (rows, columns) in zip(screens, sizes):
    assert lines.pop() == "" and len(lines) < rows, (rows, lines) # the last row has the cursor
    assert all(len(l) <= min(columns, 80) for l in lines), (columns, lines)
    assert lines[0].startswith("patchbay 9"), lines
def count(i, word):
    return sum(word in l for l in screens[i])
for i, titles, addresses in (0, 6, 5), (1, 6, 5), (2, 1, 0), (3, 27, 10), (4, 0, 0):
    assert count(i, "opensauce/0") == titles and count(i, "2001:db8") == addresses, (i, screens[i])
assert all(count(i, "playonline") == 1 and count(i, "bans") == 1 for i in (0, 1, 2, 3)), screens
assert count(0, "and 54 more titles") == 1
PYTHON
}

@test "on a terminal status is renewed until it is interrupted" {
    need_terminals
    "$patchbay" init
    start_operated
    python3 "$root/tests/system/on_terminal.py" 24 80 2 "$patchbay" status >screens
    [ "$(grep -o 'serving for' screens | wc -l)" = 2 ]
    grep -q '0/s' screens # a rate, from the second on
}
