"""Requests to Converse: each rule; and whatever is sent is what AWS's own description of the API takes."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from wires.matrix import RECORDED, conversation_of, encoded, make_model, recordings, send
from wires.of_bedrock_converse import judge_request
from wires.strategies import OPTIONS, conversations

from engine.errors import InvalidRequest
from engine.model import BaseModel, Model
from engine.wires import bedrock_converse
from engine.wires.body import parse_body
from engine.wires.conversation import Conversation
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Crossing

CLAUDE = "us.anthropic.claude-opus-4-8"
CLAUDE_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_3 = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
QWEN = "qwen.qwen3-32b-v1:0"
COHERE = "cohere.command-r-plus-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
ALL = [CLAUDE, CLAUDE_4_5, CLAUDE_3, NOVA, NOVA_2, GPT_OSS, QWEN, COHERE, LLAMA]

PNG = "iVBORw0KGgoAAAANSUhEUg=="
PDF = "JVBERi0xLjQK"
TOOL = {"name": "f", "description": "Does f.", "input_schema": {"type": "object", "properties": {"a": {}}}}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "c:1", "name": "f", "input": {"a": 1}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c:1", "content": "Sunny."}]}


def model_of(upstream_model: str, **fields: Any) -> Model:
    return make_model(api="aws", wire="bedrock-converse", upstream_model=upstream_model, **fields)


def sent(
    request: dict[str, Any], upstream_model: str = CLAUDE, api: str = "anthropic-messages", **fields: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is sent of a client's request, which the judge finds well, and the losses."""
    filled = {"model": "m", "max_tokens": 5_000, "messages": [{"role": "user", "content": "Hello."}], **request}
    if api == "openai-chat" and "max_tokens" not in request:
        del filled["max_tokens"]
    found, losses = encoded("bedrock-converse", conversation_of(api, filled), model_of(upstream_model, **fields))
    judge_request(found, stream=bool(filled.get("stream")))
    return found, losses


def refused(request: dict[str, Any], upstream_model: str = CLAUDE, api: str = "anthropic-messages") -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        sent(request, upstream_model, api)
    assert raised.value.param is not None
    assert raised.value.param in raised.value.message
    return raised.value


def judged(conversation: Conversation, upstream_model: str) -> bool:
    """Whether a request is sent, which the judge then finds well; otherwise it is refused by name."""
    outcome = send("bedrock-converse", conversation, model_of(upstream_model))
    if isinstance(outcome, InvalidRequest):
        assert outcome.param
        return False
    judge_request(outcome[0])
    return True


def asking(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def only_message(found: dict[str, Any]) -> list[Any]:
    (message,) = found["messages"]
    content: list[Any] = message["content"]
    return content


def test_the_judge_takes_every_request_that_was_recorded():
    whole = [one for one in recordings("bedrock-converse") if one.id != "f8dc7edf0163"]  # its request was cut short
    assert len(whole) > 90
    for recording in whole:
        judge_request(json.loads(recording.request), stream=recording.is_stream)


@pytest.mark.parametrize("api", sorted(set(CLIENT_APIS) & set(RECORDED)))
@pytest.mark.parametrize("upstream_model", [CLAUDE, CLAUDE_4_5, NOVA_2, LLAMA])
def test_every_recorded_request_of_a_client_is_one_that_aws_takes(api: str, upstream_model: str):
    taken = 0
    for recording in recordings(api):
        taken += judged(conversation_of(api, recording.request), upstream_model)
    assert taken > len(recordings(api)) / 2


@pytest.mark.parametrize("upstream_model", ALL)
def test_whatever_a_client_asks_is_what_aws_takes(upstream_model: str):
    options = frozenset(OPTIONS) - {"max_output_tokens"}  # 0 and more is judged by the model

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(conversations("openai-chat", options))
    def check(conversation: Conversation) -> None:
        judged(conversation, upstream_model)

    check()


def test_what_was_recorded_can_be_asked_again():
    """Requests of the recordings that a client's API can say, field by field."""
    tools = [
        {
            "type": "function",
            "function": {"name": "get_capital", "description": "It.", "parameters": {"type": "object"}},
        }
    ]
    found, losses = sent(
        {
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of France?"}],
            "tools": tools,
            "tool_choice": "required",
            "temperature": 0.0,
            "top_p": 0.5,
            "stop": "END",
            "max_tokens": 5,
        },
        NOVA,
        "openai-chat",
    )
    assert found == {
        "messages": [{"role": "user", "content": [{"text": "Capital of France?"}]}],
        "system": [{"text": "Be brief."}],
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "get_capital", "inputSchema": {"json": {"type": "object"}}, "description": "It."}}
            ],
            "toolChoice": {"any": {}},
        },
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.0, "topP": 0.5, "stopSequences": ["END"]},
    }
    assert losses == ()


