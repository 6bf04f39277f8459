"""Text from a catalog inside GitHub's Markdown: it is shown as it is, and makes no link, mention, image or markup."""

import re

from engine.reports.neutral import neutral

_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#+!|~$-]")
_AUTOLINK = re.compile(r"(?<=\w)(?=://)|(?<=www)(?=\.)")
_NOTHING = "<!-- -->"  # keeps what stands on both sides of it from being read together


def plain(text: str) -> str:
    """Running text: every mark as a character, and no "@name" that calls somebody, no "#1", no URL that is a link."""
    text = neutral(text).replace("&", "&amp;")
    marked = _MARKUP.sub(r"\\\g<0>", text)
    return _AUTOLINK.sub(_NOTHING, marked).replace("@", f"@{_NOTHING}")


def code(text: str) -> str:
    """A code span: fenced by more backticks than it holds."""
    text = neutral(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest or text != text.strip() else ""
    return f"{fence}{padding}{text}{padding}{fence}"
