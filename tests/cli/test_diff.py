"""`catalog diff` in real Git repositories."""

import json
import os
import subprocess

import pytest

from engine.cli.diff import FORMATS as OFFERED
from engine.reports.changes import FORMATS

BOT = 'type: custom\nupstream_model: up\npricing: {{input_mtok: "{}", output_mtok: "2"}}\n'


class Repository:
    def __init__(self, top, inside="catalog"):
        self.top, self.root = top, top / inside
        self.root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        who = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *arguments], cwd=self.top, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, path, text):
        self.write(path, text)
        self.git("add", "-A")
        self.git("commit", "-qm", path)
        return self.git("rev-parse", "HEAD")


def catalog_in(top, inside="catalog"):
    made = Repository(top, inside)
    made.write("catalog.yaml", "format: 1\n")
    made.write("providers/local.yaml", "api: vllm\nbase_url: http://127.0.0.1:8000/v1\ncredential: none\n")
    made.write("keys/app.yaml", f'owner: apps\nmodels: ["@local/*"]\nkey_sha256: "{"a" * 64}"\n')
    made.commit("models/local/bot.yaml", BOT.format("1"))
    return made


@pytest.fixture
def repository(tmp_path):
    return catalog_in(tmp_path)


def test_without_revisions_head_is_compared_with_the_working_tree(run, repository):
    done = run("diff", "--exit-code")
    assert (done.returncode, done.stderr) == (0, "")
    head = repository.git("rev-parse", "HEAD")[:12]
    assert done.stdout == f"HEAD ({head}) → working tree\nnothing changes\n"
    repository.write("models/local/bot.yaml", BOT.format("1.5"))
    before = repository.git("status", "--porcelain")
    done = run("diff")
    assert (done.returncode, done.stderr) == (0, "")
    assert "    input_mtok  1 → 1.5  +50 %\n" in done.stdout
    assert run("diff", "--exit-code").returncode == 1
    assert repository.git("status", "--porcelain") == before


def test_a_file_that_only_looks_different_changes_nothing(run, repository):
    repository.write("models/local/bot.yaml", "# The bot\n" + BOT.format("1"))
    done = run("diff", "--exit-code")
    assert done.returncode == 0
    assert done.stdout.endswith("nothing changes\n\n1 file differs in form only\n")


def test_revisions_are_branches_tags_commits_and_expressions(run, repository):
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "-a", "v1", "-m", "v1")
    repository.commit("models/local/bot.yaml", BOT.format("3"))
    repository.git("checkout", "-qb", "topic")
    repository.write("models/local/bot.yaml", BOT.format("4"))
    for revision in ("v1", first, first[:10], "HEAD~1", "main^", "topic~1"):
        assert "input_mtok  1 → 4  +300 %" in run("diff", revision).stdout, revision
    assert "input_mtok  3 → 4" in run("diff", "main").stdout
    assert "input_mtok  1 → 3" in run("diff", "v1", "main").stdout
    assert "input_mtok  3 → 1" in run("diff", "HEAD", "v1").stdout


def test_three_dots_begin_where_the_branches_parted(run, repository):
    repository.git("checkout", "-qb", "topic")
    repository.commit("models/local/new.yaml", BOT.format("9"))
    repository.git("checkout", "-q", "main")
    repository.commit("models/local/bot.yaml", BOT.format("2"))
    repository.git("checkout", "-q", "topic")
    assert "input_mtok  2 → 1" in run("diff", "main").stdout
    for arguments in (("main...",), ("main...", "topic")):
        done = run("diff", *arguments)
        assert "@local/new added" in done.stdout
        assert "@local/bot" not in done.stdout


def test_histories_without_a_common_commit(run, repository):
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit("models/local/bot.yaml", BOT.format("2"))
    done = run("diff", "main...")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no commit in common" in done.stderr
    assert "fetch-depth" in done.stderr


@pytest.mark.parametrize("revision", ["nope", "HEAD~9", "--", "", "HEAD:catalog", "x y"])
def test_a_revision_that_is_none_is_said(run, repository, revision):
    done = run("diff", "--", revision)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_revision_is_no_option_of_git(run, repository):
    done = run("diff", "--", "--output=stolen")
    assert done.returncode == 2
    assert not (repository.top / "stolen").exists()


def test_a_change_that_does_not_compile_is_not_compared(run, repository):
    repository.write("models/local/bot.yaml", "type: custom\nbase_mdoel: x\n")
    done = run("diff")
    assert done.returncode == 2
    assert "catalog/models/local/bot.yaml:2:1: unknown-key" in done.stdout
    assert done.stdout.endswith("working tree has 1 error: there is nothing to compare\n")
    document = json.loads(run("diff", "--format", "json").stdout)
    assert (document["compiles"], document["diff"], document["changed"], document["broken"]) == (False, None, 0, 0)
    assert [problem["code"] for problem in document["after"]["problems"]] == ["unknown-key"]
    markdown = run("diff", "--format", "markdown").stdout
    assert markdown.startswith("**The catalog does not compile: 1 error.**")
    assert "`models/local/bot.yaml:2` `unknown-key`" in markdown


