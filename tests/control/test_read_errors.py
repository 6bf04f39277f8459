"""A file that cannot be read for a while: nothing of the catalog is lost meanwhile, and nobody has to say that it ended.

Faults C37 and C38.
"""

import errno
import os
from pathlib import Path

import pytest
from harness.catalogs import CatalogDir
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

from engine.control.publisher import Publisher
from engine.publication import Publication
from engine.sources import directory
from engine.sources.source import open_source

MODEL = "models/test/model.yaml"


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogDir:
    return CatalogDir(tmp_path / "catalog", "http://127.0.0.1:9")


@pytest.fixture
def publisher(catalog: CatalogDir, tmp_path: Path) -> Publisher:
    publisher = Publisher(open_source(catalog=str(catalog.root)), Publication(tmp_path / "state"))
    assert publisher.reload("change").verdict == "published"
    return publisher


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EACCES], ids=errno.errorcode.get)
def test_c38_an_error_in_the_middle_of_reading_is_no_smaller_catalog(publisher, catalog, monkeypatch, error):
    served, reads = publisher.served, 0
    real = os.read

    def read(descriptor, size):
        nonlocal reads
        reads += 1
        if reads % 4 == 0:
            raise OSError(error, os.strerror(error))
        return real(descriptor, size)

    catalog.price("5", "6")
    monkeypatch.setattr(directory.os, "read", read)
    held = publisher.reload("change")
    assert held.verdict in {"rejected", "unreadable"}
    assert held.may_pass
    assert publisher.served == served
    monkeypatch.undo()
    assert publisher.reload("retry").verdict == "published"


def test_c37_one_file_that_may_not_be_read_keeps_the_whole_revision_back_until_it_may(tmp_path):
    """A link to nothing stands for a closed file, since nothing is closed to root; test_directory_source closes one."""
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(tmp_path / "catalog", upstream.origin)
        with Served(("--catalog", str(catalog.root)), tmp_path / "state", origin=upstream.origin) as gateway:
            good = gateway.served_revision()
            aside = (catalog.root / MODEL).rename(catalog.root / ".aside")
            (catalog.root / MODEL).symlink_to("../../.later")
            status = wait_for(lambda: not (found := gateway.status())["in_sync"] and found)
            assert [problem["code"] for problem in status["last_reload"]["problems"]] == ["unreadable-file"]
            assert gateway.served_revision() == good
            aside.rename(catalog.root / ".later")  # a hidden file: no event says that the link leads somewhere now
            wait_for(lambda: gateway.status()["in_sync"], seconds=20)
            assert gateway.served_revision() == good
