#!/usr/bin/env bats
# Passwords and keys: gone from memory after use, and in no core dump.

load ../helper

# With this the C library itself overwrites what is freed.
unset MALLOC_PERTURB_

password=Zq7kW9xQmB3vT8nR2pLd

hex_of_both() { # sets $text and $key: the password, and the key that is its MD5, in hexadecimal
    text=$(printf %s "$password" | xxd -p)
    key=$(printf %s "$password" | md5sum | cut -d' ' -f1)
}

@test "secrets: after publishing, serving and fetching with a password, neither it nor its key is in memory" {
    hex_of_both
    make_map secret.map 300000
    run -0 "$PATCHBAY_BUILD/tests/remains" depot secret.map out "$text" "$key"
    echo "$output"
    [[ $output == "found 0 times" ]]
    cmp secret.map out/secret.map
    # The search finds what is there.
    run -3 "$PATCHBAY_BUILD/tests/remains" depot2 secret.map out2 "$text" "$key" keep
}

@test "secrets: the program has no password in memory while the command of --then runs" {
    hex_of_both
    head -c 1 "/proc/$$/mem" 2>&1 | grep -q 'Permission' && skip "another process's memory can't be read here"
    make_map secret.map 300000
    printf '%s\n' "$password" >pass
    "$patchbay" init
    "$patchbay" publish map secret.map --level 1 --password-file pass --long-password
    start_server
    cat >look.py <<'END'
import re, sys
pid, wanted = sys.argv[1], [bytes.fromhex(h) for h in sys.argv[2:]]
found = searched = 0
with open("/proc/%s/maps" % pid) as maps, open("/proc/%s/mem" % pid, "rb", 0) as memory:
    for line in maps:
        start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if rights.startswith("rw"):
            memory.seek(int(start, 16))
            data = memory.read(int(end, 16) - int(start, 16))
            searched += len(data)
            found += sum(data.count(w) for w in wanted)
print("searched" if searched > 100000 else "nothing read", found)
END
    run -0 "$patchbay" fetch "opensauce://$at/secret" out --password-file pass \
        --then "python3 look.py \$PPID $text $key >looked 2>&1"
    grep -qx 'searched 0' looked
    # What this search finds: the same folder's name, which the program has on its command line.
    run -0 "$patchbay" fetch "opensauce://$at/secret" out --password-file pass \
        --then "python3 look.py \$PPID $(printf %s "$at" | xxd -p) >looked 2>&1"
    ! grep -qx 'searched 0' looked
    # And the server, after a player has sent it.
    curl -sf "http://$at/maps/secret.map?password=$password" | cmp - secret.map
    python3 look.py "$server" "$text" "$key" | grep -qx 'searched 0'
}

@test "secrets: a server is not dumped, and neither is a fetch that has a password" {
    # What may be dumped belongs to its user, in /proc; what may not belongs to root.
    user=$(id -u)
    as=()
    if [ "$user" = 0 ]; then
        user=65534
        as=(setpriv --reuid "$user" --regid "$user" --clear-groups)
        chmod 755 "$T"
        "${as[@]}" test -x "$patchbay" || skip "the program can't be run as another user here"
    fi
    mkdir own
    chmod 777 own
    "${as[@]}" "$patchbay" init --depot own/depot
    "${as[@]}" "$patchbay" serve --depot own/depot --http 127.0.0.1:0 2>serve.log 3>&- &
    server=$!
    pids+=("$server")
    wait_for 20 grep -q 'http://' serve.log
    [ "$(stat -c %u "/proc/$server/maps")" = 0 ]
    # The same user's other programs are dumped: a fetch without a password, which waits for a silent server.
    python3 -u -c 'import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
held = []
while True:
    held.append(s.accept())' >port 3>&- &
    pids+=("$!")
    wait_for 20 test -s port
    printf '%s\n' "$password" >pass
    "${as[@]}" "$patchbay" fetch "opensauce://127.0.0.1:$(cat port)/x" own/a >a.log 2>&1 3>&- &
    plain=$!
    "${as[@]}" "$patchbay" fetch "opensauce://127.0.0.1:$(cat port)/x" own/b --password-file pass >b.log 2>&1 3>&- &
    secret=$!
    pids+=("$plain" "$secret")
    owner_is() { [ "$(stat -c %u "/proc/$1/maps")" = "$2" ]; }
    wait_for 20 owner_is "$plain" "$user"
    wait_for 20 owner_is "$secret" 0
}
