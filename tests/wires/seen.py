"""What an answer says, whatever API it came through: what the plain readers of all wires give back."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """The first of the answers."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    finish: str
    usage: tuple[int, int] | None  # input with what is cached, output


def seen(text: str, reasoning: str, calls: list[tuple[str, Any]], finish: str, usage: Any) -> Seen:
    """With calls, a stop is one for them: not all APIs say so."""
    return Seen(text, reasoning, calls, "tools" if calls and finish == "stop" else finish, usage)


def json_or_text(text: str) -> Any:
    """Arguments of a call, which may be broken."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def events_of(data: bytes) -> Iterator[Any]:
    """The JSON of a stream's events, cut in the plainest way."""
    for line in data.splitlines():
        if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
            yield json.loads(line[5:])
