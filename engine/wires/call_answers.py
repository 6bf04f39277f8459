"""What all answers with embeddings or with a ranking have in common: an envelope, a usage, an error instead of it."""

from typing import Any, Final, TypeVar

import msgspec

from engine.errors import UpstreamError
from engine.wires.calls import bad_answer
from engine.wires.refused import refused
from engine.wires.usage import Path, Paths, Usage, read_counts

T = TypeVar("T")

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder()
_TEXT: Final = msgspec.json.Decoder(str)
_MAX_WORD: Final = 64
_NOTHING: Final = (b"null", b"{}", b'""', b"false")


class Answers:
    """The answers of one wire: one of `members` holds what was asked for, `usage` stands at that path."""

    __slots__ = ("_members", "_meters", "_usage")

    def __init__(self, members: str | tuple[str, ...], usage: str | Path, meters: Paths) -> None:
        self._members = (members,) if isinstance(members, str) else members
        self._usage = (usage,) if isinstance(usage, str) else usage
        self._meters = meters

    def read(self, answer: bytes, decoder: msgspec.json.Decoder[T]) -> T:
        """The answer, decoded; raises UpstreamRefused where it is not one of this wire."""
        try:
            return decoder.decode(answer)
        except UNREADABLE:
            fault = self.fault_in(answer)
            raise fault or bad_answer(f"has {self._members[0]} of another form than its API says") from None

    def usage(self, answer: bytes) -> Usage | None:
        """The usage, or None where the answer reports none."""
        try:
            members = _MEMBERS.decode(answer)
            raw = members.get(self._usage[0])
            for name in self._usage[1:]:
                raw = _MEMBERS.decode(raw).get(name) if raw is not None and bytes(raw) != b"null" else None
            if raw is None or bytes(raw) in _NOTHING:
                return None
            value = _ANY.decode(raw)
        except UNREADABLE:
            return None
        return usage_of(value, bytes(raw), self._meters, _word(members.get("model")))

    def fault_in(self, answer: bytes) -> UpstreamError | None:
        """An error in place of an answer, or no answer at all."""
        try:
            members = _MEMBERS.decode(answer)
        except UNREADABLE:
            return bad_answer("is no JSON object")
        error = members.get("error")
        if error is not None and bytes(error) not in _NOTHING:
            return refused(_status_in(error), http_status=200)
        return None if any(name in members for name in self._members) else bad_answer(f"has no {self._members[0]}")


def usage_of(value: Any, raw: bytes, meters: Paths, model: str | None = None) -> Usage:
    """The meters of a usage object; one at least is in every answer."""
    if not isinstance(value, dict):
        return Usage({}, raw, None, model, ("usage is not an object of counts",))
    whole = {name: _whole(count) for name, count in value.items()}
    counted, suspect = read_counts(whole, meters, ())
    if not (counted or suspect):
        suspect = (f"{next(iter(meters))} is missing",)
    return Usage(counted, raw, None, model, suspect)


def _status_in(error: msgspec.Raw) -> int:
    try:
        code = _MEMBERS.decode(error).get("code")
        status = _ANY.decode(code) if code is not None else None
    except UNREADABLE:
        return 500
    return status if isinstance(status, int) and 400 <= status < 600 else 500


def _whole(count: Any) -> Any:
    """Some providers count in numbers with a decimal point."""
    return int(count) if isinstance(count, float) and count.is_integer() else count


def _word(raw: msgspec.Raw | None) -> str | None:
    try:
        return _TEXT.decode(raw)[:_MAX_WORD] or None if raw is not None else None
    except UNREADABLE:
        return None
