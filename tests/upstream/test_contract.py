"""The upstream contract: what the gateway relies on, each line tried on raw sockets.

The first line of each test's docstring is the line of the contract in docs/upstream.md.
"""

import asyncio
import contextlib
import gzip
import socket
import threading
import time

import pytest

from engine.errors import UpstreamBroken, UpstreamMaybeSent, UpstreamNotSent
from engine.operator.origins import Origin, OriginPolicy

pytestmark = pytest.mark.anyio

PROMPT_S = 0.05  # a piece of a stream is there
SOON_S = 1.0  # a connection that was given up is closed


async def in_thread(function, *args):
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)


async def fails(expected, code, awaitable):
    """The call fails as exactly this kind of fault, with exactly this code."""
    with pytest.raises(expected) as caught:
        await awaitable
    assert type(caught.value) is expected
    assert caught.value.code == code
    return caught.value


async def answer(client, request):
    response = await client.send(request)
    return await response.read()


def keep_answering(peer):
    while peer.read_request():
        peer.answer(b'{"ok":true}')


# Streams.


async def test_stream_is_prompt(serve, connect_to, ask):
    """Each chunk of a stream arrives as it was sent, within 50 ms"""
    sent = []

    def script(peer):
        peer.read_request()
        peer.begin_chunked()
        for number in range(8):
            time.sleep(0.03)
            sent.append(peer.chunk(b"data: %d\n\n" % number))
        peer.chunk(b"")

    response = await connect_to(serve(script)).send(ask())
    arrived = [(time.monotonic(), chunk) async for chunk in response.chunks()]
    assert [chunk for _, chunk in arrived] == [b"data: %d\n\n" % number for number in range(8)]
    assert max(at - sent_at for (at, _), sent_at in zip(arrived, sent, strict=True)) < PROMPT_S


async def test_head_is_prompt(serve, connect_to, ask):
    """`send` returns with status and headers while the body is still to come"""
    go = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 6\r\n\r\n")
        go.wait(5)
        peer.send(b"abc")
        peer.send(b"def")

    response = await connect_to(serve(script)).send(ask())
    go.set()
    assert response.status == 200
    assert response.headers["x-one"] == "1, 2"
    assert response.headers["content-length"] == "6"
    assert await response.read() == b"abcdef"


async def test_slow_reader_holds_the_sender(serve, connect_to, ask):
    """A reader that does not read holds the sender back: memory stays flat"""
    sent = [0]

    def script(peer):
        peer.read_request()
        peer.begin_chunked()
        peer.socket.settimeout(0.3)
        while sent[0] < 128 << 20:
            peer.chunk(b"x" * 65536)
            sent[0] += 65536

    response = await connect_to(serve(script), max_response_bytes=1 << 30).send(ask())
    await asyncio.sleep(0.6)
    response.abort()
    assert sent[0] < 32 << 20


async def test_bodies_without_length(serve, connect_to, ask):
    """An empty answer, and one that ends by closing, are complete"""

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil ")
        peer.send(b"the end")

    client = connect_to(serve(script))
    assert await answer(client, ask()) == b""
    assert await answer(client, ask()) == b"until the end"


async def test_cut_anywhere(serve, connect_to, ask):
    """An answer that TCP cuts in two anywhere is the same answer"""
    whole = b"HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-t: 1\r\n\r\n"

    def script(peer):
        for cut in range(1, len(whole)):
            peer.read_request()
            peer.send(whole[:cut])
            time.sleep(0.001)
            peer.send(whole[cut:])

    server = serve(script)
    client = connect_to(server)
    for _ in range(1, len(whole)):
        response = await client.send(ask())
        assert (response.headers["x-a"], await response.read()) == ("1", b"hello world")


# Giving up.


@pytest.fixture(params=["http", "https"])
def stalling(request, serve, certificates):
    """A server that stalls on its first connection, where the test says, and notes when that is closed; then answers."""
    seen = {}

    def start(stall):
        def script(peer):
            if "first" in seen:
                keep_answering(peer)
                return
            seen["first"] = True
            peer.read_request()
            stall(peer)
            seen["stalls"] = True
            seen["closed"] = peer.closed_within(5)
            seen["closed_at"] = time.monotonic()

        return serve(script, certificates.good if request.param == "https" else None), seen

    return start


