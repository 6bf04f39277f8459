import pytest

from engine.pricing.reference import Reference, load


@pytest.fixture(scope="session")
def reference() -> Reference:
    return load()
