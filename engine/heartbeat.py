"""What a worker tells control once a second, as one JSON datagram; a full socket loses beats, never requests."""

import contextlib
import socket

import msgspec

MAX_DATAGRAM = 60_000
BEAT_SECONDS = 1.0


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """One worker's state.

    `seq`, `digest` and `revision` are of the catalog it serves ("" before the first). `refusals` counts requests refused
    before any attempt, by error code, since the worker began; `requests` counts all. `loop_lag_us` is how late the
    event loop was at the last beat. `unrecorded` counts calls made without a record, which only happens where the
    operator chose `ledger.when_unwritable: allow`.
    """

    worker: str
    pid: int
    started_ns: int
    seq: int = 0
    digest: str = ""
    revision: str = ""
    in_flight: int = 0
    detached: int = 0
    requests: int = 0
    refusals: dict[str, int] = {}
    unrecorded: int = 0
    loop_lag_us: int = 0
    ledger_writable: bool = True
    draining: bool = False
    disabled_providers: dict[str, str] = {}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Heartbeat)


def pair() -> tuple[socket.socket, socket.socket]:
    """A connected (receiving, sending) pair of datagram sockets: they outlive restarts of either side."""
    receiving, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiving.setblocking(False)
    sending.setblocking(False)
    return receiving, sending


def send(sock: socket.socket, beat: Heartbeat) -> None:
    """Send one beat; where control does not read, it is lost: the next one says more."""
    with contextlib.suppress(OSError):
        data = _encoder.encode(beat)
        if len(data) > MAX_DATAGRAM:  # hundreds of providers that cannot be called, each with its reason
            data = _encoder.encode(msgspec.structs.replace(beat, disabled_providers={}))
        sock.send(data)


def receive(sock: socket.socket) -> list[Heartbeat]:
    """All beats that wait to be read."""
    beats: list[Heartbeat] = []
    while True:
        try:
            data = sock.recv(MAX_DATAGRAM)
        except OSError:
            return beats
        with contextlib.suppress(msgspec.MsgspecError):
            beats.append(_decoder.decode(data))
