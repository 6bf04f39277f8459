"""The composite action, run step by step from its own action.yml against a stand-in of GitHub's API on loopback."""

import os
import shutil
import subprocess
import sys

import pytest

from engine.shipped import shipped

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def git(repository, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=repository,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with our example catalog, on a branch of its own."""
    path = tmp_path / "work"
    shutil.copytree(shipped("catalog"), path / "catalog")
    git(tmp_path, "init", "-q", "-b", "main", str(path))
    git(path, "add", ".")
    git(path, "commit", "-qm", "A catalog")
    git(path, "switch", "-qc", "change")
    return path


def break_it(repository):
    (repository / "catalog/models/local/tiny-support.yaml").write_text("type: custom\nowner: 5\n")


def test_a_sound_catalog_passes_without_a_word(repository, run_action, api):
    run = run_action(repository, strict="true")
    assert run.code == 0, run.log
    assert (run.outputs["errors"], run.outputs["warnings"]) == ("0", "0")
    assert "### Catalog: sound" in run.summary
    assert api.comments == [], "where nothing is to say there is no comment"
    assert run.steps[-1] == "Verdict"


def test_a_broken_one_fails_after_it_has_said_all(repository, run_action, api):
    break_it(repository)
    run = run_action(repository, path="catalog")
    assert run.code == 1
    assert (run.outputs["errors"], run.outputs["warnings"]) == ("1", "0")
    assert "::error file=catalog/models/local/tiny-support.yaml,line=2,col=8,title=wrong-type::" in run.log
    assert run.log.count("::error") == 1
    assert run.summary.count("**error**") == 1
    [comment] = api.comments
    assert comment["body"].startswith("<!-- catalog-validate ")
    assert "### Catalog: refused\n\nErrors: 1. Warnings: 0.\n" in comment["body"]


def test_the_comment_is_one_and_follows(repository, run_action, api):
    person = {"id": 99, "user": {"type": "User"}, "body": "LGTM"}
    api.comments += [person] * 100
    break_it(repository)
    run_action(repository)
    assert len(api.comments) == 101
    run_action(repository)
    assert [call for call, _ in api.seen].count("PATCH") == 0, "what has not changed is not written again"
    git(repository, "checkout", "-q", "catalog")
    run_action(repository)
    assert len(api.comments) == 101
    assert "### Catalog: sound" in api.comments[-1]["body"]


def test_a_person_who_quotes_the_marker_keeps_their_comment(repository, run_action, api):
    break_it(repository)
    run_action(repository)
    quoted = api.comments.pop()["body"]
    api.comments.append({"id": 5, "user": {"type": "User"}, "body": quoted})
    run_action(repository)
    assert [comment["user"]["type"] for comment in api.comments] == ["User", "Bot"]


def test_each_catalog_of_a_repository_has_its_own_comment(repository, run_action, api):
    break_it(repository)
    shutil.copytree(repository / "catalog", repository / "other")
    for path in ("catalog", "other", "catalog/"):
        run_action(repository, path=path)
    assert len(api.comments) == 2


@pytest.mark.parametrize("head", ["stranger/models", None])
def test_a_fork_gets_the_summary_and_no_call_of_the_api(repository, run_action, api, head):
    break_it(repository)
    run = run_action(repository, head=head)
    assert run.code == 1
    assert api.seen == []
    assert "::notice title=catalog::a pull request from a fork gets no comment" in run.log
    assert "**error**" in run.summary


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "GitHub says 403"), (307, "GitHub says 307")],
)
def test_a_refused_comment_does_not_change_the_verdict(repository, run_action, api, status, said):
    break_it(repository)
    api.refuses = status
    run = run_action(repository)
    assert run.code == 1
    assert said in run.log
    assert not any("elsewhere" in path for _, path in api.seen), "no redirect is followed with the token"


def test_an_api_that_is_not_there_does_not_change_the_verdict(repository, run_action, api, monkeypatch):
    break_it(repository)
    monkeypatch.setattr(api, "server_port", 9)
    run = run_action(repository)
    assert run.code == 1
    assert "no comment was written: URLError" in run.log


def test_no_comment_where_none_is_wanted(repository, run_action, api):
    break_it(repository)
    assert "Keep the comment up to date" not in run_action(repository, comment="false").steps
    assert "Keep the comment up to date" not in run_action(repository, event="push").steps
    assert api.seen == []


def test_the_token_is_told_to_nobody(repository, run_action, api):
    break_it(repository)
    run = run_action(repository)
    assert api.seen
    assert "a-token-of-the-test" not in run.log + run.summary + api.comments[0]["body"]


def test_a_catalog_that_is_not_there_could_not_be_checked(repository, run_action):
    run = run_action(repository, path="nowhere")
    assert run.code == 2
    assert "nowhere is not there" in run.log
    assert run.outputs["errors"] == ""


def test_strict_and_policy(repository, run_action):
    (repository / "catalog/models/local/free.yaml").write_text("type: custom\n")
    assert run_action(repository).code == 0
    assert run_action(repository, strict="true").code == 1
    (repository / "gateway.yaml").write_text("origins: {}\n")
    run = run_action(repository, policy="gateway.yaml")
    assert (run.code, run.outputs["warnings"]) == (0, "2")
    assert "title=origin-refused::" in run.log


@pytest.mark.parametrize("path", ["--help", "; touch stolen", "$(touch stolen)", "a\nb"])
def test_no_input_is_a_command(repository, run_action, path):
    run = run_action(repository, path=path, base=path)
    assert run.code == 2
    assert "Usage" not in run.log
    assert not (repository / "stolen").exists()


@pytest.fixture
def merged(repository):
    """What GitHub checks out for a pull request: a merge of the base and a change that reprices one model."""
    model = repository / "catalog/models/local/tiny-support.yaml"
    (repository / "catalog/keys/app.yaml").write_text(f'owner: team-app\nmodels: ["*"]\nkey_sha256: "{"1" * 64}"\n')
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "A key")
    git(repository, "branch", "-qf", "main")
    text = model.read_text().replace('"0.10"', '"0.11"')
    model.write_text(text.replace("pricing:\n", "pricing:\n  correction: a typing error\n"))
    git(repository, "commit", "-qam", "Another price")
    git(repository, "switch", "-q", "--detach", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "change")
    return repository


def test_the_change_is_what_the_merge_changes(merged, run_action, api):
    run = run_action(merged, base_sha="1" * 40)
    assert run.code == 0, run.log
    assert (run.outputs["changed"], run.outputs["broken"]) == ("1", "0")
    [comment] = api.comments
    for said in (comment["body"], run.summary):
        assert "@local/tiny-support" in said
        assert "0.11" in said
    assert "### Catalog: sound\n\nErrors: 0. Warnings: 0.\n" in comment["body"]


def test_a_caller_who_loses_a_model_is_counted(merged, run_action, api):
    (merged / "catalog/models/openai/support-bot-v3.yaml").unlink()
    run = run_action(merged)
    assert run.outputs["broken"] == "1"
    assert "app" in api.comments[0]["body"]


def test_a_past_price_that_was_edited_fails_the_pull_request(merged, run_action):
    model = merged / "catalog/models/openai/support-bot-v3.yaml"
    model.write_text(model.read_text().replace('"0.20"', '"0.21"'))
    run = run_action(merged)
    assert (run.code, run.outputs["errors"]) == (1, "1")
    assert "title=past-window-edited::" in run.log
    model.write_text(model.read_text().replace("    input_mtok", "    correction: a typing error\n    input_mtok"))
    assert run_action(merged).code == 0


def test_a_change_without_effect_begins_no_comment(merged, run_action, api):
    run = run_action(merged, base="HEAD")
    assert (run.code, run.outputs["changed"]) == (0, "0")
    assert api.comments == []


def test_a_base_is_brought_here_where_the_clone_is_shallow(merged, run_action, tmp_path):
    git(merged, "config", "uploadpack.allowAnySHA1InWant", "true")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=change", f"file://{merged}", str(shallow))
    run = run_action(shallow, base_sha=git(merged, "rev-parse", "main"))
    assert (run.code, run.outputs["changed"]) == (0, "1"), run.log
    assert run_action(shallow, base="main").outputs["changed"] == "1"


def test_a_catalog_that_does_not_compile_is_not_compared(merged, run_action, api):
    break_it(merged)
    run = run_action(merged)
    assert run.code == 1
    assert "was not compared" in run.log
    assert "was not compared" in api.comments[0]["body"]
    assert run.outputs["changed"] == ""


def test_a_base_that_is_not_there_is_said(repository, run_action):
    run = run_action(repository, base="v0.0")
    assert run.code == 0
    assert "there is no commit, branch or tag 'v0.0' to compare with" in run.log
    assert (run.outputs["changed"], run.outputs["broken"]) == ("", "")
    run = run_action(repository, base_sha="1" * 40)
    assert run.code == 0
    assert "check out with fetch-depth 2" in run.log


def test_the_installer_refuses_what_it_cannot_use(repository, run_action, tmp_path):
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = run_action(repository, install=True, python=str(old))
    assert run.code == 2
    assert "::error title=catalog::Python 3.11 or newer is needed" in run.log
    for version in ("1.0 --index-url x", "-r x", "1.0; touch stolen"):
        run = run_action(repository, install=True, version=version, python=sys.executable)
        assert run.code == 2
        assert "is a version such as 1.2.0" in run.log


def test_it_installs_the_engine_that_stands_beside_it(repository, run_action):
    """For real, from the package index with the hashes of locks/run.txt."""
    run = run_action(repository, install=True, python=sys.executable)
    if run.steps == ["Install the engine"] and "CI" not in os.environ:
        pytest.skip(f"the package index could not be reached: {run.log[-200:]}")
    assert run.code == 0, run.log
    assert run.outputs["errors"] == "0"
