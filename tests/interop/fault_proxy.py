"""A man in the middle between our client and our server, for netfaults.py: it carries TCP both ways, and does one thing wrong.

A fault of bytes happens at byte N of what one side sends: counted over all connections of a run, once; or, `always`, on each
connection anew. A fault of answers replaces an answer that passes (HTTP with Content-Length, or a POLP packet)."""
import asyncio
import gzip
import hashlib
import socket
import struct

SPAN = 50  # how many bytes are repeated or dropped
PAUSE = 0.3  # seconds of a delay


class End(Exception):
    """This connection is over: what was written goes out, and it is closed."""


class Fault:
    def __init__(self, kind="none", at=0, always=False, up=False, answer=None, first=0, only=None):
        self.kind, self.at, self.always, self.up = kind, at, always, up
        self.answer = answer  # a function: (head, body) -> bytes that go out in their place
        self.first = first  # the first answer that it is for, from 0
        self.only = only  # only answers that begin so

    def __str__(self):
        what = "%s at %d" % (self.kind, self.at) if self.answer is None or self.kind == "cut" else ""
        name = "" if self.answer is None else self.answer.__name__ + (" of answer %d" % self.first)
        return "%s%s%s%s" % (" then ".join(filter(None, (what, name))), " (always)" * self.always, " (request)" * self.up,
                             " of " + self.only.decode() if self.only else "")


class Framer:
    """Cuts a stream of answers into (head, body)."""

    def __init__(self, polp):
        self.polp, self.pending = polp, b""

    def sizes(self):
        """Of head and body of what is pending; None: the head is not whole."""
        p = self.pending
        if self.polp:
            return (16, max(0, struct.unpack("<I", p[:4])[0] - 16)) if len(p) >= 16 else None
        end = p.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = p[:end].split(b"\r\n")
        length = 0
        for line in lines[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if lines[0].split(b" ")[1] in (b"204", b"304"):
            length = 0
        return end + 4, length

    def take(self, data):
        self.pending += data
        while (sizes := self.sizes()) is not None and len(self.pending) >= sum(sizes):
            head, whole = sizes[0], sum(sizes)
            answer, self.pending = (self.pending[:head], self.pending[head:whole]), self.pending[whole:]
            yield answer


class Proxy:
    def __init__(self, target, fault, polp=False):
        self.target, self.fault, self.polp = target, fault, polp
        self.sent = {False: 0, True: 0}  # down, up
        self.answers = 0
        self.fired = self.replaced = False
        self.stalled = asyncio.Event()
        self.layout = []  # of what came down: (bytes of a head, bytes of its body)
        self.tasks = set()

    async def start(self):
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def connected(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        there = None
        pumps = []
        try:
            from_server, there = await asyncio.open_connection(*self.target)
            pumps = [asyncio.ensure_future(self.pump(from_server, writer, False)),
                     asyncio.ensure_future(self.pump(reader, there, True))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            for w in (writer, there):
                if w is not None:
                    w.close()
            self.tasks.discard(asyncio.current_task())
            try:
                await asyncio.gather(*pumps, return_exceptions=True)
            except asyncio.CancelledError:
                pass

    async def pump(self, reader, writer, up):
        count = 0
        framer = Framer(self.polp)
        while data := await reader.read(65536):
            if not up:
                data = b"".join(self.replace(a) for a in framer.take(data))
            start = count if self.fault.always else self.sent[up]
            count += len(data)
            self.sent[up] += len(data)
            await self.write(writer, data, start, up)

    def replace(self, answer):
        head, body = answer
        f, number = self.fault, self.answers
        self.answers += 1
        self.layout.append((len(head), len(body)))
        due = number == f.first or (f.always and number > f.first)
        if f.only is not None:
            due = head.startswith(f.only) and (f.always or not self.replaced)
        if f.answer is None or not due:
            return head + body
        self.replaced = True
        return f.answer(head, body)

    async def write(self, writer, data, start, up):
        f, at = self.fault, self.fault.at - start
        if f.kind == "none" or f.up != up or (self.fired and not f.always) or not 0 <= at < len(data):
            writer.write(data)
            return await writer.drain()
        self.fired = True
        writer.write(data[:at])
        await writer.drain()
        if f.kind == "cut":
            raise End
        if f.kind == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise End
        if f.kind == "stall":
            self.stalled.set()
            await asyncio.Event().wait()
        if f.kind == "drip":
            for i in range(at, len(data)):
                writer.write(data[i:i + 1])
                await asyncio.sleep(0.05)
            return
        if f.kind == "delay":
            await asyncio.sleep(PAUSE)
        rest = data[at:]
        if f.kind.startswith("flip"):
            rest = bytes([rest[0] ^ int(f.kind[4:], 16)]) + rest[1:]
        elif f.kind == "repeat":
            rest = data[max(0, at - SPAN):at] + rest
        elif f.kind == "drop":
            rest = rest[SPAN:]
        writer.write(rest)
        await writer.drain()


# ---- answers over HTTP ----

def field(head, name, value):
    """The head with this field, and no other of the name."""
    lines = [l for l in head[:-4].split(b"\r\n") if not l.lower().startswith(name.lower() + b":")]
    if value is not None:
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def status(code, *fields, body=b""):
    def answer(_head, _body):
        lines = [b"HTTP/1.1 %d Fault" % code, *fields]
        if code not in (204, 304):
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body
    answer.__name__ = "status %d" % code
    return answer


def named(name):
    def name_it(function):
        function.__name__ = name
        return function
    return name_it


@named("gzip unasked")
def gzip_unasked(head, body):
    packed = gzip.compress(body)
    return field(field(head, b"Content-Encoding", b"gzip"), b"Content-Length", b"%d" % len(packed)) + packed


@named("gzip announced, but not there")
def gzip_lie(head, body):
    return field(head, b"Content-Encoding", b"gzip") + body


def length(change, name):
    @named(name)
    def answer(head, body):
        return field(head, b"Content-Length", change(len(body))) + body
    return answer


def content_range(value):
    @named("Content-Range: %s" % value.decode())
    def answer(head, body):
        return field(head, b"Content-Range", value) + body
    return answer


@named("twice")
def twice(head, body):
    return 2 * (head + body)


@named("bytes behind it")
def extra(head, body):
    return head + body + b"and some more of what nobody asked for"


@named("an answer behind it")
def another(head, body):
    return head + body + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"


@named("chunked")
def chunked(head, body):
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 997]), body[i:i + 997]) for i in range(0, len(body), 997))
    return field(field(head, b"Content-Length", None), b"Transfer-Encoding", b"chunked") + pieces + b"0\r\n\r\n"


