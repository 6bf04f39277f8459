"""GitHub's annotations, read back by the rules of its runner, and the step's summary."""

from engine.problem import Severity
from engine.reports import render
from engine.reports.github import SUMMARY_BYTES, summary_of


def commands(written):
    """(command, properties, data) of each line that the runner obeys; its escapes are undone in its own order."""
    found = []
    for line in written.split("\n"):
        text = line.lstrip()
        end = text.find("::", 2)
        if text.startswith("::") and end > 0:
            name, _, given = text[2:end].partition(" ")
            pairs = [pair.partition("=") for pair in given.split(",") if pair]
            properties = {key: unescaped(value, ":,") for key, _, value in pairs}
            found.append((name, properties, unescaped(text[end + 2 :])))
    return found


def unescaped(text, more=""):
    for character in f"\r\n{more}%":
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def test_an_annotation_lands_on_its_line_in_the_repository(report, problem):
    written = render(report(problem(hint="mend it"), problem("unpriced", Severity.WARNING, line=0, column=0)), "github")
    assert commands(written) == [
        (
            "error",
            {"file": "sub/catalog/models/openai/bot.yaml", "line": "3", "col": "5", "title": "unknown-key"},
            "a message\nmend it",
        ),
        ("warning", {"file": "sub/catalog/models/openai/bot.yaml", "line": "1", "title": "unpriced"}, "a message"),
    ]
    assert written.endswith("2 models, 1 provider, 0 keys, 1 error, 1 warning\n")


def test_what_is_read_back_is_what_was_meant(report, problem):
    for text in ("100%", "%0A", "%250A", "a:b,c=d;e]f", "a::b", "%3A%2C", "ü 漢字 🙂"):
        read = commands(render(report(problem(message=text, file=f"models/{text}/x.yaml")), "github"))
        assert [(command, found["file"], data) for command, found, data in read] == [
            ("error", f"sub/catalog/models/{text}/x.yaml", text)
        ]


def test_hostile_text_forges_no_command(hostile):
    written = render(hostile, "github")
    found = commands(written)
    assert [name for name, _, _ in found] == ["error", "warning", "error"]
    assert [sorted(properties) for _, properties, _ in found] == [
        ["col", "file", "line", "title"],
        ["col", "file", "line", "title"],
        ["file", "line", "title"],
    ]
    assert found[2][1]["file"] == "::stop-commands::x/y,z=1:2.yaml"
    assert sum(line.lstrip().startswith("::") for line in written.split("\n")) == 3


def test_beyond_the_limits_findings_are_lines_of_the_log(report, problem):
    errors = [problem(line=number) for number in range(1, 26)]
    warnings = [problem("unpriced", Severity.WARNING, line=number) for number in range(1, 13)]
    written = render(report(*errors, *warnings), "github")
    found = [name for name, _, _ in commands(written)]
    assert (found.count("error"), found.count("warning")) == (10, 10)
    assert "sub/catalog/models/openai/bot.yaml:25:5: unknown-key a message\n" in written
    assert "sub/catalog/models/openai/bot.yaml:12:5: unpriced warning: a message\n" in written


def test_the_whole_catalog_is_annotated_at_its_root_file(report, problem):
    [(_, properties, _)] = commands(render(report(problem(file="", line=0)), "github"))
    assert properties["file"] == "sub/catalog/catalog.yaml"


def test_outside_of_a_repository_paths_are_those_of_the_user(report, problem):
    [(_, properties, _)] = commands(render(report(problem(), repository_path=None), "github"))
    assert properties["file"] == "catalog/models/openai/bot.yaml"


def test_the_summary_has_every_finding_errors_first(report, problem):
    warnings = [problem("unpriced", Severity.WARNING, line=number) for number in range(1, 31)]
    summary = summary_of(report(*warnings, problem(hint="mend it", line=40)))
    lines = [line for line in summary.split("\n") if line.startswith("- ")]
    assert len(lines) == 31
    assert lines[0] == "- **error** `sub/catalog/models/openai/bot.yaml:40` `unknown-key` a message (mend it)"
    assert summary.startswith("### Catalog: refused\n\n2 models, 1 provider, 0 keys, 1 error, 30 warnings\n")
    assert summary_of(report()) == "### Catalog: sound\n\n2 models, 1 provider, 0 keys, 0 errors, 0 warnings\n"


def test_the_summary_stays_below_what_github_takes(report, problem):
    many = [problem(message="ü" * 2_000) for _ in range(1_000)]
    summary = summary_of(report(*many))
    assert len(summary.encode()) <= SUMMARY_BYTES
    shown = summary.count("**error**")
    assert summary.endswith(f"- … and {1_000 - shown} more: run `catalog validate`.\n")
