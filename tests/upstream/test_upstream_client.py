"""What the gateway's own client promises beyond the contract."""

import asyncio
import random
import threading
from collections import Counter

import pytest

from engine.errors import GatewayError, UpstreamMaybeSent, UpstreamNotSent
from engine.gateway.upstream import Upstream, UpstreamRequest
from engine.operator.origins import Origin, OriginPolicy

pytestmark = pytest.mark.anyio


@pytest.fixture
def upstream_class():
    return Upstream


def keep_answering(peer):
    while peer.read_request():
        peer.answer()


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "connection", "accept-encoding"])
async def test_framing_headers_are_the_clients_own(serve, connect_to, ask, name):
    server = serve(keep_answering)
    with pytest.raises(UpstreamNotSent) as caught:
        await connect_to(server).send(ask(headers=[(name, "x")]))
    assert caught.value.code == "upstream_bad_header"
    assert server.requests == []


async def test_headers_outside_latin_1(serve, connect_to, ask):
    server = serve(keep_answering)
    with pytest.raises(UpstreamNotSent) as caught:
        await connect_to(server).send(ask(headers=[("x-a", "\u20ac")]))
    assert caught.value.code == "upstream_bad_header"
    assert server.requests == []


async def test_faults_tell_nothing(serve, connect_to, ask):
    """No message holds a header, an address, or the upstream's words."""

    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 999999 sk-leaked\r\n\r\n")

    with pytest.raises(UpstreamMaybeSent) as caught:
        await connect_to(serve(script)).send(ask(headers=[("authorization", "Bearer sk-secret")]))
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__suppress_context__}"
    assert "sk-" not in shown
    assert "127.0.0.1" not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_repr_holds_no_secret():
    request = UpstreamRequest("POST", "/v1/x?key=secret", (("authorization", "Bearer secret"),), b"secret")
    assert repr(request) == "UpstreamRequest(POST /v1/x, 1 headers, 6 bytes)"


async def test_close_ends_what_is_under_way_and_what_comes_later(serve, connect_to, ask):
    arrived = threading.Event()

    def script(peer):
        peer.read_request()
        arrived.set()
        assert peer.closed_within(5)

    client = connect_to(serve(script), max_connections=1)
    first = asyncio.ensure_future(client.send(ask()))
    await asyncio.get_running_loop().run_in_executor(None, arrived.wait, 5)
    waiting = asyncio.ensure_future(client.send(ask()))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(UpstreamMaybeSent):
        await first
    for call in (waiting, client.send(ask())):
        with pytest.raises(UpstreamNotSent) as caught:
            await call
        assert caught.value.status == 503


async def test_answer_may_be_read_after_its_connection_is_used_again(serve, connect_to, ask):
    def script(peer):
        for digit in (b"1", b"2"):
            peer.read_request()
            peer.answer(digit * 100_000)

    server = serve(script)
    client = connect_to(server, max_connections=1)
    first = await client.send(ask())
    while not first.ended:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.005)
    assert await (await client.send(ask())).read() == b"2" * 100_000
    assert await first.read() == b"1" * 100_000
    assert server.connections == 1


async def test_answer_before_the_request_is_read(serve, connect_to, ask):
    """A refusal that comes before the body was read is delivered, and the connection is not used again."""

    def script(peer):
        peer.socket.recv(1024)
        peer.answer(b"too large", status="413 Content Too Large")
        peer.closed_within(30)  # to close on unread data is a reset, which may overtake the answer on a busy machine

    server = serve(script)
    client = connect_to(server)
    for _ in range(2):
        response = await client.send(ask(body=b"x" * (16 << 20)))
        assert response.status == 413
        assert await response.read() == b"too large"
    assert server.connections == 2


@pytest.mark.parametrize(
    "fields", ["content-length: 2\r\ntransfer-encoding: chunked", "transfer-encoding: gzip, chunked"]
)
async def test_ambiguous_framing_is_refused(serve, connect_to, ask, fields):
    def script(peer):
        peer.read_request()
        peer.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n".encode())
        peer.closed_within(2)

    with pytest.raises(UpstreamMaybeSent) as caught:
        await (await connect_to(serve(script)).send(ask())).read()
    assert caught.value.code == "upstream_protocol"


async def test_no_slot_is_lost(serve, connect_to, ask):
    """Whatever peers and callers do, in the end every slot is free and every idle connection is good."""
    dice = random.Random(7)

    def script(peer):
        while peer.read_request():
            match dice.randrange(8):
                case 0:
                    return
                case 1:
                    peer.reset()
                    return
                case 2:
                    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                    return
                case 3:
                    peer.begin_chunked()
                    for _ in range(5):
                        peer.chunk(b"x" * 1000)
                    peer.closed_within(0.05)
                    return
                case 4:
                    peer.closed_within(0.05)
                    return
                case _:
                    peer.answer(b'{"ok":true}')

    client = connect_to(serve(script), max_connections=8)
    ends = Counter()

    async def call(patience):
        try:
            async with asyncio.timeout(patience):
                response = await client.send(ask(connect_ms=2000, first_byte_ms=2000, idle_ms=20))
                if patience > 0.08:
                    await response.read()
                else:
                    response.abort()
            ends["answer"] += 1
        except (GatewayError, TimeoutError) as error:
            ends[type(error).__name__] += 1

    await asyncio.gather(*(call(dice.uniform(0.001, 0.3)) for _ in range(300)))
    assert client._slots.free == 8
    assert {"answer", "TimeoutError", "UpstreamMaybeSent", "UpstreamBroken"} <= ends.keys()
    assert len(client._open) <= 8
    await client.close()
    assert not client._open


def test_ca_file_that_cannot_be_read(tmp_path):
    with pytest.raises(OSError):
        Upstream(
            Origin("https", "llm.test", 443),
            OriginPolicy(ca_file=str(tmp_path / "none.pem")),
            max_connections=1,
            max_response_bytes=1,
        )
