"""Reports: what was found in a catalog, for people and for programs. The formats are a table by name."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from engine.reports.report import Report

__all__ = ["FORMATS", "Report", "render"]

# Name → the function (report, *, color) → text; imported when it is asked for.
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "engine.reports.text:text_of",
        "json": "engine.reports.plain_json:json_of",
        "github": "engine.reports.github:github_of",
        "sarif": "engine.reports.sarif:sarif_of",
        "junit": "engine.reports.junit:junit_of",
    }
)


def render(report: Report, name: str, *, color: bool = False) -> str:
    """The report in the format with this name."""
    module, _, function = FORMATS[name].partition(":")
    text: str = getattr(importlib.import_module(module), function)(report, color=color)
    return text
