"""Requests on their way to Gemini: what becomes of what other APIs say in another way, or cannot say."""

import json
from typing import Any

import pytest
from google.genai import types
from wires.documented import OTHER, REQUESTS
from wires.matrix import RECORDED, conversation_of, encoded, make_model, recordings, send

from engine.errors import InvalidRequest
from engine.model import BaseModel
from engine.wires import gemini, openai_chat
from engine.wires.body import parse_body
from engine.wires.conversation import Conversation
from engine.wires.gemini.encode_contents import NO_SIGNATURE
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Crossing

USER = {"role": "user", "content": "Hi."}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def model(upstream_model: str = "gemini-3-flash-preview", api: str = "google", **fields: Any):
    return make_model(api=api, wire="gemini", upstream_model=upstream_model, **fields)


def chat(*messages: dict[str, Any], to: Any = None, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An OpenAI client's request, sent."""
    request = {"model": "@acme/bot", "messages": [*(messages or (USER,))], **fields}
    return encoded("gemini", conversation_of("openai-chat", request), to or model())


def claude(*messages: dict[str, Any], to: Any = None, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An Anthropic client's request, sent."""
    request = {"model": "@acme/bot", "max_tokens": 99, "messages": [*(messages or (USER,))], **fields}
    return encoded("gemini", conversation_of("anthropic-messages", request), to or model())


# --- the official package's types -------------------------------------------------------------------------------------

TYPES = {
    "systemInstruction": types.Content,
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
}


def judge(sent: dict[str, Any]) -> None:
    """The types of google-genai take no field that they do not know."""
    for content in sent.pop("contents"):
        types.Content.model_validate(content)
    for tool in sent.pop("tools", []):
        types.Tool.model_validate(tool)
    for name, type_ in TYPES.items():
        if name in sent:
            type_.model_validate(sent.pop(name))
    assert sent.keys() <= {"serviceTier", "labels", "store"}


@pytest.mark.parametrize("wire", sorted(CLIENT_APIS.keys() & RECORDED.keys()))
@pytest.mark.parametrize(
    ("upstream_model", "api"),
    [("gemini-3-flash-preview", "google"), ("gemini-2.5-pro", "google-vertex"), ("gemini-2.0-flash", "google")],
)
def test_recorded_requests_arrive_as_google_wants_them(wire: str, upstream_model: str, api: str):
    recorded, judged = recordings(wire), 0
    for recording in recorded:
        outcome = send("gemini", conversation_of(wire, recording.request), model(upstream_model, api))
        if not isinstance(outcome, InvalidRequest):
            judge(outcome[0])
            judged += 1
    assert judged > len(recorded) / 2


@pytest.mark.parametrize("name", REQUESTS)
def test_every_option_arrives_as_google_wants_it(name: str):
    conversation = Conversation(**{"wire": OTHER, "model": "m", "turns": (), **REQUESTS[name]})
    for api in ("google", "google-vertex"):
        outcome = send("gemini", conversation, model(api=api))
        if not isinstance(outcome, InvalidRequest):
            judge(outcome[0])


# --- contents ---------------------------------------------------------------------------------------------------------


def test_a_conversation_becomes_contents():
    sent, losses = chat(
        {"role": "system", "content": "Be kind."},
        USER,
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky": "blue"}'},
        {"role": "tool", "tool_call_id": "c2", "content": "Sunny."},
        {"role": "developer", "content": "Be brief."},
        USER,
    )
    function_call = {"name": "f", "args": {"a": 1}}
    assert sent == {
        "systemInstruction": {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi."}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Let me see."},
                    {"functionCall": {"id": "c1", **function_call}, "thoughtSignature": NO_SIGNATURE},
                    {"functionCall": {"id": "c2", **function_call}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "c1", "name": "f", "response": {"sky": "blue"}}},
                    {"functionResponse": {"id": "c2", "name": "f", "response": {"output": "Sunny."}}},
                ],
            },
            {"role": "user", "parts": [{"text": "Hi."}]},
        ],
    }
    assert losses == ()


def test_instructions_alone_are_asked():
    sent, _ = chat({"role": "system", "content": "Say hello."})
    assert sent == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ('{"a":[1.50,1e3]}', {"a": [1.5, 1000.0]}),
        ("[1]", {"output": "[1]"}),
        ("42", {"output": "42"}),
        ("", {"output": ""}),
        ('{"a"', {"output": '{"a"'}),
        ("{" * 10**5, {"output": "{" * 10**5}),
    ],
)
def test_results_that_are_no_object_stand_in_one(text: str, response: Any):
    sent, _ = chat(
        USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": text}
    )
    assert sent["contents"][2]["parts"][0]["functionResponse"]["response"] == response


