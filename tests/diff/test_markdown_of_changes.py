"""What goes into a comment on a pull request: short, stable, and nothing of the catalog's text is obeyed."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.catalog.diffing.result import (
    CallersChange,
    CatalogDiff,
    EntryChange,
    Facts,
    FieldChange,
    ListPriceChange,
    NameChange,
    PricePeriod,
    RateChange,
    Repricing,
)
from engine.problem import Problem
from engine.reports.changes import Comparison, Side, render_changes

OURS = {
    "p",
    "strong",
    "code",
    "h3",
    "h4",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
}
HOSTILE = (
    "x`y``z @everyone #1 <script>alert(1)</script> </details> <!-- ![i](https://evil.example) [l](https://evil.example) "
    "| a \\| b \\\\| c |\n\n# heading\n::error::x\r\x1b[31m\u202e www.evil.example ~~s~~ $x$ &amp; -->"
)


class Elements(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.outside_code, self.cells = [], "", []
        self._code = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._code += tag == "code"
        if tag == "tr":
            self.cells.append(0)
        if tag in {"td", "th"}:
            self.cells[-1] += 1

    def handle_endtag(self, tag):
        self._code -= tag == "code"

    def handle_comment(self, data):
        self.tags += ["!--"] if data.strip() else []
        self.outside_code += "|"

    def handle_data(self, data):
        self.outside_code += "" if self._code else data


def rendered(text):
    elements = Elements()
    elements.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))
    return elements


def everything(text):
    """A difference of every kind, made of one text."""
    rates = (RateChange(text, "0.2", "2", "900", tenfold=True), RateChange(f"{text}2", None, "1", after_by=text))
    periods = (
        PricePeriod("now", None, None, "own", "own", rates),
        PricePeriod("later", "2027-01-01T00:00:00Z", None, "free", "unpriced", rates),
    )
    fields = (FieldChange(text, text, [text, "a"]), FieldChange("a", {text: text}, None), FieldChange("b", [text], []))
    return CatalogDiff(
        lost=tuple(
            CallersChange((text,), (text,), (text,), why, text, text)
            for why in ("removed", "renamed", "retired", "denied", "key-removed", "key-disabled", "key-expired")
        ),
        gained=(CallersChange((text,), (text,), (text,), "allowed"),),
        entries=(
            EntryChange("model", "added", (text,), facts=Facts("own", {text: text}, text, text, text)),
            EntryChange("model", "removed", (text,)),
            EntryChange("model", "renamed", (text,), fields, (), text),
            EntryChange("model", "moved", (text,), fields, (), "", text, text),
            EntryChange("model", "changed", (text, text), fields, (f"note {text}",), because=text),
            EntryChange("route", "changed", (text,), (FieldChange("targets", [text], [text, "b"], "routing"),)),
            *(
                EntryChange(kind, "changed", (text,), fields)
                for kind in ("provider", "key", "team", "budget", "catalog")
            ),
        ),
        repriced=(
            Repricing((text, f"{text}2"), "own", "own", periods, "", text),
            Repricing((text,), "own", "inherit", (), "", text),
        ),
        names=(NameChange(text, "", text), NameChange(text, text, ""), NameChange(text, text, "b", periods)),
        list_prices=(ListPriceChange(text, fields[:1], (text,)),),
        without_effect=(text,),
    )


def markdown(text, **fields):
    problem = Problem(code="price-jump", message=text, hint=text, file=text)
    sides = Side(text, text, (problem,), (text,)), Side(text, text, (problem,))
    diffs = {"": everything(text), text: everything(f"{text}3")}
    return render_changes(Comparison(*sides, **({"diffs": diffs, "findings": (problem,)} | fields)), "markdown")


@given(st.text(st.sampled_from(list("ab1 `*_[]()<>!#+-.~|\\&;@:/{}$\"'=\n")), min_size=1, max_size=30))
def test_text_of_a_catalog_makes_no_element_of_its_own(text):
    for written in (markdown(text), markdown(text, diffs=None)):
        found = rendered(written)
        assert set(found.tags) <= OURS
        assert set(found.cells) <= {5}


def test_nobody_is_called_and_nothing_is_linked_or_run():
    written = markdown(HOSTILE)
    found = rendered(written)
    assert set(found.tags) <= OURS
    for word in ("@everyone", "https://evil", "www.evil"):
        assert word not in found.outside_code
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert not any(line.startswith("::") for line in written.splitlines())
    # Names begin with "@": they are never running text.
    assert "`@openai/bot`" in markdown("@openai/bot")
    assert "@openai/bot" not in rendered(markdown("@openai/bot")).outside_code


@pytest.mark.parametrize("name", ["text", "json"])
def test_terminals_and_logs_obey_nothing_either(name):
    comparison = Comparison(Side(HOSTILE, HOSTILE), Side(HOSTILE, HOSTILE), {"": everything(HOSTILE)})
    written = render_changes(comparison, name)
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert not any(line.lstrip().startswith("::") for line in written.splitlines())


def test_a_comment_has_room_for_any_change():
    names = [f"@provider-{index % 200:03}/{'long-' * 10}model-{index:05}" for index in range(10_000)]
    rates = tuple(RateChange(f"processing=batch: above {step}: input_mtok", "1", "2", "100") for step in range(60))
    periods = (PricePeriod("now", None, None, "own", "own", rates),)
    few = (PricePeriod("now", None, None, "own", "own", rates[:1]),)
    change = CatalogDiff(
        lost=tuple(CallersChange((name,), (f"key-{name[1:9]}",), ("a",), "removed") for name in names),
        entries=tuple(EntryChange("model", "removed", (name,)) for name in names),
        repriced=tuple(
            Repricing((name,), "own", "own", periods if index < 100 else few) for index, name in enumerate(names)
        ),
    )
    comparison = Comparison(Side("HEAD", "1" * 40), Side("after", "2" * 40), {"": change})
    written = render_changes(comparison, "markdown")
    assert len(written) <= 65_536
    found = rendered(written)
    assert found.tags.count("details") == written.count("</details>")
    assert "10000 models repriced" in written.splitlines()[0]
    assert "`@provider-000/" in written
    assert written == render_changes(comparison, "markdown")
    small = CatalogDiff(entries=change.entries[:50], repriced=change.repriced[:3])
    many = dict.fromkeys(("", *(f"env-{index}" for index in range(100))), small)
    assert len(render_changes(Comparison(comparison.before, comparison.after, many), "markdown")) <= 65_536


def test_long_lists_fold_and_the_rest_is_counted():
    entries = tuple(EntryChange("model", "removed", (f"@local/m-{index:04}",)) for index in range(1000))
    comparison = Comparison(Side("HEAD", "1" * 40), Side("after", "2" * 40), {"": CatalogDiff(entries=entries)})
    lines = render_changes(comparison, "markdown").splitlines()
    assert lines[:4] == [
        f"**Models: 1000 removed.** `HEAD` (`{'1' * 12}`) → `after` (`{'2' * 12}`)",
        "",
        "#### Models",
        "",
    ]
    assert lines[4] == "- `@local/m-0000` removed"
    assert "<details><summary>400 more</summary>" in lines
    assert lines[-1] == "… and 588 more: run `catalog diff`."


def test_the_whole_of_a_small_change(edited, compare, base, show):
    after = edited(
        {"models/openai/bot.yaml": '"0.20" => "2.00"', "models/local/tiny.yaml": None, "routes/main.yaml": None}
    )
    after["keys/search.yaml"] = after["keys/search.yaml"].replace('"@local/*"', '"@openai/listed"')
    after["teams/support/team.yaml"] = after["teams/support/team.yaml"].replace(', "@local/*"', "")
    assert show(compare(base, after), "markdown") == (
        f"""\
**Breaks 2 keys; 3 models repriced (×10!); models: 1 removed; routes: 1 removed; teams: 1 changed; keys: 1 changed.** \
`before` (`{"1" * 12}`) → `after` (`{"2" * 12}`)

#### Broken for callers

- keys `batch` and `search` \\(of `data` and `search`\\) can no longer call `@local/tiny`: removed
- key `batch` \\(of `data`\\) can no longer call `@route/main`: removed

#### Repriced (USD per unit of the rate's name; mtok: per million tokens)

| | rate | before | after | change |
|---|---|--:|--:|--:|
| `@openai/bot`, and 2 models that inherit this: `@openai/heir-a` and `@openai/heir-b` | `input_mtok` | 0.20 | 2.00 | **×10** ⚠️ |

#### Models

- `@local/tiny` removed

#### Routes

- `@route/main` removed

#### Teams

- `support`
  - `models`: \\- `@local/*`

#### Keys

- `search`
  - another scope
  - `models`: \\+ `@openai/listed`, \\- `@local/*`

#### Newly allowed

- key `search` \\(of `search`\\) can now call `@openai/listed`
"""
    )
