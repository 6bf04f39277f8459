"""Requests in the Responses API: what a client may ask, on its way to other wires; and what others ask of it."""

import json
from typing import Any

import openai.types.responses
import pydantic
import pytest
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from wires.matrix import conversation_of, encoded, make_model, recordings, send

from engine.errors import InvalidRequest
from engine.model import BaseModel, Model
from engine.wires import openai_responses
from engine.wires.body import parse_body

PARAMS: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseCreateParamsNonStreaming)
ITEM: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(openai.types.responses.ResponseInputItemParam)
TOOL: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(openai.types.responses.ToolParam)

OPENAI = make_model(api="openai", wire="openai-chat", upstream_model="gpt-5.2")
USER = {"type": "message", "role": "user", "content": "Hi."}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "Sunny."}


def ask(items: Any = "Hi.", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": items, **fields}


def to(wire: str, request: dict[str, Any], model: Model = OPENAI) -> tuple[dict[str, Any], tuple[str, ...]]:
    return encoded(wire, conversation_of("openai-responses", request), model)


def to_chat(items: Any = "Hi.", **fields: Any) -> tuple[Any, tuple[str, ...]]:
    sent, losses = to("openai-chat", ask(items, **fields))
    return sent["messages"], losses


def from_chat(*messages: Any, model: Model = OPENAI, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "Hi."}], **fields}
    return encoded("openai-responses", conversation_of("openai-chat", request), model)


# --- a client of the Responses API → other wires ----------------------------------------------------------------------


def test_instructions_and_a_text_are_two_messages():
    messages, losses = to_chat(instructions="Be kind.")
    assert messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."}]
    assert losses == ()


@pytest.mark.parametrize("with_type", [True, False])
def test_messages_of_all_roles(with_type: bool):
    said = [("system", "A"), ("developer", "B"), ("user", "C"), ("assistant", "D")]
    items = [{"role": role, "content": text, **({"type": "message"} if with_type else {})} for role, text in said]
    messages, losses = to_chat(items)
    assert [(message["role"], message["content"]) for message in messages] == said
    assert losses == ()


def test_what_the_model_said_and_did_is_one_turn_and_each_result_a_message():
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    said |= {"content": [{"type": "output_text", "text": "Let me see.", "annotations": [], "logprobs": []}]}
    second = {**CALL, "call_id": "c2", "id": "fc_2", "status": "completed"}
    items = [USER, thought, said, CALL, second, RESULT, {**RESULT, "call_id": "c2"}, USER]
    messages, losses = to_chat(items)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[1]["content"] == "Let me see."
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["c1", "c2"]
    assert [message["tool_call_id"] for message in messages[2:4]] == ["c1", "c2"]
    assert losses == ("input[1]",)


def test_parts_of_every_kind():
    parts = [
        {"type": "input_text", "text": "See."},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "high"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    ]
    messages, losses = to_chat([{"role": "user", "content": parts}])
    assert losses == ()
    assert messages[0]["content"] == [
        {"type": "text", "text": "See."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "high"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    ]
    sent, _ = to("anthropic-messages", ask([{"role": "user", "content": parts[:3]}]))
    assert [block["type"] for block in sent["messages"][0]["content"]] == ["text", "image", "document"]


def test_a_result_of_several_parts():
    parts = [{"type": "input_text", "text": "See."}, {"type": "input_image", "image_url": "https://a/b.png"}]
    sent, losses = to("anthropic-messages", ask([USER, CALL, {**RESULT, "output": parts}]))
    assert [part["type"] for part in sent["messages"][2]["content"][0]["content"]] == ["text", "image"]
    assert losses == ()


def test_calls_of_tools_with_free_text_cross_to_chat():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}
    tools = [{"type": "custom", "name": "sh", "description": "Run.", "format": grammar}]
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "sh", "input": "ls"}
    result = {"type": "custom_tool_call_output", "call_id": "c1", "output": "a b"}
    request = ask([USER, call, result], tools=tools, tool_choice={"type": "custom", "name": "sh"})
    sent, losses = to("openai-chat", request)
    assert losses == ()
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}}
    assert sent["tools"] == [{"type": "custom", "custom": {"name": "sh", "description": "Run.", "format": nested}}]
    assert sent["tool_choice"] == {"type": "custom", "custom": {"name": "sh"}}
    assert sent["messages"][1]["tool_calls"][0]["custom"] == {"name": "sh", "input": "ls"}
    back, losses = encoded("openai-responses", conversation_of("openai-chat", sent), OPENAI)
    assert losses == ()
    assert (back["input"], back["tools"], back["tool_choice"]) == ([USER, call, result], tools, request["tool_choice"])
    with pytest.raises(InvalidRequest, match=r"input\[1\]"):
        to("anthropic-messages", request)


