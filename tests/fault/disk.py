"""What a disk may hold after the power failed: replays what recorder.c wrote, and gives the folder states that a crash
behind any operation could leave.

Data: what was written since a file's last sync may be there, all or in part, in any order, or not; or zeros are.
Names, two models. `ordered` (ext4 and XFS): names change in the order of the operations, a sync of anything makes all
before it durable. `unordered`: each change of a name is there or not by itself, until its folder is synced or the file
system is; a rename is one change, which is there or not."""
import os
import struct

CREATE, TRUNCATE, WRITE, RENAME, UNLINK, MKDIR, SYMLINK, SYNC, SYNC_ALL = range(1, 10)
HEAD = struct.Struct("=IIIIQQ")
SOME = 6  # at most this many changes of names are dropped or kept alone, evenly spread


def record_read(path):
    """The operations: (operation, inode, at, first, second)."""
    with open(path, "rb") as f:
        used, _ = struct.unpack("=Qi", f.read(12))
        f.seek(16)
        data = f.read(used - 16)
    found, at = [], 0
    while at < len(data):
        operation, first, second, _, inode, offset = HEAD.unpack_from(data, at)
        at += HEAD.size
        found.append((operation, inode, offset, data[at:at + first], data[at + first:at + first + second]))
        at += first + second
    return found


class Node:
    """A file: what of it is durable, and what was done to it since."""

    def __init__(self, data=b"", time=None):
        self.durable = data
        self.time = time  # of its last change, in ns; None: some time while the command ran
        self.pending = []  # (offset, bytes), or (size, None) for a truncation

    def content(self, how="kept"):
        if how == "dropped" or not self.pending:
            return self.durable
        data = bytearray(self.durable)
        for number, (at, what) in enumerate(self.pending):
            last = number == len(self.pending) - 1
            if how == "last" and not last:
                continue
            if what is None:
                data = data[:at] + bytes(max(0, at - len(data)))
                continue
            if how == "torn" and last:
                what = what[:len(what) // 2]
            elif how == "zeros":
                what = bytes(len(what))
            data += bytes(max(0, at - len(data)))
            data[at:at + len(what)] = what
        return bytes(data)


def apply(names, change):
    """Changes of names that need a folder which is not there are lost with it."""
    operation, path, other = change
    target = other if operation == RENAME else path
    if names.get(os.path.dirname(target), "folder") != "folder" and operation != UNLINK:
        return
    if os.path.dirname(target) not in names and operation != UNLINK:
        return
    if operation == RENAME and path in names:
        moved = [p for p in names if p == path or p.startswith(path + "/")]
        for p in [p for p in names if p == target or p.startswith(target + "/")]:
            del names[p]
        for p in moved:
            names[target + p[len(path):]] = names.pop(p)
    elif operation == UNLINK and not any(p.startswith(path + "/") for p in names):
        names.pop(path, None)
    elif operation in (CREATE, SYMLINK):
        names[path] = other
    elif operation == MKDIR:
        names.setdefault(path, "folder")


def some(n):
    return range(n) if n <= SOME else sorted({round(i * (n - 1) / (SOME - 1)) for i in range(SOME)})


class Disk:
    def __init__(self, folder, ordered):
        self.folder, self.ordered = folder, ordered
        self.names = {os.path.dirname(folder): "folder", folder: "folder"}  # that are durable
        self.nodes, self.by_inode, self.pending = [], {}, []
        for at, folders, files in os.walk(folder):
            for name in folders + files:
                path = os.path.join(at, name)
                if os.path.islink(path):
                    self.names[path] = os.readlink(path).encode()
                elif os.path.isdir(path):
                    self.names[path] = "folder"
                else:
                    with open(path, "rb") as f:
                        self.names[path] = self.node(os.stat(path).st_ino, f.read(), os.stat(path).st_mtime_ns)

    def node(self, inode, *known):
        self.by_inode[inode] = Node(*known)
        self.nodes.append(self.by_inode[inode])
        return self.nodes[-1]

    def settle(self, chosen):
        """These changes of names are durable from now on, with the folders that they need."""
        durable = [c for c in self.pending if chosen(c)]
        needed = {c[2] if c[0] == RENAME else c[1] for c in durable}
        durable = [c for c in self.pending if c in durable or
                   (c[0] == MKDIR and any(path.startswith(c[1] + "/") for path in needed))]
        for change in durable:
            apply(self.names, change)
        self.pending = [c for c in self.pending if c not in durable]

    def operate(self, op):
        operation, inode, at, first, second = op
        if operation in (WRITE, TRUNCATE) and inode not in self.by_inode:
            return  # O_TMPFILE: it never has a name
        if operation in (WRITE, TRUNCATE):
            self.by_inode[inode].pending.append((at, first if operation == WRITE else None))
            self.by_inode[inode].time = None
        elif operation == SYNC_ALL or (operation == SYNC and self.ordered):
            self.settle(lambda c: True)
        elif operation == SYNC:
            self.settle(lambda c: first.decode() in (os.path.dirname(c[1]), os.path.dirname(c[2]) if c[0] == RENAME else None))
        else:
            other = {CREATE: lambda: self.node(inode), RENAME: second.decode, SYMLINK: lambda: second}.get(operation, lambda: None)()
            self.pending.append((operation, first.decode(), other))
        for node in self.nodes if operation == SYNC_ALL else [self.by_inode[inode]] if operation == SYNC and inode in self.by_inode else ():
            node.durable, node.pending = node.content(), []

    def name_states(self):
        """(which changes are there, whether that is one of the two plain states)"""
        n = len(self.pending)
        yield self.pending, True
        yield [], True
        for i in some(n):
            if self.ordered:
                yield self.pending[:i], False
            else:
                yield self.pending[:i] + self.pending[i + 1:], False
                yield [self.pending[i]], False

    def states(self):
        """Each a dictionary: path -> "folder", (bytes, time) of a file, or (target,) of a link."""
        dirty = [node for node in self.nodes if node.pending]
        hows = ["kept", "dropped", "torn", "zeros", "last"]
        for changes, plain in self.name_states():
            names = dict(self.names)
            for change in changes:
                apply(names, change)
            for how in hows if plain else hows[:2]:
                yield self.state(names, lambda node: node.content(how))
            for only in dirty[-SOME:] if plain else ():
                yield self.state(names, lambda node: node.content("dropped" if node is only else "kept"))

    def state(self, names, content):
        found = {}
        for path, what in names.items():
            if path.startswith(self.folder + "/") and not path.endswith("-shm"):  # SQLite makes that anew
                found[path] = (content(what), what.time) if isinstance(what, Node) else what if what == "folder" else (what,)
        return found


def state_make(folder, state):
    os.mkdir(folder)
    for path in sorted(state):
        what = state[path]
        if what == "folder":
            os.mkdir(path)
        elif len(what) == 1:
            os.symlink(what[0].decode(), path)
        else:
            with open(path, "wb") as f:
                f.write(what[0])
            if what[1] is not None:
                os.utime(path, ns=(what[1], what[1]))