async def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)


async def gives_up(client, server, seen, ask, give_up):
    """After `give_up` the connection closes within the second, and the only slot is free at once."""
    gave_up_at = time.monotonic()
    await give_up()
    assert await asyncio.wait_for(answer(client, ask()), SOON_S) == b'{"ok":true}'
    await until(lambda: "closed_at" in seen)
    assert seen["closed"]
    assert seen["closed_at"] - gave_up_at < SOON_S
    assert server.connections == 2


async def cancel(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancel_before_head(stalling, connect_to, ask, certificates):
    """Cancelling before the response headers closes the connection within 1 s and frees its slot"""
    server, seen = stalling(lambda peer: None)
    client = connect_to(server, OriginPolicy(private=True, ca_file=certificates.ca_file), max_connections=1)
    task = asyncio.ensure_future(client.send(ask()))
    await until(lambda: "stalls" in seen)
    await gives_up(client, server, seen, ask, lambda: cancel(task))


async def test_cancel_in_mid_stream(stalling, connect_to, ask, certificates):
    """Cancelling in mid-stream closes the connection within 1 s and frees its slot"""

    def stall(peer):
        peer.begin_chunked()
        peer.chunk(b"one")

    server, seen = stalling(stall)
    client = connect_to(server, OriginPolicy(private=True, ca_file=certificates.ca_file), max_connections=1)
    read = []

    async def reader():
        response = await client.send(ask())
        async for chunk in response.chunks():
            read.append(chunk)  # noqa: PERF401 - the test looks at it meanwhile

    task = asyncio.ensure_future(reader())
    await until(lambda: read)
    await gives_up(client, server, seen, ask, lambda: cancel(task))


async def test_abort_unread(stalling, connect_to, ask, certificates):
    """`abort()` of an answer that nobody reads closes the connection within 1 s and frees its slot"""

    def stall(peer):
        peer.begin_chunked()
        peer.chunk(b"one")

    server, seen = stalling(stall)
    client = connect_to(server, OriginPolicy(private=True, ca_file=certificates.ca_file), max_connections=1)
    response = await client.send(ask())

    async def abort():
        response.abort()
        response.abort()

    await gives_up(client, server, seen, ask, abort)


async def test_cancel_in_line(serve, connect_to, ask):
    """Cancelling a call that waits for a connection leaves the line in order"""
    go = threading.Event()

    def script(peer):
        while peer.read_request():
            go.wait(5)
            peer.answer(b'{"ok":true}')

    server = serve(script)
    client = connect_to(server, max_connections=1)
    first = asyncio.ensure_future(answer(client, ask()))
    await until(lambda: server.requests)
    second, third = (asyncio.ensure_future(answer(client, ask())) for _ in range(2))
    await asyncio.sleep(0.02)
    await cancel(second)
    go.set()
    assert await first == await third == b'{"ok":true}'
    assert len(server.requests) == 2


# Not sent.


async def test_connect_refused(connect_to, ask):
    """Connection refused is *not sent*"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    await fails(UpstreamNotSent, "upstream_connect", connect_to(Origin("http", "127.0.0.1", port)).send(ask()))


async def test_connect_timeout(connect_to, ask):
    """A connect that gets no answer ends at its deadline: *not sent*"""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:  # the queue is full: the kernel drops what comes after
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            client = connect_to(Origin("http", "127.0.0.1", port))
            started = time.monotonic()
            fault = await fails(UpstreamNotSent, "upstream_connect_timeout", client.send(ask(connect_ms=200)))
            assert fault.status == 504
            assert time.monotonic() - started < SOON_S
        finally:
            for filler in fillers:
                filler.close()


async def test_dns_failure(connect_to, ask):
    """A name that does not resolve is *not sent*"""

    async def resolve(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    client = connect_to(Origin("http", "llm.test", 80), resolve=resolve)
    await fails(UpstreamNotSent, "upstream_dns", client.send(ask()))


async def test_dns_slow(connect_to, ask):
    """A slow resolver ends at the connect deadline: *not sent*; many calls wait for one lookup"""
    lookups = []

    async def resolve(host, port):
        lookups.append(host)
        await asyncio.sleep(30)

    client = connect_to(Origin("http", "llm.test", 80), resolve=resolve)
    calls = [fails(UpstreamNotSent, "upstream_connect_timeout", client.send(ask(connect_ms=150))) for _ in range(4)]
    started = time.monotonic()
    await asyncio.gather(*calls)
    assert time.monotonic() - started < SOON_S
    assert len(lookups) == 1


async def test_tls_stall(serve, connect_to, ask):
    """A TLS handshake that stalls ends at the connect deadline: *not sent*"""
    server = serve(lambda peer: peer.closed_within(5))
    client = connect_to(Origin("https", "127.0.0.1", server.origin.port))
    await fails(UpstreamNotSent, "upstream_connect_timeout", client.send(ask(connect_ms=200)))


async def test_tls_self_signed(serve, connect_to, ask, certificates):
    """A certificate of an unknown authority is refused: *not sent*"""
    server = serve(keep_answering, certificates.good)
    await fails(UpstreamNotSent, "upstream_tls", connect_to(server).send(ask()))
    assert server.requests == []


@pytest.mark.parametrize("flaw", ["wrong_host", "expired"])
async def test_tls_bad_certificate(serve, connect_to, ask, certificates, flaw):
    """A certificate for another host, or an expired one, is refused: *not sent*"""
    server = serve(keep_answering, getattr(certificates, flaw))
    policy = OriginPolicy(private=True, ca_file=certificates.ca_file)
    await fails(UpstreamNotSent, "upstream_tls", connect_to(server, policy).send(ask()))
    assert server.requests == []


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46"], ids=["plain-http", "old-tls"]
)
async def test_tls_not_spoken(serve, connect_to, ask, reply):
    """A peer that speaks no TLS, or too old a TLS, is *not sent*"""

    def script(peer):
        peer.socket.recv(65536)
        peer.send(reply)
        peer.closed_within(2)

    client = connect_to(Origin("https", "127.0.0.1", serve(script).origin.port))
    await fails(UpstreamNotSent, "upstream_tls", client.send(ask()))


async def test_pool_exhausted(serve, connect_to, ask):
    """Beyond `max_connections` calls wait in line until a deadline: *not sent*, busy, 503"""

    def script(peer):
        peer.read_request()
        peer.closed_within(5)

    server = serve(script)
    client = connect_to(server, max_connections=1)
    first = asyncio.ensure_future(client.send(ask()))
    await until(lambda: server.requests)
    fault = await fails(UpstreamNotSent, "upstream_busy", client.send(ask(connect_ms=150)))
    assert fault.status == 503
    await cancel(first)
    assert server.connections == 1


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_header_injection(serve, connect_to, ask, value):
    """A header with a line break or NUL is never written: *not sent*"""
    server = serve(keep_answering)
    await fails(UpstreamNotSent, "upstream_bad_header", connect_to(server).send(ask(headers=[("x-a", value)])))
    assert server.requests == []


# Maybe sent.


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("after", ["request", "nothing"])
async def test_gone_without_answer(serve, connect_to, ask, how, after):
    """A close or reset before an answer is *maybe sent*, and the request is not repeated"""

    def script(peer):
        if after == "request":
            peer.read_request()
        else:
            time.sleep(0.02)
        getattr(peer, how)()

    server = serve(script)
    await fails(UpstreamMaybeSent, "upstream_reset", connect_to(server).send(ask()))
    await asyncio.sleep(0.02)
    assert server.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-a\x00b: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    ],
    ids=["not-http", "two-lengths", "negative-length", "nul-in-name", "101"],
)
async def test_not_http(serve, connect_to, ask, reply):
    """An answer that is not valid HTTP/1.1 is *maybe sent*"""

    def script(peer):
        peer.read_request()
        peer.send(reply)
        peer.closed_within(2)

    with pytest.raises(UpstreamMaybeSent) as caught:
        await connect_to(serve(script)).send(ask())
    assert type(caught.value) is UpstreamMaybeSent
    assert caught.value.code in {"upstream_protocol", "upstream_reset"}


async def test_first_byte_deadline(stalling, connect_to, ask, certificates):
    """Headers that do not come in time are *maybe sent*, 504; the connection is closed, its slot free"""
    server, seen = stalling(lambda peer: None)
    client = connect_to(server, OriginPolicy(private=True, ca_file=certificates.ca_file), max_connections=1)
    call = fails(UpstreamMaybeSent, "upstream_timeout", client.send(ask(first_byte_ms=200)))
    assert (await call).status == 504
    await gives_up(client, server, seen, ask, lambda: asyncio.sleep(0))


# Connections that are used again.


async def test_keep_alive(serve, connect_to, ask):
    """A warm connection is used again"""
    server = serve(keep_answering)
    client = connect_to(server)
    for _ in range(5):
        assert await answer(client, ask()) == b'{"ok":true}'
    assert server.connections == 1


def closing_after_one(peer):
    peer.read_request()
    peer.answer(b'{"ok":true}')
    time.sleep(0.05)


async def test_idle_closed(serve, connect_to, ask):
    """An idle connection that the server closed is not used again"""
    server = serve(closing_after_one)
    client = connect_to(server)
    for _ in range(2):
        assert await answer(client, ask()) == b'{"ok":true}'
        await asyncio.sleep(0.15)
    assert server.connections == len(server.requests) == 2


async def test_idle_closed_unnoticed(serve, connect_to, ask):
    """The same where the event loop has not seen the closing yet: nothing is written to the dead connection"""
    server = serve(closing_after_one)
    client = connect_to(server)
    assert await answer(client, ask()) == b'{"ok":true}'
    time.sleep(0.15)  # noqa: ASYNC251 - the event loop must not run
    assert await answer(client, ask()) == b'{"ok":true}'
    assert len(server.requests) == 2


async def test_reused_and_gone(serve, connect_to, ask):
    """A warm connection that closes after the request was written is *maybe sent*: it is not sent twice"""

    def script(peer):
        peer.read_request()
        peer.answer()
        peer.read_request()

    server = serve(script)
    client = connect_to(server)
    await answer(client, ask())
    await fails(UpstreamMaybeSent, "upstream_reset", client.send(ask()))
    await asyncio.sleep(0.05)
    assert len(server.requests) == 2


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
async def test_unasked_answer(serve, connect_to, ask, pause_s):
    """An answer that nobody asked for is given to nobody"""
    poison = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmine" + (b"" if pause_s else poison))
        if pause_s:
            time.sleep(pause_s)
            peer.send(poison)
        peer.closed_within(0.5)

    server = serve(script)
    client = connect_to(server)
    for _ in range(3):
        assert await answer(client, ask()) == b"mine"
        await asyncio.sleep(2 * pause_s)


# Answers that break.


async def broken(code, response):
    fault = await fails(UpstreamBroken, code, response.read())
    assert fault.upstream_status == 200
    return fault


async def test_idle_deadline(stalling, connect_to, ask, certificates):
    """Silence in mid-stream ends at the idle deadline, 504, after what had arrived; the slot is free"""

    def stall(peer):
        peer.begin_chunked()
        peer.chunk(b"one")

    server, seen = stalling(stall)
    client = connect_to(server, OriginPolicy(private=True, ca_file=certificates.ca_file), max_connections=1)
    chunks = (await client.send(ask(idle_ms=200))).chunks()
    assert await anext(chunks) == b"one"
    assert (await fails(UpstreamBroken, "upstream_idle_timeout", anext(chunks))).status == 504
    await gives_up(client, server, seen, ask, lambda: asyncio.sleep(0))


async def test_total_deadline(serve, connect_to, ask):
    """A body that drips for ever ends at the total deadline, 504"""

    def script(peer):
        peer.read_request()
        peer.begin_chunked()
        while True:
            peer.chunk(b"x")
            time.sleep(0.02)

    response = await connect_to(serve(script)).send(ask(total_ms=300, idle_ms=200))
    started = time.monotonic()
    assert (await broken("upstream_timeout", response)).status == 504
    assert time.monotonic() - started < SOON_S


@pytest.mark.parametrize(
    "reply",
    [
        b"content-length: 10\r\n\r\nhalf",
        b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"transfer-encoding: chunked\r\n\r\n8\r\nhalf",
    ],
    ids=["content-length", "between-chunks", "within-chunk"],
)
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_truncated(serve, connect_to, ask, reply, how):
    """A body that ends early, by FIN or RST, is broken and never looks complete"""
    read = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + reply)
        read.wait(5)
        getattr(peer, how)()

    response = await connect_to(serve(script)).send(ask())
    chunks = response.chunks()
    assert await anext(chunks) == b"half"
    read.set()
    await fails(UpstreamBroken, "upstream_truncated", anext(chunks))


async def test_garbled_body(serve, connect_to, ask):
    """A chunked body that is not well-formed is broken"""

    def script(peer):
        peer.read_request()
        peer.begin_chunked()
        time.sleep(0.05)
        peer.send(b"zz\r\nhello\r\n")
        peer.closed_within(1)

    response = await connect_to(serve(script)).send(ask())
    with pytest.raises(UpstreamBroken):
        await response.read()


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
async def test_body_cap(serve, connect_to, ask, framing):
    """A body over the cap is broken, and its connection closed"""
    closed = []

    def script(peer):
        peer.read_request()
        if framing == "chunked":
            peer.begin_chunked()
            with contextlib.suppress(OSError):  # the client may close before all is sent
                for _ in range(20):
                    peer.chunk(b"x" * 1000)
        else:
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 20_000)
        closed.append(peer.closed_within(5))

    response = await connect_to(serve(script), max_response_bytes=10_000).send(ask())
    await broken("upstream_too_large", response)
    await until(lambda: closed)
    assert closed == [True]


async def test_encoded(serve, connect_to, ask):
    """A compressed answer is asked for by nobody, and refused: nothing is ever decompressed"""

    def script(peer):
        peer.read_request()
        peer.answer(gzip.compress(b"x" * 100_000), "content-encoding: gzip\r\n")
        peer.closed_within(5)

    server = serve(script)
    fault = await fails(UpstreamBroken, "upstream_bad_encoding", connect_to(server).send(ask()))
    assert fault.upstream_status == 200
    assert b"\r\naccept-encoding: identity\r\n" in server.requests[0].lower()


@pytest.mark.parametrize("kind", ["one-megabyte", "ten-thousand", "interim-flood", "trailers"])
async def test_header_caps(serve, connect_to, ask, kind):
    """A head (or trailer) that is too large, or has too many fields, is refused"""

    def script(peer):
        peer.read_request()
        if kind == "one-megabyte":
            peer.answer(head=f"x-a: {'a' * (1 << 20)}\r\n")
        elif kind == "ten-thousand":
            peer.answer(head="".join(f"x-{number}: 1\r\n" for number in range(10_000)))
        elif kind == "interim-flood":
            for _ in range(10_000):
                peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
            peer.answer()
        else:
            peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-a: ")
            for _ in range(64):
                peer.send(b"a" * 16_384)
            peer.send(b"\r\n\r\n")
        peer.closed_within(2)

    client = connect_to(serve(script))
    with pytest.raises(UpstreamMaybeSent) as caught:
        await answer(client, ask())
    assert caught.value.status == 502  # at once, not at a deadline


async def test_interim_answers(serve, connect_to, ask):
    """100 and 103 are skipped"""

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        time.sleep(0.02)
        peer.answer(b"real")

    response = await connect_to(serve(script)).send(ask())
    assert response.status == 200
    assert "link" not in response.headers
    assert await response.read() == b"real"


# Nothing but what was asked.


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
async def test_no_redirects(serve, connect_to, ask, status):
    """A redirect is returned as it is, not followed"""
    canary = serve(keep_answering)

    def script(peer):
        peer.read_request()
        peer.answer(head=f"location: {canary.origin}/\r\n", status=status)

    response = await connect_to(serve(script)).send(ask())
    assert response.status == int(status[:3])
    await response.read()
    await asyncio.sleep(0.02)
    assert canary.connections == 0


async def test_no_ambient_settings(serve, connect_to, ask, monkeypatch, tmp_path):
    """No proxy or netrc of the environment is used, no cookie is kept"""
    canary = serve(keep_answering)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, str(canary.origin))
        monkeypatch.setenv(name.lower(), str(canary.origin))
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ambient password ambient\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    def script(peer):
        while peer.read_request():
            peer.answer(head="set-cookie: session=secret; Path=/\r\n")

    server = serve(script)

    async def resolve(host, port):
        return ["127.0.0.1"]

    client = connect_to(server.named("llm.test"), resolve=resolve)
    for _ in range(2):
        await answer(client, ask())
    assert canary.connections == 0
    for request in server.requests:
        head = request.partition(b"\r\n\r\n")[0].lower()
        assert b"authorization" not in head
        assert b"cookie" not in head


async def test_request_as_given(serve, connect_to, ask):
    """Method, target, headers and body arrive as they were given"""
    server = serve(keep_answering)
    body = bytes(range(256)) * 4096
    await answer(connect_to(server), ask(body, [("authorization", "Bearer s3"), ("x-a", "1"), ("content-type", "a/b")]))
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    names = {field.partition(b":")[0].lower(): field.partition(b":")[2].strip() for field in fields}
    assert first == b"POST /v1/x?y=%2F HTTP/1.1"
    assert names[b"host"] == server.origin.host_header.encode()
    assert (names[b"authorization"], names[b"x-a"], names[b"content-type"]) == (b"Bearer s3", b"1", b"a/b")
    assert len(names) == len(fields)
    assert sent == body


# Addresses.


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost"])
async def test_internal_refused(serve, connect_to, ask, host):
    """Internal addresses in any spelling are refused unless the operator named the origin: *not sent*"""
    server = serve(keep_answering)
    call = connect_to(server.named(host), OriginPolicy()).send(ask())
    await fails(UpstreamNotSent, "upstream_address_refused", call)
    assert server.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "llm.test"])
async def test_metadata_refused(connect_to, ask, host):
    """Metadata services are always refused: *not sent*"""

    async def resolve(host, port):
        return ["169.254.169.254"]

    client = connect_to(Origin("http", host, 80), OriginPolicy(private=True), resolve=resolve)
    await fails(UpstreamNotSent, "upstream_address_refused", client.send(ask()))


async def test_rebinding(serve, connect_to, ask):
    """A name is resolved once for each connect, judged, and exactly that address is dialled (DNS rebinding)"""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "169.254.169.254"]]
    lookups = []

    async def resolve(host, port):
        lookups.append(host)
        return answers[len(lookups) - 1]

    server = serve(closing_after_one)
    client = connect_to(server.named("llm.test"), resolve=resolve)
    assert await answer(client, ask()) == b'{"ok":true}'
    await asyncio.sleep(0.15)
    await fails(UpstreamNotSent, "upstream_address_refused", client.send(ask()))
    assert await answer(client, ask()) == b'{"ok":true}'
    assert len(lookups) == 3
    assert server.connections == 2


async def test_next_address(serve, connect_to, ask):
    """Where one address refuses the connection, the next is tried"""

    async def resolve(host, port):
        return ["127.0.0.2", "127.0.0.1"]

    server = serve(keep_answering)
    assert await answer(connect_to(server.named("llm.test"), resolve=resolve), ask()) == b'{"ok":true}'


async def test_own_authority(serve, connect_to, ask, certificates):
    """The operator's CA file is trusted, and the name is checked against the certificate, not the address"""

    async def resolve(host, port):
        return ["127.0.0.1"]

    server = serve(keep_answering, certificates.named)
    policy = OriginPolicy(private=True, ca_file=certificates.ca_file)
    client = connect_to(server.named("llm.test"), policy, resolve=resolve)
    for _ in range(2):
        assert await answer(client, ask()) == b'{"ok":true}'
    assert server.connections == 1
    assert b"host: llm.test:" in server.requests[0].lower()
