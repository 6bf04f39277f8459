"""Reports: problems of a catalog for people and for programs, in a table by name."""

from engine.reports.problems import FORMATS, Report, render

__all__ = ["FORMATS", "Report", "render"]
