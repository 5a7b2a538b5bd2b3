# For all bats files: the program, a folder of its own for each test, servers that are ended by their ids.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
patchbay=$PATCHBAY_BUILD/patchbay
bats_require_minimum_version 1.5.0

setup() {
    T=$(mktemp -d "${TMPDIR:-/tmp}/patchbay-test.XXXXXX")
    cd "$T" || return 1
    pids=()
    export PATCHBAY_DEPOT=$T/depot
    # A proxy of whoever runs the tests has no part in them.
    unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
}

teardown() {
    for pid in "${pids[@]}"; do
        kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    cd /
    rm -rf "$T"
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails when it does not in that time.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || { echo "never came true: $*" >&2; return 1; }
        sleep 0.02
    done
}

# start_server [OPTION...]: sets $server (its id), $at (ADDRESS:PORT) and $url; its words are in serve.log.
start_server() {
    : >serve.log
    "$patchbay" serve --http 127.0.0.1:0 --access-log access.log "$@" 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    at=$(sed -n 's|.*http://\(.*\)/$|\1|p' serve.log | head -1)
    url=http://$at/map_download
}

# stop_server: as an operator does; its exit status is the function's.
stop_server() {
    kill -TERM "$server"
    wait "$server"
}

# start_operated OPTION...: a server with an admin address; sets $admin.
start_operated() {
    start_server --admin 0 "$@"
    admin=$(sed -n 's|.*for the operator: http://\([^/]*\)/.*|\1|p' serve.log)
}

# metric NAME{LABELS}: its value now.
metric() {
    curl -sf "http://$admin/metrics" | awk -v name="patchbay_$1" '$1 == name { print $2 }'
}

metric_is() {
    [ "$(metric "$1")" = "$2" ]
}

code() { # URL [CURL OPTION...]: the status of a GET
    curl -s -o /dev/null -w '%{http_code}' "$@"
}

code_is() {
    [ "$(code "${@:2}")" = "$1" ]
}

# start_foreign ARGUMENT...: a server that is not ours; sets $foreign, $foreign_at.
start_foreign() {
    : >foreign.log # or the one before may be read
    python3 "$root/tests/interop/foreign_server.py" "$@" >foreign.log 2>foreign.err 3>&- &
    foreign=$!
    pids+=("$foreign")
    wait_for 20 grep -q '^listening .*:[0-9]\+ *$' foreign.log
    foreign_at=$(sed -n 's/^listening //p' foreign.log | head -1)
}

# A folder as a foreign host has it, made from a map that we published: foreign/NAME.xml, foreign/NAME/PART.
make_foreign() { # NAME SIZE [PUBLISH OPTION...]
    local name=$1 size=$2
    shift 2
    mkdir -p foreign/"$name"
    make_map "$name.map" "$size"
    [ -e depot ] || "$patchbay" init
    "$patchbay" publish map "$name.map" --level 1 "$@"
    start_server
    curl -sf "$url?map=$name" >"foreign/$name.xml"
    local part
    for part in $(xmllint --xpath '//part/@name' "foreign/$name.xml" | sed 's/.*name="\(.*\)"/\1/'); do
        curl -sf "$url?map=$name&part=$part" -o "foreign/$name/$part"
    done
    stop_server
}

make_map() { # FILE SIZE [SEED]
    "$root/scripts/make-map" "$@"
}

md5() {
    md5sum "$1" | cut -d' ' -f1
}

# part_name MAP [N]: the name of a part (the first, unless N is given) as the server of $url defines it now.
part_name() {
    curl -sf "$url?map=$1" | sed -n 's/.*<part name="\([^"]*\)".*/\1/p' | sed -n "${2:-1}p"
}

make_levels() { # TREE LEVELS FOLDERS SEED, or --change TREE SEED MOVED REMOVED CHANGED ADDED
    "$root/scripts/make-levels" "$@"
}

# tree_print DIR: everything below it but patchbay's own state, with modes, link targets and MD5s, in one order.
tree_print() {
    (cd "$1" && find . -path ./.patchbay -prune -o -printf '%p %y %m %l\n' | LC_ALL=C sort &&
        find . -path ./.patchbay -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r md5sum)
}

# static_server DIR: a server of plain files that is not ours and speaks HTTP/1.0; sets $static, $static_at.
static_server() {
    : >static.log
    python3 -u -m http.server --bind 127.0.0.1 --directory "$1" 0 >static.log 2>&1 3>&- &
    static=$!
    pids+=("$static")
    wait_for 20 grep -q 'Serving HTTP' static.log
    static_at=127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' static.log | head -1)
}

# faulty DO AT COMMAND...: runs the program with the fault.
faulty() {
    local what=$1 at=$2
    shift 2
    LD_PRELOAD=$PATCHBAY_BUILD/tests/libfaulty.so FAULT_UNDER=$T/watched FAULT_DO=$what FAULT_AT=$at \
        FAULT_COUNT=$T/count "$@" >faulty.out 2>&1 3>&-
}
