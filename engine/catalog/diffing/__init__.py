"""What changes from one catalog to another, in what it does and not in how it is written. Pure, as all of the core."""

from engine.catalog.diffing.compare import diff
from engine.catalog.diffing.result import CatalogDiff

__all__ = ["CatalogDiff", "diff"]
