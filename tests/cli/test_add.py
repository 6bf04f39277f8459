"""`catalog add`: by flags, and by questions on a real terminal."""

import json
import sys

import pytest
from msgspec.structs import replace

from engine.pricing.lock import parse_lock, render

GIVEN = (
    "add", "--provider", "openai", "--slug", "triage", "--description", "Sorts tickets", "--type", "fine-tuned",
    "--base-model", "gpt-4.1-nano",
)  # fmt: skip
PRICED = (*GIVEN, "--price", "output_mtok=0.80", "--price", "input_mtok=0.20")
FILE = "models/openai/triage.yaml"


def tree(catalog):
    return {path: path.read_bytes() for path in catalog.rglob("*") if path.is_file()}


def test_all_flags_given_nothing_is_asked(run, catalog):
    lock = (catalog / "reference.lock").read_bytes()
    more = ("--upstream-model", "ft:nano:acme", "--owner", "team-support", "--label", "env=prod", "--label", "tier=1")
    done = run(*PRICED, *more)
    assert (done.returncode, done.stderr) == (0, "")
    text = (catalog / FILE).read_text()
    assert text == (
        "# yaml-language-server: $schema=../../../schemas/model.schema.json\n"
        "description: Sorts tickets\n"
        "type: fine-tuned\n"
        "base_model: gpt-4.1-nano\n"
        "upstream_model: ft:nano:acme\n"
        "pricing:\n"
        '  input_mtok: "0.20"\n'
        '  output_mtok: "0.80"\n'
        "owner: team-support\n"
        'labels: {env: prod, tier: "1"}\n'
    )
    assert (catalog / "reference.lock").read_bytes() == lock
    assert "".join(f"    {line}\n" for line in text.splitlines()) in done.stdout
    assert (
        "    git switch -c add-openai-triage\n"
        "    git add catalog/models/openai/triage.yaml\n"
        "    git commit -m 'Add @openai/triage'\n"
        "    git push -u origin add-openai-triage\n"
    ) in done.stdout
    assert run("validate").stdout == "5 models, 2 providers, 0 keys, 0 errors, 0 warnings\n"
    assert run("fmt", "--check", catalog / FILE).returncode == 0


def test_the_lock_gets_what_the_base_model_needs(run, catalog):
    before = json.loads((catalog / "reference.lock").read_bytes())
    done = run(*GIVEN[:-1], "gpt-4o-mini", "--inherit")
    assert done.returncode == 0, done.stderr
    after = json.loads((catalog / "reference.lock").read_bytes())
    assert "gpt-4o-mini" in after["apis"]["openai"]["names"]
    for name, model in before["apis"]["openai"]["models"].items():
        assert after["apis"]["openai"]["models"][name] == model
    assert "git add catalog/models/openai/triage.yaml catalog/reference.lock" in done.stdout
    assert run("validate").returncode == 0


def test_a_model_of_an_own_server_needs_no_base(run, catalog):
    arguments = ("add", "--provider", "local", "--slug", "mine", "--description", "x", "--type", "custom")
    assert run(*arguments, "--free").returncode == 0
    assert "pricing: free\n" in (catalog / "models/local/mine.yaml").read_text()
    done = run(*arguments[:4], "other", *arguments[5:], "--unpriced")
    assert done.returncode == 0
    assert "unpriced" in done.stdout, "what validate warns of is said at once"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "missing: --provider, --slug, --description, --type, --base-model, --price KEY=USD"),
        (GIVEN, "missing: --price KEY=USD (or --inherit, --free, --unpriced)"),
        ((*PRICED, "--slug", "support-bot-v3"), "is there already: models/openai/support-bot-v3.yaml"),
        ((*PRICED, "--slug", "support-bot"), "already an alias of @openai/support-bot-v3"),
        ((*PRICED, "--slug", "../x"), '"../x" is not a name'),
        ((*PRICED, "--provider", "opnai"), 'no provider "opnai"; did you mean "openai"?'),
        ((*PRICED, "--base-model", "gpt-4.1-nanoo"), "did you mean gpt-4.1-nano"),
        ((*PRICED, "--base-model", "@openai/support-bot-v4"), 'did you mean "@openai/support-bot-v3"?'),
        ((*PRICED, "--price", "input_mtk=1"), 'did you mean "input_mtok"?'),
        ((*PRICED, "--price", "input_mtok=1e-3"), '"1e-3" is not an amount'),
        ((*PRICED, "--price", "input_mtok"), "write NAME=VALUE"),
        ((*PRICED, "--free"), "do not go together"),
        ((*PRICED, "--owner", "Team A"), '"Team A" is not a name'),
        ((*PRICED, "--team", "../.."), '"../.." is not a name'),
        ((*PRICED, "--label", "a b=c"), "nothing was written"),
    ],
)
def test_a_wrong_answer_writes_nothing(run, catalog, arguments, said):
    before = tree(catalog)
    done = run(*arguments)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert tree(catalog) == before


def test_a_catalog_with_errors_is_left_alone(run, catalog):
    (catalog / "models/openai/bad.yaml").write_text("type: custom\nbase_model: gpt-4.1-nano\nnope: 1\n")
    before = tree(catalog)
    done = run(*PRICED)
    assert done.returncode == 1
    assert "has 1 error; nothing was added" in done.stderr
    assert tree(catalog) == before


