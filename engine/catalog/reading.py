"""Strict, hostile-proof reading of one YAML file: bytes in, a document with positions or problems out.

The value is composed here, from the events of the C parser. The C composer is never used: it follows aliases, keeps
the last of two equal keys, resolves by YAML 1.1 and crashes the process on 60 KB of brackets. The event parser is
iterative, so depth, counts, aliases and tags are refused while the events stream by.

Almost every file is right, so `plain` reads it first, without positions; only what it gives up on is read here, to say
what is wrong and where. Tests hold the two equal.
"""

import re
from typing import Any

import msgspec
import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not export it

from engine.catalog.document import Document, Position, Positions, escape, file_problem
from engine.catalog.plain import MAX_DEPTH, MAX_SCALAR, MAX_VALUES, read_plain
from engine.catalog.scalars import NumberRefused, resolve_plain
from engine.problem import Problem, has_errors

MAX_BYTES = 256 * 1024
MAX_PROBLEMS = 20

# C0 and C1 controls but tab and line breaks; U+0085, U+2028 and U+2029, which YAML 1.1 parsers take for line breaks;
# marks and overrides of text direction, which make a reviewer see another text; byte order marks; non-characters.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_UNTIL_END = re.compile(r"[^\s,\]}]{0,100}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00")


class Reading(msgspec.Struct, frozen=True):
    """What came of a file: a document where no problem is an error."""

    document: Document | None
    problems: tuple[Problem, ...] = ()


def read_yaml(data: bytes, file: str) -> Reading:
    """Read one file. Never raises for what the file contains.

    The value is made of dict, list, str, int, float, bool and None only; keys are strings, numbers finite.
    """
    problems = _Problems(file)
    try:
        text = _decode(data, problems)
        plain = read_plain(text)
        if plain is not None:
            document = Document(file=file, text=text, value=plain.value, lines=plain.lines, locate=_locate)
        else:
            composer = _Composer(text, problems)
            composer.compose()
            document = composer.document(file)
    except _Stop:
        return Reading(None, tuple(problems.found))
    if has_errors(problems.found):
        return Reading(None, tuple(problems.found))
    return Reading(document, tuple(problems.found))


def _locate(text: str) -> Positions:
    """Where everything stands in a text that has been read without a problem."""
    composer = _Composer(text, _Problems(""))
    composer.compose()
    return Positions(composer.keys, composer.values)


class _Stop(Exception):
    """Nothing more can be learned from this file."""


class _Problems:
    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, code: str, position: Position, message: str, hint: str = "") -> None:
        line, column = position
        self.found.append(file_problem(code, self.file, message, hint=hint, line=line, column=column))
        if len(self.found) >= MAX_PROBLEMS:
            raise _Stop

    def stop(self, code: str, position: Position, message: str, hint: str = "") -> _Stop:
        self.add(code, position, message, hint)
        return _Stop()


def _decode(data: bytes, problems: _Problems) -> str:
    if len(data) > MAX_BYTES:
        raise problems.stop(
            "file-too-large", (0, 0), f"the file has {len(data)} bytes; at most {MAX_BYTES} are read", "split it"
        )
    if data.startswith(b"\xef\xbb\xbf"):
        problems.add("byte-order-mark", (1, 1), "the file starts with a byte order mark", "save it as plain UTF-8")
        data = data[3:]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seems = "; it looks like UTF-16" if data.startswith(_UTF16) else ""
        raise problems.stop(
            "not-utf8", (line, 1), f"byte {error.start} is not UTF-8{seems}", "save the file as UTF-8"
        ) from None
    for match in _FORBIDDEN.finditer(text):
        problems.add(
            "forbidden-character",
            _position(text, match.start()),
            f"the character U+{ord(match[0]):04X} is not allowed",
            "remove it; it is invisible in many editors",
        )
    if has_errors(problems.found):
        raise _Stop
    return text


def _position(text: str, index: int) -> Position:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


class _Frame:
    """A mapping or sequence that is being filled. `key` is the mapping's key whose value comes next."""

    __slots__ = ("key", "mapping", "pointer", "sequence")

    def __init__(self, pointer: str, mapping: dict[str, Any] | None, sequence: list[Any] | None) -> None:
        self.pointer = pointer
        self.mapping = mapping
        self.sequence = sequence
        self.key: str | None = None


