"""What `catalog explain` tells of each code: why it matters, and how it looks wrong and right.

Only that command and the tests read this; the compiler needs the codes alone. Tests hold that the bad files have the
code and the good ones have not.
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.catalog.lessons import access, language, prices, references, secrets
from engine.catalog.lessons.lesson import Lesson, as_text

__all__ = ["LESSONS", "Lesson", "as_text"]

LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {**language.LESSONS, **references.LESSONS, **prices.LESSONS, **access.LESSONS, **secrets.LESSONS}
)
