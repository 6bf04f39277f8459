"""Mutated exchanges of Anthropic's and Bedrock's: read, or refused with a reason; nothing else ever comes out."""

import json
import random
from typing import Any

import pytest
from wires.matrix import answers, asked, conversation_of, recordings, send, streams
from wires.mutation import mutated
from wires.of_bedrock_converse import event, stream_of
from wires.of_bedrock_converse import events_of as events_of_bedrock
from wires.seen import events_of

from engine.errors import InvalidRequest, UpstreamRefused
from engine.wires import anthropic_messages
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Transcoder


@pytest.mark.parametrize("wire", ["anthropic-messages", "bedrock-converse"])
def test_answers(wire: str):
    chosen, outcomes = random.Random(7), set()
    for recording in answers(wire):
        data = json.dumps(mutated(json.loads(recording.response), chosen)).encode()
        PROVIDER_WIRES[wire].read_usage(data)
        PROVIDER_WIRES[wire].fault_in(data)
        try:
            answer = PROVIDER_WIRES[wire].decode_answer(data)
        except UpstreamRefused:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for api in CLIENT_APIS.values():
            api.encode_answer(answer, asked())
    assert outcomes == {"read", "refused"}


def lines(chosen: random.Random) -> list[bytes]:
    """Anthropic's streams, in which something is wrong, missing, or in another place."""
    found = []
    for recording in streams("anthropic-messages") * 10:
        events = [mutated(one, chosen) if chosen.random() < 0.1 else one for one in events_of(recording.response)]
        found.append(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in shuffled(events, chosen)))
    return found


def messages(chosen: random.Random) -> list[bytes]:
    """The same of Converse's."""
    found = []
    for recording in answers("bedrock-converse"):
        events = events_of_bedrock(stream_of(recording.response))
        odd = [(name, mutated(body, chosen)) if chosen.random() < 0.1 else (name, body) for name, body in events]
        objects = [(name, body) for name, body in shuffled(odd, chosen) if isinstance(body, dict)]
        found.append(b"".join(event(name, body) for name, body in objects))
    return found


def shuffled(events: list[Any], chosen: random.Random) -> list[Any]:
    if chosen.random() < 0.3:
        events.insert(chosen.randrange(len(events)), events.pop(chosen.randrange(len(events) - 1)))
    return events


@pytest.mark.parametrize("api", sorted(CLIENT_APIS))
@pytest.mark.parametrize(("wire", "make"), [("anthropic-messages", lines), ("bedrock-converse", messages)])
def test_streams(wire: str, make: Any, api: str):
    outcomes = set()
    for data in make(random.Random(7)):
        transcoder = Transcoder(PROVIDER_WIRES[wire].stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        readers = [anthropic_messages.stream_reader(client_wants_usage=True)] if wire == "anthropic-messages" else []
        for followed in (transcoder, *readers):
            followed.feed(data)
            followed.finish()
            outcomes.add("broken" if followed.error else "done" if followed.done else "cut")
    assert {"broken", "done"} <= outcomes


def test_requests():
    chosen, outcomes = random.Random(7), set()
    for recording in recordings("anthropic-messages"):
        request = {name: mutated(value, chosen) for name, value in json.loads(recording.request).items()}
        try:
            conversation = conversation_of("anthropic-messages", request)
        except InvalidRequest:
            outcomes.add("InvalidRequest")
            continue
        outcomes |= {type(send(wire, conversation)).__name__ for wire in PROVIDER_WIRES}
    assert {"InvalidRequest", "tuple"} <= outcomes