@named("chunked, and a length")
def chunked_twofold(head, body):
    return field(field(head, b"Transfer-Encoding", b"chunked"), b"Content-Length", b"5") + b"5\r\nwrong\r\n0\r\n\r\n"


@named("100 and 103 before it")
def informed(head, body):
    return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + head + body


@named("206 of nothing asked")
def partial(head, body):
    return field(b"HTTP/1.1 206 Partial Content" + head[head.index(b"\r\n"):], b"Content-Range",
                 b"bytes 0-%d/%d" % (len(body) - 1, len(body))) + body


@named("HTTP/1.0")
def old(head, body):
    return b"HTTP/1.0" + head[8:] + body


@named("a field of 20,000 bytes")
def long_field(head, body):
    return field(head, b"X-Long", b"x" * 20000) + body


@named("empty")
def empty(head, _body):
    return field(head, b"Content-Length", b"0")


@named("HTTP/9.9")
def odd_version(head, body):
    return b"HTTP/9.9" + head[8:] + body


@named("noise")
def noise(_head, _body):
    return b"\0\1\2\3 what is this\r\n\r\n" * 20


HTTP_ANSWERS = [status(c) for c in (204, 304, 401, 403, 404, 416, 500, 502)] + [
    status(503, b"Retry-After: 1"), status(503, b"Retry-After: 3155760000"), status(429, b"Retry-After: -1"),
    status(302, b"Location: /elsewhere"), status(301), status(200, body=b"<html>Please log in</html>"), gzip_unasked, gzip_lie,
    length(lambda n: b"%d" % (n + 10), "Content-Length too large"), length(lambda n: b"%d" % max(0, n - 10), "Content-Length too small"),
    length(lambda n: b"9223372036854775808", "Content-Length 2^63"), length(lambda n: b"-1", "Content-Length -1"),
    length(lambda n: b"99999999999999999999999", "Content-Length 10^23"), length(lambda n: b"x", "Content-Length x"),
    length(lambda n: b"%d\r\nContent-Length: 7" % n, "two of Content-Length"), length(lambda n: None, "no Content-Length"),
    twice, extra, another, chunked, chunked_twofold, informed, partial, old, long_field, empty, odd_version, noise]