def result(*content: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    use = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    given = {"type": "tool_result", "tool_use_id": "c1", "content": [*content], **fields}
    return [USER, {"role": "assistant", "content": [use]}, {"role": "user", "content": [given]}]


def test_a_result_names_the_function_of_the_call_before_it():
    """Ids may stand twice, where an upstream gives none."""
    again = {**CALL, "function": {"name": "g", "arguments": "{}"}}
    found = {"role": "tool", "tool_call_id": "c1", "content": "Sunny."}
    turns = [{"role": "assistant", "tool_calls": [CALL]}, found, {"role": "assistant", "tool_calls": [again]}, found]
    sent, _ = chat(USER, *turns, {"role": "tool", "tool_call_id": "unknown", "content": "", "name": "h"})
    parts = [part for content in sent["contents"] for part in content["parts"]]
    names = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
    assert names == ["f", "g", "h"]


def test_failed_results_and_what_they_show():
    sent, _ = claude(*result({"type": "text", "text": "No."}, is_error=True))
    assert sent["contents"][2]["parts"][0]["functionResponse"]["response"] == {"error": "No."}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Once."}}
    sent, _ = claude(*result({"type": "text", "text": "See."}, image, document))
    assert sent["contents"][2]["parts"][0]["functionResponse"] == {
        "id": "c1",
        "name": "f",
        "response": {"output": "See.\nOnce."},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
    }
    with pytest.raises(InvalidRequest, match="before Gemini 3"):
        claude(*result(image), to=model("gemini-2.5-flash"))


def image(url: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


@pytest.mark.parametrize(
    ("url", "api", "upstream_model", "mime"),
    [
        ("https://a.example/cat.PNG?size=9", "google", "gemini-3-flash-preview", "image/png"),
        ("https://a.example/cat", "google", "gemini-2.5-pro", "image/jpeg"),
        ("https://a.example/cat.webp", "google", "gemini-2.0-flash", None),
        ("https://generativelanguage.googleapis.com/v1beta/files/x", "google", "gemini-2.0-flash", "image/jpeg"),
        ("https://youtu.be/x", "google", "gemini-2.0-flash", "video/mp4"),
        ("gs://bucket/cat.jpg", "google", "gemini-3-flash-preview", None),
        ("gs://bucket/cat.jpg", "google-vertex", "gemini-2.0-flash", "image/jpeg"),
        ("http://a.example/cat.gif", "google-vertex", "gemini-2.5-flash", "image/gif"),
        ("http://a.example/cat.gif", "google", "gemini-2.5-flash", None),
        ("ftp://a.example/cat.gif", "google-vertex", "gemini-2.5-flash", None),
    ],
)
def test_pictures_by_url(url: str, api: str, upstream_model: str, mime: str | None):
    if mime is None:
        with pytest.raises(InvalidRequest) as refused:
            chat(image(url), to=model(upstream_model, api))
        assert refused.value.param == "messages[0].content[0]"
        return
    sent, _ = chat(image(url), to=model(upstream_model, api))
    assert sent["contents"][0]["parts"] == [{"fileData": {"mimeType": mime, "fileUri": url}}]


def test_data_goes_inline_and_a_file_id_may_be_a_uri():
    sent, _ = chat(image("data:image/png;base64,aGk="))
    assert sent["contents"][0]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]
    uri = "https://generativelanguage.googleapis.com/v1beta/files/x.pdf"
    sent, losses = chat({"role": "user", "content": [{"type": "file", "file": {"file_id": uri, "filename": "x.pdf"}}]})
    assert sent["contents"][0]["parts"] == [{"fileData": {"mimeType": "application/pdf", "fileUri": uri}}]
    assert losses == ("messages[0].content[0].file.filename",)


def test_thoughts_go_back_unless_another_signed_them():
    thinking = {"type": "thinking", "thinking": "Hm."}
    said = {"type": "text", "text": "So."}
    sent, losses = claude(USER, {"role": "assistant", "content": [{**thinking, "signature": ""}, said]})
    assert sent["contents"][1]["parts"] == [{"text": "Hm.", "thought": True}, {"text": "So."}]
    assert losses == ()
    sent, losses = claude(USER, {"role": "assistant", "content": [{**thinking, "signature": "ErUB"}, said]})
    assert sent["contents"][1]["parts"] == [{"text": "So."}]
    assert losses == ("messages[1].content[0]",)


def test_a_signature_as_googles_openai_api_has_it():
    call = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    sent, losses = chat(USER, {"role": "assistant", "tool_calls": [call]})
    assert sent["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    assert losses == ()
    call["extra_content"] = {"other": 1}
    sent, losses = chat(USER, {"role": "assistant", "tool_calls": [call]})
    assert losses == ("messages[1].tool_calls[0].extra_content",)


@pytest.mark.parametrize(
    ("upstream_model", "resolved", "expected"),
    [
        ("gemini-3.1-pro-preview", "", NO_SIGNATURE),
        ("gemini-flash-latest", "", NO_SIGNATURE),
        ("gemini-2.5-flash", "", None),
        ("tunedModels/ours", "google:gemini-2.0-flash", None),
        ("4711", "google:gemini-3-flash-preview", NO_SIGNATURE),
    ],
)
def test_calls_without_a_signature(upstream_model: str, resolved: str, expected: str | None):
    to = model(upstream_model, base_model=BaseModel(resolved, resolved=resolved))
    sent, _ = chat(USER, {"role": "assistant", "tool_calls": [CALL]}, to=to)
    assert sent["contents"][1]["parts"][0].get("thoughtSignature") == expected


# --- tools ------------------------------------------------------------------------------------------------------------


def test_schemas_go_whole():
    schema = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/place"}},
        "$defs": {"place": {"type": "string", "pattern": "^x"}},
        "additionalProperties": False,
    }
    function = {"type": "function", "function": {"name": "f", "description": "F.", "parameters": schema}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}
    sent, losses = chat(tools=[function], response_format=form)
    declared = {"name": "f", "description": "F.", "parametersJsonSchema": schema}
    assert sent["tools"] == [{"functionDeclarations": [declared]}]
    assert sent["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert losses == ()
    sent, _ = chat(response_format={"type": "json_object"})
    assert sent["generationConfig"] == {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"mode": "AUTO"}),
        ({"tool_choice": "none"}, {"mode": "NONE"}),
        ({"tool_choice": "required"}, {"mode": "ANY"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        ({"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]}, {"mode": "VALIDATED"}),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "f"}}],
                    },
                }
            },
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_tool_choice(fields: dict[str, Any], config: dict[str, Any] | None):
    sent, _ = chat(**{"tools": [FUNCTION], **fields})
    assert sent.get("toolConfig") == (None if config is None else {"functionCallingConfig": config})


def test_tools_that_the_provider_runs():
    search = {"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["a.example"], "max_uses": 3}
    code = {"type": "code_execution_20250522", "name": "code_execution"}
    fetch = {"type": "web_fetch_20250910", "name": "web_fetch"}
    sent, losses = claude(tools=[search, code, fetch])
    assert sent["tools"] == [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}]
    assert losses == ("tools[0].blocked_domains", "tools[0].max_uses")
    sent, losses = claude(tools=[search], to=model(api="google-vertex"))
    assert (sent["tools"], losses) == ([{"googleSearch": {"excludeDomains": ["a.example"]}}], ("tools[0].max_uses",))
    assert "tools" not in claude(tools=[search], tool_choice={"type": "none"})[0]


@pytest.mark.parametrize(
    ("upstream_model", "api", "says"),
    [
        ("gemini-3-flash-preview", "google", True),
        ("gemini-3-flash-preview", "google-vertex", False),
        ("gemini-2.5-pro", "google", False),
    ],
)
def test_functions_beside_the_providers_tools(upstream_model: str, api: str, says: bool):
    sent, _ = chat(tools=[FUNCTION], web_search_options={}, to=model(upstream_model, api))
    assert [next(iter(tool)) for tool in sent["tools"]] == ["functionDeclarations", "googleSearch"]
    assert ("toolConfig" in sent) == says


# --- options ----------------------------------------------------------------------------------------------------------


def test_options_stand_where_gemini_has_them():
    sent, losses = chat(
        temperature=1.5,
        top_p=0.5,
        top_k=5,
        max_completion_tokens=99,
        n=2,
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        logprobs=True,
        top_logprobs=3,
        stop="END",
        store=True,
        service_tier="flex",
        stream=True,
        stream_options={"include_usage": True},
    )
    assert sent["generationConfig"] == {
        "temperature": 1.5,
        "topP": 0.5,
        "topK": 5,
        "maxOutputTokens": 99,
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "responseLogprobs": True,
        "logprobs": 3,
        "stopSequences": ["END"],
    }
    assert (sent["store"], sent["serviceTier"], losses) == (True, "flex", ())
    assert sent.keys() == {"contents", "generationConfig", "store", "serviceTier"}


@pytest.mark.parametrize(
    ("upstream_model", "effort", "config"),
    [
        ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "LOW"}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH"}),
        ("gemini-3.8-flash", "xhigh", {"thinkingLevel": "HIGH"}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash-lite", "low", {"thinkingBudget": 2_048}),
        ("gemini-2.5-pro", "max", {"thinkingBudget": 32_768}),
    ],
)
def test_effort_by_generation(upstream_model: str, effort: str, config: dict[str, Any]):
    sent, losses = chat(reasoning_effort=effort, to=model(upstream_model))
    assert (sent["generationConfig"], losses) == ({"thinkingConfig": config}, ())


@pytest.mark.parametrize(
    ("upstream_model", "thinking", "config"),
    [
        ("gemini-2.5-flash", {"type": "enabled", "budget_tokens": 99_999}, {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash", {"type": "adaptive"}, {"thinkingBudget": -1}),
        ("gemini-3-flash-preview", {"type": "enabled", "budget_tokens": 2_048}, {"thinkingLevel": "LOW"}),
        ("gemini-3-flash-preview", {"type": "adaptive"}, {}),
    ],
)
def test_anthropics_thinking_shows_thoughts(upstream_model: str, thinking: dict[str, Any], config: dict[str, Any]):
    sent, _ = claude(thinking=thinking, to=model(upstream_model))
    assert sent["generationConfig"]["thinkingConfig"] == {**config, "includeThoughts": True}
    sent, _ = claude(thinking={**thinking, "display": "omitted"}, to=model(upstream_model))
    assert sent["generationConfig"].get("thinkingConfig", {}) == config


@pytest.mark.parametrize(
    ("upstream_model", "effort", "config"),
    [
        ("gemini-3.1-pro-preview", "none", {"thinkingConfig": {"thinkingLevel": "LOW"}}),
        ("gemini-2.5-pro", "none", {"thinkingConfig": {"thinkingBudget": 128}}),
        ("gemini-2.0-flash", "high", None),
        ("gemini-2.5-flash-image", "high", None),
    ],
)
def test_what_a_model_cannot_do_about_thinking_is_named(upstream_model: str, effort: str, config: Any):
    sent, losses = chat(reasoning_effort=effort, to=model(upstream_model))
    assert (sent.get("generationConfig"), losses) == (config, ("reasoning_effort",))
    assert chat(reasoning_effort="none", to=model("gemini-2.0-flash"))[1] == ()


def test_metadata_are_labels_on_vertex_where_they_fit():
    metadata = {"team": "support-7"}
    assert chat(metadata=metadata)[1] == ("metadata",)
    assert chat(metadata=metadata, to=model(api="google-vertex"))[0]["labels"] == metadata
    assert chat(metadata={"Team": "x"}, to=model(api="google-vertex"))[1] == ("metadata",)
    assert chat(store=True, to=model(api="google-vertex"))[1] == ("store",)


def test_what_googles_openai_api_reads():
    google = {"cached_content": "cachedContents/1", "thinking_config": {"include_thoughts": True}, "x": 1}
    sent, losses = chat(extra_body={"google": google}, temperature=0)
    assert sent["cachedContent"] == "cachedContents/1"
    assert sent["generationConfig"] == {"temperature": 0.0, "thinkingConfig": {"include_thoughts": True}}
    assert losses == ("extra_body.google.x",)
    assert chat(extra_body={"other": 1})[1] == ("extra_body",)


def test_modalities_as_openrouter_and_openai_have_them():
    sent, losses = chat(modalities=["image", "text"])
    assert (sent["generationConfig"], losses) == ({"responseModalities": ["IMAGE", "TEXT"]}, ())
    assert chat(modalities=["smell"])[1] == ("modalities",)


def test_a_models_file_sets_what_only_gemini_has():
    declared = {
        "defaults": {"mediaResolution": "MEDIA_RESOLUTION_LOW", "temperature": 0.5, "safetySettings": []},
        "overrides": {"responseModalities": ["TEXT"], "labels": {"a": "b"}},
    }
    crossing = Crossing(openai_chat, gemini, model(**declared))
    request = {"model": "@acme/bot", "messages": [USER], "max_tokens": 9}
    sent = json.loads(crossing.encode(parse_body(json.dumps(request).encode())).body)
    assert sent["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "responseModalities": ["TEXT"],
    }
    assert (sent["safetySettings"], sent["labels"]) == ([], {"a": "b"})


@pytest.mark.parametrize(
    ("upstream_model", "stream", "path"),
    [
        ("gemini-2.5-flash", False, "/models/gemini-2.5-flash:generateContent"),
        ("gemini-2.5-flash", True, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/a", False, "/tunedModels/a:generateContent"),
        ("a?b#c d", False, "/models/a%3Fb%23c%20d:generateContent"),
    ],
)
def test_the_path_says_what_is_done(upstream_model: str, stream: bool, path: str):
    assert gemini.path(model(upstream_model), stream=stream) == path