def test_every_environment_is_checked(run, catalog):
    overlay = catalog / "environments/prod/models/openai/support-bot-v3.yaml"
    overlay.parent.mkdir(parents=True)
    text = (catalog / "models/openai/support-bot-v3.yaml").read_text()
    overlay.write_text(text.replace("aliases: [", "aliases: [triage-bot, "))
    assert run("validate").returncode == 0
    before = tree(catalog)
    done = run(*PRICED, "--slug", "triage-bot", "--provider", "openai")
    assert done.returncode == 0, "an alias and a slug are two names"
    assert tree(catalog) != before
    overlay.write_text(text.replace("aliases: [", 'aliases: ["@openai/triage-bot-2", '))
    done = run(*PRICED, "--slug", "triage-bot-2")
    assert done.returncode == 1
    assert "name-collision" in done.stdout
    assert "nothing was written" in done.stderr
    assert not (catalog / "models/openai/triage-bot-2.yaml").exists()


def test_a_team_owns_what_is_below_it(run, catalog):
    (catalog / "teams/search").mkdir(parents=True)
    (catalog / "teams/search/team.yaml").write_text("description: Search\n")
    done = run(*GIVEN, "--inherit", "--team", "search")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "owner" not in (catalog / "teams/search" / FILE).read_text()
    assert run(*PRICED, "--slug", "cheap", "--price", "input_mtok=0.01", "--team", "search").returncode == 1
    assert run("keys", "new", "search-app", "--team", "search", "--models", "@openai/triage").returncode == 0
    assert run("keys", "rotate", "search-app").returncode == 0
    assert "teams/search/keys/search-app.yaml" in run("keys", "list").stdout
    assert run("validate").returncode == 0


def test_other_models_are_never_repriced_by_the_way(run, catalog):
    """A lock made by another version of the reference data, with another price."""
    file = catalog / "reference.lock"
    lock = parse_lock(file.read_bytes())
    models = lock.apis["openai"].models
    mini = models["gpt-4.1-mini"]
    dearer = tuple(replace(window, rates={**window.rates, "input_mtok": "0.5"}) for window in mini.windows)
    models["gpt-4.1-mini"] = replace(mini, windows=dearer)
    file.write_bytes(render(lock))
    assert run("validate").returncode == 0
    before = tree(catalog)
    done = run(*GIVEN[:-1], "gpt-4o-mini", "--inherit")
    assert done.returncode == 1
    assert "0.5 → 0.4" in done.stderr
    assert "catalog reference update catalog" in done.stderr
    assert tree(catalog) == before
    assert run(*GIVEN, "--inherit").returncode == 0, "what the lock has already needs no update"


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
class TestTerminal:
    """The same by questions."""

    @pytest.fixture
    def terminal(self, tmp_path):
        from harness.terminal import Terminal

        return lambda *arguments: Terminal(arguments, tmp_path)

    def test_the_form(self, run, catalog, terminal):
        with terminal("add") as typing:
            typing.answer("Provider: ", "opnai")
            typing.answer('did you mean "openai"?\nProvider: ', "openai")
            typing.answer("Slug", "support-bot-v3")
            typing.answer("is there already: models/openai/support-bot-v3.yaml", "triage")
            typing.answer("What it is for: ", "Sorts tickets")
            typing.answer("[fine-tuned]: ", "")
            typing.answer("Base model; Tab completes: ", "gpt-4.1-nanoo")
            typing.answer("did you mean gpt-4.1-nano", "gpt-4.1-n\t")
            typing.answer("What openai calls it [triage]: ", "ft:nano:acme")
            typing.answer("gpt-4.1-nano costs input_mtok 0.1", "y")
            typing.answer("list price 0.1: ", "0.2")
            typing.answer("list price 0.4: ", "a lot")
            typing.answer("list price 0.4: ", "0.8")
            typing.answer("list price 0.025: ", "")
            typing.answer("Another price key", "requests_k\t")
            typing.answer("requests_kcount, USD per 1,000 requests: ", "3")
            typing.answer("Another price key", "")
            typing.answer("Owner", "team-support")
            typing.answer("Label", "env=prod")
            typing.answer("Label", "")
            typing.answer("Write it? [Y/n]: ", "")
            assert typing.end() == 0, typing.screen
            assert "base_model: gpt-4.1-nano\n" in (catalog / FILE).read_text()
            assert (
                (catalog / FILE)
                .read_text()
                .endswith(
                    "upstream_model: ft:nano:acme\n"
                    'pricing:\n  input_mtok: "0.2"\n  output_mtok: "0.8"\n  requests_kcount: "3"\n'
                    "owner: team-support\nlabels: {env: prod}\n"
                )
            )
            assert run("validate").returncode == 0

    def test_only_what_no_flag_gives_is_asked(self, catalog, terminal):
        with terminal(*GIVEN) as typing:
            typing.answer("What openai calls it", "")
            typing.answer("Own price? No: the same [y/N]: ", "")
            typing.answer("Owner", "")
            typing.answer("Label", "")
            typing.answer("Write it?", "n")
            assert typing.end() == 1
            assert not (catalog / FILE).exists()
            assert "Provider:" not in typing.screen

    def test_all_flags_ask_nothing_on_a_terminal_either(self, catalog, terminal):
        with terminal(*PRICED) as typing:
            assert typing.end() == 0
            assert (catalog / FILE).exists()

    @pytest.mark.parametrize("how", ["end", "interrupt"])
    def test_leaving_writes_nothing(self, catalog, terminal, how):
        before = tree(catalog)
        with terminal("add") as typing:
            typing.answer("Provider: ", "openai")
            typing.wait_for("Slug")
            if how == "end":
                typing.type("\x04")
            assert (typing.end() if how == "end" else typing.interrupt()) == 130
            assert "Traceback" not in typing.screen
        assert tree(catalog) == before
