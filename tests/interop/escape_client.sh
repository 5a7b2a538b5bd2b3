#!/usr/bin/env bash
# A client for the "Escape" update protocol that judges patchbay's client and server independently: it was written
# from the protocol's description alone (spec/escape.md, seeds/escape-protocol.txt) and shares no code with either.
# Usage: at the end. Exit: 0 done, 1 anything wrong, 2 usage, 3 refused because of a version. The variable
# ESCAPE_VERSION sets what it claims to be. It works in DIR, and stages what it gets in DIR/.escape-client.NAME.
# shellcheck disable=SC2016
set -euo pipefail
export LC_ALL=C
shopt -s globstar dotglob nullglob
version=${ESCAPE_VERSION:-200404150} stage='' queue=()
declare -A sums=() want=() # MD5 by absolute file name: what is there, what shall be there
trap '[[ ! $stage ]] || rm -rf -- "$stage"' EXIT

die() { printf 'escape_client: %s\n' "$1" >&2; exit "${2:-1}"; }
exists() { [[ -e $1 || -L $1 ]]; }

# batched ARRAY COMMAND...: run COMMAND with the array's elements appended, a thousand at a time.
batched() {
    local i; local -n batch=$1
    for ((i = 0; i < ${#batch[@]}; i += 1000)); do "${@:2}" "${batch[@]:i:1000}" || return; done
}

# checksum ARRAY: fill in sums for these files.  verify ARRAY: they must be as wanted.
checksum() {
    local line
    while IFS= read -r -d '' line; do sums[${line:34}]=${line%% *}; done < <(batched "$1" md5sum -z --)
    wait $! || die "cannot read every file"
}
verify() {
    local f; local -n names_=$1
    checksum "$1"
    for f in "${names_[@]}"; do [[ ${sums[$f]-} == "${want[$f]}" ]] || die "wrong MD5, not ${want[$f]}: $f"; done
}

# enter DIR NAME: $dir becomes DIR's absolute name, $stage an empty folder in it (on its file system, to rename from).
enter() {
    [[ $2 =~ ^[A-Za-z0-9_-]+$ && $2 != attic ]] || die "not a plain name: '$2'"
    mkdir -p -- "$1"
    dir=$(cd -- "$1" && pwd) stage=$dir/.escape-client.$2
    rm -rf -- "$stage"
    mkdir -p -- "$stage/new"
}

# request URL FILE: queue a download.  fetch [URL FILE]: do it all; accept only what the real client understands.
request() { queue+=("url=${1//\#/%23}" "output=$2"); }
fetch() {
    [[ $# == 0 ]] || request "$@"
    local n=$((${#queue[@]} / 2))
    ((n)) || return 0
    printf '%s\n' "${queue[@]}" | awk '{ gsub(/[\\"]/, "\\\\&"); sub(/=/, "=\""); print $0 "\"" }' >"$stage/queue"
    queue=()
    curl -q -0 -g -sS -f --fail-early --path-as-is --noproxy '*' --proto =http -A "Escape ($version; linux)" \
        --connect-timeout 10 --speed-limit 1 --speed-time 60 -D "$stage/headers" -K "$stage/queue" \
        -w '%{onerror}%{stderr}escape_client: cannot get %{url}\n' || exit 1
    awk -v n="$n" '
        function wrong(why) { print "escape_client: answer " i + 0 "/" n ": " why >"/dev/stderr"; failed = 1; exit 1 }
        function finish() { if (i && !sized && conn != "close") wrong("no Content-Length: nor Connection: close") }
        { sub(/[ \t\r]+$/, "") }
        /^HTTP\// { finish(); i++; sized = 0; conn = ""; if ($2 != 200) wrong("status " $2) }
        /^Content-Length:/ { sized = 1 }
        /^Connection:/ { conn = substr($0, 12); sub(/^[ \t]+/, "", conn); if (conn !~ /^(close|keepalive)$/) wrong($0) }
        tolower($0) ~ /^(content|transfer)-encoding:/ { wrong($0) }
        END { if (!failed) { finish(); if (i != n) wrong("some are missing") } }' "$stage/headers" || exit 1
}

# parse_list FILE AWK_PROGRAM VAR=VALUE...: awk with what all lists have in common.
parse_list() {
    awk '
        function refuse(why, code) {
            print "escape_client: " FILENAME ", line " NR ": " why >"/dev/stderr"; failed = code ? code : 1; exit failed
        }
        function number(s) { if (s !~ /^[0-9]+$/ || length(s) > 15) refuse("not a number: " s); return s + 0 }
        function md5(s) { if (length(s) != 32 || s ~ /[^0-9a-f]/) refuse("not an MD5: " s); return s }
        function rest(s) { sub(/^[^ \t]*[ \t]*/, "", s); return s }
        function parent(s) { return sub(/\/[^\/]*$/, "", s) ? s : "." }
        function path(s) {  # refuses what has no meaning, and what would leave the folder
            if (s == "" || $0 ~ /^[ \t]/) refuse("empty path")
            if (s ~ /^\/|\/\/|\/$|(^|\/)\.\.?(\/|$)/) refuse("refused path: " s)
            if (listed[s]++) refuse("listed twice: " s)
            return s
        }
        function complete(n) { if (!failed && NR < n) refuse("the list ends early") }
        { gsub(/\r/, "") }
        '"$2" "${@:3}" "$1"
}

collections() {
    stage=$(mktemp -d)
    fetch "$1/COLLECTIONS" "$stage/COLLECTIONS"
    parse_list "$stage/COLLECTIONS" '
        NR == 1 { n = number($0); next }
        NR > n + 1 { exit }
        path($1) ~ /[^A-Za-z0-9_-]/ || $1 == "attic" { refuse("not a plain name: " $1) }
        number($2) > version { print "escape_client: skipped, needs version " $2 ": " $1 >"/dev/stderr"; next }
        { print $1 "\t" $2 "\t" rest(rest($0)) }
        END { complete(n + 1) }' version="$version"
}

# FNAME.txt -> lines "D FOLDER DESCRIPTION" and "L PATH MD5 FOLDER NAME and nine numbers".
parse_collection() {
    parse_list "$1" '
        function inner(s) {
            if (path(s) ~ /\.\.|\\/) refuse("refused path: " s)
            if (s ~ /(^|\/)webindex\.esi$/ || s == "unsubscribed") refuse("reserved name: " s)
            if (!(parent(s) in folder)) refuse("its folder is not listed before it: " s)
            return s
        }
        NR == 1 { print "D . " $0; folder["."] = 1 }
        NR == 2 && number($0) > version { refuse("needs version " $0, 3) }
        NR == 3 { folders = number($0) }
        NR == 4 { levels = number($0) }
        NR <= 5 { next }
        NR <= 5 + folders { folder[inner($1)] = 1; print "D " $1 " " rest($0); next }
        NR > 5 + folders + levels { exit }
        {
            name = inner($1); sub(/.*\//, "", name)
            printf "L %s %s %s %s", $1, md5($2), parent($1), name
            for (i = 3; i <= 11; i++) printf " %d", $i ~ /^[-+]?[0-9]+$/ ? $i : 0
            print ""
        }
        END { complete(5 + folders + levels) }' version="$version"
}

write_indexes() { # staged, from the above lines
    sort -t ' ' -k 1,1 -k 2,2 "$stage/list" | NEW=$stage/new awk '
        { out = ENVIRON["NEW"] "/" ($1 == "D" ? $2 : $4) "/webindex.esi"; if (out != last) close(last); last = out }
        sub(/^D [^ ]+ /, "") { print "ESX!\n" $0 "\n\n\n\n\n\n" >>out; next }
        { sub(/^L [^ ]+ [^ ]+ [^ ]+ /, ""); print >>out }'
}

is_index() {
    local magic=''
    [[ -f $1 && ! -L $1 ]] && { IFS= read -r -N 4 magic <"$1" || true; } && [[ $magic == ESXI || $magic == 'ESX!' ]]
}

to_attic() { # under a name that nothing has yet
    local flat=${1#"$dir/"} to n=0
    flat=${flat//\//_} flat=${flat:(${#flat} > 200 ? -200 : 0)} to=$flat
    while exists "$dir/attic/$to"; do to=$((++n)).$flat; done
    [[ -d $dir/attic ]] || mkdir -- "$dir/attic"
    mv -nT -- "$1" "$dir/attic/$to"
    ! exists "$1" || die "cannot move to the attic: $1"
}

collection() {
    local f kind p m put top files=() here=() pruned=() levels=() staged=() puts=() gone=()
    local downloaded=0 moved=0 attic=0 kept=0; local -A folder=() from=() used=()
    enter "$3" "$2"
    top=$dir/$2
    ! exists "$top/unsubscribed" || [[ -d $top/unsubscribed ]] || die "unsubscribed: $top"
    fetch "$1/$2.txt" "$stage/$2.txt"
    parse_collection "$stage/$2.txt" >"$stage/list" || exit $?
    while read -r kind p m _; do
        [[ $p == . ]] && f=$top || f=$top/$p
        if [[ $kind == L ]]; then levels+=("$f") want[$f]=$m
        else folder[$f]=1 staged+=("$stage/new/$p"); fi
    done <"$stage/list"
    batched staged mkdir -p --
    for f in "$top"/**; do # what is here; links are not followed
        if [[ -L $f || ! -d $f ]]; then files+=("$f")
        elif [[ $f != "$top/" && ! ${folder[$f]-} ]]; then pruned=("$f" "${pruned[@]}"); fi
        [[ -L $f || ! -f $f ]] || here+=("$f")
    done
    checksum here
    # Where to get a content from: best an unlisted file, which is then gone.
    for f in "${here[@]}"; do [[ ${from[${sums[$f]}]-} && ${want[$f]-} ]] || from[${sums[$f]}]=$f; done
    for f in "${levels[@]}"; do # stage what is not in place
        m=${want[$f]} put=$stage/new/${f#"$top/"}
        if [[ ${sums[$f]-} == "$m" ]]; then kept=$((kept + 1)); continue; fi
        puts+=("$put") want[$put]=$m
        if [[ ${from[$m]-} ]]; then cp -- "${from[$m]}" "$put"; used[${from[$m]}]=1 moved=$((moved + 1))
        else request "$1/$2/${m:0:2}/${m:2}" "$put"; downloaded=$((downloaded + 1)); fi
    done
    fetch
    verify puts
    write_indexes
    for f in "${files[@]}"; do # everything is staged: make room for it
        if [[ ${want[$f]-} ]]; then continue
        elif [[ ${used[$f]-} ]]; then gone+=("$f")
        elif is_index "$f" && [[ ${folder[${f%/*}]-} && ! ${folder[$f]-} ]]; then continue
        elif is_index "$f" && [[ $f == */webindex.esi ]]; then gone+=("$f")
        else to_attic "$f" && attic=$((attic + 1)); fi
    done
    batched gone rm -f --
    batched pruned rmdir --
    cp -rlT --remove-destination -- "$stage/new" "$top"
    echo "downloaded $downloaded moved $moved attic $attic kept $kept"
}

# UPGRADE -> the verdict, then lines "NAME HOW WHAT": u or z and its MD5, l and its target, d (delete).
parse_upgrade() {
    parse_list "$1" '
        NR == 1 { n = number($0) }
        NR == 2 && number($0) > installed && known { refuse("version " installed " is below the oldest, " $0, 3) }
        NR == 3 { print (installed < number($0) && known ? "recommended" : "optional") }
        NR == 4 { number($0) }
        NR <= 5 { next }
        NR > 5 + n { exit }
        { for (p = parent(path($1)); p != "."; p = parent(p)) inside[p] = 1 }
        $3 == "*" || $3 ~ /^->./ ? $2 != "?" : $2 !~ /^[A-Za-z]*[uz][A-Za-z]*$/ { refuse("flags: " $2) }
        { print $1, ($3 == "*" ? "d -" : $2 == "?" ? "l " substr($3, 3) : ($2 ~ /z/ ? "z " : "u ") md5($3)) }
        END { complete(5 + n); if (!failed) for (p in inside) if (p in listed) refuse("a file and a folder: " p) }
        ' installed="${2:-0}" known="${2:+1}"
}

upgrade() {
    local name how what f i temp gz names=() here=() get=() temps=() links=() deletions=() packed=() deleted=0
    local -A zip=()
    [[ $4 =~ ^[0-9]{0,15}$ ]] || die "not a version: $4"
    enter "$3" "$2"
    fetch "$1/$2/UPGRADE" "$stage/UPGRADE"
    parse_upgrade "$stage/UPGRADE" "$4" >"$stage/list" || exit $?
    head -n 1 "$stage/list"
    while read -r name how what; do
        f=$dir/$name want[$f]=$what
        [[ ! -d $f || -L $f ]] || die "a folder is in the way: $f"
        case $how in l) links+=("$f") ;; d) deletions+=("$f") ;; z) zip[$f]=.gz ;;& *) names+=("$f") ;; esac
        [[ $how == [ld] || -L $f || ! -f $f ]] || here+=("$f")
    done < <(tail -n +2 "$stage/list")
    checksum here
    for f in "${names[@]}"; do
        [[ ${sums[$f]-} != "${want[$f]}" ]] || continue
        temp=$stage/new/${#get[@]}.${f##*/} name=${f#"$dir/"} gz=${zip[$f]-}
        name=${name//../@} want[$temp]=${want[$f]} get+=("$f") temps+=("$temp")
        [[ ! $gz ]] || packed+=("$temp.gz")
        request "$1/$2/${name//\//_}$gz" "$temp$gz"
    done
    fetch
    batched packed gzip -dk -- || die "bad gzip data"
    for f in "${packed[@]}"; do # the last four bytes are the size of the last member
        i=$(tail -c 4 -- "$f" | od -An -tu4 --endian=little)
        ((i == $(stat -c %s -- "${f%.gz}") % (1 << 32))) || die "not one gzip member: $f"
    done
    verify temps # nothing was touched so far
    for f in "${get[@]}" "${links[@]}"; do [[ -d ${f%/*} ]] || mkdir -p -- "${f%/*}"; done
    for i in "${!get[@]}"; do
        [[ ${get[i]} != *.exe ]] || chmod a+x -- "${temps[i]}"
        mv -fT -- "${temps[i]}" "${get[i]}"
    done
    for f in "${links[@]}"; do ln -sfT -- "${want[$f]}" "$f"; done
    for f in "${deletions[@]}"; do ! exists "$f" || { rm -f -- "$f" && deleted=$((deleted + 1)); }; done
    echo "downloaded ${#get[@]} kept $((${#names[@]} - ${#get[@]})) linked ${#links[@]} deleted $deleted"
}

case ${1-}/$# in
    collections/2 | collection/4 | upgrade/5) "$1" "${2%/}" "${@:3}" ;;
    *) die "usage: collections URL | collection URL FNAME DIR | upgrade URL PLATFORM DIR INSTALLED_VERSION" 2 ;;
esac
