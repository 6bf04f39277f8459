"""Text from a catalog made harmless for terminals, logs and the machines that read logs."""

import re

# Controls (a terminal obeys them), line and paragraph separators, marks and overrides of text direction, surrogates,
# and the two characters that are in no XML document.
_ACTIVE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
# "##[group]", "##vso[…]", "##teamcity[…]": runners of CI services obey these anywhere in a line.
_COMMAND = re.compile(r"(?<=#)#(?=\w*\[)")
_UNWANTED = re.compile(f"{_ACTIVE}|{_COMMAND.pattern}")


def neutral(text: str) -> str:
    """The text in one line, with every character that a terminal or a CI service would obey written as an escape."""
    return _UNWANTED.sub(_escaped, text)


def neutral_line(text: str) -> str:
    """The same for text that a line begins with: GitHub obeys "::" there, also after spaces."""
    text = neutral(text)
    start = len(text) - len(text.lstrip())
    return f"{text[:start]}\\x3a{text[start + 1 :]}" if text.startswith("::", start) else text


def neutral_json(document: str) -> str:
    """JSON of ASCII characters, with nothing that a CI service obeys; its value stays exactly the same."""
    return _COMMAND.sub(r"\\u0023", document)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
