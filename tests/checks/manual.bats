#!/usr/bin/env bats
# The manual says what the program has: every verb and every option, and mandoc finds no fault in it.

load ../helper

@test "mandoc takes the manual without a warning" {
    run -0 mandoc -T lint -W warning "$root/man/patchbay.1"
    [ -z "$output" ]
}

@test "every verb and option of the table is in the manual, and every key in docs/configuration.md" {
    mandoc -T ascii "$root/man/patchbay.1" | sed 's/.\x08//g' >manual
    # A dialect's options are the keys of its section.
    sections=$(sed -n 's/^## \[\([a-z]*\)\]$/\1/p' "$root/docs/configuration.md" | grep -vx server | paste -sd '|')
    "$patchbay" --help | sed -n 's/^  \([a-z]*\( [a-z]\+\)\?\) .*/\1/p' | while read -r verb; do
        grep -q "$verb" manual || { echo "the manual lacks $verb"; exit 1; }
        # shellcheck disable=SC2086
        "$patchbay" $verb --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | while read -r option; do
            if [[ $option =~ ^--($sections)-(.*)$ ]]; then
                grep -q "${BASH_REMATCH[2]}" <(tr _ - <"$root/docs/configuration.md")
            else
                grep -q -- "$option" manual
            fi || { echo "the manual lacks $option of $verb"; exit 1; }
        done
    done
    "$patchbay" --help | sed -n 's/^  \([0-9]  .*\)/\1/p' | tr -s ' ' | while read -r line; do
        tr -s ' \n' ' ' <manual | grep -qF " $line" || { echo "the manual lacks $line"; exit 1; }
    done
    "$patchbay" serve --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | grep -v -x -e check -e config -e depot -e help -e user |
        sed -E "s/^($sections)-//; s/-/_/g" | while read -r key; do
        grep -q "\`$key\`" "$root/docs/configuration.md" || { echo "docs/configuration.md lacks $key"; exit 1; }
    done
}

@test "every option of fetching that one protocol has is in docs/library.md, with its protocol" {
    "$patchbay" fetch --help | sed -n 's/^  --\([a-z-]*\) .* \(opensauce\|escape\|playonline\): .*/\2 \1/p' |
        grep -v password-file >options
    [ "$(wc -l <options)" -ge 6 ]
    while read -r protocol option; do
        grep -q "^| $protocol | \`${option//-/_}\` |" "$root/docs/library.md" || { echo "$protocol $option"; exit 1; }
    done <options
}
