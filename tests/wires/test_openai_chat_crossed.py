"""Requests of Anthropic's clients on their way to `openai-chat`."""

from typing import Any

import pytest
from wires.matrix import conversation_of, encoded, make_model

from engine.errors import InvalidRequest
from engine.model import Model, Supports

OPENAI = make_model(api="openai", upstream_model="gpt-5.2")
OTHERS = make_model(api="vllm", upstream_model="qwen3")


def ask(*messages: dict[str, Any], model: Model = OPENAI, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    said = list(messages) or [{"role": "user", "content": "Hi."}]
    request = {"model": "@acme/bot", "max_tokens": 99, "messages": said, **fields}
    return encoded("openai-chat", conversation_of("anthropic-messages", request), model)


def test_an_agents_request():
    sent, losses = ask(
        {"role": "user", "content": [{"type": "text", "text": "List.", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "toolu_1", "name": "ls", "input": {"path": "é"}},
                {"type": "tool_use", "id": "toolu_2", "name": "ls", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a.txt"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "No.", "is_error": True},
                {"type": "text", "text": "Go on."},
            ],
        },
        system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
        tools=[{"name": "ls", "description": "List", "input_schema": {"type": "object"}}],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        metadata={"user_id": "ann"},
        stop_sequences=["END"],
        stream=True,
    )
    assert losses == (
        "messages[0].content[0].cache_control",
        "messages[1].content[0]",
        "messages[2].content[1].is_error",
    )
    assert sent == {
        "model": "gpt-5.2",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": t} for t in ("Be kind.", "Be brief.")]},
            {"role": "user", "content": "List."},
            {
                "role": "assistant",
                "content": "Wait.",
                "tool_calls": [
                    {
                        "id": "toolu_1",
                        "type": "function",
                        "function": {"name": "ls", "arguments": '{"path": "\\u00e9"}'},
                    },
                    {"id": "toolu_2", "type": "function", "function": {"name": "ls", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "a.txt"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "No."},
            {"role": "user", "content": "Go on."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "ls", "description": "List", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "user": "ann",
        "stop": ["END"],
        "max_completion_tokens": 99,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_other_servers_have_other_names():
    sent, losses = ask(model=OTHERS, top_k=5)
    assert (sent["max_tokens"], sent["top_k"], losses) == (99, 5, ())
    assert "max_completion_tokens" not in sent
    sent, losses = ask(top_k=5)
    assert ("top_k" in sent, losses) == (False, ("top_k",))
    silent = make_model(supports=Supports(stream_usage=False))
    assert "stream_options" not in ask(model=silent, stream=True)[0]


@pytest.mark.parametrize(
    ("api", "field"), [("deepseek", "reasoning_content"), ("openrouter", "reasoning_details"), ("openai", None)]
)
def test_thoughts_go_back_to_those_who_read_them(api: str, field: str | None):
    content = [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "So."}]
    sent, losses = ask({"role": "assistant", "content": content}, model=make_model(api=api))
    message = sent["messages"][0]
    assert [name for name in message if name.startswith("reasoning")] == ([field] if field else [])
    assert losses == (() if field else ("messages[0].content[0]",))


@pytest.mark.parametrize(
    ("fields", "effort", "losses"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, "low", ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 10_000}}, "high", ()),
        ({"thinking": {"type": "disabled"}}, None, ("thinking",)),
        ({"thinking": {"type": "adaptive"}}, None, ()),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "xhigh", ()),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, None, ("thinking.display",)),
        ({"thinking": {"type": "between_tools"}}, None, ("thinking",)),
        ({"output_config": {"effort": "low", "task_budget": {"total": 9}}}, "low", ("output_config",)),
    ],
)
def test_effort(fields: dict[str, Any], effort: str | None, losses: tuple[str, ...]):
    sent, lost = ask(**fields)
    assert (sent.get("reasoning_effort"), lost) == (effort, losses)


def test_json_schema():
    sent, losses = ask(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}})
    assert losses == ()
    assert sent["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}},
    }


def test_pictures_and_documents():
    sent, losses = ask(
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BB"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Once."}},
            ],
        }
    )
    assert losses == ()
    assert sent["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BB", "filename": "document"}},
        {"type": "text", "text": "Once."},
    ]


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "document", "source": {"type": "url", "url": "https://a"}}, "messages[0].content[0]"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "messages[0].content[0]"),
        ({"type": "container_upload", "file_id": "f"}, "messages[0].content[0]"),
        ({"type": "search_result", "source": "s", "title": "t", "content": []}, "messages[0].content[0]"),
        (
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "image", "source": {"type": "url", "url": "https://a"}}],
            },
            "messages[0].content[0].content[0]",
        ),
    ],
)
def test_what_the_other_side_cannot_see_is_refused(block: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as refused:
        ask({"role": "user", "content": [block]})
    assert refused.value.param == param


def test_tools_of_anthropics_own():
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert ask(tools=[search])[1] == ("tools[0]",)
    with pytest.raises(InvalidRequest) as refused:
        ask(tools=[search, {"type": "bash_20250124", "name": "bash"}])
    assert refused.value.param == "tools[1]"


def test_what_only_anthropic_has_is_named():
    _, losses = ask(container="c", context_management={"edits": []}, speed="fast", cache_control={"type": "ephemeral"})
    assert set(losses) == {"container", "context_management", "speed", "cache_control"}