# For an answer to a request with Range.
RANGE_ANSWERS = [status(c) for c in (304, 404, 416, 500)] + [
    content_range(b"bytes 0-99/100"), content_range(b"bytes 70000-70099/1048576"), content_range(b"bytes */1048576"), content_range(b"nonsense"),
    content_range(b"bytes 18446744073709551615-18446744073709551616/3"), gzip_unasked, twice, extra, empty, chunked, noise,
    length(lambda n: b"%d" % (n + 10), "Content-Length too large"), length(lambda n: b"%d" % max(0, n - 10), "Content-Length too small")]


@named("200 without what it continues")
def whole_lie(head, body):
    """The rest, as if it were all of it."""
    return field(b"HTTP/1.1 200 OK" + head[head.index(b"\r\n"):], b"Content-Range", None) + body


@named("200 with all of it")
def whole(head, body):
    """All of it, in length; its first bytes are not right, as we have not got them."""
    begin = int(head.lower().split(b"content-range: bytes ")[1].split(b"-")[0])
    return field(field(b"HTTP/1.1 200 OK" + head[head.index(b"\r\n"):], b"Content-Range", None), b"Content-Length",
                 b"%d" % (begin + len(body))) + b"\0" * begin + body


@named("206 without Content-Range")
def unnamed_range(head, body):
    return field(head, b"Content-Range", None) + body


RANGE_ANSWERS += [whole_lie, whole, unnamed_range]


# ---- answers over POLP ----

def seal(opcode, body):
    hashed = b"POLP" + struct.pack("<I", opcode) + body
    return struct.pack("<I", len(hashed) + 8) + hashlib.md5(hashed).digest()[:4] + hashed


def polp(name, function):
    function.__name__ = name
    return function


def opcode_of(head):
    return struct.unpack("<I", head[12:16])[0]


POLP_ANSWERS = [
    polp("error packet", lambda h, b: seal(5, b"")),
    polp("shutdown packet", lambda h, b: seal(6, b"")),
    polp("opcode 99", lambda h, b: seal(99, b)),
    polp("size 0", lambda h, b: b"\0\0\0\0" + h[4:] + b),
    polp("size 15", lambda h, b: b"\x0f\0\0\0" + h[4:] + b),
    polp("size 4 GiB", lambda h, b: b"\xff\xff\xff\xff" + h[4:] + b),
    polp("size + 1", lambda h, b: struct.pack("<I", len(h + b) + 1) + h[4:] + b),
    polp("size - 1", lambda h, b: struct.pack("<I", len(h + b) - 1) + h[4:] + b),
    polp("no data, sealed", lambda h, b: seal(opcode_of(h), b"")),
    polp("a byte less, sealed", lambda h, b: seal(opcode_of(h), b[:-1])),
    polp("a byte more, sealed", lambda h, b: seal(opcode_of(h), b + b"x")),
    polp("last byte wrong, sealed", lambda h, b: seal(opcode_of(h), b[:-1] + bytes([b[-1] ^ 1]) if b else b)),
    polp("another offset, sealed", lambda h, b: seal(opcode_of(h), struct.pack("<I", 65536) + b[4:])),
    polp("another name, sealed", lambda h, b: seal(opcode_of(h), b[:12] + b"x" + b[13:])),
    polp("a name of 4 GiB, sealed", lambda h, b: seal(opcode_of(h), b[:8] + b"\xff\xff\xff\xff" + b[12:])),
    polp("twice", lambda h, b: 2 * (h + b)),
    polp("bytes behind it", lambda h, b: h + b + b"more"),
    polp("noise", lambda h, b: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
]