def test_what_did_not_compile_before_is_compared_as_far_as_it_goes(run, repository):
    repository.commit("models/local/broken.yaml", "type: custom\nbase_mdoel: x\n")
    repository.commit("models/local/heir.yaml", 'type: custom\npricing: "@local/broken"\n')
    repository.write("models/local/broken.yaml", BOT.format("5"))
    repository.write("models/local/bot.yaml", BOT.format("2"))
    done = run("diff")
    assert done.returncode == 0
    assert "compared without 2 files of HEAD" in done.stdout
    assert "    models/local/broken.yaml\n    models/local/heir.yaml\n" in done.stdout
    assert "@local/bot\n    input_mtok  1 → 2  +100 %" in done.stdout
    assert "@local/broken added: own input_mtok 5, output_mtok 2\n    its file had errors before" in done.stdout


def test_a_catalog_that_begins(run, tmp_path):
    made = Repository(tmp_path)
    made.git("commit", "-q", "--allow-empty", "-m", "empty")
    made.write("catalog.yaml", "format: 1\n")
    made.write("providers/local.yaml", "api: vllm\nbase_url: http://127.0.0.1:8000/v1\ncredential: none\n")
    made.write("models/local/bot.yaml", BOT.format("1"))
    done = run("diff")
    assert (done.returncode, done.stderr) == (0, "")
    assert "models: 1 added; providers: 1 added\n" in done.stdout


def test_what_the_change_makes_doubtful_stands_in_front(run, repository):
    repository.write("models/local/bot.yaml", BOT.format("1000"))
    lines = run("diff").stdout.splitlines()
    assert lines[1].startswith("catalog/models/local/bot.yaml:3:")
    assert " price-jump " in "\n".join(lines[1:5])
    assert "    input_mtok  1 → 1000  ×1000!" in lines
    document = json.loads(run("diff", "--format", "json").stdout)
    assert "price-jump" in {problem["code"] for problem in document["findings"]}


def test_environments_say_what_the_base_does_not(run, repository):
    repository.commit("environments/prod/models/local/bot.yaml", BOT.format("7"))
    repository.write("environments/prod/models/local/bot.yaml", BOT.format("8"))
    repository.write("models/local/new.yaml", BOT.format("9"))
    text = run("diff").stdout
    assert text.count("@local/new added") == 1
    base, _, prod = text.partition("Only in prod: 1 model repriced")
    assert "input_mtok" not in base.replace("own input_mtok 9", "")
    assert "input_mtok  7 → 8  +14.3 %" in prod
    alone = run("diff", "--env", "prod").stdout
    assert "input_mtok  7 → 8" in alone
    assert "@local/new added" in alone
    document = json.loads(run("diff", "--format", "json").stdout)
    assert [each["models"] for each in document["environments"]["prod"]["repriced"]] == [["@local/bot"]]
    assert document["environments"]["prod"]["entries"] == []
    markdown = run("diff", "--format", "markdown").stdout
    assert "### Only in `prod`: 1 model repriced" in markdown
    wrong = run("diff", "--env", "pord")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "prod" in wrong.stderr


def test_the_catalog_is_found_wherever_it_is(run, tmp_path):
    made = catalog_in(tmp_path / "repo", "services/llm")
    made.write("models/local/bot.yaml", BOT.format("2"))
    for directory, arguments in (
        (tmp_path, ("--catalog", "repo/services/llm")),
        (made.top, ("--catalog", "services/llm")),
        (made.root, ()),
        (made.root / "models", ("--catalog", "..")),
    ):
        assert "input_mtok  1 → 2" in run("diff", *arguments, cwd=directory).stdout, directory
    made.commit("models/local/bot.yaml", BOT.format("2"))
    # Two revisions need no working tree.
    bare = tmp_path / "bare.git"
    made.git("clone", "-q", "--bare", str(made.top), str(bare))
    done = run("diff", "HEAD~1", "main", "--catalog", "services/llm", cwd=bare)
    assert "input_mtok  1 → 2" in done.stdout, done.stderr


def test_a_catalog_at_the_top_of_its_repository(run, tmp_path):
    made = catalog_in(tmp_path / "repo", ".")
    made.write("models/local/bot.yaml", BOT.format("2"))
    assert "input_mtok  1 → 2" in run("diff", cwd=made.top).stdout


def test_outside_of_a_repository(run, catalog):
    done = run("diff")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is in no Git repository" in done.stderr


def test_a_side_without_a_catalog(run, repository):
    repository.git("checkout", "-q", "--orphan", "empty")
    repository.git("rm", "-rfq", ".")
    repository.git("commit", "-q", "--allow-empty", "-m", "nothing")
    done = run("diff", "main", "empty")
    assert (done.returncode, done.stdout) == (2, "")
    assert "empty has no catalog in catalog" in done.stderr


def test_too_many_revisions(run, repository):
    assert run("diff", "a", "b", "c").returncode == 2


def test_counts_for_programs(run, repository):
    repository.write("models/local/other.yaml", BOT.format("1").replace(": up", ": other"))
    (repository.root / "models/local/bot.yaml").unlink()
    document = json.loads(run("diff", "HEAD", "--format=json").stdout)
    assert (document["changed"], document["broken"]) == (2, 1)
    assert document["before"] == {
        "name": "HEAD",
        "revision": repository.git("rev-parse", "HEAD"),
        "problems": [],
        "left_out": [],
    }
    assert document["diff"]["lost"][0]["keys"] == ["app"]


def test_colors_follow_the_usual_variables(run, repository):
    repository.write("models/local/bot.yaml", BOT.format("100"))
    assert "\x1b[31m" in run("diff", FORCE_COLOR="1").stdout
    assert "\x1b" not in run("diff", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in run("diff").stdout


def test_the_formats_are_those_of_the_reports():
    assert list(OFFERED) == list(FORMATS)
