"""docs/wires.md says what the code does; and nothing is carried that leaves no trace."""

import pytest
from wires import documented_calls
from wires.documented import (
    ANSWERS,
    ASKED_OF,
    OTHER,
    PAGE,
    REQUESTS,
    SAYS_NOTHING_NEW,
    fate_of_answer,
    fate_of_request,
    written,
)
from wires.matrix import make_model

from engine.errors import InvalidRequest
from engine.wires.conversation import Conversation
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES


def test_the_page_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "PYTHONPATH=.:tests python -m wires.documented"


def test_every_wire_of_calls_without_a_conversation_is_documented():
    assert documented_calls.is_complete()


def test_every_option_of_a_conversation_is_documented():
    documented = {name for fields in REQUESTS.values() for name in fields}
    structure = {"wire", "model", "essential", "names", "stream", "wants_usage", "wants_encrypted"}
    assert documented == set(Conversation.__struct_fields__) - structure


@pytest.mark.parametrize("wire", sorted(PROVIDER_WIRES))
@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_carried_is_in_the_request(wire: str, name: str):
    fate, differs = fate_of_request(wire, REQUESTS[name])
    assert differs or fate == "dropped" or (wire, name) in SAYS_NOTHING_NEW


@pytest.mark.parametrize("api", sorted(CLIENT_APIS))
@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_carried_is_in_the_answer(api: str, name: str):
    fate, differs = fate_of_answer(api, ANSWERS[name])
    assert differs or fate == "dropped"


@pytest.mark.parametrize("wire", sorted(PROVIDER_WIRES))
def test_a_strict_model_refuses_what_others_drop(wire: str):
    api, upstream_model = ASKED_OF[wire]
    for name, fields in REQUESTS.items():
        if fate_of_request(wire, fields)[0] == "carried":
            continue
        conversation = Conversation(**{"wire": OTHER, "model": "m", "turns": (), **fields})
        model = make_model(api=api, wire=wire, upstream_model=upstream_model, strict=True)
        with pytest.raises(InvalidRequest) as refused:
            PROVIDER_WIRES[wire].encode_request(conversation, model)
        assert refused.value.status == 400, name
        assert refused.value.param, name
        assert refused.value.param in refused.value.message
