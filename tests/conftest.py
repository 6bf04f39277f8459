"""What several rooms' tests share: the real local model."""

from collections.abc import Iterator

import pytest

from engine.demo.llm import LocalLlm


@pytest.fixture(scope="session")
def local_llm() -> Iterator[str]:
    """The base URL (`http://127.0.0.1:PORT/v1`) of a running local model; its model is called `smollm2`."""
    with LocalLlm(parallel=4) as llm:
        yield llm.base_url
