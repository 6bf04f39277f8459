"""The tables of docs/wires.md that say what is carried, dropped and refused, made from what the code does.

`PYTHONPATH=.:tests python -m wires.documented` writes them anew; a test compares.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from wires import documented_calls
from wires.matrix import asked, make_model

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish
from engine.wires.blocks import (
    Audio,
    Block,
    CacheMark,
    Citation,
    File,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.conversation import (
    Conversation,
    OutputFormat,
    ReasoningOptions,
    Role,
    ServerTool,
    Tool,
    ToolChoice,
    Turn,
)
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wires.md"
PART = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

OTHER = "another-api"  # of the client, so that nothing is carried for being the same wire

# Wire → the api of the model that it is asked of, and its upstream name.
ASKED_OF: Mapping[str, tuple[str, str]] = {
    "anthropic-messages": ("anthropic", "claude-opus-4-8"),
    "bedrock-converse": ("aws", "us.anthropic.claude-opus-4-8"),
    "bedrock-invoke": ("aws", "us.anthropic.claude-opus-4-8"),
    "cohere-v2": ("cohere", "command-a-reasoning-08-2025"),
    "gemini": ("google", "gemini-3-flash-preview"),
    "openai-chat": ("openai", "gpt-5.2"),
    "openai-completions": ("openai", "gpt-3.5-turbo-instruct"),
    "openai-responses": ("openai", "gpt-5.2"),
}

_RAW = msgspec.Raw(b'{"type":"something"}')
_TOOL = Tool(name="f", schema=msgspec.Raw(b'{"type":"object"}'), path="tools[0]")
_DATA = Source(data="aGVsbG8=", mime="image/png")


def with_block(block: Block, role: Role = "user") -> dict[str, Any]:
    return {"turns": (*_TURNS, Turn(role=role, blocks=(block,), path="messages[1]"))}


def with_result(*content: Block, **fields: Any) -> dict[str, Any]:
    call = ToolCall(id="c", name="f", arguments="{}", path="messages[1].tool_calls[0]")
    result = ToolResult(call_id="c", content=content, path="messages[2].content", **fields)
    return {"turns": (*_TURNS, Turn(role="assistant", blocks=(call,)), Turn(role="tool", blocks=(result,)))}


def at(path: str = "messages[1].content[0]") -> dict[str, Any]:
    return {"path": path}


_TURNS = (Turn(role="user", blocks=(Text(text="Hello."),), path="messages[0]"),)
_SIGNED = {"signature": "c2ln", "path": "messages[1].content[0]"}

# What a client may ask → the fields of the conversation that say it.
REQUESTS: Mapping[str, dict[str, Any]] = {
    "system text": {"turns": (Turn(role="system", blocks=(Text(text="Be kind."),)), *_TURNS)},
    "developer text": {"turns": (Turn(role="developer", blocks=(Text(text="Be kind."),)), *_TURNS)},
    "system text among the turns": {"turns": (*_TURNS, Turn(role="system", blocks=(Text(text="Be brief."),)), *_TURNS)},
    "name of a speaker": {"turns": (*_TURNS, Turn(role="user", name="Ann", blocks=(Text(text="Hi."),), path="m[1]"))},
    "image by URL": with_block(Image(source=Source(url="https://example.com/a.png"), **at())),
    "image as data": with_block(Image(source=_DATA, **at())),
    "image by file id": with_block(Image(source=Source(file_id="file-1"), **at())),
    "image detail": with_block(Image(source=_DATA, detail="high", **at())),
    "PDF as data": with_block(File(source=Source(data="aGVsbG8=", mime="application/pdf"), **at())),
    "PDF by URL": with_block(File(source=Source(url="https://example.com/a.pdf"), **at())),
    "file by file id": with_block(File(source=Source(file_id="file-1"), **at())),
    "document as text": with_block(File(source=Source(text="Once.", mime="text/plain"), **at())),
    "document's title": with_block(File(source=Source(text="Once.", mime="text/plain"), name="Tale", **at())),
    "audio": with_block(Audio(source=Source(data="aGVsbG8=", mime="audio/wav"), **at())),
    "block of another API": with_block(Opaque(kind="x", wire=OTHER, raw=_RAW, **at())),
    "cache mark": with_block(Text(text="Long.", cache=CacheMark("1h"), **at())),
    "function": {"tools": (_TOOL,)},
    "strict function": {"tools": (msgspec.structs.replace(_TOOL, strict=True),)},
    "cache mark on a function": {"tools": (msgspec.structs.replace(_TOOL, cache=CacheMark()),)},
    "web search by the provider": {"tools": (ServerTool(kind="web_search", wire=OTHER, raw=_RAW, path="tools[0]"),)},
    "other tool of the provider": {"tools": (ServerTool(kind="x", wire=OTHER, raw=_RAW, path="tools[0]"),)},
    "tool of the API's own form, run by the client": {
        "tools": (ServerTool(kind="x", wire=OTHER, raw=_RAW, path="tools[0]", is_run_by_client=True),)
    },
    "tool choice auto": {"tools": (_TOOL,), "tool_choice": ToolChoice(mode="auto")},
    "tool choice none": {"tools": (_TOOL,), "tool_choice": ToolChoice(mode="none")},
    "tool choice required": {"tools": (_TOOL,), "tool_choice": ToolChoice(mode="required")},
    "tool choice by name": {"tools": (_TOOL,), "tool_choice": ToolChoice(mode="named", name="f")},
    "tool choice among some": {
        "tools": (_TOOL, msgspec.structs.replace(_TOOL, name="g")),
        "tool_choice": ToolChoice(mode="auto", only=("f",)),
    },
    "no parallel tool calls": {"tools": (_TOOL,), "parallel_tool_calls": False},
    "tool call": with_block(ToolCall(id="c", name="f", arguments='{"a":1}', **at()), "assistant"),
    "tool call with broken arguments": with_block(ToolCall(id="c", name="f", arguments='{"a', **at()), "assistant"),
    "tool call with free text": with_block(
        ToolCall(id="c", name="f", arguments="x", is_custom=True, **at()), "assistant"
    ),
    "tool result": with_result(Text(text="Sunny.")),
    "failed tool result": with_result(Text(text="No."), is_error=True),
    "image in a tool result": with_result(Text(text="See."), Image(source=_DATA, path="messages[2].content[1]")),
    "reasoning without a signature": with_block(Reasoning(text="Hm.", **at()), "assistant"),
    "reasoning signed by Anthropic": with_block(
        Reasoning(text="Hm.", maker="anthropic-messages", **_SIGNED), "assistant"
    ),
    "reasoning signed by another": with_block(Reasoning(text="Hm.", maker=OTHER, **_SIGNED), "assistant"),
    "encrypted reasoning": with_block(Reasoning(encrypted="c2Vj", maker=OTHER, **at()), "assistant"),
    "refusal": with_block(Refusal(text="I will not.", **at()), "assistant"),
    "citations": with_block(Text(text="So.", citations=(Citation(url="https://a", wire=OTHER),), **at()), "assistant"),
    "call of a provider's tool": with_block(
        ServerToolCall(id="s", name="web_search", wire=OTHER, raw=_RAW, **at()), "assistant"
    ),
    "result of a provider's tool": with_block(
        ServerToolResult(call_id="s", kind="x", wire=OTHER, raw=_RAW, **at()), "assistant"
    ),
    "JSON output": {"output": OutputFormat(kind="json")},
    "JSON Schema output": {"output": OutputFormat(kind="json_schema", schema=_RAW, name="a")},
    "verbosity": {"verbosity": "low"},
    "output limit": {"max_output_tokens": 99},
    "temperature up to 1": {"temperature": 0.5},
    "temperature above 1": {"temperature": 1.5},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "stop": {"stop": ("END",)},
    "seed": {"seed": 7},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": 0.5},
    "several answers (n)": {"n": 3},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"top_logprobs": 3},
    "logit_bias": {"logit_bias": msgspec.Raw(b'{"50256":-100}')},
    "reasoning effort": {"reasoning": ReasoningOptions(effort="low")},
    "reasoning budget": {"reasoning": ReasoningOptions(mode="on", budget_tokens=2_000)},
    "reasoning as the model likes": {"reasoning": ReasoningOptions(mode="adaptive")},
    "reasoning off": {"reasoning": ReasoningOptions(mode="off")},
    "reasoning summary": {"reasoning": ReasoningOptions(effort="low", summary="auto")},
    "temperature with reasoning": {"reasoning": ReasoningOptions(effort="low"), "temperature": 0.5},
    "required tool with reasoning": {
        "reasoning": ReasoningOptions(effort="low"),
        "tools": (_TOOL,),
        "tool_choice": ToolChoice(mode="required"),
    },
    "caching of the whole prompt": {"cache": CacheMark()},
    "prompt cache key": {"cache_key": "k"},
    "service tier auto": {"service_tier": "auto"},
    "service tier default": {"service_tier": "default"},
    "service tier flex": {"service_tier": "flex"},
    "metadata": {"metadata": msgspec.Raw(b'{"a":"b"}')},
    "user": {"user": "u"},
    "store": {"store": True},
    "a field that no other API has": {"extra": {"safety_identifier": msgspec.Raw(b'"x"')}},
}

# Carried, though the request is the same without it.
SAYS_NOTHING_NEW = {
    ("openai-chat", "reasoning as the model likes"),
    ("openai-responses", "reasoning as the model likes"),
    ("anthropic-messages", "tool choice auto"),
    ("bedrock-invoke", "tool choice auto"),
    ("cohere-v2", "tool choice auto"),
    ("gemini", "service tier auto"),
    *(("bedrock-converse", name) for name in ("tool choice auto", "tool choice none", "service tier auto")),
}

# What an upstream may answer.
ANSWERS: Mapping[str, tuple[Block, ...]] = {
    "text": (Text(text="So."),),
    "citation of a page": (Text(text="So.", citations=(Citation(url="https://a", title="A", wire=OTHER),)),),
    "citation of a document": (Text(text="So.", citations=(Citation(quote="So", wire="anthropic-messages"),)),),
    "tool call": (ToolCall(id="c", name="f", arguments='{"a":1}'),),
    "tool call with broken arguments": (ToolCall(id="c", name="f", arguments='{"a'),),
    "reasoning": (Reasoning(text="Hm."),),
    "reasoning with a signature": (Reasoning(text="Hm.", signature="c2ln", maker="anthropic-messages"),),
    "encrypted reasoning": (Reasoning(encrypted="c2Vj", maker=OTHER),),
    "refusal": (Refusal(text="I will not."),),
    "image": (Image(source=_DATA),),
    "audio": (Audio(id="a", source=Source(data="aGVsbG8="), transcript="So."),),
    "call of a provider's tool": (ServerToolCall(id="s", name="web_search", wire=OTHER, raw=_RAW),),
    "result of a provider's tool": (ServerToolResult(call_id="s", kind="x", wire=OTHER, raw=_RAW),),
    "block of another API": (Opaque(kind="x", wire=OTHER, raw=_RAW),),
}


def fate_of_request(wire: str, fields: dict[str, Any]) -> tuple[str, bool]:
    """What becomes of it on the way to `wire`, and whether the request is another one because of it."""
    api, upstream_model = ASKED_OF[wire]
    model = make_model(api=api, wire=wire, upstream_model=upstream_model)
    blank = Conversation(wire=OTHER, model="m", turns=_TURNS)
    try:
        request = PROVIDER_WIRES[wire].encode_request(msgspec.structs.replace(blank, **fields), model)
    except InvalidRequest:
        return "refused", True
    differs = _json(request.fields) != _json(PROVIDER_WIRES[wire].encode_request(blank, model).fields)
    return ("carried" if not request.losses else "in part" if differs and _is_block(fields) else "dropped"), differs


def fate_of_answer(api: str, blocks: tuple[Block, ...]) -> tuple[str, bool]:
    """What becomes of it on the way to a client of `api`, and whether the answer is another one because of it."""
    finish = Finish(reason="stop")
    answer = Answer(id="a", model="m", choices=(Choice(blocks=blocks, finish=finish),))
    reply = CLIENT_APIS[api].encode_answer(answer, asked())
    blank = msgspec.structs.replace(answer, choices=(Choice(blocks=(), finish=finish),))
    differs = _json(json.loads(reply.body)) != _json(json.loads(CLIENT_APIS[api].encode_answer(blank, asked()).body))
    return ("carried" if not reply.losses else "in part" if differs else "dropped"), differs


def finish_words() -> Iterable[tuple[str, list[str]]]:
    """Each finish reason with each API's word for it."""
    for reason in ("stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error"):
        words = []
        for api in sorted(CLIENT_APIS):
            finish = Finish(reason=reason)  # type: ignore[arg-type]
            answer = Answer(id="a", model="m", choices=(Choice(blocks=(Text(text="So."),), finish=finish),))
            body = json.loads(CLIENT_APIS[api].encode_answer(answer, asked()).body)
            words.append(f"`{_word(body)}`")
        yield f"`{reason}`", words


