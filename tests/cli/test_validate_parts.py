"""`catalog validate` of single files, of standard input, with the operator's file, and inside GitHub Actions."""

import json
import subprocess
from pathlib import Path

import pytest

BROKEN = "type: custom\npricing: free\nowner: 5\n"


@pytest.fixture
def broken(catalog):
    """One error in each of two files, and a warning in a third."""
    (catalog / "models/local/one.yaml").write_text(BROKEN)
    (catalog / "models/local/two.yaml").write_text(BROKEN)
    (catalog / "models/local/three.yaml").write_text("type: custom\n")
    return catalog


def test_only_the_findings_of_the_files_that_were_named(run, broken):
    done = run("validate", "catalog/models/local/one.yaml")
    assert done.returncode == 1
    assert done.stdout == (
        'catalog/models/local/one.yaml:3:8: wrong-type "owner" must be text, not a number\n'
        '    quote it: "5"\n'
        "1 file, 1 error, 0 warnings; elsewhere in the catalog: 1 error, 1 warning\n"
    )
    good = run("validate", "catalog/models/local/tiny-support.yaml", "catalog/catalog.yaml")
    assert (good.returncode, good.stdout) == (
        0,
        "2 files, 0 errors, 0 warnings; elsewhere in the catalog: 2 errors, 1 warning\n",
    )
    warned = run("validate", "catalog/models/local/three.yaml")
    assert warned.returncode == 0
    assert run("validate", "--strict", "catalog/models/local/three.yaml").returncode == 1


def test_a_directory_inside_a_catalog_is_its_files(run, broken):
    done = run("validate", "catalog/models/local", "--format", "json")
    assert json.loads(done.stdout)["errors"] == 2
    assert run("validate", "catalog/providers").returncode == 0
    whole = run("validate", "catalog", "catalog/providers", "--format", "json")
    assert json.loads(whole.stdout)["errors"] == 2


def test_the_catalog_is_found_upwards_from_anywhere(run, broken, tmp_path):
    for cwd, path, shown in (
        (broken / "models/local", "one.yaml", "../../models/local/one.yaml"),
        (broken, "models/local/one.yaml", "models/local/one.yaml"),
        (tmp_path, broken / "models/local/one.yaml", str(broken / "models/local/one.yaml")),
    ):
        done = run("validate", path, cwd=cwd)
        assert done.returncode == 1
        assert done.stdout.startswith(f"{shown}:3:8: wrong-type")


def test_what_files_break_in_others_is_theirs(run, catalog):
    """All of the catalog is compiled: a reference to another file is judged with it."""
    name = catalog / "models/local/dependent.yaml"
    name.write_text('type: custom\nbase_model: "@local/nope"\npricing: free\n')
    done = run("validate", name)
    assert done.returncode == 1
    assert "unknown-model" in done.stdout


def test_a_document_alone(run):
    good = run("validate", "-", "--kind", "model", stdin="type: custom\nbase_model: nobody-knows\n")
    assert (good.returncode, good.stdout) == (0, "1 file, 0 errors, 0 warnings\n")
    bad = run("validate", "-", "--kind", "model", stdin="type: custom\nowner: 5\n")
    assert (bad.returncode, bad.stdout.splitlines()[0]) == (
        1,
        'stdin:2:8: wrong-type "owner" must be text, not a number',
    )
    assert run("validate", "-", "--kind", "provider", stdin="a: &x [*x]\n").returncode == 1


