#!/usr/bin/env bats
# Our client and a network that is broken in one way at a time: netfaults.py. All of it, at every byte of heads: make netfaults.

load ../helper

@test "cut, reset, wrong, repeated, lost, late and stalled bytes, and answers that are others: right or in words, in bounded time" {
    python3 "$root/tests/interop/netfaults.py" "$patchbay" short
}

@test "servers that want memory or time: each fetch ends in words, with at most 256 MiB more than one of next to nothing" {
    python3 "$root/tests/interop/hostile.py" "$patchbay" short endless_trailers endless_body gzip_bomb billion_laughs two_ppmd bcj2_chain \
        zip_bomb_lie deepest_folder upgrade_empty_lines packet_that_drips config_zlib_bomb config_million_files chunk_of_4_gib
}
