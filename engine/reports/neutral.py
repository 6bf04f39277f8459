"""Text from a catalog made harmless for terminals and logs."""

import re

# Controls (a terminal obeys them), line and paragraph separators, marks and overrides of text direction, surrogates.
_ACTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def neutral(text: str) -> str:
    """The text in one line, with every character that a terminal would obey written as an escape."""
    return _ACTIVE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
