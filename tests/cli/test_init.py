"""`catalog init`: an empty catalog that is good from the start."""

import json
import sys

import pytest
import yaml

NANO = ("init", "--api", "openai", "--base-model", "gpt-4.1-nano")


def tree(top):
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_it_validates_clean_and_is_canonical(run, tmp_path):
    done = run(*NANO)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(tree(tmp_path)) >= {
        "catalog/catalog.yaml",
        "catalog/providers/openai.yaml",
        "catalog/reference.lock",
        "catalog/README.md",
        ".github/workflows/catalog.yml",
        ".vscode/settings.json",
        ".pre-commit-config.yaml",
    }
    assert run("validate").stdout == "1 model, 1 provider, 0 keys, 0 errors, 0 warnings\n"
    assert run("fmt", "--check").returncode == 0
    assert "@openai/gpt-4.1-nano" in run("list").stdout
    assert "catalog keys new my-app" in done.stdout


def test_its_next_steps_work(run, tmp_path):
    run(*NANO)
    assert run("keys", "new", "my-app", "--owner", "my-team", "--models", "@openai/*").returncode == 0
    done = run(
        "add", "--provider", "openai", "--slug", "mine", "--description", "x", "--type", "custom",
        "--base-model", "gpt-4.1-nano", "--inherit",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert run("validate").stdout == "2 models, 1 provider, 1 key, 0 errors, 0 warnings\n"


def test_an_own_server_in_another_directory(run, tmp_path):
    done = run("init", "team/a b", "--api", "vllm", "--provider", "gpu", "--base-url", "http://127.0.0.1:8000/v1")
    assert done.returncode == 0
    assert "catalog validate 'team/a b/catalog'" in done.stdout
    assert (tmp_path / "team/a b/catalog/providers/gpu.yaml").read_text() == (
        "api: vllm\nbase_url: http://127.0.0.1:8000/v1\n"
    )
    done = run("validate", "team/a b/catalog")
    assert done.stdout == "0 models, 1 provider, 0 keys, 0 errors, 0 warnings\n"


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / "README.md").write_text("Mine.\n")
    done = run(*NANO)
    assert done.returncode == 0
    assert "Kept  .pre-commit-config.yaml" in done.stdout
    assert (tmp_path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert (tmp_path / "README.md").read_text() == "Mine.\n"
    before = tree(tmp_path)
    done = run(*NANO)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is there already, and is not overwritten" in done.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init",), "missing: --api, --base-model"),
        (("init", "--api", "openai"), "missing: --base-model"),
        (("init", "--api", "vllm"), "missing: --base-url"),
        (("init", "--api", "opnai", "--base-model", "x"), 'did you mean "openai"?'),
        (("init", "--api", "openai", "--base-model", "gpt-4.1-nan"), "did you mean gpt-4.1-nano"),
        (("init", "--api", "vllm", "--base-url", "http://x/v1", "--base-model", "x"), "no known models"),
        (("init", "--api", "vllm", "--base-url", "nowhere"), "Nothing was written"),
        ((*NANO, "--provider", "../x"), "Nothing was written"),
        ((*NANO, "--action", "acme/engine@v1"), "not a repository with a full commit"),
    ],
)
def test_a_wrong_answer_writes_nothing(run, tmp_path, arguments, said):
    done = run(*arguments)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("action", ["", "acme/engine@" + "a" * 40])
def test_the_workflow_is_safe(run, tmp_path, action):
    run(*NANO, *(("--action", action) if action else ()))
    text = (tmp_path / ".github/workflows/catalog.yml").read_text()
    workflow = yaml.load(text, yaml.BaseLoader)
    assert set(workflow["on"]) == {"pull_request"}
    assert set(workflow["permissions"]) <= {"contents", "pull-requests"}
    steps = workflow["jobs"]["validate"]["steps"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(len(uses.partition("@")[2].split(" ")[0]) == 40 for uses in used)
    assert ("acme/engine/.github/actions/validate@" + "a" * 40 in used) == bool(action)
    assert "${{" not in text


def test_editors_find_a_schema_for_every_kind(run, tmp_path):
    run(*NANO)
    settings = json.loads((tmp_path / ".vscode/settings.json").read_text())
    for schema, places in settings["yaml.schemas"].items():
        assert json.loads((tmp_path / schema).read_text())["title"]
        assert places
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == ["catalog fmt", "catalog validate catalog"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_the_questions(run, tmp_path):
    from harness.terminal import Terminal

    with Terminal(("init",), tmp_path) as typing:
        typing.answer("Whose API", "gro")
        typing.answer("The provider's name [groq]: ", "fast")
        typing.answer("Tab completes: ", "nope")
        typing.answer("has no model", "llama-3.1-8b-i\t")
        assert typing.end() == 0, typing.screen
        assert (tmp_path / "catalog/providers/fast.yaml").read_text() == (
            "api: groq\nbase_models: [llama-3.1-8b-instant]\n"
        )
        assert run("validate").returncode == 0
