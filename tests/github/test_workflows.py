"""What runs on GitHub, held to rules: triggers, permissions, pins, and no expression where a shell would read it."""

import re
from pathlib import Path

import pytest

from engine.catalog.reading import read_yaml
from engine.cli.main import COMMANDS
from engine.shipped import shipped

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.y*ml"))

PINNED = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@[0-9a-f]{40}")
TRIGGERS = {"pull_request", "push", "workflow_dispatch", "schedule"}


def read(text):
    """Parsed as YAML 1.2, where `on` is a word; strictly, so that nothing is written twice."""
    reading = read_yaml(text.encode(), "workflow.yml")
    assert reading.document is not None, reading.problems
    return reading.document.value


def faults(workflow, text):
    """What is against the rules in a workflow."""
    on = workflow.get("on", {})
    triggers = set(on) if isinstance(on, (dict, list)) else {on}
    yield from (f"trigger {trigger}" for trigger in triggers - TRIGGERS)
    if "push" in triggers and (not isinstance(on, dict) or on["push"] != {"branches": ["main"]}):
        yield "push to other branches than main"
    if workflow.get("permissions") != {"contents": "read"}:
        yield "permissions are not contents: read"
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            yield f"{name} has no timeout"
        if "secrets" in job:
            yield f"{name} hands secrets on"
        granted = set(job.get("permissions", {}).items()) if isinstance(job.get("permissions", {}), dict) else {"all"}
        if granted - {("contents", "read"), ("pull-requests", "write")}:
            yield f"{name} has more permissions than it needs"
        if "uses" in job:
            yield from unpinned([job])
        yield from steps_faults(job.get("steps", ()))
    if "secrets." in text:
        yield "a secret"
    if re.findall(r"uses:.*@[0-9a-f]{40}(?!  # v\d)", text):
        yield "a pin without its version beside it"


def steps_faults(steps):
    for step in steps:
        yield from unpinned([step])
        if "${{" in step.get("run", "") or "${{" in str(step.get("shell", "")):
            yield "an expression in a script"
        if step.get("uses", "").startswith("actions/checkout@") and step.get("with", {}).get(
            "persist-credentials"
        ) not in {False, "false"}:
            yield "checkout leaves its token behind"
        if step.get("uses", "").startswith("actions/github-script"):
            yield "a script inside of YAML"


def unpinned(users):
    for user in users:
        uses = user.get("uses", "")
        if uses and not uses.startswith("./") and PINNED.fullmatch(uses) is None:
            yield f"{uses} is not pinned"


def test_there_is_something_to_check():
    assert [path.name for path in WORKFLOWS] == ["ci.yml"]
    assert [path.parent.name for path in ACTIONS] == ["validate"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_keep_the_rules(path):
    text = path.read_text()
    assert list(faults(read(text), text)) == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_actions_keep_the_rules(path):
    action = read(path.read_text())
    runs = action["runs"]
    assert runs["using"] == "composite"
    assert list(steps_faults(runs["steps"])) == []
    for step in runs["steps"]:
        assert step["name"]
        assert "uses" in step or step["shell"] == "bash"
        for value in step.get("env", {}).values():
            assert not re.search(r"github\.(event\b|head_ref|ref_name)", str(value)), value
        token = "GITHUB_TOKEN" in step.get("env", {})
        assert token == ("comment.py" in step.get("run", "")), "only the comment is written with the token"
    for name, given in (action["inputs"] | action["outputs"]).items():
        assert given["description"].endswith("."), name


def test_every_input_is_used_and_every_output_is_written():
    for path in ACTIONS:
        action, text = read(path.read_text()), path.read_text()
        for name in action["inputs"]:
            assert f"inputs.{name} " in text, name
        scripts = "".join(file.read_text() for file in path.parent.iterdir())
        for output in action["outputs"].values():
            name = output["value"].split(".")[-1].removesuffix(" }}")
            assert re.search(rf'["\s(]{name}["=]', scripts), name


def test_the_page_says_every_input_and_output():
    page = (ROOT / "docs/ci.md").read_text()
    action = read(ACTIONS[0].read_text())
    for name in (*action["inputs"], *action["outputs"]):
        assert re.search(rf"^\| (`\w+`, )?`{name}`", page, re.MULTILINE), name
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        workflow = read(block)
        if "jobs" in workflow:
            pinned = block.replace("OWNER/REPOSITORY", "acme/engine").replace("@COMMIT", f"@{'a' * 40}  # v1.0.0")
            assert list(faults(read(pinned), pinned)) == []


def test_hooks_run_our_commands_on_the_files_of_a_catalog():
    hooks = {hook["id"]: hook for hook in read((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == {"catalog-validate", "catalog-fmt"}
    for hook in hooks.values():
        program, command = hook["entry"].split()
        assert program == "catalog"
        assert command in COMMANDS
        for file in shipped("catalog").rglob("*.yaml"):
            assert re.search(hook["files"], f"catalog/{file.relative_to(shipped('catalog')).as_posix()}"), file
        assert re.search(hook["files"], "catalog/teams/search/models/openai/bot.yaml")
        assert not re.search(hook["files"], "src/config.yaml")


GOOD = """
on:
  pull_request:
  push: {branches: [main]}
permissions: {contents: read}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1
        with: {persist-credentials: false}
      - env: {NAME: "x"}
        run: echo "$NAME"
"""


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("  pull_request:", "  pull_request_target:", "trigger pull_request_target"),
        ("  pull_request:", "  workflow_run: {workflows: [x]}", "trigger workflow_run"),
        ("{branches: [main]}", "{branches: ['**']}", "push to other branches than main"),
        ("{contents: read}", "{contents: write}", "permissions are not contents: read"),
        ("permissions: {contents: read}\n", "", "permissions are not contents: read"),
        ("timeout-minutes: 5", "permissions: write-all", "test has more permissions than it needs"),
        ("timeout-minutes: 5", "permissions: {id-token: write}", "test has more permissions than it needs"),
        ("    timeout-minutes: 5\n", "", "test has no timeout"),
        ("3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1", "v7", "actions/checkout@v7 is not pinned"),
        ("3d3c42e5aac5ba805825da76410c181273ba90b1", "3d3c42e", "actions/checkout@3d3c42e is not pinned"),
        ("  # v7.0.1", "", "a pin without its version beside it"),
        ("persist-credentials: false", "fetch-depth: 2", "checkout leaves its token behind"),
        ('"$NAME"', '"${{ github.event.pull_request.title }}"', "an expression in a script"),
        ('"$NAME"', '"${{ matrix.python }}"', "an expression in a script"),
        ('NAME: "x"', 'NAME: "${{ secrets.TOKEN }}"', "a secret"),
    ],
)
def test_the_rules_notice(before, after, fault):
    assert list(faults(read(GOOD), GOOD)) == []
    assert before in GOOD
    text = GOOD.replace(before, after)
    assert fault in list(faults(read(text), text))
