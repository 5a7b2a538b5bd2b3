#!/usr/bin/env bats
# Servers that want our client's memory or its time: hostile.py. All of them: make hostile. As released alone, as a sanitizer takes
# memory of its own.

load ../helper

@test "servers that want memory or time: each fetch ends in words, with at most 256 MiB more than one of next to nothing" {
    python3 "$root/tests/interop/hostile.py" "$patchbay" short endless_trailers endless_body gzip_bomb billion_laughs two_ppmd bcj2_chain \
        zip_bomb_lie deepest_folder upgrade_empty_lines packet_that_drips config_zlib_bomb config_million_files chunk_of_4_gib
}
