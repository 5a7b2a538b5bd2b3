#!/usr/bin/env bats
# What a depot and its titles cost: list, gc --dry-run, status and metrics; and what the process costs.

load ../helper

# Objects that are in use of several titles and releases, in a depot of every seed.
@test "sizes: own, shared, old and unused are what sets say; and gc --dry-run changes nothing" {
    local seed
    for seed in 1 2 3; do
        "$patchbay" init --depot "depot$seed"
        python3 "$root/tests/system/costs.py" make "depot$seed" "$seed"
        python3 "$root/tests/system/costs.py" check "depot$seed" "$patchbay"
    done
}

@test "gc --dry-run says what gc then does" {
    "$patchbay" init
    local seed
    for seed in 1 2 3; do
        make_map a.map 100000 "$seed"
        "$patchbay" publish map a.map --level 1
    done
    echo leftover >depot/tmp/leftover
    sqlite3 depot/catalog.sqlite "UPDATE release SET retired = 1 WHERE retired IS NOT NULL"
    tree_print depot/objects >before
    run -0 "$patchbay" gc --keep 1 --dry-run
    [[ $output == "would remove 3 objects ("*"), forget 1 releases" ]]
    local would=${output#would }
    cmp before <(tree_print depot/objects)
    [ -e depot/tmp/leftover ]
    [ "$("$patchbay" history opensauce/a | wc -l)" = 3 ]
    local old
    old=$("$patchbay" list | sed -n 's/^2 old releases: \(.*\) alone.*/\1/p')
    run -0 "$patchbay" gc --keep 1
    [ "$output" = "$(sed 's/remove/removed/; s/forget/forgot/' <<<"$would")" ]
    # What list says of old releases is what --keep 0 frees.
    run -0 "$patchbay" gc --keep 0 --dry-run --json
    local half
    half=$("$patchbay" list --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["old_bytes"])')
    [[ $output == *"\"bytes\": $half"* ]]
    [ -n "$old" ]
    # It waits for publishing as gc does, or does not.
    exec 9>>depot/lock
    flock -s 9
    run -9 "$patchbay" gc --dry-run --no-wait
    exec 9>&-
}

@test "list has at most 80 columns" {
    "$patchbay" init
    make_map a.map 100000
    "$patchbay" publish map a.map --level 1
    run -0 "$patchbay" list
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
    [[ ${lines[0]} == "title "*"own shared    old" ]]
    [[ ${lines[1]} =~ ^opensauce/a\ +1\  ]]
    [[ ${lines[2]} == "depot: "*" in 2 objects; "*" free on its disk" ]]
}

@test "status and metrics: the depot, its titles, the process; renewed when the catalog changes, with the sandbox on" {
    "$patchbay" init
    make_map a.map 100000
    "$patchbay" publish map a.map --level 1
    start_operated
    local stored
    stored=$(find depot/objects -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
    metric_is 'depot_object_bytes{needed="live"}' "$stored"
    metric_is 'title_own_bytes{title="opensauce/a"}' "$stored"
    metric_is 'build_info{version="0.1.0"}' 1
    [ "$(metric depot_free_bytes)" -gt 0 ]
    "$patchbay" status --once | grep -q '^depot .* in 2 objects, .* free; old releases 0, unused 0$'
    make_map a.map 100000 2
    "$patchbay" publish map a.map --level 1
    wait_for 10 metric_is depot_objects 4
    metric_is 'depot_object_bytes{needed="old"}' "$stored"
    metric_is 'title_old_bytes{title="opensauce/a"}' "$stored"
    "$patchbay" status --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["depot"]["old_bytes"] == int(sys.argv[1]) == s["by_title"][0]["old_bytes"], s
assert s["depot"]["objects"] == 4 and s["depot"]["old_releases"] == 1' "$stored"
    # What the kernel says of it, in another way.
    curl -sf "http://$admin/metrics" >metrics
    python3 - "$server" <<'PYTHON'
import os, sys, time
values = dict(line.rsplit(" ", 1) for line in open("metrics") if line.startswith("process_"))
got = {k: float(v) for k, v in values.items()}
page = os.sysconf("SC_PAGESIZE")
status = dict(line.split(":", 1) for line in open(f"/proc/{sys.argv[1]}/status"))
assert 0.5 < got["process_resident_memory_bytes"] / (int(status["VmRSS"].split()[0]) * 1024) < 2, got
assert 0.5 < got["process_virtual_memory_bytes"] / (int(status["VmSize"].split()[0]) * 1024) < 2, got
limit = next(line for line in open(f"/proc/{sys.argv[1]}/limits") if line.startswith("Max open files"))
assert got["process_max_fds"] == int(limit.split()[3]), (got, limit)
assert abs(got["process_open_fds"] - len(os.listdir(f"/proc/{sys.argv[1]}/fd"))) <= 3, got
assert 0 < got["process_cpu_seconds_total"] < 60, got
assert abs(got["process_start_time_seconds"] - os.stat(f"/proc/{sys.argv[1]}").st_ctime) < 60, got
PYTHON
    ! grep -q refused serve.log
    stop_server
}