def test_options_go_where_chat_has_them():
    schema = {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}
    sent, losses = to(
        "openai-chat",
        ask(
            text={"format": schema, "verbosity": "low"},
            reasoning={"effort": "high", "summary": "auto"},
            max_output_tokens=99,
            include=["message.output_text.logprobs", "reasoning.encrypted_content"],
            top_logprobs=3,
            parallel_tool_calls=False,
            tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            prompt_cache_key="k",
            safety_identifier="s",
            service_tier="flex",
            store=True,
            truncation="disabled",
            background=False,
            user="u",
            metadata={"a": "b"},
        ),
    )
    assert losses == ("reasoning.summary",)
    form = {"name": "s", "schema": {"type": "object"}, "strict": True}
    assert sent["response_format"] == {"type": "json_schema", "json_schema": form}
    assert (sent["verbosity"], sent["reasoning_effort"], sent["max_completion_tokens"]) == ("low", "high", 99)
    assert (sent["logprobs"], sent["top_logprobs"], sent["parallel_tool_calls"]) == (True, 3, False)
    assert sent["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert sent["tool_choice"]["allowed_tools"]["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert (sent["prompt_cache_key"], sent["safety_identifier"], sent["service_tier"]) == ("k", "s", "flex")
    assert (sent["store"], sent["user"], sent["metadata"]) == (True, "u", {"a": "b"})


def test_chat_wants_to_be_told_twice_about_log_probabilities():
    sent, losses = to("openai-chat", ask(top_logprobs=2))
    assert (sent["logprobs"], sent["top_logprobs"], losses) == (True, 2, ())


def test_what_chat_has_no_place_for_is_named_as_the_client_calls_it():
    tools = [{"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["v"]}]
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    request = ask(
        [USER, searched, {**CALL, "namespace": "n"}, RESULT],
        tools=tools,
        tool_choice={"type": "file_search"},
        truncation="auto",
        max_tool_calls=3,
        include=["file_search_call.results"],
        reasoning={"context": "auto"},
        stream_options={"include_obfuscation": True},
    )
    _, losses = to("openai-chat", request)
    assert set(losses) == {
        *("tools[0]", "tools[1]", "tool_choice", "truncation", "max_tool_calls", "include", "reasoning.context"),
        *("stream_options.include_obfuscation", "input[1]", "input[2].namespace"),
    }


@pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("prompt", {"id": "pmpt_1"}),
        ("background", True),
    ],
)
def test_what_another_server_keeps_is_refused_by_name(wire: str, field: str, value: Any):
    outcome = send(wire, conversation_of("openai-responses", ask(**{field: value})), OPENAI)
    assert isinstance(outcome, InvalidRequest)
    assert (outcome.status, outcome.param) == (400, field)
    sent, losses = to("openai-responses", ask(**{field: value}))
    assert (sent[field], losses) == (value, ())


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"type": "compaction", "encrypted_content": "gAAA"},
        {"type": "local_shell_call_output", "id": "ls_1", "output": "{}"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "file_id": "f"}},
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []},
        {"type": "something_new", "id": "x"},
    ],
)
def test_items_that_only_openai_understands_are_refused_elsewhere_and_kept_at_home(item: dict[str, Any]):
    outcome = send("openai-chat", conversation_of("openai-responses", ask([USER, item])), OPENAI)
    assert isinstance(outcome, InvalidRequest)
    assert outcome.param == "input[1]"
    sent, losses = to("openai-responses", ask([USER, item]))
    assert (sent["input"][1], losses) == (item, ())


