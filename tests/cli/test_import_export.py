"""`catalog import` and `catalog export` as a user runs them."""

import json
import sys

import pytest
import yaml

PORTKEY = {
    "gpt-4.1-nano": {
        "pricing_config": {
            "pay_as_you_go": {"request_token": {"price": 1e-05}, "additional_units": {"maps": {"price": 1}}}
        }
    },
    "ft:gpt-4o": {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.000375}}}},
    "none-such": {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.0001}}}},
}
PINNED = ("--repo", "https://github.com/Portkey-AI/models", "--commit", "f654307e")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(PORTKEY))
    return path


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_catalog(run, source, tmp_path):
    done = run("import", "portkey", source, "--out", "new", "--report", "loss.json", *PINNED)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 files written to new." in done.stdout
    assert "no-meter" in done.stdout
    text = (tmp_path / "new/models/acme/ft-gpt-4o.yaml").read_text()
    assert text.splitlines()[:2] == [
        "# yaml-language-server: $schema=../../../schemas/model.schema.json",
        "# imported from https://github.com/Portkey-AI/models@f654307e by catalog import",
    ]
    loss = json.loads((tmp_path / "loss.json").read_text())
    assert (loss["format"], loss["fields"], loss["imported"], loss["lost"]) == (1, 4, 3, 1)
    assert run("validate", "new").returncode == 0
    assert "nothing to" not in run("fmt", "--check", "new").stdout
    assert run("fmt", "--check", "new").returncode == 0


def test_the_same_source_gives_the_same_files_in_every_process(run, source, tmp_path):
    for seed in ("1", "2"):
        assert run("import", "portkey", source, "--out", seed, PYTHONHASHSEED=seed).returncode == 0
    one, other = files(tmp_path / "1"), files(tmp_path / "2")
    assert one == other
    assert b"# imported from sha256:" in one["models/acme/none-such.yaml"]


def test_into_a_catalog_with_that_provider(run, source, catalog):
    arguments = ("import", "portkey", source, "--provider", "openai", *PINNED)
    before = files(catalog)
    dry = run(*arguments, "--dry-run")
    assert (dry.returncode, files(catalog)) == (0, before)
    assert "would be written" in dry.stdout
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    added = files(catalog)
    assert {path: data for path, data in added.items() if path in before and path != "reference.lock"} == {
        path: data for path, data in before.items() if path != "reference.lock"
    }
    nano = yaml.safe_load(added["models/openai/gpt-4.1-nano.yaml"])
    assert nano == {"type": "base", "base_model": "gpt-4.1-nano", "pricing": {"input_mtok": "0.1"}}
    assert "models/openai/none-such.yaml" not in added
    assert "no-base-model" in done.stdout
    assert run("validate").returncode == 0
    assert "has all of it already" in run(*arguments).stdout
    assert files(catalog) == added


def test_an_own_file_is_never_replaced(run, source, catalog):
    own = catalog / "models/openai/ft-gpt-4o.yaml"
    own.write_text("type: fine-tuned\nbase_model: gpt-4.1-nano\n")
    before = files(catalog)
    done = run("import", "portkey", source, "--provider", "openai")
    assert done.returncode == 2
    assert "ft-gpt-4o.yaml" in done.stderr
    assert "was not imported" in done.stderr
    assert files(catalog) == before


def test_errors_leave_the_catalog_alone(run, source, catalog):
    (catalog / "models/openai/broken.yaml").write_text("type: nonsense\n")
    before = files(catalog)
    done = run("import", "portkey", source)
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert files(catalog) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "portkey", "nowhere.json", "--out", "x"), "nowhere.json is not there"),
        (("import", "portkey", "acme.json", "--out", "."), ". is there already"),
        (("import", "portkey", "acme.json", "--out", "x", "--catalog", "y"), "exclude each other"),
        (("import", "portkey", "acme.json", "--out", "x", "--provider", "a=A B"), '"A B" is no name'),
        (("import", "portkey", "acme.json", "--out", "x", "--provider", "b=b"), "has no provider b"),
        (("import", "portkey", "acme.json", "--out", "x", "--commit", "a b"), "no spaces"),
        (("import", "litellm-prices", ".", "--out", "x"), "is a directory"),
        (("import", "models-dev", ".", "--out", "x"), "no *.toml files"),
        (("import", "litellm-config", "acme.json", "--out", "x"), "no model_list"),
        (("import", "xml", "acme.json"), "Invalid value for 'FORMAT'"),
        (("export", "--format", "json", "nowhere"), "nowhere is not there"),
        (("export",), "Missing option '--format'"),
    ],
)
def test_what_cannot_be_done_is_one_message(run, source, arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_unit_that_is_not_said_is_asked_for(run, tmp_path):
    (tmp_path / "tf.json").write_text('{"m": {"request_token_price": 3}}')
    done = run("import", "portkey", "tf.json", "--out", "x")
    assert done.returncode == 2
    assert "does not say its unit" in done.stderr
    assert run("import", "portkey", "tf.json", "--out", "x", "--unit", "usd-per-mtok").returncode == 0
    assert yaml.safe_load((tmp_path / "x/models/tf/m.yaml").read_text())["pricing"] == {"input_mtok": "3"}


def test_export_of_the_shipped_catalog(run, catalog, tmp_path):
    done = run("export", "--format", "litellm", "--report", "loss.json")
    assert done.returncode == 0
    entry = json.loads(done.stdout)["ft:gpt-4.1-nano:acme:support:B2xQ"]
    assert entry["litellm_provider"] == "openai"
    assert "lost" in done.stderr
    assert json.loads((tmp_path / "loss.json").read_text())["lost"] > 0
    assert run("export", "--format", "json", "--out", "all.json").stdout == ""
    names = [model["name"] for model in json.loads((tmp_path / "all.json").read_text())["models"]]
    assert "@openai/support-bot-v3" in names


def test_what_was_written_into_an_imported_provider_stays(run, source, tmp_path):
    assert run("import", "portkey", source, "--out", "new").returncode == 0
    provider = tmp_path / "new/providers/acme.yaml"
    provider.write_text(provider.read_text().replace("https://replace-me.invalid/v1", "https://llm.acme.example/v1"))
    done = run("import", "portkey", source, "--catalog", "new", "--commit", "2")
    assert done.returncode == 0, done.stderr
    assert "https://llm.acme.example/v1" in provider.read_text()
    assert "# imported from 2 " in (tmp_path / "new/models/acme/none-such.yaml").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_links_of_models_dev_are_followed_and_those_to_nowhere_lost(run, tmp_path):
    models = tmp_path / "providers/acme/models"
    models.mkdir(parents=True)
    (models.parent / "provider.toml").write_text('name = "Acme"\n')
    (models / "one.toml").write_text("[cost]\ninput = 1.50\n")
    (models / "same.toml").symlink_to("one.toml")
    (models / "gone.toml").symlink_to("../../other/models/gone.toml")
    done = run("import", "models-dev", "providers/acme", "--out", "new", "--report", "loss.json")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / "new/models/acme/same.yaml").read_text())["pricing"] == {"input_mtok": "1.5"}
    lost = json.loads((tmp_path / "loss.json").read_text())["losses"]
    assert [(loss["entry"], loss["reason"]) for loss in lost] == [("acme/gone", "unknown-base")]
