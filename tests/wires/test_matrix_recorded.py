"""Every recorded exchange through every pair of wires: what arrives is what was recorded."""

import json
import os
import random
from collections.abc import Sequence

import pytest
from wires.matrix import (
    APIS,
    BINARY,
    BOTH,
    CROSSED,
    JUDGES,
    NORMAL,
    READERS,
    RECORDED,
    WIRES,
    answers,
    asked,
    conversation_of,
    encoded,
    recordings,
    send,
    streams,
)

from engine.errors import InvalidRequest
from engine.wires.events import Event
from engine.wires.sse import EventSplitter
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Transcoder

LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def test_every_wire_is_tested():
    assert RECORDED.keys() == READERS.keys() == {*WIRES}
    assert JUDGES.keys() == {*APIS}
    assert set(NORMAL) == set(BOTH)


@pytest.mark.parametrize("wire", BOTH)
def test_a_request_is_the_same_after_decoding_and_encoding(wire: str):
    for recording in recordings(wire):
        conversation = conversation_of(wire, recording.request)
        sent, losses = encoded(wire, conversation)
        assert losses == ()
        expected = {**json.loads(recording.request), "model": "upstream-bot"}
        assert NORMAL[wire](sent) == NORMAL[wire](expected), recording.id


@pytest.mark.parametrize(("wire", "api"), [(wire, api) for wire in BOTH for api in WIRES if wire != api])
def test_a_request_crosses_or_is_refused_by_name(wire: str, api: str):
    """From a client of `wire` to a provider of `api`: what is neither carried nor named would be lost silently."""
    crossed = 0
    for recording in recordings(wire):
        conversation = conversation_of(wire, recording.request)
        outcome = send(api, conversation)
        if isinstance(outcome, InvalidRequest):
            assert outcome.param
            continue
        sent, losses = outcome
        crossed += 1
        said = json.dumps(sent, ensure_ascii=False)
        body = json.loads(recording.request)
        assert all(name.split("[")[0].split(".")[0] in body for name in losses), (recording.id, losses)
        for turn in conversation.turns:
            for block in turn.blocks:
                text = getattr(block, "text", None)
                if text and block.path not in losses:
                    assert json.dumps(text, ensure_ascii=False)[1:-1] in said, (recording.id, block.path)
    assert crossed > len(recordings(wire)) / 2


@pytest.mark.parametrize(("wire", "api"), CROSSED)
def test_an_answer_reaches_every_client(wire: str, api: str):
    for recording in answers(wire):
        answer = PROVIDER_WIRES[wire].decode_answer(recording.response)
        reply = CLIENT_APIS[api].encode_answer(answer, asked())
        JUDGES[api].answer(reply.body)
        seen, truth = READERS[api].answer(reply.body), READERS[wire].answer(recording.response)
        if truth.usage is None:  # what nobody reported is zeros to clients that cannot do without
            assert seen.usage in (None, (0, 0))
            seen = seen._replace(usage=None)
        assert seen == truth, recording.id


@pytest.mark.parametrize(("wire", "api"), CROSSED)
def test_a_stream_reaches_every_client(wire: str, api: str):
    finished = 0
    for recording in streams(wire):
        transcoder = Transcoder(PROVIDER_WIRES[wire].stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        passed = transcoder.feed(recording.response) + transcoder.finish()
        if transcoder.error is not None:
            assert b"error" in recording.response
            continue
        finished += 1
        assert transcoder.done
        JUDGES[api].stream(passed + transcoder.tail)
        seen, truth = READERS[api].stream(passed + transcoder.tail), READERS[wire].stream(recording.response)
        truth = truth._replace(finish=truth.finish or "stop")  # some never say why
        assert seen == truth, recording.id
        assert transcoder.usage is not None
        assert (transcoder.usage.meters["input_tokens"], transcoder.usage.meters["output_tokens"]) == truth.usage
    assert finished >= min(5, len(streams(wire)))


def decode(wire: str, pieces: list[bytes]) -> tuple[list[Event], object]:
    decoder = PROVIDER_WIRES[wire].stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.finish()
    return events, (decoder.usage, str(decoder.error), decoder.done)


@pytest.mark.parametrize(
    ("wire", "line_end"),
    [(wire, end) for wire in WIRES for end in LINE_ENDS if wire not in BINARY or end == b"\n"],
)
def test_a_stream_decodes_alike_however_it_is_cut(wire: str, line_end: bytes):
    """In bytes; and the start and the end of each in two, at every position of short ones, of all with WIRES_WHOLE."""
    somewhere = random.Random(7)
    for recording in streams(wire):
        whole = recording.response
        if wire not in BINARY:
            whole = whole.replace(b"\r\n", b"\n").replace(b"\n", line_end)
        expected = decode(wire, [whole])
        assert expected == decode(wire, [recording.response])
        size = 1 if line_end == b"\n" else somewhere.randint(2, 9)
        assert decode(wire, [whole[at : at + size] for at in range(0, len(whole), size)]) == expected
        blocks = EventSplitter().feed(whole) if wire not in BINARY else []
        ends = b"".join(blocks[:3] + blocks[-3:])
        if blocks and len(ends) < 6_000:
            expected = decode(wire, [ends])
            for at in _positions(len(ends), somewhere):
                assert decode(wire, [ends[:at], ends[at:]]) == expected


def _positions(length: int, somewhere: random.Random) -> Sequence[int]:
    is_quick = length < 2_000 or "WIRES_WHOLE" in os.environ
    return range(length) if is_quick else somewhere.sample(range(length), 400)
