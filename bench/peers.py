"""What a user would do with other programs: the commands, and the servers that they need."""
import os

from measure import Server, port_answers, port_free

# Publishing. $1: the content, $2: a new folder.
PUBLISH_MAP = 'mkdir "$2"; 7zz a -mx=9 -v1m "$2/map.7z" "$1"; md5sum "$2"/map.7z.* >"$2/MD5"'
PUBLISH_LEVELS = 'rsync -a "$1/" "$2/"; cd "$2"; find . -name "*.esx" -type f -exec md5sum {} + >MD5'
PUBLISH_APP = """mkdir "$2"; cd "$1"; find . -type f -exec sh -ec '
to=$1; shift
for f; do mkdir -p "$to/${f%/*}"; pigz -9 -c "$f" >"$to/$f.gz"; done' sh "$2" {} +"""
PUBLISH_LIST = 'mkdir "$2"; gzip -9 -c "$1" >"$2/list.gz"'

# Fetching. $1: a new folder, $2: a list of what to get, $3 and $4: lists of MD5s.
FETCH_MAP = """mkdir "$1"
aria2c -q -j8 --file-allocation=none -d "$1" -i "$2"
cd "$1"
md5sum --quiet -c "$3"
cat blood-* >joined.7z
7zz x joined.7z
md5sum --quiet -c "$4"
sync -f ."""
FETCH_LEVELS = """mkdir "$1"
cd "$1"
curl -sS --fail --parallel --create-dirs -K "$2"
md5sum --quiet -c "$3"
"""
FETCH_APP = """mkdir "$1"
aria2c -q -j8 --file-allocation=none -d "$1" -i "$2"
cd "$1"
find . -name "*.gz" -exec pigz -d {} +"""
MD5_TREE = 'cd "$1"; find . -type f -exec md5sum {} +'

RSYNC = """port = %d
address = 127.0.0.1
use chroot = no
pid file = %s/rsyncd.pid
[levels]
path = %s
read only = yes
"""


def start_rsync(tree):
    """A daemon with `tree` as its module `levels`."""
    port = port_free()
    with open("rsyncd.conf", "w") as f:
        f.write(RSYNC % (port, os.getcwd(), os.path.abspath(tree)) + ("uid = root\ngid = root\n" if os.getuid() == 0 else ""))
    return Server("rsync", ["rsync", "--daemon", "--no-detach", "--config=rsyncd.conf"], port_answers(port), pinned=False)


def aria2_list(name, pairs):
    """A list of URLs and the names that what they lead to gets."""
    with open(name, "w") as f:
        f.writelines("%s\n out=%s\n" % pair for pair in pairs)
    return os.path.abspath(name)


def curl_list(name, pairs):
    with open(name, "w") as f:
        f.writelines('url = "%s"\noutput = "%s"\n' % pair for pair in pairs)
    return os.path.abspath(name)
