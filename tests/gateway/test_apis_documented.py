"""docs/apis.md names every path that is served and every beta that is passed on, and no others."""

import re
from pathlib import Path

from engine.errors import BodyTooLarge, ModelNotFound, ProviderDisabled, Unauthenticated
from engine.gateway.betas import PASSED_ON, sift
from engine.gateway.counting import RECORDED_AS
from engine.gateway.passages import served_endpoints
from engine.gateway.reply import MAX_DROPPED_BYTES, dropped_header

PAGE = (Path(__file__).parents[2] / "docs" / "apis.md").read_text(encoding="utf-8")


def test_every_path_and_whether_it_streams() -> None:
    rows = re.findall(r"^\| `POST (\S+)` \|[^|]*\| (yes)? ?\|$", PAGE, re.MULTILINE)
    assert rows == [(endpoint.path, "yes" if endpoint.can_stream else "") for endpoint in served_endpoints()]


def test_every_beta() -> None:
    (listed,) = re.findall(r"^date:\n\n(.+?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`([^`]+)`", listed) == sorted(PASSED_ON)


def test_every_error_that_is_ours() -> None:
    for error in (BodyTooLarge, ModelNotFound, ProviderDisabled, Unauthenticated):
        row = next(line for line in PAGE.splitlines() if f"`{error.code}`" in line)
        assert f"| {error.status} |" in row
        assert f"`{error.type}`" in row
    assert f"`{RECORDED_AS}`" in PAGE


def test_betas_are_compared_without_their_dates() -> None:
    betas = "pdfs-2024-09-25,pdfs-20240925,pdfs,files-api-2025-04-14,context-1m-2099-01-01, pdfs-2024-09-25"
    passed, dropped = sift(betas, is_crossed=False)
    assert passed == "pdfs-2024-09-25,pdfs-20240925,context-1m-2099-01-01"
    assert dropped == ("anthropic-beta.pdfs", "anthropic-beta.files-api-2025-04-14")
    assert sift(betas, is_crossed=True)[0] == ""


def test_a_long_list_of_losses_is_cut_and_counted() -> None:
    assert dropped_header(("seed", "logit_bias", "seed")) == b"logit_bias, seed"
    names = [f"messages[{number:03}].name" for number in range(200)]
    header = dropped_header(names).decode()
    assert len(header) <= MAX_DROPPED_BYTES + 20
    kept = header.split(", ")
    assert kept[:-1] == names[: len(kept) - 1]
    assert kept[-1] == f"+{200 - len(kept) + 1} more"
