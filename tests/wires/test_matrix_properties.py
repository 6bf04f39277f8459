"""Canonical → wire → canonical is the same, for all that a wire can say; nothing else of it is lost in silence."""

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wires.matrix import APIS, BOTH, CROSSED, JUDGES, READERS, asked, conversation_of, encoded, send
from wires.strategies import OPTIONS, conversation_answers, conversations, events, plain

from engine.errors import InvalidRequest
from engine.wires.answer import Answer
from engine.wires.conversation import Conversation
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Transcoder

# Wire → the options that it can say and gives back.
EXPRESSIBLE: Mapping[str, frozenset[str]] = {
    "openai-chat": frozenset(OPTIONS),
    "anthropic-messages": frozenset(
        {
            *("tools", "max_output_tokens", "temperature", "top_p", "top_k", "stop", "user", "service_tier", "stream"),
            *("output", "tool_choice"),
        }
    ),
    "openai-responses": frozenset(
        {
            *("tools", "max_output_tokens", "temperature", "top_p", "logprobs", "top_logprobs", "user", "service_tier"),
            *("parallel_tool_calls", "verbosity", "store", "cache_key", "stream", "output", "tool_choice"),
        }
    ),
}

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_wire_of_both_sides_is_tested():
    assert set(EXPRESSIBLE) == set(BOTH)


@pytest.mark.parametrize("wire", BOTH)
def test_conversations_come_back(wire: str):
    @quick
    @given(conversations(wire, EXPRESSIBLE[wire]))
    def check(conversation: Conversation) -> None:
        sent, losses = encoded(wire, conversation)
        assert losses == ()
        back = plain(conversation_of(wire, sent))
        expected = plain(conversation)
        for found in (back, expected):
            if found["output"] is not None:
                found["output"] |= {"name": None}  # some want one, and get ours
        if wire == "anthropic-messages":  # it wants a limit, and gets ours
            expected["max_output_tokens"] = back["max_output_tokens"]
        assert back == expected

    check()


@pytest.mark.parametrize(("wire", "api"), [(wire, api) for wire, api in CROSSED if wire != api])
def test_what_a_client_gives_is_carried_named_or_refused(wire: str, api: str):
    """Every option of another API's client: gone from the request means named, and a strict model names it first."""

    @quick
    @given(conversations(api, EXPRESSIBLE.get(api, frozenset(OPTIONS))))
    def check(conversation: Conversation) -> None:
        outcome = send(wire, conversation)
        if isinstance(outcome, InvalidRequest):
            assert outcome.param
            return
        sent, losses = outcome
        assert len(set(losses)) == len(losses)
        given_options = {name for name, _ in conversation.given()}
        assert {name for name in losses if "[" not in name and "." not in name} <= given_options
        assert sent

    check()


@pytest.mark.parametrize("wire", BOTH)
def test_answers_come_back(wire: str):
    @quick
    @given(conversation_answers())
    def check(answer: Answer) -> None:
        reply = CLIENT_APIS[wire].encode_answer(answer, asked())
        assert reply.losses == ()
        JUDGES[wire].answer(reply.body)
        back = PROVIDER_WIRES[wire].decode_answer(reply.body)
        assert plain(back.choices[0].blocks) == plain(answer.choices[0].blocks)
        assert back.choices[0].finish.reason == answer.choices[0].finish.reason
        assert (back.id, back.model) == (answer.id, answer.model)
        assert back.usage is not None
        assert answer.usage is not None
        assert {meter: count for meter, count in back.usage.meters.items() if count} == {
            meter: count for meter, count in answer.usage.meters.items() if count
        }

    check()


@pytest.mark.parametrize("api", APIS)
def test_a_stream_says_what_the_whole_answer_says(api: str):
    @quick
    @given(conversation_answers(), st.booleans())
    def check(answer: Answer, ends: bool) -> None:
        encoder = CLIENT_APIS[api].stream_encoder(asked())
        stream = encoder.encode(events(answer, ends=ends)) + encoder.end()
        assert encoder.losses == ()
        JUDGES[api].stream(stream)
        whole = CLIENT_APIS[api].encode_answer(answer, asked()).body
        assert READERS[api].stream(stream) == READERS[api].answer(whole)

    check()


@pytest.mark.parametrize("wire", BOTH)
@pytest.mark.parametrize("api", APIS)
def test_streams_cross_in_any_pieces(wire: str, api: str):
    @quick
    @given(conversation_answers(), st.integers(1, 50))
    def check(answer: Answer, size: int) -> None:
        encoder = CLIENT_APIS[wire].stream_encoder(asked())
        upstream = encoder.encode(events(answer, ends=True)) + encoder.end()
        transcoder = Transcoder(PROVIDER_WIRES[wire].stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        passed = b"".join(transcoder.feed(upstream[at : at + size]) for at in range(0, len(upstream), size))
        assert transcoder.done
        assert transcoder.error is None
        assert READERS[api].stream(passed + transcoder.tail) == READERS[wire].stream(upstream)

    check()
