"""docs/import.md says what the programs do."""

from pathlib import Path

import pytest

from engine.cli.export import FORMATS as TARGETS
from engine.cli.import_ import FORMATS, UNITS
from engine.exchange.amounts import TOKEN_UNITS
from engine.exchange.losses import MEANING, Reason
from engine.exchange.report import LossReport

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason):
    assert f"| `{reason}` | {MEANING[reason]} |" in PAGE


def test_formats_units_and_keys_are_named():
    assert all(f"catalog import {name}" in PAGE for name in FORMATS)
    assert all(f"--format {name}" in PAGE for name in TARGETS)
    assert all(f"`{name}`" in PAGE for name in LossReport.__struct_fields__ if name != "format")
    assert tuple(TOKEN_UNITS) == UNITS