def _word(body: dict[str, Any]) -> str:
    if "choices" in body:
        return str(body["choices"][0]["finish_reason"])
    return str(body.get("stop_reason") or body.get("status"))


def _is_block(fields: dict[str, Any]) -> bool:
    return "turns" in fields or "tools" in fields or "reasoning" in fields or "temperature" in fields


def _json(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def _table(head: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    heads = ["", *(name if "`" in name else f"`{name}`" for name in head)]
    lines = [heads, ["---"] * len(heads), *([name, *cells] for name, cells in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def tables() -> dict[str, str]:
    """The generated parts, by name."""
    wires, apis = sorted(PROVIDER_WIRES), sorted(CLIENT_APIS)
    requests = ((name, [fate_of_request(wire, fields)[0] for wire in wires]) for name, fields in REQUESTS.items())
    answers = ((name, [fate_of_answer(api, blocks)[0] for api in apis]) for name, blocks in ANSWERS.items())
    return {
        "requests": _table(wires, requests),
        "answers": _table(apis, answers),
        "endings": _table(apis, finish_words()),
        "embeddings": _table(documented_calls.EMBEDDED_BY, documented_calls.rows_of_embeddings()),
        "reranking": _table(documented_calls.RERANKED_BY, documented_calls.rows_of_reranking()),
    }


def written(page: str) -> str:
    """`page` with its generated parts made anew."""
    made = tables()
    return PART.sub(lambda part: f"{part[1]}{made[part['name']]}{part[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
