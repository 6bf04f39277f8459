"""A stream of Gemini's → canonical events. Every event of it is a whole answer, holding what is new.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from typing import Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.answer import Finish
from engine.wires.decoding import EventDecoder
from engine.wires.events import (
    BlockEnded,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)
from engine.wires.events import Cited as CitedEvent
from engine.wires.gemini.answers import blocked, created, finish_of, token_logprobs
from engine.wires.gemini.chunk import ANSWER, PART, Candidate, Chunk, FunctionCall, Part
from engine.wires.gemini.citations import Cited
from engine.wires.gemini.errors import bad_answer, error_object, error_of
from engine.wires.gemini.parts import arguments, call_id, other_block, signed
from engine.wires.gemini.usage import UsageSoFar

_NULL: Final = 4  # the length of what says nothing


class _Answer:
    """One of the answers so far."""

    __slots__ = ("blocked", "calls", "cited", "count", "kind", "open", "signatures", "texts", "word")

    def __init__(self) -> None:
        self.count = 0
        self.kind = ""  # of the block that text may still be added to
        self.open = -1
        self.calls = 0
        self.texts: dict[int, list[str]] = {}  # by the number of their block
        self.signatures: list[str] = []  # of the open text; they stand behind it, and its citations come last
        self.cited = Cited()
        self.word: str | None = None  # why it ended; some models say it with every chunk, and the last one holds
        self.blocked: Finish | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it was said why it ended."""
        return self.word is not None or self.blocked is not None

    @property
    def finish(self) -> Finish:
        """Why it ended."""
        return self.blocked or finish_of(self.word, has_calls=self.calls > 0)

    def new(self, kind: str = "") -> int:
        """The number of a new block."""
        self.kind, self.open = kind, self.count
        self.count += 1
        return self.open


class StreamDecoder(EventDecoder):
    """Decodes one stream. It has no end of its own: that is the connection's, once every answer said why it ended."""

    __slots__ = ("_answers", "_response_id", "_usage_so_far")

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[int, _Answer] = {}
        self._response_id: str | None = None
        self._usage_so_far = UsageSoFar()

    def finish(self) -> list[Event]:
        """The upstream has ended; without a reason from each answer it was cut."""
        events = super().finish()
        if self.error is None and self._answers and all(one.has_ended for one in self._answers.values()):
            try:
                for index, answer in self._answers.items():
                    _end(index, answer, events)
            except msgspec.MsgspecError:
                self.error = bad_answer()
                return events
            self.done = True
        return events

    def _read_block(self, block: bytes, events: list[Event]) -> None:
        # What fails on the way may come as JSON alone, which is no event.
        if block[:1] in (b"{", b"[") and (error := error_object(block)) is not None:
            self.error = error_of(error)
            return
        super()._read_block(block, events)

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        if data[:1] == b"[" or event == b"error":
            error = error_object(data)
            self.error = bad_answer() if error is None else error_of(error)
            return
        chunk = ANSWER.decode(data)
        if len(chunk.error) > _NULL:
            self.error = error_of(error_object(data))
            return
        if (usage := self._usage_so_far.add(chunk)) is not None:
            self.usage = usage  # counts may fall here: the first report is an estimate
            events.append(UsageReported(usage))
        if self._response_id is None:
            self._response_id = chunk.response_id or ""
            tier = self.usage.service_tier if self.usage is not None else None
            events.append(Started(self._response_id, chunk.model_version or "", created(chunk), tier))
        for at, candidate in enumerate(chunk.candidates or ()):
            index = at if candidate.index is None else candidate.index
            answer = self._answers.get(index)
            if answer is None:
                answer = self._answers[index] = _Answer()
            self._candidate(index, answer, candidate, events)
        self._check_prompt(chunk)

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _check_prompt(self, chunk: Chunk) -> None:
        if (reason := chunk.blocked) is not None:
            for answer in self._answers.values() or [self._answers.setdefault(0, _Answer())]:
                answer.blocked = blocked(reason)

    def _candidate(self, index: int, answer: _Answer, candidate: Candidate, events: list[Event]) -> None:
        if candidate.content is not None:
            logprobs = token_logprobs(candidate)
            entries = msgspec.Raw(msgspec.json.encode(logprobs)) if logprobs else None
            for raw in candidate.content.parts or ():
                part = PART.decode(raw)
                if part.text is not None and part.function_call is None:
                    _text(index, answer, part, entries, events)
                    entries = None if part.text and not part.thought else entries
                elif part.function_call is not None:
                    self._call(index, answer, part.function_call, part.thought_signature, events)
                else:
                    _other(index, answer, part, raw, events)
        answer.cited.add(candidate)
        answer.word = candidate.finish_reason or answer.word

    def _call(
        self, index: int, answer: _Answer, call: FunctionCall, signature: str | None, events: list[Event]
    ) -> None:
        _sign(index, answer, events)
        id_of_call = call_id(call, self._response_id or "", index, answer.calls)
        answer.calls += 1
        if signature:
            events.append(WholeBlock(index, answer.new(), signed(signature, id_of_call)))
        block = answer.new()
        events.append(ToolCallStarted(index, block, id_of_call, call.name, signature=signature))
        events.append(ToolArgumentsDelta(index, block, arguments(call)))
        events.append(BlockEnded(index, block))


def _text(index: int, answer: _Answer, part: Part, logprobs: msgspec.Raw | None, events: list[Event]) -> None:
    kind = "thought" if part.thought else "text"
    if part.text:
        if answer.kind != kind:
            _sign(index, answer, events)
            answer.new(kind)
        if part.thought:
            events.append(ReasoningDelta(index, answer.open, part.text, is_summary=True))
        else:
            answer.texts.setdefault(answer.open, []).append(part.text)
            events.append(TextDelta(index, answer.open, part.text, logprobs))
    if part.thought_signature:
        answer.signatures.append(part.thought_signature)


def _other(index: int, answer: _Answer, part: Part, raw: msgspec.Raw, events: list[Event]) -> None:
    block = other_block(part, raw)
    if block is not None:
        _sign(index, answer, events)
        events.append(WholeBlock(index, answer.new(), block))
    if part.thought_signature and not hasattr(block, "raw"):
        answer.signatures.append(part.thought_signature)


def _sign(index: int, answer: _Answer, events: list[Event]) -> None:
    """The signatures of what came so far, as blocks behind it."""
    events.extend(WholeBlock(index, answer.new(), signed(signature)) for signature in answer.signatures)
    answer.signatures.clear()


def _end(index: int, answer: _Answer, events: list[Event]) -> None:
    blocks = list(answer.texts)
    texts = ["".join(pieces) for pieces in answer.texts.values()]
    events.extend(CitedEvent(index, blocks[at], citation) for at, citation in answer.cited.of(texts))
    _sign(index, answer, events)
    events.append(Finished(index, answer.finish))