def test_nothing_is_asked_of_the_output_where_nobody_limits_it():
    assert "inferenceConfig" not in sent({}, api="openai-chat")[0]


def test_the_model_is_in_the_path_whatever_its_name():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
    for model_id in (CLAUDE_4_5, arn, "a/../b", "é%2F?#"):
        model = model_of(model_id)
        assert bedrock_converse.path(model, stream=False) == f"/model/{quote(model_id, safe='')}/converse"
        assert bedrock_converse.path(model, stream=True) == f"/model/{quote(model_id, safe='')}/converse-stream"
    assert "model" not in sent({"stream": True})[0]
    assert "stream" not in sent({"stream": True})[0]


def test_a_profile_is_what_its_base_model_is():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
    base = BaseModel(written="x", resolved="aws:anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert sent({"top_k": 5}, arn, base_model=base)[0]["additionalModelRequestFields"] == {"top_k": 5}
    assert sent({"top_k": 5}, arn)[1] == ("top_k",)


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_tool_calls_and_results():
    failed = {"type": "tool_result", "tool_use_id": "d", "is_error": True, "content": [{"type": "text", "text": "No."}]}
    found, losses = sent({"messages": [CALL, RESULT, {"role": "user", "content": [failed]}], "tools": [TOOL]})
    assert found["messages"] == [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c_1", "name": "f", "input": {"a": 1}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c_1", "content": [{"text": "Sunny."}]}},
                {"toolResult": {"toolUseId": "d", "content": [{"text": "No."}], "status": "error"}},
            ],
        },
    ]
    assert losses == ()


def test_ids_of_calls_have_the_letters_and_the_length_that_the_model_allows():
    long = "x" * 65
    for upstream_model, written in ((CLAUDE, "functions_f_0"), (NOVA, "functions.f:0")):
        for given_id, expected in (("functions.f:0", written), ("é/1", "__1")):
            call = {"type": "tool_use", "id": given_id, "name": "f", "input": {}}
            result = {"type": "tool_result", "tool_use_id": given_id, "content": "x"}
            messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
            said = sent({"messages": messages, "tools": [TOOL]}, upstream_model)[0]["messages"]
            assert said[0]["content"][0]["toolUse"]["toolUseId"] == expected
            assert said[1]["content"][0]["toolResult"]["toolUseId"] == expected
    ids = set()
    for given_id in (long, long + "y"):
        call = {"type": "tool_use", "id": given_id, "name": "f", "input": {}}
        said = sent({"messages": [{"role": "assistant", "content": [call]}], "tools": [TOOL]})[0]
        ids.add(only_message(said)[0]["toolUse"]["toolUseId"])
    assert len(ids) == 2


def test_arguments_that_are_no_object_are_sent_all_the_same():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    found, _ = sent({"messages": [{"role": "assistant", "tool_calls": [call]}]}, api="openai-chat")
    assert only_message(found)[0]["toolUse"]["input"] == {"INVALID_JSON": '{"a'}


def test_a_conversation_with_calls_has_tools():
    found, losses = sent({"messages": [CALL, RESULT]})
    assert found["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
    ]
    assert losses == ()


def test_pictures_films_and_documents():
    text = base64.b64encode(b"a,b").decode()
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4A=="}},
        {"type": "image", "source": {"type": "base64", "media_type": "", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "s3://bucket/a.webp"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        {"type": "document", "title": "Q3 (final)_ré.pdf", "source": {"type": "base64", "media_type": "", "data": PDF}},
        {"type": "document", "title": "Tale", "source": {"type": "text", "media_type": "text/plain", "data": "Once."}},
        {"type": "document", "title": "Tale", "source": {"type": "base64", "media_type": "text/csv", "data": text}},
        {"type": "document", "source": {"type": "base64", "media_type": "text/x-python", "data": text}},
        {"type": "document", "source": {"type": "base64", "media_type": "video/mp4", "data": text}},
        {
            "type": "document",
            "citations": {"enabled": True},
            "context": "A tale.",
            "source": {"type": "url", "url": "s3://bucket/a.pdf"},
        },
    ]
    found, losses = sent(asking(*blocks))
    once = base64.b64encode(b"Once.").decode()
    assert only_message(found) == [
        {"image": {"format": "jpeg", "source": {"bytes": "/9j/4A=="}}},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}},
        {"document": {"format": "pdf", "source": {"bytes": PDF}, "name": "Document"}},
        {"document": {"format": "pdf", "source": {"bytes": PDF}, "name": "Q3 (final) r"}},
        {"document": {"format": "txt", "source": {"bytes": once}, "name": "Tale"}},
        {"document": {"format": "csv", "source": {"bytes": text}, "name": "Tale 2"}},
        {"document": {"format": "txt", "source": {"bytes": text}, "name": "Document 2"}},
        {"video": {"format": "mp4", "source": {"bytes": text}}},
        {
            "document": {
                "format": "pdf",
                "source": {"s3Location": {"uri": "s3://bucket/a.pdf"}},
                "name": "Document 3",
                "citations": {"enabled": True},
                "context": "A tale.",
            }
        },
    ]
    assert losses == ()