def test_a_document_in_the_place_of_a_file(run, catalog, tmp_path):
    """Also of one that is not there yet: what an editor or a form wants to know before it saves."""
    clean = run("validate", "-", "--as", "catalog/models/local/new.yaml", stdin="type: custom\npricing: free\n")
    assert (clean.returncode, clean.stdout) == (0, "1 file, 0 errors, 0 warnings\n")
    for place, cwd in (
        ("catalog/models/openai/support-bot-v3.yaml", tmp_path),
        ("models/openai/support-bot-v3.yaml", tmp_path),
        ("support-bot-v3.yaml", catalog / "models/openai"),
    ):
        text = "type: fine-tuned\nbase_model: gpt-4.1-nanno\npricing: inherit\n"
        done = run("validate", "-", "--as", place, stdin=text, cwd=cwd)
        assert done.returncode == 1
        assert "models/openai/support-bot-v3.yaml:2:13: lock-stale" in done.stdout
    assert run("validate", "-", "--as", "catalog/nope.yaml", stdin="a: 1\n").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-"], "Say what standard input is"),
        (["-", "--kind", "model", "--as", "x"], "Say what standard input is"),
        (["-", "catalog", "--kind", "model"], "- stands alone"),
        (["--kind", "model"], "--kind is about a document from standard input"),
        (["-", "--kind", "modle"], 'Did you mean "model"?'),
        (["-", "--as", "../x.yaml"], "../x.yaml is not in a catalog"),
        (["-", "--as", "/x.yaml"], "/x.yaml is not in a catalog"),
    ],
)
def test_a_wrong_call_about_standard_input(run, catalog, arguments, said):
    done = run("validate", *arguments, stdin="type: custom\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_standard_input_is_bounded(run):
    done = run("validate", "-", "--kind", "model", stdin="#" * 300_000)
    assert done.returncode == 2
    assert "Standard input is longer than 262144 bytes" in done.stderr


def test_strict(run, catalog):
    assert run("validate", "--strict").returncode == 0
    (catalog / "models/local/free.yaml").write_text("type: custom\n")
    assert run("validate").returncode == 0
    assert run("validate", "--strict").returncode == 1
    assert json.loads(run("validate", "--strict", "--format", "json").stdout)["ok"] is False


def test_output(run, broken, tmp_path):
    for name in ("text", "json", "sarif", "junit", "github"):
        done = run("validate", "--format", name, "--output", f"report.{name}", FORCE_COLOR="1")
        assert done.returncode == 1
        assert done.stdout.endswith("2 errors, 1 warning\n")
        assert done.stdout.count("\n") == 1
        written = (tmp_path / f"report.{name}").read_text()
        assert "wrong-type" in written
        assert "\x1b" not in written
    refused = run("validate", "--output", "nowhere/report.txt")
    assert refused.returncode == 2
    assert refused.stderr == "catalog: nowhere/report.txt: No such file or directory\n"


@pytest.fixture
def repository(tmp_path):
    """A Git repository whose catalog is in a directory of its own, with a step's summary beside it."""
    for command in (["init", "-q", "-b", "main"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_github_actions_choose_annotations(run, broken, repository):
    summary = repository / "summary.md"
    summary.write_text("before\n")
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = run("validate", cwd=broken, **github)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "::error file=catalog/models/local/one.yaml,line=3,col=8,title=wrong-type::"
        '"owner" must be text, not a number%0Aquote it: "5"'
    )
    assert lines[1].startswith("::warning file=catalog/models/local/three.yaml,line=1,")
    assert summary.read_text().startswith("before\n### Catalog: refused\n")
    assert summary.read_text().count("- **error**") == 2

    plain = run("validate", "--format", "text", cwd=broken, **github)
    assert plain.stdout.startswith("models/local/one.yaml:3:8: wrong-type")
    assert summary.read_text().count("### Catalog") == 1, "another format writes no summary"
    assert run("validate", cwd=broken, GITHUB_ACTIONS="").stdout.startswith("models/local/one.yaml")


def test_annotations_follow_the_repository_not_the_working_directory(run, broken, repository, tmp_path_factory):
    away = tmp_path_factory.mktemp("away")
    done = run("validate", broken, "--format", "github", cwd=away)
    assert done.stdout.startswith("::error file=catalog/models/local/one.yaml,line=3")
    (repository / ".git").rename(away / "git")
    unknown = run("validate", broken, "--format", "github", cwd=away, GITHUB_WORKSPACE=str(broken.parent.parent))
    assert f"file={broken.parent.name}/catalog/models/local/one.yaml" in unknown.stdout


def test_a_summary_that_cannot_be_written_does_not_change_the_verdict(run, catalog):
    done = run("validate", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY="/nowhere/summary.md")
    assert done.returncode == 0
    assert done.stderr == "catalog: the step's summary cannot be written: No such file or directory\n"


def policy(tmp_path, text):
    (tmp_path / "gateway.yaml").write_text(text)
    return ("validate", "--policy", "gateway.yaml")


def test_the_operators_file_disables_by_name_and_origin(run, catalog, tmp_path):
    (catalog / "providers/acme.yaml").write_text(
        "api: vllm\ncredential: acme\nbase_url: https://llm.acme.internal/v1\n"
    )
    (catalog / "providers/lan.yaml").write_text("api: vllm\nbase_url: http://10.1.2.3:8000/v1\n")
    local = "origins:\n  http://127.0.0.1:8792: {private: true}\n"
    done = run(*policy(tmp_path, local))
    assert done.returncode == 0
    assert done.stdout == (
        "catalog/providers/acme.yaml:2:13: provider-disabled warning: @acme will be disabled: "
        "the operator's file binds no credential named 'acme'\n"
        "catalog/providers/lan.yaml:2:11: origin-refused warning: calls to @lan will be refused: "
        "of http://10.1.2.3:8000, it is private, loopback or link-local, and the operator's file does not name this"
        " origin\n"
        "4 models, 4 providers, 0 keys, 0 errors, 2 warnings\n"
    )
    assert run(*policy(tmp_path, local), "--strict").returncode == 1
    elsewhere = (
        "origins:\n  http://127.0.0.1:8792:\n  http://10.1.2.3:8000:\n"
        'credentials:\n  acme: {secret: "file:/nowhere/secret", origin: "https://other.acme.internal"}\n'
    )
    other = run(*policy(tmp_path, elsewhere))
    assert other.stdout.startswith(
        "catalog/providers/acme.yaml:3:11: provider-disabled warning: @acme will be disabled: "
        "the credential 'acme' is bound to https://other.acme.internal, "
    )
    right = elsewhere.replace("other.acme", "llm.acme")
    assert run(*policy(tmp_path, right), "--strict").returncode == 0, "the secret itself is not looked for"


def test_a_policy_that_cannot_be_used_is_said_first(run, catalog, tmp_path):
    done = run(*policy(tmp_path, "credentials:\n  openai: {secret: sk-abc, origin: https://api.openai.com}\n"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "gateway.yaml:2" in done.stderr
    assert "sk-abc" not in done.stderr
    assert run("validate", "--policy", "nowhere.yaml").returncode == 2


def test_the_environment_says_nothing_about_a_policy(run, catalog, tmp_path):
    """CI may run where the gateway's own variables are set, or where there is no home."""
    (catalog / "providers/local.yaml").unlink()
    (catalog / "models/local/tiny-support.yaml").unlink()
    done = run(*policy(tmp_path, "{}\n"), CATALOG_LISTEN="nonsense", HOME="", XDG_STATE_HOME="")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_link_to_a_catalog_is_placed_where_it_leads(run, catalog, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (catalog / "models/local/one.yaml").write_text(BROKEN)
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart/link").symlink_to(catalog)
    done = run("validate", Path("apart/link"), "--format", "github")
    assert done.stdout.startswith("::error file=catalog/models/local/one.yaml,")


@pytest.fixture
def environments(catalog):
    """Two environments: staging renames the support team, prod does it with a mistake of its own."""
    good = (catalog / "models/local/tiny-support.yaml").read_text()
    for name in ("prod", "staging"):
        folder = catalog / f"environments/{name}/models/local"
        folder.mkdir(parents=True)
        (folder / "tiny-support.yaml").write_text(good.replace("team-support", f"team-{name}"))
    broken = (catalog / "environments/prod/models/local/tiny-support.yaml").read_text()
    (catalog / "environments/prod/models/local/tiny-support.yaml").write_text(f"{broken}nope: 1\n")
    return catalog


def test_base_and_every_environment_are_checked(run, environments):
    done = run("validate")
    assert done.returncode == 1
    assert done.stdout.startswith("catalog/environments/prod/models/local/tiny-support.yaml:")
    assert done.stdout.endswith("4 models, 2 providers, 0 keys, 2 environments, 1 error, 0 warnings\n")


def test_one_environment_alone(run, environments):
    assert run("validate", "--env", "staging").returncode == 0
    assert run("validate", "--env", "prod").returncode == 1
    wrong = run("validate", "--env", "stagign")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == 'catalog: The catalog has no environment "stagign".\n    Did you mean "staging"?\n'
    assert completions_of_environments(run) == ["prod"]


def completions_of_environments(run):
    done = run(_CATALOG_COMPLETE="bash_complete", COMP_WORDS="catalog validate --env p", COMP_CWORD="3")
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_what_only_an_environment_breaks_names_it(run, environments):
    """A file of the base that is right by itself, and wrong beside a file of an environment."""
    (environments / "environments/prod/models/local/tiny-support.yaml").write_text("remove: true\n")
    (environments / "models/local/child.yaml").write_text(
        'type: custom\nbase_model: "@local/tiny-support"\npricing: inherit\n'
    )
    done = run("validate")
    assert done.returncode == 1
    assert "catalog/models/local/child.yaml:2:13: unknown-model in prod: " in done.stdout
    assert run("validate", "--env", "staging").returncode == 0


def test_a_policy_is_about_the_environment_that_its_gateway_runs(run, environments, tmp_path):
    (environments / "environments/prod/models/local/tiny-support.yaml").unlink()
    (environments / "environments/prod/providers").mkdir()
    (environments / "environments/prod/providers/local.yaml").write_text(
        "api: openai-compatible\ncredential: prod-only\nbase_url: https://llm.acme.internal/v1\n"
    )
    base = "origins:\n  http://127.0.0.1:8792: {private: true}\n"
    assert run(*policy(tmp_path, base), "--strict").returncode == 0
    assert run(*policy(tmp_path, f"{base}environment: staging\n"), "--strict").returncode == 0
    done = run(*policy(tmp_path, f"{base}environment: prod\n"))
    assert done.stdout.startswith(
        "catalog/environments/prod/providers/local.yaml:2:13: provider-disabled warning: @local will be disabled: "
    )
    assert run(*policy(tmp_path, base), "--env", "prod", "--strict").returncode == 1


def commit(repository, message):
    for command in (["add", "."], ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", message]):
        subprocess.run(["git", *command], cwd=repository, check=True)


def test_what_should_not_change_since_a_revision(run, catalog, repository):
    commit(repository, "Before")
    model = catalog / "models/openai/support-bot-v3.yaml"
    model.write_text(model.read_text().replace('"0.20"', '"2.20"'))
    assert "past-window-edited" not in run("validate").stdout
    done = run("validate", "--base", "HEAD")
    assert done.returncode == 1
    assert "catalog/models/openai/support-bot-v3.yaml:8:5: past-window-edited" in done.stdout
    assert "price-jump warning: " in done.stdout
    for wrong, cwd in (("nope", repository), ("HEAD~5", repository)):
        refused = run("validate", "--base", wrong, cwd=cwd)
        assert (refused.returncode, refused.stdout) == (2, "")


def test_a_base_with_errors_is_said_and_a_base_without_a_catalog_is_nothing(run, catalog, repository):
    good = (catalog / "models/local/tiny-support.yaml").read_text()
    (catalog / "models/local/tiny-support.yaml").write_text(BROKEN)
    commit(repository, "Broken")
    (catalog / "models/local/tiny-support.yaml").write_text(good)
    done = run("validate", "--base", "HEAD")
    assert (done.returncode, done.stderr) == (
        0,
        "catalog: the catalog at HEAD has errors itself: nothing was compared with it\n",
    )
    catalog.rename(repository / "renamed")
    assert run("validate", "renamed", "--base", "HEAD").returncode == 0


def test_what_depends_on_today_is_a_warning(run, catalog):
    (catalog / "keys").mkdir(exist_ok=True)
    (catalog / "keys/old.yaml").write_text(
        f'owner: team\nmodels: ["*"]\nsecrets:\n  - sha256: "{"1" * 64}"\n    expires: 2020-01-01T00:00:00Z\n'
    )
    done = run("validate")
    assert done.returncode == 0
    assert "catalog/keys/old.yaml:4:3: key-expired warning: " in done.stdout
