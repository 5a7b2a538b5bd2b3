# complete_line LINE [COLUMN]: what bash would reply, as readline asks it; words are parted as bash parts them. The script is
# sourced before; the program is `patchbay` in $PATH.
complete_line() {
    COMP_LINE=$1 COMP_POINT=${#1}
    mapfile -t COMP_WORDS < <(python3 - "$1" <<'PYTHON'
import re, sys
line = sys.argv[1]
words = re.findall(r"(?:\\.|[^\s@=:\\])+|[@=:]+", line)
if not line or line[-1].isspace():
    words.append("")
print("\n".join(words))
PYTHON
    )
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _patchbay
    printf '%s\n' "${COMPREPLY[@]}"
}
