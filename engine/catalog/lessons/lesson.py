"""What there is to learn from a code."""

from collections.abc import Mapping

import msgspec


class Lesson(msgspec.Struct, frozen=True):
    """Why a code matters, and files that have the mistake beside files that have it not.

    Files are by path, to be laid over a small catalog that is right. They are empty where no text can show it.
    """

    why: str
    bad: Mapping[str, str] = {}
    good: Mapping[str, str] = {}


def as_text(files: Mapping[str, str]) -> str:
    """Files as people read them: each below its path."""
    return "\n".join(f"# {path}\n{text}" for path, text in files.items())
