"""Slugs: deterministic, legal, and as different as the names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.layout import SLUG
from engine.exchange.naming import slugs


@given(st.sets(st.text(min_size=1, max_size=90), max_size=12), st.randoms())
def test_any_names_get_slugs_of_their_own(names, random):
    shuffled = sorted(names)
    random.shuffle(shuffled)
    made = slugs(shuffled)
    assert made == slugs(names)
    assert made.keys() == names
    assert len(set(made.values())) == len(names)
    assert all(re.fullmatch(SLUG, slug, re.ASCII) and slug != "route" for slug in made.values())


def test_slugs_stay_readable():
    made = slugs(["gpt-4.1", "qwen/qwen3-32b", "Meta-Llama/Llama 3", "ft:gpt-4o:acme::x", "modèle"])
    assert made == {
        "gpt-4.1": "gpt-4.1",
        "qwen/qwen3-32b": "qwen-qwen3-32b",
        "Meta-Llama/Llama 3": "meta-llama-llama-3",
        "ft:gpt-4o:acme::x": "ft-gpt-4o-acme-x",
        "modèle": "modele",
    }


def test_the_name_that_is_the_slug_keeps_it():
    made = slugs(["a-b", "a/b", "A:b"])
    assert made["a-b"] == "a-b"
    assert len(set(made.values())) == 3
    assert made["a/b"].startswith("a-b-")
