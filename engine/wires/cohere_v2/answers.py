"""Whole answers of Cohere's → canonical answers.

Source: https://docs.cohere.com/reference/chat
"""

from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.blocks import Block, Citation, Opaque, Reasoning, Text, ToolCall
from engine.wires.cohere_v2.encode_messages import NAME
from engine.wires.cohere_v2.usage import UNREADABLE, bad_answer, fault_in, read_usage
from engine.wires.reading import Reader

# Their words → ours; a word that is not here is a stop. The last three are older models'.
REASONS: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
    "USER_CANCEL": "error",
}

# What a cited document or a tool's result may call its passage.
_PASSAGES: Final = ("snippet", "text", "content")

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder()


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200. Cohere names no model in it.

    Raises:
        UpstreamRefused: upstream_bad_body: it is no chat response.
    """
    fault = fault_in(data)
    if fault is not None:
        raise fault
    try:
        body = Reader(_MEMBERS.decode(data))
        blocks = _blocks(body.needed_object("message"))
        logprobs = _logprobs(body)
        finish, answer_id = finish_of(body.text("finish_reason")), body.text("id") or ""
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    choice = Choice(blocks=tuple(blocks), finish=finish, logprobs=logprobs)
    return Answer(id=answer_id, model="", choices=(choice,), usage=read_usage(data))


def finish_of(word: str | None) -> Finish:
    """Why an answer ended. Which of the client's texts stopped it, Cohere does not say."""
    return Finish(reason=REASONS.get(word or "", "stop"), raw=word or "")


def citations_of(raw: msgspec.Raw) -> tuple[Citation, ...]:
    """One of Cohere's citations: one of ours for each of its sources."""
    cited = Reader(_MEMBERS.decode(raw))
    start, end = cited.integer("start"), cited.integer("end")
    sources = cited.take("sources", _ANY, "an array")
    found = []
    for source in sources if isinstance(sources, list) and sources else [{}]:
        about = _about(source)
        quote = next((about[name] for name in _PASSAGES if isinstance(about.get(name), str)), None)
        url, title = about.get("url"), about.get("title")
        found.append(
            Citation(
                url=url if isinstance(url, str) else None,
                title=title if isinstance(title, str) else None,
                quote=quote,
                start=start,
                end=end,
                wire=NAME,
                raw=raw,
            )
        )
    return tuple(found)


def place_of(raw: msgspec.Raw) -> tuple[str, int | None]:
    """What a citation is about ("TEXT_CONTENT", "THINKING_CONTENT" or "PLAN"), and which content block of the answer."""
    cited = Reader(_MEMBERS.decode(raw))
    return cited.text("type") or "TEXT_CONTENT", cited.integer("content_index")


def uncited(raw: msgspec.Raw) -> Opaque:
    """A citation of what the model thought: no other API has it, and as a block it is named where it is lost."""
    return Opaque(kind="citation", wire=NAME, raw=raw)


def logprob_json(item: Any) -> dict[str, Any] | None:
    """An entry of OpenAI's `content`. A piece of several tokens counts as one: its probability is their product."""
    if not isinstance(item, dict) or not isinstance(item.get("logprobs"), list) or not item["logprobs"]:
        return None
    text = str(item.get("text") or "")
    logprob = sum(one for one in item["logprobs"] if isinstance(one, int | float))
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": []}


def _about(source: Any) -> dict[str, Any]:
    if not isinstance(source, dict):
        return {}
    about = source.get("document") or source.get("tool_output")
    return about if isinstance(about, dict) else {}


def _blocks(message: Reader) -> list[Block]:
    blocks: list[Block] = []
    if plan := message.text("tool_plan"):
        blocks.append(Reasoning(text=plan, maker=NAME))
    at_content: dict[int, int] = {}
    for at, (item, raw) in enumerate(message.objects("content")):
        at_content[at] = len(blocks)
        blocks.append(_content(item, raw))
    for raw in message.take("citations", msgspec.json.Decoder(list[msgspec.Raw]), "an array") or ():
        _cite(blocks, at_content, raw)
    return blocks + [_call(call, at) for at, (call, _) in enumerate(message.objects("tool_calls"))]


def _content(item: Reader, raw: msgspec.Raw) -> Block:
    kind = item.text("type") or "text"
    if kind == "text":
        return Text(text=item.text("text") or "")
    if kind == "thinking":
        return Reasoning(text=item.text("thinking") or "", maker=NAME)
    return Opaque(kind=kind, wire=NAME, raw=raw)


def _cite(blocks: list[Block], at_content: dict[int, int], raw: msgspec.Raw) -> None:
    """Add a citation to its text: the one that it names, or else the first."""
    kind, index = place_of(raw)
    first = next((at for at, block in enumerate(blocks) if isinstance(block, Text)), None)
    at = at_content.get(index, first) if index is not None else first
    cited = blocks[at] if at is not None else None
    if kind != "TEXT_CONTENT" or at is None or not isinstance(cited, Text):
        blocks.append(uncited(raw))
        return
    blocks[at] = msgspec.structs.replace(cited, citations=(*cited.citations, *citations_of(raw)))


def _call(call: Reader, at: int) -> ToolCall:
    function = call.object("function") or Reader({})
    return ToolCall(
        id=call.text("id") or f"call_{at}",
        name=function.text("name") or "",
        arguments=function.text("arguments") or "",
    )


def _logprobs(body: Reader) -> msgspec.Raw | None:
    items = body.take("logprobs", _ANY, "an array")
    entries = [entry for item in items if (entry := logprob_json(item))] if isinstance(items, list) else []
    return msgspec.Raw(msgspec.json.encode({"content": entries, "refusal": None})) if entries else None
