#!/usr/bin/env bats
# Completions, as the shells themselves take them.

load ../helper

setup_shell() {
    "$patchbay" init
    make_map immure.map 1000
    "$patchbay" publish map immure.map --level 1
    mkdir -p tree bin
    echo one >tree/file
    "$patchbay" publish app tree --app 1000 --hardware W2U --version 20030909_1
    "$patchbay" withdraw opensauce/immure
    ln -s "$patchbay" bin/patchbay
    PATH=$T/bin:$PATH
}

# bash_completes LINE WORD...: just these.
bash_completes() {
    local line=$1
    shift
    local got want
    got=$(bash --norc -c '. "$1" && . <(patchbay completion bash) && complete_line "$2"' - "$root/tests/cli/completion.bash" \
        "$line" | sort)
    want=$(printf '%s\n' "$@" | sort)
    [ "$got" = "$want" ] || { echo "$line: got $got, not $want" >&2; return 1; }
}

@test "bash: verbs, options, choices, files, folders, titles" {
    setup_shell
    patchbay completion bash >script
    bash -n script
    bash_completes "patchbay pub" publish
    bash_completes "patchbay publish " map upgrade levels app
    bash_completes "patchbay unb" unban
    bash_completes "patchbay ban" ban bans
    bash_completes "patchbay gc --k" --keep
    bash_completes "patchbay gc --keep " ''
    bash_completes "patchbay serve --sandbox " yes no
    bash_completes "patchbay serve --sandbox=y" yes
    bash_completes "patchbay serve --access-log im" immure.map
    bash_completes "patchbay serve --access-log of" off
    bash_completes "patchbay publish map im" immure.map
    bash_completes "patchbay publish map immure.map --alg" --algorithm
    bash_completes "patchbay publish map immure.map --algorithm " 7zip zip
    bash_completes "patchbay publish app t" tree
    bash_completes "patchbay import playonline immure.map tr" tree
    bash_completes "patchbay list --depot=d" depot
    bash_completes "patchbay completion " bash zsh fish
    # Titles, withdrawn ones, too; also behind an option with a value; and those that bash parts.
    bash_completes "patchbay rollback o" opensauce/immure
    bash_completes "patchbay history " opensauce/immure playonline/1000@W2U
    bash_completes "patchbay history playonline/1000@" W2U
    bash_completes "patchbay history playonline/1000@W" W2U
    unset PATCHBAY_DEPOT
    mv depot elsewhere
    bash_completes "patchbay withdraw op" ''
    bash_completes "patchbay withdraw --depot elsewhere op" opensauce/immure
    bash_completes "patchbay withdraw --depot=elsewhere op" opensauce/immure
    # Nothing of a depot is run as a command, and no fault is shown.
    sqlite3 elsewhere/catalog.sqlite "UPDATE title SET name = '\$(touch run)' WHERE dialect = 'opensauce'"
    bash_completes "patchbay history --depot=elsewhere op" 'opensauce/$(touch run)'
    [ ! -e run ]
}

@test "bash offers every verb and every option of the help" {
    setup_shell
    local verb
    patchbay --help | sed -n 's/^  \([a-z]*\( [a-z]\+\)\?\) .*/\1/p' >verbs
    [ "$(wc -l <verbs)" -gt 25 ]
    while read -r verb; do
        # shellcheck disable=SC2086,SC2046
        bash_completes "patchbay $verb --" $(patchbay $verb --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
    done < <(shuf -n 6 --random-source=<(yes) verbs; echo serve; echo fetch)
}

@test "fish: verbs, options, choices, titles" {
    command -v fish >/dev/null || skip "no fish here"
    setup_shell
    patchbay completion fish >script
    fish --no-execute script
    fish_completes() {
        local line=$1
        shift
        HOME=$T fish --no-config -c 'source script; complete -C $argv[1]' -- "$line" | cut -f1 | sort >got
        printf '%s\n' "$@" | sort | cmp - got || { echo "$line: $(cat got)" >&2; return 1; }
    }
    fish_completes "patchbay publish " map upgrade levels app
    fish_completes "patchbay ban" ban bans
    fish_completes "patchbay serve --sandbox " yes no
    fish_completes "patchbay gc --dry" --dry-run
    fish_completes "patchbay history o" opensauce/immure
    fish_completes "patchbay withdraw playonline/" playonline/1000@W2U
    fish_completes "patchbay publish map --algorithm=" --algorithm=7zip --algorithm=zip
}

@test "zsh: verbs, options, choices, titles" {
    command -v zsh >/dev/null || skip "no zsh here"
    setup_shell
    mkdir functions
    patchbay completion zsh >functions/_patchbay
    zsh -n functions/_patchbay
    python3 "$root/tests/cli/zsh_complete.py" functions <<'LINES'
patchbay pub => publish
patchbay publish u => publish upgrade
patchbay gc --dr => gc --dry-run
patchbay serve --sandbox n => serve --sandbox no
patchbay history ope => history opensauce/immure
patchbay history --depot depot play => playonline/1000@W2U
patchbay publish map imm => publish map immure.map
patchbay completion fi => completion fish
LINES
}
