"""A tree with comments to text, in the one canonical form.

Two spaces an indent, also for lists in mappings; one space before a comment; at most one blank line, none at the ends.
What was written in brackets or braces stays so while it fits into a line and holds no comment; what was a block stays
one. A text of several lines is a literal block.
"""

from engine.authoring.nodes import Commented, Entry, Mapping, Node, Scalar, Sequence
from engine.authoring.scalars import scalar

WIDTH = 120
_EMPTY = "\0"  # an empty line of a text, which is never surplus; no text of a catalog holds this character


def write(document: Commented) -> str:
    """The text of a document; ends in a line break."""
    lines = list(document.top)
    root = document.root
    if not isinstance(root, Scalar) and root.entries:
        lines += _block(root, 0)
    elif root != Scalar(None):
        lines.append(_inline(root, flow=False))
    lines = _without_surplus_blanks([*lines, *document.below])
    return "\n".join(lines) + "\n" if lines else ""


def _block(node: Mapping | Sequence, indent: int) -> list[str]:
    lines: list[str] = []
    for entry in node.entries:
        lines += _item(entry, indent) if entry.key is None else _pair(entry, indent)
    while not lines[0]:
        del lines[0]
    return [*lines, *_indented(node.below, indent)]


def _pair(entry: Entry, indent: int) -> list[str]:
    head = f"{' ' * indent}{scalar(entry.key)}:"
    return [*_indented(entry.above, indent), *_valued(head, entry, indent)]


def _item(entry: Entry, indent: int) -> list[str]:
    """An item of a list: its first part stands beside the dash, and the comments of that part above it."""
    head = f"{' ' * indent}-"
    if not _is_block(entry.value, len(head)):
        return [*_indented(entry.above, indent), *_valued(head, entry, indent)]
    assert not isinstance(entry.value, Scalar)
    above = [*entry.above, *([entry.beside] if entry.beside else []), *_lift(entry.value, indent + 2)]
    first, *rest = _block(entry.value, indent + 2)
    return [*_indented(above, indent), f"{head} {first[indent + 2 :]}", *rest]


def _lift(node: Mapping | Sequence, indent: int) -> list[str]:
    """Take the comments above the first part of a list's item, and of that part's first part."""
    first = node.entries[0]
    above, first.above = first.above, []
    if first.key is None and _is_block(first.value, indent + 1):
        assert not isinstance(first.value, Scalar)
        above += [*([first.beside] if first.beside else []), *_lift(first.value, indent + 2)]
        first.beside = ""
    return above


def _valued(head: str, entry: Entry, indent: int) -> list[str]:
    beside = f" {entry.beside}" if entry.beside else ""
    value = entry.value
    if isinstance(value, Scalar):
        header, lines = _several_lines(value, len(head) + 1)
        if lines:
            return [f"{head} {header}{beside}", *_indented(lines, indent + 2)]
    elif _is_block(value, len(head)):
        return [f"{head}{beside}", *_block(value, indent + 2)]
    return [f"{head} {_inline(value, flow=False)}{beside}"]


def _is_block(node: Node, used: int) -> bool:
    """Whether a value takes lines of its own, where `used` columns of its line are taken."""
    if isinstance(node, Scalar) or not node.entries:
        return False
    return not node.flow or _has_comments(node) or used + 1 + len(_inline(node)) > WIDTH


def _has_comments(node: Node) -> bool:
    if isinstance(node, Scalar):
        return False
    return bool(node.below) or any(entry.above or entry.beside or _has_comments(entry.value) for entry in node.entries)


def _inline(node: Node, *, flow: bool = True) -> str:
    if isinstance(node, Scalar):
        return scalar(node.value, flow=flow)
    parts = (_inline_entry(entry) for entry in node.entries)
    return f"{{{', '.join(parts)}}}" if isinstance(node, Mapping) else f"[{', '.join(parts)}]"


def _inline_entry(entry: Entry) -> str:
    value = _inline(entry.value)
    return value if entry.key is None else f"{scalar(entry.key, flow=True)}: {value}"


def _several_lines(node: Scalar, used: int) -> tuple[str, list[str]]:
    """The header and lines of a text that is best written as a block; no lines where one line does.

    A text that was folded over several lines stays folded where it was, if it does not fit into one.
    """
    text = node.value
    if not isinstance(text, str) or not node.lines or not text.strip():
        return "", []
    content = text.removesuffix("\n")
    keeps_break = content != text
    if content.endswith("\n") or "\r" in text:
        return "", []
    chomp = "" if keeps_break else "-"
    lines = [line for line in node.lines if line]
    if " ".join(lines) == content and node.style != "|":
        fits = used + len(scalar(text)) <= WIDTH
        return ("", []) if fits and not keeps_break else (f">{chomp}", lines)
    if "\n" not in text and node.style not in {"|", ">"}:
        return "", []
    indicator = "2" if content.lstrip("\n").startswith(" ") else ""
    return f"|{indicator}{chomp}", [line or _EMPTY for line in content.split("\n")]


def _indented(lines: list[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" if line and line != _EMPTY else line for line in lines]


def _without_surplus_blanks(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return ["" if line == _EMPTY else line for line in kept]
