"""Signatures and encrypted reasoning on their way through an API of another maker.

A client sends back what the model thought, and only its maker can read it. Where the API has no place for the maker's
name, it stands in front of the data: `openai-responses#gAAAA…`. No maker's data has a `#`: it is base64.
"""

from typing import Final

_MARK: Final = "#"


def marked(data: str, maker: str, own: str) -> str:
    """`data` as a client of the wire `own` shall keep it."""
    return data if maker in ("", own) else f"{maker}{_MARK}{data}"


def unmarked(data: str, own: str) -> tuple[str, str]:
    """The data and its maker, from what a client of the wire `own` sent back."""
    maker, mark, rest = data.partition(_MARK)
    return (rest, maker) if mark else (data, own)
