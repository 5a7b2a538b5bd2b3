#!/usr/bin/env python3
"""zsh on a terminal of its own: types each line of standard input (LINE => WORDS) and a tab, and looks for the words.

zsh_complete.py FOLDER: the folder of functions that has _patchbay.
"""

import os
import pty
import re
import select
import sys
import time


def read_until(fd, wanted, seconds):
    text, until = b"", time.monotonic() + seconds
    while time.monotonic() < until and not re.search(wanted, text):
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 65536)
    return text


child, terminal = pty.fork()
if child == 0:
    os.environ.update(ZDOTDIR="/nonexistent", TERM="dumb", PS1="", COLUMNS="200")
    os.execvp("zsh", ["zsh", "-f", "-i"])
# What a line has become is shown by a widget of zsh itself, so that nothing depends on how it is drawn.
widget = "_show() { print -r -- \"<<$BUFFER>>\"; BUFFER= }; zle -N _show; bindkey '^T' _show"
setup = f"{widget}; PS1=; PS2=; unsetopt zle_bracketed_paste prompt_sp; fpath=({sys.argv[1]} $fpath); autoload -Uz compinit; compinit -D -u"
os.write(terminal, f"{setup}; echo ready-$((40 + 2))\n".encode())
assert b"ready-42" in read_until(terminal, rb"ready-42", 30), "zsh did not start"
for line in sys.stdin:
    typed, wanted = line.rstrip("\n").split(" => ")
    os.write(terminal, typed.encode() + b"\t\x14")
    text = read_until(terminal, rb"<<[^$]*>>", 20)
    shown = re.findall(rb"<<([^$]*?)>>", text)
    assert shown and wanted in shown[-1].decode(), (typed, wanted, text)
os.write(terminal, b"\x03\nexit\n")
os.close(terminal)
os.waitpid(child, 0)
