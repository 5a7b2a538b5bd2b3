# What the kernel refuses a server, tried from within it (intruder.c). Judged by the kernel: what /proc says, and what the
# calls return.
load ../helper

publish_a_map() {
    "$patchbay" init
    "$root/../scripts/make-map" 300000 >little.map 2>/dev/null || head -c 300000 /dev/zero >little.map
    "$patchbay" publish map little.map --level 1
}

# intrude [OPTION...]: what an attacker within the server gets done, in `report`.
intrude() {
    rm -f /tmp/patchbay-intruder
    export LD_PRELOAD=$PATCHBAY_BUILD/tests/libintruder.so INTRUDER=$T/report
    start_server "$@"
    unset LD_PRELOAD INTRUDER
    curl -sf "http://$at/maps/little.map" | cmp - little.map
    curl -sf "http://$at/maps/little.map" | cmp - little.map # it serves on
}

landlock() {
    grep -q 'does not confine.*files' serve.log && skip "this kernel has no Landlock"
    return 0
}

@test "no file but the depot's and the log's folder, no connection, no program" {
    publish_a_map
    intrude
    cat report
    grep -q '^fork: Operation not permitted' report
    grep -q '^execute: Operation not permitted' report
    grep -q '^socket: Operation not permitted' report
    grep -q '^trace: Operation not permitted' report
    grep -q 'refused system call' serve.log
    [ "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$server/status")" = 2 ]
    [ "$(awk '$1 == "NoNewPrivs:" { print $2 }' "/proc/$server/status")" = 1 ]
    landlock
    grep -q '^read the catalog: done' report
    grep -q '^read /etc/passwd: Permission denied' report
    grep -q '^list /: Permission denied' report
    grep -q '^write to /tmp: Permission denied' report
    [ ! -e /tmp/patchbay-intruder ]
    stop_server
}

@test "with a community server sockets may be made, for that; files and programs stay out of reach" {
    publish_a_map
    intrude --escape-community http://127.0.0.1:9/
    grep -q '^socket: done' report
    grep -q '^connect: Connection refused' report
    grep -q '^execute: Operation not permitted' report
}

@test "sandbox = no: everything works, and the server says that it is not confined" {
    publish_a_map
    intrude --sandbox no
    rm -f /tmp/patchbay-intruder
    grep -q '^read /etc/passwd: done' report
    grep -q '^socket: done' report
    grep -q 'does not confine files and system calls' serve.log
}

@test "what a server does is allowed: publishes, bans, a new log after SIGHUP, a clean end" {
    publish_a_map
    printf '[server]\nadmin = 0\n' >server.conf
    start_server --config server.conf --admin 0
    "$patchbay" publish map little.map --level 2
    "$patchbay" ban 192.0.2.1 --reason test
    mv access.log access.log.1
    printf '[server]\naddress_rate = 9M\n' >new.conf
    mv new.conf server.conf
    kill -HUP "$server"
    wait_for 10 grep -q 'configuration read again' serve.log
    curl -sf "http://$at/maps/little.map" | cmp - little.map
    wait_for 10 grep -q little.map access.log
    stop_server
    ! grep -q 'refused system call' serve.log || { cat serve.log; false; }
}

@test "root is told, and --user changes who serves, with a port below 1024 and all of root's rights given up" {
    [ "$(id -u)" = 0 ] || skip "only root can change the user"
    publish_a_map
    start_server
    grep -q 'runs as root' serve.log
    stop_server
    run -0 getent passwd nobody
    chmod 755 "$T"
    touch access.log
    chown -R nobody "$T"
    start_server --user nobody --http 127.0.0.1:927
    ! grep -q 'runs as root' serve.log || false
    curl -sf "http://127.0.0.1:927/maps/little.map" | cmp - little.map
    [ "$(stat -c %U "/proc/$server")" = nobody ] || [ "$(awk '$1 == "Uid:" { print $2 }' "/proc/$server/status")" != 0 ]
    [ "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$server/status")" = 0000000000000000 ]
    run "$patchbay" serve --user no-such-user --http 127.0.0.1:0
    [ "$status" != 0 ]
    [[ $output == *no-such-user* ]]
}
