"""Base URLs: what the compiler lets pass, the operator's side understands in the same way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.document import Document, Positions
from engine.catalog.upstream_rules import check_base_url
from engine.operator.origins import split_url

DOCUMENT = Document(
    file="providers/p.yaml",
    text="",
    value={},
    lines={},
    locate=lambda _: Positions({}, {"": (1, 1), "/base_url": (1, 1)}),
)
PARTS = ["http", "https", "ftp", "://", ":", "/", "//", "@", "?", "#", "a", "A.b", "-", "_", "..", ".", "127.0.0.1", "1", "0x7f",
         "[::1]", "[", "]", "8080", "0", "99999", "%2e", " ", "\\", "é", "v1", "xn--a", "[::ffff:1.2.3.4]", "[fe80::1%eth0]"]  # fmt: skip
URLS = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
    st.tuples(st.sampled_from(["http://", "https://"]), st.lists(st.sampled_from(PARTS), max_size=5).map("".join)).map("".join),
)  # fmt: skip


@given(URLS)
def test_whatever_passes_is_one_url_for_everybody(url):
    canonical, problems = check_base_url(DOCUMENT, url)
    assert bool(canonical) != bool(problems)
    if canonical and "xn--" not in canonical:  # whether a punycode label decodes is judged where it is resolved
        assert split_url(canonical) == split_url(url)
        assert check_base_url(DOCUMENT, canonical) == (canonical, [])


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://API.OpenAI.com/v1/", "https://api.openai.com/v1"),
        ("http://127.0.0.1:8792/v1", "http://127.0.0.1:8792/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://my_llm:8000/a/b%20c", "http://my_llm:8000/a/b%20c"),
    ],
)
def test_one_spelling(url, canonical):
    assert check_base_url(DOCUMENT, url) == (canonical, [])


@pytest.mark.parametrize("url", ["http://user:hunter2@h/v1", "http://hunter2@/"])
def test_no_message_repeats_the_url(url):
    _, (problem,) = check_base_url(DOCUMENT, url)
    assert "hunter2" not in problem.message + problem.hint