def test_sound_of_openais_clients():
    audio = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    found, _ = sent(asking(audio), NOVA_2, "openai-chat")
    assert only_message(found) == [{"audio": {"format": "wav", "source": {"bytes": "UklGRg=="}}}]


def test_media_in_the_result_of_a_tool():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [image, document]}
    found, _ = sent({**asking(result), "tools": [TOOL]})
    assert only_message(found)[0]["toolResult"]["content"] == [
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"document": {"format": "pdf", "source": {"bytes": PDF}, "name": "Document"}},
    ]


def test_sound_in_the_result_of_a_tool_is_refused():
    audio = {"type": "document", "source": {"type": "base64", "media_type": "audio/mpeg", "data": "SUQz"}}
    error = refused(asking({"type": "tool_result", "tool_use_id": "c", "content": [audio]}))
    assert error.param == "messages[0].content[0].content[0]"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "SUkq"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/zip", "data": "UEsD"}},
        {"type": "document", "source": {"type": "base64", "media_type": "", "data": "AAAA"}},
        {"type": "container_upload", "file_id": "file_1"},
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(block: dict[str, Any]):
    error = refused(asking({"type": "text", "text": "See."}, block))
    assert (error.status, error.param) == (400, "messages[0].content[1]")


def test_instructions_hold_text_alone():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    assert refused({"messages": [{"role": "system", "content": [image]}]}).param == "messages[0].content[0]"


def test_blank_texts_are_left_out_and_neighbours_joined():
    messages = [
        {"role": "user", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": "Two."}]},
        {"role": "assistant", "content": ""},
    ]
    assert only_message(sent({"messages": messages})[0]) == [{"text": "One."}, {"text": "Two."}]


def test_later_instructions():
    messages = [{"role": "user", "content": "Hi."}, {"role": "system", "content": "Be brief."}, CALL, RESULT]
    request = {"system": "Be kind.", "messages": messages, "tools": [TOOL]}
    found, _ = sent(request, CLAUDE)
    assert [message["role"] for message in found["messages"]] == ["user", "system", "assistant", "user"]
    assert found["system"] == [{"text": "Be kind."}]
    for upstream_model in (CLAUDE_4_5, NOVA):
        found, _ = sent(request, upstream_model)
        assert [message["role"] for message in found["messages"]] == ["user", "assistant", "user"]
        assert found["system"] == [{"text": "Be kind."}, {"text": "Be brief."}]


def test_cache_marks():
    marked = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    brief = {"type": "text", "text": "Brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    tool = {**TOOL, "cache_control": {"type": "ephemeral"}}
    request = {**asking(marked, brief), "system": [marked], "tools": [tool]}
    hour, five = {"cachePoint": {"type": "default", "ttl": "1h"}}, {"cachePoint": {"type": "default"}}
    found, losses = sent(request)
    assert only_message(found) == [{"text": "Long."}, hour, {"text": "Brief."}, five]
    assert found["system"] == [{"text": "Long."}, hour]
    assert found["toolConfig"]["tools"][1] == five
    assert losses == ()
    found, losses = sent(request, NOVA)
    assert only_message(found) == [{"text": "Long."}, five, {"text": "Brief."}, five]
    assert losses == ("tools[0].cache_control",)
    found, losses = sent(request, LLAMA)
    assert "cachePoint" not in json.dumps(found)
    assert len(losses) == 4


def test_caching_of_the_whole_prompt_is_a_mark_at_its_end():
    request = {"cache_control": {"type": "ephemeral"}}
    assert only_message(sent(request)[0])[-1] == {"cachePoint": {"type": "default"}}
    assert sent(request, LLAMA)[1] == ("cache_control",)


def test_what_claude_thought_goes_back_to_claude_alone():
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    redacted = {"type": "redacted_thinking", "data": "EuQF"}
    request = {"messages": [{"role": "assistant", "content": [thinking, redacted, {"type": "text", "text": "So."}]}]}
    found, losses = sent(request)
    assert only_message(found) == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"EuQF").decode()}},
        {"text": "So."},
    ]
    assert losses == ()
    found, losses = sent(request, NOVA)
    assert only_message(found) == [{"text": "So."}]
    assert losses == ("messages[0].content[0]", "messages[0].content[1]")


