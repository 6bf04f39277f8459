"""Mutated exchanges of OpenAI's responses: read, or refused with a reason; nothing else ever comes out."""

import json
import random

import pytest
from wires.matrix import answers, asked, conversation_of, recordings, send, streams
from wires.mutation import mutated
from wires.seen import events_of

from engine.errors import InvalidRequest, UpstreamRefused
from engine.wires import openai_responses
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Transcoder

WIRE = "openai-responses"


def test_answers():
    chosen, outcomes = random.Random(7), set()
    for recording in answers(WIRE):
        data = json.dumps(mutated(json.loads(recording.response), chosen)).encode()
        openai_responses.read_usage(data)
        try:
            answer = openai_responses.decode_answer(data)
        except UpstreamRefused:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for api in CLIENT_APIS.values():
            api.encode_answer(answer, asked())
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("api", sorted(CLIENT_APIS))
def test_streams(api: str):
    chosen, outcomes = random.Random(7), set()
    for recording in streams(WIRE) * 10:
        events = [mutated(event, chosen) if chosen.random() < 0.2 else event for event in events_of(recording.response)]
        data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        transcoder = Transcoder(openai_responses.stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        reader = openai_responses.stream_reader(client_wants_usage=True)
        for followed in (transcoder, reader):
            followed.feed(data)
            followed.finish()
            outcomes.add("broken" if followed.error else "done" if followed.done else "cut")
    assert {"broken", "done"} <= outcomes


def test_requests():
    chosen, outcomes = random.Random(7), set()
    for recording in recordings(WIRE):
        request = {name: mutated(value, chosen) for name, value in json.loads(recording.request).items()}
        try:
            conversation = conversation_of(WIRE, request)
        except InvalidRequest:
            outcomes.add("InvalidRequest")
            continue
        outcomes |= {type(send(wire, conversation)).__name__ for wire in PROVIDER_WIRES}
        openai_responses.encode_answer(
            openai_responses.decode_answer(b'{"output":[],"status":"completed"}'), asked(conversation)
        )
    assert {"InvalidRequest", "tuple"} <= outcomes
