"""Conversations and answers made up by hypothesis, in the form that decoders give them."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from engine.wires.answer import Answer, Choice, Finish
from engine.wires.blocks import Block, Image, Reasoning, Source, Text, ToolCall, ToolResult
from engine.wires.conversation import Conversation, OutputFormat, Tool, ToolChoice, Turn
from engine.wires.events import (
    BlockEnded,
    Event,
    Finished,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)
from engine.wires.usage import Usage

# JSON text of every kind of letter; no lone surrogates, which no JSON of ours holds.
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True)
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,30}", fullmatch=True)
objects = st.dictionaries(words, st.one_of(st.none(), st.booleans(), st.integers(-(2**50), 2**50), words), max_size=4)
argument_texts = objects.map(lambda value: json.dumps(value, ensure_ascii=False))
counts = st.integers(0, 10**6)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


texts = st.builds(Text, text=words)
images = st.builds(
    Image,
    path=st.just("messages[0].content[0]"),
    source=st.one_of(
        st.builds(Source, url=st.just("https://example.com/a.png")),
        st.builds(Source, data=st.just("aGVsbG8="), mime=st.sampled_from(["image/png", "image/webp"])),
    ),
)
tools = st.lists(
    st.builds(
        Tool,
        name=names,
        description=st.one_of(st.none(), words),
        schema=objects.map(lambda value: raw({"type": "object", "properties": value})),
        strict=st.one_of(st.none(), st.booleans()),
    ),
    max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    found: list[Turn] = []
    if draw(st.booleans()):
        found.append(Turn(role="system", blocks=(draw(texts),)))
    for _ in range(draw(st.integers(1, 3))):
        asking: list[Block] = draw(st.lists(st.one_of(texts, images), min_size=1, max_size=3))
        found.append(Turn(role="user", blocks=tuple(asking)))
        calls = draw(st.lists(st.builds(ToolCall, id=ids, name=names, arguments=argument_texts), max_size=2))
        said: list[Block] = draw(st.lists(texts, min_size=0 if calls else 1, max_size=1))
        found.append(Turn(role="assistant", blocks=(*said, *calls)))
        found += [
            Turn(role="tool", blocks=(ToolResult(call_id=call.id, content=(draw(texts),)),)) for call in calls[:1]
        ]
        if calls:
            found.append(Turn(role="assistant", blocks=(draw(texts),)))
    return tuple(found)


# Option → values, in the form that a wire which has it gives them back.
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "tools": tools,
    "max_output_tokens": st.integers(1, 10**6),
    "temperature": st.floats(0, 1),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(1, 500),
    "stop": st.lists(words, min_size=1, max_size=4).map(tuple),
    "seed": st.integers(-(2**50), 2**50),
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "n": st.integers(2, 5),
    "logprobs": st.just(True),
    "top_logprobs": st.integers(1, 20),
    "user": words,
    "service_tier": st.sampled_from(["auto", "default"]),
    "parallel_tool_calls": st.booleans(),
    "verbosity": st.sampled_from(["low", "medium", "high"]),
    "store": st.just(True),
    "cache_key": words,
    "stream": st.booleans(),
    "output": st.builds(
        OutputFormat, kind=st.just("json_schema"), schema=objects.map(lambda value: raw({"properties": value}))
    ),
    "tool_choice": st.one_of(
        st.sampled_from(["auto", "none", "required"]).map(lambda mode: ToolChoice(mode=mode)),
        names.map(lambda name: ToolChoice(mode="named", name=name)),
    ),
}


@st.composite
def conversations(draw: st.DrawFn, wire: str, options: frozenset[str]) -> Conversation:
    """A conversation that a client of `wire` may have, with some of `options`."""
    chosen = {name: draw(OPTIONS[name]) for name in sorted(options) if draw(st.booleans())}
    return Conversation(wire=wire, model="upstream-bot", turns=draw(turns()), **chosen)


@st.composite
def conversation_answers(draw: st.DrawFn) -> Answer:
    """An answer with reasoning, text and calls, each as it may come."""
    calls = draw(
        st.lists(
            st.builds(ToolCall, id=ids, name=names, arguments=argument_texts), max_size=3, unique_by=lambda c: c.id
        )
    )
    thoughts = draw(st.lists(st.builds(Reasoning, text=words), max_size=1))
    said: list[Text] = draw(st.lists(texts, min_size=0 if calls else 1, max_size=1))
    meters = {"input_tokens": draw(counts), "output_tokens": draw(counts)}
    return Answer(
        id=draw(ids),
        model=draw(names),
        created=draw(st.integers(1, 2**31)),
        choices=(
            Choice(
                blocks=(*thoughts, *said, *calls),
                finish=Finish(reason="tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))),
            ),
        ),
        usage=Usage(meters, b""),
    )


def events(answer: Answer, *, ends: bool) -> list[Event]:
    """An answer as a stream, texts in two pieces; `ends` says where blocks end."""
    found: list[Event] = [Started(answer.id, answer.model, answer.created, answer.service_tier)]
    for index, choice in enumerate(answer.choices):
        for at, block in enumerate(choice.blocks):
            found += _block(index, at, block)
            if ends:
                found.append(BlockEnded(index, at))
        found.append(Finished(index, choice.finish))
    if answer.usage is not None:
        found.append(UsageReported(answer.usage))
    return found


def _block(choice: int, at: int, block: Block) -> list[Event]:
    if isinstance(block, Text):
        return [TextDelta(choice, at, piece) for piece in halves(block.text)]
    if isinstance(block, Reasoning) and block.encrypted is None:
        signed = [SignatureDelta(choice, at, block.signature, block.maker)] if block.signature else []
        return [*(ReasoningDelta(choice, at, piece, block.is_summary) for piece in halves(block.text)), *signed]
    if isinstance(block, ToolCall):
        started = ToolCallStarted(choice, at, block.id, block.name)
        return [started, *(ToolArgumentsDelta(choice, at, piece) for piece in halves(block.arguments))]
    return [WholeBlock(choice, at, block)]


def halves(text: str) -> list[str]:
    """`text` in two pieces."""
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def plain(value: Any) -> Any:
    """A canonical value as plain data, without the places and the names that only the client's request has."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, msgspec.Struct):
        left_out = {"path", "names", "wants_usage", "raw", "maker", "verbatim"}
        fields = {name: plain(getattr(value, name)) for name in value.__struct_fields__ if name not in left_out}
        if isinstance(value, ToolCall):
            fields["arguments"] = json.loads(value.arguments or "{}")
        return {"": type(value).__name__, **fields}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
