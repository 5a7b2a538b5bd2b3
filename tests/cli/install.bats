#!/usr/bin/env bats
# What 'make install' puts down is enough to build against and to run.

load ../helper

@test "installed: program, library, headers, pkg-config file, manual; an example builds with them alone" {
    DESTDIR=$T/root meson install -C "$PATCHBAY_BUILD" --no-rebuild --quiet
    pc=$(find root -name patchbay.pc)
    prefix=$T/root$(sed -n 's/^prefix=//p' "$pc")
    [ -x "$prefix/bin/patchbay" ]
    [ -f "$prefix/share/man/man1/patchbay.1" ]
    export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$T/root
    # shellcheck disable=SC2046
    cc "$root/examples/embed_client.c" -o client $(pkg-config --cflags --libs patchbay)
    export LD_LIBRARY_PATH
    LD_LIBRARY_PATH=$(dirname "$(find root -name 'libpatchbay.so.0')")
    run -2 ./client
    [[ $output == "usage: embed_client"* ]]
    # Only the public functions are to be seen.
    run -0 nm -D --defined-only "$LD_LIBRARY_PATH/libpatchbay.so.0"
    [ -z "$(grep -v ' pb_' <<<"$output" | grep ' T ')" ]
    # As C++, with the library inside: each command of docs/library.md.
    # shellcheck disable=SC2046
    c++ -xc++ -std=c++17 "$root/examples/game_loop.c" -o loop -xnone $(pkg-config --cflags patchbay) \
        "-L$T/root$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir patchbay)" -l:libpatchbay.a \
        $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs $(pkg-config --print-requires-private patchbay | cut -d' ' -f1)) -pthread
    unset LD_LIBRARY_PATH
    run -2 ./loop
    [[ $output == "usage: game_loop"* ]]
    run -1 ./loop nonsense://x/y out
    [[ $output == *"not a protocol"* ]]
    [ "$(pkg-config --modversion patchbay)" = "$("$prefix/bin/patchbay" --version | cut -d' ' -f2)" ]
}

# install_all: into root; sets $prefix and $sysconfdir.
install_all() {
    DESTDIR=$T/root meson install -C "$PATCHBAY_BUILD" --no-rebuild --quiet
    prefix=$(sed -n 's/^prefix=//p' "$(find root -name patchbay.pc)")
    [ -n "$(find root -name patchbay.service)" ] || skip "built without systemd"
    sysconfdir=$(sed -n 's|^ExecStart=.* --config \(.*\)/patchbay/patchbay.conf$|\1|p' "$(find root -name patchbay.service)")
}

@test "installed: units that name the installed program and configuration, the user, rotation of the log" {
    install_all
    unit=$(find root -path '*/lib/systemd/system/patchbay.service')
    [ -x "root$(sed -n 's/^ExecStart=\([^ ]*\) serve .*/\1/p' "$unit")" ]
    grep -q "exec $prefix/bin/patchbay init" "$unit"
    [ -f "${unit%.service}.socket" ] && [ -f "${unit%.service}-polp.socket" ]
    ! grep -r @ "$(dirname "$unit")"
    [ -f "root$sysconfdir/patchbay/patchbay.conf" ]
    [ -f "root$sysconfdir/logrotate.d/patchbay" ]
    user=$(sed -n 's/^User=//p' "$unit")
    grep -q "^u $user " "root$prefix/lib/sysusers.d/patchbay.conf"
}

@test "installing again leaves the operator's configuration as it is" {
    install_all
    echo "; mine" >"root$sysconfdir/patchbay/patchbay.conf"
    install_all
    [ "$(cat "root$sysconfdir/patchbay/patchbay.conf")" = "; mine" ]
}