def test_unsigned_thoughts_are_dropped_by_name():
    message = {"role": "assistant", "content": "So.", "reasoning_content": "Hm."}
    assert sent({"messages": [message]}, api="openai-chat")[1] != ()


# --- tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, None),
        ({"type": "any"}, {"any": {}}),
        ({"type": "tool", "name": "f"}, {"tool": {"name": "f"}}),
    ],
)
def test_tool_choice(choice: dict[str, Any], expected: Any):
    found, losses = sent({"tools": [TOOL], "tool_choice": choice})
    assert found["toolConfig"].get("toolChoice") == expected
    assert losses == ()


def test_no_tool_at_all_is_said_by_sending_none():
    request = {"tools": [TOOL], "tool_choice": {"type": "none"}}
    found, losses = sent(request)
    assert "toolConfig" not in found
    assert losses == ()
    found, losses = sent({**request, "messages": [CALL, RESULT]})
    assert [tool["toolSpec"]["name"] for tool in found["toolConfig"]["tools"]] == ["f"]
    assert "toolChoice" not in found["toolConfig"]
    assert losses == ("tool_choice",)


def test_a_choice_without_tools_is_refused():
    assert refused({"tool_choice": {"type": "any"}}).param == "tool_choice"


def test_one_call_at_a_time():
    request = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}}
    found, losses = sent(request)
    expected = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert found["additionalModelRequestFields"] == {"tool_choice": expected}
    assert "toolChoice" not in found["toolConfig"]
    assert losses == ()
    found, losses = sent(request, NOVA)
    assert found["toolConfig"]["toolChoice"] == {"tool": {"name": "f"}}
    assert losses == ("tool_choice.disable_parallel_tool_use",)


def test_strict_tools():
    found, _ = sent({"tools": [{**TOOL, "strict": True}, {**TOOL, "name": "g", "strict": False}]})
    assert [tool["toolSpec"].get("strict") for tool in found["toolConfig"]["tools"]] == [True, None]


