#!/usr/bin/env bats
# Our client and a network that is broken in one way at a time: netfaults.py. All of it, at every byte of heads: make netfaults.

load ../helper

@test "cut, reset, wrong, repeated, lost, late and stalled bytes, and answers that are others: right or in words, in bounded time" {
    python3 "$root/tests/interop/netfaults.py" "$patchbay" short
}
