"""A YAML document with its comments: what a formatter has to keep, and nothing that it decides itself.

Comments are kept as they are written, with their "#"; the empty string stands for a blank line.
"""

import msgspec

Plain = str | int | float | bool | None


class Scalar(msgspec.Struct):
    """A value without parts.

    `style` is its indicator in the source ("", '"', "'", "|" or ">"); `lines` are its source lines, stripped, where it
    was written over several.
    """

    value: Plain
    style: str = ""
    lines: tuple[str, ...] = ()


class Entry(msgspec.Struct):
    """An item of a list (`key` is None), or a key of a mapping with its value.

    `above` are the comments and blank lines above it, `beside` is the comment on its line.
    """

    key: str | None
    value: "Node" = msgspec.field(default_factory=lambda: Scalar(None))
    above: list[str] = []
    beside: str = ""


class Mapping(msgspec.Struct):
    """A mapping; `flow` is the style in braces. `below` are comments after its last entry."""

    entries: list[Entry] = []
    flow: bool = False
    below: list[str] = []

    def get(self, key: str) -> Entry | None:
        """The entry with this key."""
        return next((entry for entry in self.entries if entry.key == key), None)


class Sequence(msgspec.Struct):
    """A list; likewise."""

    entries: list[Entry] = []
    flow: bool = False
    below: list[str] = []


Node = Scalar | Mapping | Sequence


class Commented(msgspec.Struct):
    """One document: comments at the top that belong to the file, the value, and what follows it."""

    root: Node
    top: list[str] = []
    below: list[str] = []