def test_web_search_is_novas_own():
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    found, losses = sent({"tools": [tool]}, NOVA_2)
    assert found["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert losses == ("tools[0].max_uses",)
    assert sent({"tools": [tool]}, CLAUDE)[1] == ("tools[0]",)
    assert refused({"tools": [{"type": "bash_20250124", "name": "bash"}]}).param == "tools[0]"


# --- options ----------------------------------------------------------------------------------------------------------

THINKS = {"type": "enabled", "budget_tokens": 2_000}


@pytest.mark.parametrize(
    ("upstream_model", "request_", "more", "losses"),
    [
        (CLAUDE_4_5, {"thinking": THINKS}, {"thinking": THINKS}, ()),
        (CLAUDE_4_5, {"thinking": THINKS, "max_tokens": 3_000}, {"thinking": {**THINKS, "budget_tokens": 1_500}}, ()),
        (CLAUDE_4_5, {"thinking": THINKS, "max_tokens": 2_000}, None, ("thinking",)),
        (
            CLAUDE_4_5,
            {"thinking": THINKS, "temperature": 0.5, "top_k": 3},
            {"thinking": THINKS},
            ("temperature", "top_k"),
        ),
        (CLAUDE_4_5, {"thinking": THINKS, "temperature": 1}, {"thinking": THINKS}, ()),
        (CLAUDE_4_5, {"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}, ()),
        (CLAUDE_3, {"thinking": {"type": "disabled"}}, None, ()),
        (CLAUDE_3, {"thinking": THINKS}, None, ("thinking",)),
        (CLAUDE, {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "adaptive"}}, ()),
        (NOVA, {"thinking": THINKS}, None, ("thinking",)),
        (NOVA_2, {"thinking": THINKS}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, ()),
        (NOVA_2, {"thinking": {"type": "disabled"}}, {"reasoningConfig": {"type": "disabled"}}, ()),
        (GPT_OSS, {"thinking": THINKS}, {"reasoning_effort": "low"}, ()),
        (GPT_OSS, {"thinking": {"type": "disabled"}}, None, ("thinking",)),
        (GPT_OSS, {"thinking": {"type": "adaptive"}}, None, ()),
        (GPT_OSS, {"output_config": {"effort": "max"}}, {"reasoning_effort": "high"}, ()),
        (QWEN, {"output_config": {"effort": "medium"}}, {"reasoning_config": "high"}, ()),
        (LLAMA, {"output_config": {"effort": "low"}}, None, ("output_config.effort",)),
        (CLAUDE, {"top_k": 5}, {"top_k": 5}, ()),
        (NOVA, {"top_k": 5}, {"inferenceConfig": {"topK": 5}}, ()),
        (COHERE, {"top_k": 5}, {"k": 5}, ()),
        (LLAMA, {"top_k": 5}, None, ("top_k",)),
    ],
)
def test_what_only_one_maker_takes(
    upstream_model: str, request_: dict[str, Any], more: dict[str, Any] | None, losses: tuple[str, ...]
):
    found, lost = sent(request_, upstream_model)
    assert found.get("additionalModelRequestFields") == more
    assert set(lost) == set(losses)


def test_effort_of_claude_after_4_5():
    found, losses = sent({"reasoning_effort": "minimal"}, api="openai-chat")
    assert found["outputConfig"] == {"effort": "low"}
    assert found["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert losses == ()
    assert sent({"thinking": THINKS})[0]["outputConfig"] == {"effort": "low"}


def test_a_tool_that_must_be_called_leaves_claude_no_room_to_think():
    found, losses = sent({"thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"}})
    assert "additionalModelRequestFields" not in found
    assert losses == ("thinking",)


def test_nova_2_at_high_takes_nothing_else():
    request = {"output_config": {"effort": "high"}, "temperature": 0.5, "top_p": 0.5, "top_k": 3, "max_tokens": 9}
    found, losses = sent(request, NOVA_2)
    assert "inferenceConfig" not in found
    assert found["additionalModelRequestFields"] == {
        "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}
    }
    assert set(losses) == {"temperature", "top_p", "top_k", "max_tokens"}


def test_temperatures_end_at_1():
    found, losses = sent({"temperature": 1.5}, api="openai-chat")
    assert found["inferenceConfig"] == {"temperature": 1}
    assert losses == ("temperature",)


def test_which_text_stopped_claude_is_asked_for():
    assert sent({"stop_sequences": ["END"]})[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in sent({"stop_sequences": ["END"]}, NOVA)[0]


def test_json_schema_output():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "description": "An a.", "schema": schema}}
    found, losses = sent({"response_format": form, "reasoning_effort": "low"}, api="openai-chat")
    text_format = found["outputConfig"]["textFormat"]
    described = text_format["structure"]["jsonSchema"]
    assert json.loads(described.pop("schema")) == schema
    assert described == {"name": "a", "description": "An a."}
    assert found["outputConfig"]["effort"] == "low"
    assert losses == ()
    assert sent({"response_format": {"type": "json_object"}}, api="openai-chat")[1] == ("response_format",)


@pytest.mark.parametrize(("tier", "expected"), [("flex", {"type": "flex"}), ("auto", None), ("scale", None)])
def test_service_tiers(tier: str, expected: Any):
    found, losses = sent({"service_tier": tier}, api="openai-chat")
    assert found.get("serviceTier") == expected
    assert losses == (("service_tier",) if tier == "scale" else ())


def test_metadata_goes_where_it_fits():
    metadata = {"team": "a@b", "note": "é", "long": "x" * 257}
    found, losses = sent({"metadata": metadata}, api="openai-chat")
    assert found["requestMetadata"] == {"team": "a@b"}
    assert losses == ("metadata.note", "metadata.long")


def test_several_answers_are_refused():
    assert refused({"n": 2}, api="openai-chat").param == "n"


def test_what_the_file_says_of_the_model_joins_what_the_client_asks():
    guardrail = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    defaults = {
        "additionalModelRequestFields": {"anthropic_beta": ["context-1m-2025-08-07"]},
        "guardrailConfig": guardrail,
        "temperature": 0.5,
    }
    crossing = Crossing(
        CLIENT_APIS["anthropic-messages"],
        bedrock_converse,
        model_of(CLAUDE, defaults=defaults),
    )
    body = {"model": "m", "max_tokens": 9, "top_k": 5, "messages": [{"role": "user", "content": "Hello."}]}
    found = json.loads(crossing.encode(parse_body(json.dumps(body).encode())).body)
    judge_request(found)
    assert found["additionalModelRequestFields"] == {"anthropic_beta": ["context-1m-2025-08-07"], "top_k": 5}
    assert found["guardrailConfig"] == guardrail
    assert found["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5}


def test_the_gateway_answers_for_the_messages():
    with pytest.raises(ValueError, match="messages"):
        Crossing(
            CLIENT_APIS["openai-chat"],
            bedrock_converse,
            model_of(CLAUDE, defaults={"messages": []}),
        )
