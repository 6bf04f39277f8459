"""`catalog list` and `catalog show`."""

import json

import pytest


def test_list_is_an_aligned_table(run, catalog):
    done = run("list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "BASE", "INPUT", "OUTPUT", "OWNER"]
    assert [line.split()[0] for line in lines[1:]] == [
        "@local/tiny-support",
        "@openai/gpt-4.1-mini",
        "@openai/gpt-4.1-nano",
        "@openai/support-bot-v3",
    ]
    assert lines[1].split()[1:] == ["-", "0.10", "0.40", "team-support"]
    assert len({line.index(word) for line, word in zip(lines, ("OWNER", "team-support"), strict=False)}) == 1


def test_list_as_json(run, catalog):
    (catalog / "models/local/gift.yaml").write_text("type: custom\npricing: free\n")
    (catalog / "models/local/later.yaml").write_text(
        'type: custom\npricing: [{from: 2999-01-01T00:00:00Z, input_mtok: "1"}]\n'.replace("2999", "2200")
    )
    (catalog / "models/local/unknown.yaml").write_text("type: custom\n")
    rows = {row["name"]: row for row in json.loads(run("list", "--format", "json").stdout)["data"]}
    assert rows["@local/gift"]["input_mtok"] == "0"
    assert rows["@local/later"]["input_mtok"] is None
    assert (rows["@local/unknown"]["pricing"], rows["@local/unknown"]["input_mtok"]) == ("unpriced", None)
    assert rows["@openai/support-bot-v3"]["base_model"] == "gpt-4.1-nano"


def test_show_says_where_each_value_comes_from(run, catalog):
    done = run("show", "support-bot")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    file = "models/openai/support-bot-v3.yaml"
    assert done.stdout.startswith("@openai/support-bot-v3\n")
    assert rows["base_model"][1:] == ["gpt-4.1-nano", "→", "openai:gpt-4.1-nano", f"{file}:4"]
    assert rows["from"] == ["from", "2026-10-01T00:00:00Z", f"{file}:8"]
    assert rows["cache_read_mtok"] == ["cache_read_mtok", "0.05"]
    assert rows["base_url"][1:] == ["https://api.openai.com/v1", "providers/openai.yaml"]


def test_show_follows_inherited_prices_to_their_lines(run, catalog):
    (catalog / "models/local/heir.yaml").write_text('type: custom\npricing: "@local/sheet"\n')
    (catalog / "models/local/sheet.yaml").write_text(
        'type: custom\npricing:\n  - {from: 2026-02-01T00:00:00Z, input_mtok: "2"}\n'
        '  - {from: 2026-01-01T00:00:00Z, input_mtok: "1"}\n'
    )
    shown = json.loads(run("show", "@local/heir", "--format", "json").stdout)
    assert shown["pricing"]["kind"] == "inherit"
    assert [window["rates"]["input_mtok"] for window in shown["pricing"]["windows"]] == ["1", "2"]
    assert shown["window_places"] == ["models/local/sheet.yaml:4", "models/local/sheet.yaml:3"]
    assert shown["origins"]["pricing"] == "@local/sheet (models/local/sheet.yaml:2)"


def test_show_of_a_list_price_with_a_discount(run, catalog):
    with (catalog / "providers/openai.yaml").open("a") as provider:
        provider.write('price_factor: "0.88"\n')
    done = run("show", "@openai/gpt-4.1-nano")
    assert done.returncode == 0
    assert "list price of openai:gpt-4.1-nano (reference.lock) times 0.88 (providers/openai.yaml:6)" in done.stdout
    assert "0.088" in done.stdout


@pytest.mark.parametrize(("asked", "hint"), [("@openai/suport-bot-v3", "Did you mean"), ("zzz", "`catalog list`")])
def test_show_of_a_model_that_is_not_there(run, catalog, asked, hint):
    done = run("show", asked)
    assert done.returncode == 1
    assert f"There is no model {asked}" in done.stderr
    assert hint in done.stderr


@pytest.mark.parametrize("command", [["list"], ["show", "support-bot"]])
def test_a_catalog_with_errors_is_not_shown(run, catalog, command):
    (catalog / "models/local/tiny-support.yaml").write_text("type: x\n")
    done = run(*command)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "catalog: The catalog in catalog has 1 error.\n    See `catalog validate catalog`.\n"


ROUTE = 'strategy: weighted\naliases: [both]\ntargets: [{model: support-bot, weight: 9}, {model: "@local/tiny-support", weight: 1}]\n'
KEY = 'owner: {}\nmodels: ["@openai/*", both]\nkey_sha256: "{}"\n'


@pytest.fixture
def company(catalog):
    for folder in ("routes", "keys", "teams/team-support", "environments/prod/models/local"):
        (catalog / folder).mkdir(parents=True, exist_ok=True)
    (catalog / "routes/main.yaml").write_text(ROUTE)
    (catalog / "teams/team-support/team.yaml").write_text("deny_models: ['@openai/gpt-4.1-mini']\n")
    (catalog / "keys/app.yaml").write_text(KEY.format("team-support", "1" * 64))
    (catalog / "environments/prod/models/local/tiny-support.yaml").write_text(
        "type: custom\npricing: free\ndescription: In production\n"
        "lifecycle: {status: deprecated, sunset: 2027-01-01T00:00:00Z, replacement: support-bot}\n"
    )
    return catalog


def test_routes_are_listed_and_shown(run, company):
    assert run("list").stdout.splitlines()[-1].split() == ["@route/main", "weighted", "of", "2", "-", "-", "-"]
    assert json.loads(run("list", "--format", "json").stdout)["data"][-1]["targets"] == [
        "@openai/support-bot-v3",
        "@local/tiny-support",
    ]
    shown = run("show", "both").stdout
    assert shown.startswith("@route/main\n")
    assert "@openai/support-bot-v3  weight 9" in shown
    assert json.loads(run("show", "both", "--format", "json").stdout)["callers"] == ["app"]


def test_an_environment_is_listed_and_shown(run, company):
    shown = run("show", "@local/tiny-support", "--env", "prod").stdout
    assert "In production" in shown
    assert "status: deprecated, sunset: 2027-01-01T00:00:00Z, replacement: @openai/support-bot-v3" in shown
    assert "In production" not in run("show", "@local/tiny-support").stdout
    rows = json.loads(run("list", "--env", "prod", "--format", "json").stdout)["data"]
    assert {row["name"]: row["status"] for row in rows}["@local/tiny-support"] == "deprecated"
    done = run("list", "--env", "prd")
    assert (done.returncode, done.stderr) == (
        2,
        'catalog: The catalog has no environment "prd".\n    Did you mean "prod"?\n',
    )


@pytest.mark.parametrize(
    ("model", "said", "code"),
    [
        ("support-bot", "app may call @openai/support-bot-v3", 0),
        ("@openai/gpt-4.1-mini", 'teams/team-support/team.yaml: deny_models names "@openai/gpt-4.1-mini"', 1),
        ("@local/tiny-support", 'keys/app.yaml: models does not name "@local/tiny-support"', 1),
    ],
)
def test_show_says_whether_a_key_may_call_and_why_not(run, company, model, said, code):
    done = run("show", model, "--key", "app")
    assert done.returncode == code
    assert said in done.stdout
    assert "There is no key ap in" in run("show", model, "--key", "ap").stderr


def test_a_disabled_key_calls_nothing(run, company):
    key = company / "keys/app.yaml"
    key.write_text(f"{key.read_text()}disabled: true\n")
    assert json.loads(run("show", "both", "--format", "json").stdout)["callers"] == []
    assert "keys/app.yaml: the key is disabled" in run("show", "both", "--key", "app").stdout