@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch", "computer", "namespace"])
def test_tools_that_the_client_runs_in_openais_form_are_refused_elsewhere(kind: str):
    outcome = send("openai-chat", conversation_of("openai-responses", ask(tools=[{"type": kind}])), OPENAI)
    assert isinstance(outcome, InvalidRequest)
    assert outcome.param == "tools[0]"


def test_a_search_crosses_with_its_place_and_domains():
    place = {"type": "approximate", "city": "Oslo"}
    search = {"type": "web_search", "user_location": place, "filters": {"allowed_domains": ["a.org"]}}
    sent, losses = to("anthropic-messages", ask(tools=[{**search, "search_context_size": "low"}]))
    assert losses == ("tools[0].search_context_size",)
    assert (sent["tools"][0]["user_location"], sent["tools"][0]["allowed_domains"]) == (place, ["a.org"])
    back, losses = encoded("openai-responses", conversation_of("anthropic-messages", sent), OPENAI)
    assert (back["tools"], losses) == ([search], ())


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 7}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"role": "robot", "content": ""}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{**CALL, "name": None}]}, "input[0].name"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"text": {"format": {"type": "poem"}}}, "text.format.type"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"include": "all"}, "include"),
        ({"reasoning": "much"}, "reasoning"),
    ],
)
def test_bad_requests_name_the_parameter(fields: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as refused:
        conversation_of("openai-responses", {**ask(), **fields})
    assert (refused.value.status, refused.value.param) == (400, param)


def test_a_request_without_an_input_says_so():
    with pytest.raises(InvalidRequest, match='add "input"'):
        conversation_of("openai-responses", {"model": "m"})


# --- clients of other APIs → a provider of the Responses API ----------------------------------------------------------


@pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages"])
def test_recorded_requests_are_ones_by_the_official_types(wire: str):
    crossed = 0
    for recording in recordings(wire):
        outcome = send("openai-responses", conversation_of(wire, recording.request), OPENAI)
        if isinstance(outcome, InvalidRequest):
            continue
        crossed += 1
        sent, _ = outcome
        own_words = {} if recording.host == "api.openai.com" else {"reasoning": None, "service_tier": None}
        PARAMS.validate_python({**sent, **own_words, "stream": False})
        for item in sent["input"]:  # the types above do not look into a list
            ITEM.validate_python(item)
        for tool in sent.get("tools", []):
            TOOL.validate_python(tool)
    assert crossed > 100


def test_the_first_words_of_the_system_are_instructions_and_developers_keep_their_role():
    system, developer = {"role": "system", "content": "A"}, {"role": "developer", "content": "B"}
    user = {"role": "user", "content": "C"}
    sent, losses = from_chat(system, developer, user)
    assert (sent["instructions"], losses) == ("A", ())
    assert [(item["role"], item["content"]) for item in sent["input"]] == [("developer", "B"), ("user", "C")]
    sent, _ = from_chat(developer, user, model=make_model(api="vllm"))
    assert [item["role"] for item in sent["input"]] == ["system", "user"]
    sent, _ = from_chat(system)
    assert "instructions" not in sent
    assert sent["input"] == [{"type": "message", "role": "system", "content": "A"}]


def test_nothing_is_stored_and_functions_are_as_strict_as_the_client_says():
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    tools[1]["function"] |= {"strict": True, "parameters": {"type": "object"}}  # type: ignore[operator]
    sent, losses = from_chat(tools=tools)
    assert (sent["store"], losses) == (False, ())
    assert [(tool["strict"], tool["parameters"]) for tool in sent["tools"]] == [
        (False, None),
        (True, {"type": "object"}),
    ]
    assert from_chat(store=True)[0]["store"] is True


@pytest.mark.parametrize(
    ("name", "thinks"),
    [
        ("gpt-5.2", True),
        ("ft:o4-mini:acme", True),
        ("openai/gpt-5-mini", True),
        ("gpt-5-codex", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4.1", False),
        ("gpt-4o", False),
        ("llama-3", False),
    ],
)
def test_thoughts_are_asked_for_where_the_model_thinks(name: str, thinks: bool):
    sent, _ = from_chat(model=make_model(api="openai", upstream_model=name))
    assert ("include" in sent) is thinks
    base = BaseModel(written=name, resolved=f"openai:{name}")
    sent, _ = from_chat(model=make_model(api="azure", upstream_model="our-deployment", base_model=base))
    assert (sent.get("include") == ["reasoning.encrypted_content"]) is thinks


def test_limits_below_openais_least_are_raised_and_named():
    sent, losses = from_chat(max_tokens=5)
    assert (sent["max_output_tokens"], losses) == (16, ("max_tokens",))
    sent, losses = from_chat(max_tokens=5, model=make_model(api="vllm"))
    assert (sent["max_output_tokens"], losses) == (5, ())


def test_options_of_chat_go_where_responses_have_them():
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": True}}
    sent, losses = from_chat(
        response_format=form,
        verbosity="high",
        reasoning_effort="low",
        max_completion_tokens=50,
        logprobs=True,
        top_logprobs=2,
        prompt_cache_key="k",
        safety_identifier="s",
        seed=7,
        stop=["x"],
        model=make_model(api="openai", upstream_model="gpt-4.1"),
    )
    assert set(losses) == {"seed", "stop"}
    schema = {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}
    assert sent["text"] == {"format": schema, "verbosity": "high"}
    assert (sent["reasoning"], sent["max_output_tokens"]) == ({"effort": "low"}, 50)
    assert (sent["include"], sent["top_logprobs"]) == (["message.output_text.logprobs"], 2)
    assert (sent["prompt_cache_key"], sent["safety_identifier"]) == ("k", "s")


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses"])
def test_names_and_ids_that_openai_finds_too_long(wire: str):
    """As Anthropic's clients send them."""
    used = {"type": "tool_use", "id": "t" * 100, "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t" * 100, "content": "So."}
    messages = [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    request = {"model": "m", "max_tokens": 99, "messages": messages, "metadata": {"user_id": "u" * 65}}
    sent, losses = encoded(wire, conversation_of("anthropic-messages", request), OPENAI)
    assert ("user" in sent, losses) == (False, ("metadata.user_id",))
    sent, losses = encoded(wire, conversation_of("anthropic-messages", request), make_model(api="vllm"))
    assert (len(sent["user"]), losses) == (65, ())
    if wire == "openai-responses":
        call, output = sent["input"]
        assert call["call_id"] == output["call_id"]
        assert len(call["call_id"]) <= 64


def test_several_answers_are_refused():
    with pytest.raises(InvalidRequest) as refused:
        from_chat(n=2)
    assert refused.value.param == "n"


# --- passed through ---------------------------------------------------------------------------------------------------


def passed(model: Model, text: str) -> str:
    body, wants_usage = openai_responses.prepare(model).encode(parse_body(text.encode()))
    assert wants_usage
    return body.decode()


def test_bytes_pass_through_but_for_the_model():
    text = '{"model":"@acme/bot","input":[ {"role":"user" ,"content":"h\\u00e9"} ],"temperature":1.0,"stream":true}'
    assert passed(make_model(), text) == text.replace("@acme/bot", "upstream-bot")


def test_declared_values_are_spliced_in():
    declared = {"defaults": {"max_tokens": 50, "reasoning_effort": "low"}, "overrides": {"verbosity": "high"}}
    model = make_model(**declared, forbid=("top_p",))
    sent = json.loads(passed(model, '{"model":"m","input":"Hi.","text":{"verbosity":"low","format":{"type":"text"}}}'))
    assert (sent["max_output_tokens"], sent["reasoning"]) == (50, {"effort": "low"})
    assert sent["text"] == {"verbosity": "high", "format": {"type": "text"}}
    sent = json.loads(passed(model, '{"model":"m","input":"Hi.","reasoning":{"effort":"high"},"max_output_tokens":9}'))
    assert (sent["max_output_tokens"], sent["reasoning"]) == (9, {"effort": "high"})
    with pytest.raises(InvalidRequest, match="top_p"):
        passed(model, '{"model":"m","input":"Hi.","top_p":1}')
    with pytest.raises(ValueError, match="input"):
        openai_responses.prepare(make_model(overrides={"input": "x"}))