class _Composer:
    def __init__(self, text: str, problems: _Problems) -> None:
        self.text = text
        self.problems = problems
        self.keys: dict[str, Position] = {}
        self.values: dict[str, Position] = {}
        self.stack: list[_Frame] = []
        self.root: Any = None
        self.count = 0
        self.documents = 0

    def document(self, file: str) -> Document:
        """The document, with all its positions."""
        positions = Positions(self.keys, self.values)
        return Document(file=file, text=self.text, value=self.root, lines={}, locate=lambda _: positions)

    def compose(self) -> None:
        """Take all events of the text. Raises _Stop where nothing more can be learned from it."""
        parser = CParser(self.text)
        try:
            while True:
                event = parser.get_event()
                if event is None or type(event) is yaml.StreamEndEvent:
                    return
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise self._syntax(error) from None
        except yaml.YAMLError as error:  # the reader's: a character that our own check lets pass
            raise self.problems.stop("yaml-syntax", (0, 0), str(error).partition("\n")[0]) from None
        finally:
            parser.dispose()

    def _take(self, event: yaml.Event) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            mapping: dict[str, Any] = {}
            self.stack.append(_Frame(self._container(event, mapping), mapping, None))
        elif kind is yaml.SequenceStartEvent:
            sequence: list[Any] = []
            self.stack.append(_Frame(self._container(event, sequence), None, sequence))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self.stack.pop()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._document_start(event)

    def _document_start(self, event: Any) -> None:
        position = _mark(event)
        self.documents += 1
        if self.documents > 1:
            raise self.problems.stop(
                "multiple-documents", position, "a second document starts here", "one document a file; split it"
            )
        if event.version or event.tags:
            self.problems.add("directive", position, "YAML directives (%YAML, %TAG) are refused", "remove the line")

    def _alias(self, event: Any) -> None:
        position = _mark(event)
        self.problems.add("alias", position, f"the alias *{event.anchor} is refused", "write the value out")
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.mapping is not None and frame.key is None:
            raise _Stop
        self._place(None, position)

    def _container(self, event: Any, value: dict[str, Any] | list[Any]) -> str:
        position = _mark(event)
        self._refuse_decoration(event, position)
        if len(self.stack) >= MAX_DEPTH:
            raise self.problems.stop("too-deep", position, f"values are nested deeper than {MAX_DEPTH} levels")
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.mapping is not None and frame.key is None:
            raise self.problems.stop(
                "bad-key", position, "a mapping or list cannot be a key", "if this is meant as text, quote it"
            )
        return self._place(value, position)

    def _scalar(self, event: Any) -> None:
        position = _mark(event)
        self._refuse_decoration(event, position)
        text = event.value
        if len(text) > MAX_SCALAR:
            message = f"the text has {len(text)} characters; at most {MAX_SCALAR} are read"
            raise self.problems.stop("value-too-long", position, message)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.mapping is not None and frame.key is None:
            self._key(frame, event, position)
        else:
            self._place(self._value(event, position), position)

    def _value(self, event: Any, position: Position) -> Any:
        text = event.value
        if event.style:
            self._check_escapes(event, position)
            return text
        try:
            return resolve_plain(text)
        except NumberRefused as refused:
            self.problems.add("bad-number", position, f"{refused}: {text[:40]}", "if this is meant as text, quote it")
            return None

    def _key(self, frame: _Frame, event: Any, position: Position) -> None:
        key = self._value(event, position)
        if not isinstance(key, str):
            message = f"the key {event.value[:40] or 'null'} is read as {_kind(key)}, and keys are text"
            self.problems.add("bad-key", position, message, f'quote it: "{event.value[:40]}"')
            key = event.value
        elif key == "<<" and not event.style:
            self.problems.add("merge-key", position, "the merge key << is refused", "write the keys out")
        frame.key = key
        at = f"{frame.pointer}/{escape(key)}"
        if at in self.keys:
            first = self.keys[at]
            message = f'the key "{key[:60]}" stands here again; it was first written on line {first[0]}'
            self.problems.add("duplicate-key", position, message, "keep one of the two")
        else:
            self.keys[at] = position

    def _place(self, value: Any, position: Position) -> str:
        """Put `value` where it belongs and return its pointer."""
        self.count += 1
        if self.count > MAX_VALUES:
            raise self.problems.stop("too-many-values", position, f"the file has more than {MAX_VALUES} values")
        if not self.stack:
            self.root, at = value, ""
        else:
            frame = self.stack[-1]
            if frame.mapping is not None:
                key = frame.key
                assert key is not None
                frame.mapping[key] = value
                frame.key = None
                at = f"{frame.pointer}/{escape(key)}"
            else:
                assert frame.sequence is not None
                at = f"{frame.pointer}/{len(frame.sequence)}"
                frame.sequence.append(value)
        self.values[at] = position
        return at

    def _refuse_decoration(self, event: Any, position: Position) -> None:
        if event.anchor is not None:
            self.problems.add("alias", position, f"the anchor &{event.anchor} is refused", "write the value out")
        if event.tag is not None:
            self.problems.add("tag", position, f"the tag {event.tag} is refused", "remove the tag")

    def _check_escapes(self, event: Any, position: Position) -> None:
        match = _FORBIDDEN.search(event.value) if event.style == '"' else None
        if match is not None:
            message = f"the text holds the character U+{ord(match[0]):04X}, which is not allowed, as an escape"
            self.problems.add("forbidden-character", position, message, "remove it")

    def _syntax(self, error: yaml.MarkedYAMLError) -> _Stop:
        mark = error.problem_mark or error.context_mark
        position = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = " ".join(part for part in (error.context, error.problem) if part)
        if "cannot start any token" in said:
            return self._bad_start(position, self.text[mark.index :] if mark else "")
        hint = ""
        if "mapping values are not allowed" in said:
            hint = 'a value that holds ": " must be quoted'
        return self.problems.stop("yaml-syntax", position, said, hint)

    def _bad_start(self, position: Position, rest: str) -> _Stop:
        if rest.startswith("@"):
            written = _UNTIL_END.match(rest)
            message = 'a value that begins with "@" must be quoted'
            return self.problems.stop("quote-it", position, message, f'write "{written[0] if written else ""}"')
        if rest.startswith("\t"):
            return self.problems.stop("yaml-syntax", position, "a tab cannot indent", "use spaces")
        return self.problems.stop("quote-it", position, f"a value cannot begin with {rest[:1]!r}", "quote the value")


def _mark(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return "true or false" if isinstance(value, bool) else "a number"
