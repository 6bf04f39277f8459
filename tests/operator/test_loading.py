import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operator.loading import SettingsError, load_settings
from engine.operator.origins import Origin, OriginPolicy
from engine.operator.settings import CredentialSettings, OriginSettings, Settings, SourceSettings
from engine.operator.table import SETTINGS
from engine.operator.values import Address

HOME = {"HOME": "/home/op"}
FULL = """\
listen: "[::1]:8080"
admin_listen: 127.0.0.1:0
state: ./state
workers: 4
repo: ../repository
ref: production
path: models
origins:
  https://LLM.acme.internal:8443: {private: true, ca_file: acme.pem}
  https://public.example: {private: false}
  http://10.0.0.7:8000:
credentials:
  acme-llm: {secret: "file:secrets/acme", origin: "https://llm.acme.internal:8443/"}
  openai: {secret: "env:TEAM_OPENAI_KEY", origin: "https://api.openai.com"}
limits: {max_body_bytes: 1MiB, body_timeout: 5s, max_response_bytes: 1024, max_connections: 7}
ledger: {durability: disk, when_unwritable: allow}
drain: {grace: 0s}
on_disconnect: {max_time: 1m, max_bytes: 1kB, max_calls: 0}
"""


@pytest.fixture
def load(tmp_path):
    def load(text=None, flags=None, environ=HOME):
        config = None
        if text is not None:
            (tmp_path / "gateway.yaml").write_text(text)
            config = str(tmp_path / "gateway.yaml")
        return load_settings(flags or {}, environ, config)

    return load


def refused(load, *arguments, **options):
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **options)
    return caught.value.message


def test_the_defaults_are_those_of_the_contract(load):
    settings = load()
    assert str(settings.listen) == "127.0.0.1:8790"
    assert str(settings.admin_listen) == "127.0.0.1:8791"
    assert settings.state == "/home/op/.local/state/catalog"
    assert settings.workers == 1
    assert settings.source == SourceSettings(None, None, "main", "catalog")
    assert settings.limits.max_body_bytes == 20 * 2**20
    assert (settings.ledger.durability, settings.ledger.when_unwritable) == ("process", "refuse")
    assert settings.warnings == ()


def test_everything_can_be_said_in_the_file(load, tmp_path):
    settings = load(FULL)
    assert settings == Settings(
        listen=Address("::1", 8080),
        admin_listen=Address("127.0.0.1", 0),
        state=str(tmp_path / "state"),
        workers=4,
        source=SourceSettings(None, str(tmp_path / "../repository"), "production", "models"),
        origins={
            "https://llm.acme.internal:8443": OriginSettings(private=True, ca_file=str(tmp_path / "acme.pem")),
            "https://public.example": OriginSettings(private=False),
            "http://10.0.0.7:8000": OriginSettings(),
        },
        credentials={
            "acme-llm": CredentialSettings(f"file:{tmp_path}/secrets/acme", "https://llm.acme.internal:8443"),
            "openai": CredentialSettings("env:TEAM_OPENAI_KEY", "https://api.openai.com"),
        },
        limits=settings.limits,
        ledger=settings.ledger,
        drain=settings.drain,
        on_disconnect=settings.on_disconnect,
    )
    limits = settings.limits
    assert (limits.max_body_bytes, limits.body_timeout_ms) == (2**20, 5_000)
    assert (limits.max_response_bytes, limits.max_connections) == (1024, 7)
    assert (settings.ledger.durability, settings.ledger.when_unwritable) == ("disk", "allow")
    assert settings.drain.grace_ms == 0
    dropped = settings.on_disconnect
    assert (dropped.max_time_ms, dropped.max_bytes, dropped.max_calls) == (60_000, 1_000, 0)


def test_settings_go_through_a_pipe(load):
    settings = load(FULL)
    assert Settings.from_json(settings.to_json()) == settings
    json.loads(settings.to_json())


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(load):
    file = "workers: 2\n"
    variable = HOME | {"CATALOG_WORKERS": "3"}
    flag = {"workers": 4, "listen": None}
    assert load().workers == 1
    assert load(file).workers == 2
    assert load(file, environ=variable).workers == 3
    assert load(file, flag, variable).workers == 4


def test_the_environment_says_everything_that_the_file_does(load):
    environ = HOME | {
        "CATALOG_LISTEN": "0.0.0.0:1",
        "CATALOG_REPO": "/srv/repo",
        "CATALOG_REF": "v1",
        "CATALOG_LIMITS_BODY_TIMEOUT": "2s",
        "CATALOG_STATE": "/var/lib/catalog",
        "CATALOG_WORKERS": "",
    }
    settings = load(environ=environ)
    assert settings.listen == Address("0.0.0.0", 1)
    assert settings.source == SourceSettings(None, "/srv/repo", "v1")
    assert settings.limits.body_timeout_ms == 2_000
    assert settings.state == "/var/lib/catalog"
    assert settings.workers == 1
    assert load(environ=HOME | {"CATALOG_DIR": "/srv/c"}).source.catalog == "/srv/c"
    names = [setting.variable for setting in SETTINGS]
    assert len(set(names)) == len(names)


def test_the_file_may_be_named_by_a_variable(load, tmp_path):
    (tmp_path / "other.yaml").write_text("workers: 3\n")
    assert load(environ=HOME | {"CATALOG_CONFIG": str(tmp_path / "other.yaml")}).workers == 3


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/catalog"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/catalog"),
        ({"XDG_STATE_HOME": "/x"}, "/x/catalog"),
    ],
)
def test_the_state_is_below_the_state_home(load, environ, state):
    assert load(environ=environ).state == state


def test_without_any_home_the_state_must_be_named(load):
    assert "--state" in refused(load, environ={})
    assert load(flags={"state": "/s"}, environ={}).state == "/s"


def test_relative_paths_start_where_they_are_written(load, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load("catalog: catalog\n").source.catalog == str(tmp_path / "catalog")
    assert load(flags={"catalog": "catalog"}).source.catalog == str(tmp_path / "elsewhere" / "catalog")


def test_the_highest_layer_that_names_a_source_decides(load):
    file = "repo: /file/repo\nref: production\n"
    assert load(file, {"catalog": "/flag"}).source.repo is None
    assert load(file, {"ref": "v2"}).source == SourceSettings(None, "/file/repo", "v2")
    assert load("catalog: /file\n", environ=HOME | {"CATALOG_REPO": "/r"}).source == SourceSettings(None, "/r")
    assert "name only one" in refused(load, "catalog: /a\nrepo: /b\n")
    assert "name only one" in refused(load, flags={"catalog": "/a", "repo": "/b"})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("workers: 1\nlistn: x\n", 2, "did you mean 'listen'?"),
        ("limits:\n  max_body: 3\n", 2, "did you mean 'max_body_bytes'?"),
        ("limits:\n  max_body_bytes: 0\n", 2, "more than 0"),
        ("limits:\n  body_timeout: 5\n", 2, "duration"),
        ("limits: 5\n", 1, "a mapping"),
        ("[]\n", 1, "a mapping"),
        ("workers: 0\n", 1, "from 1 to"),
        ("workers: true\n", 1, "from 1 to"),
        ("workers: 2.0\n", 1, "from 1 to"),
        ("listen: 8790\n", 1, "127.0.0.1:8790"),
        ("state: ~/state\n", 1, "'~'"),
        ("state: [a]\n", 1, "a path"),
        ("ledger: {durability: never}\n", 1, "process or disk"),
        ("repo: https://github.com/acme/catalog\n", 1, "not supported yet"),
        ("repo: git@github.com:acme/catalog.git\n", 1, "not supported yet"),
        ("repo: 'ext::sh -c x'\n", 1, "not supported yet"),
        ("origins:\n  https://a/path: {}\n", 2, "path"),
        ("origins:\n  ftp://a: {}\n", 2, "http"),
        ("origins:\n  https://a: {privat: true}\n", 2, "did you mean 'private'?"),
        ("origins:\n  https://a: {private: 'yes'}\n", 2, "true or false"),
        ("origins:\n  https://a: {}\n  https://A:443: {}\n", 3, "listed twice"),
        ("credentials:\n  x: {origin: 'https://a'}\n", 2, "both"),
        ("credentials:\n  none: {secret: 'env:A', origin: 'https://a'}\n", 2, "not 'none'"),
        ("credentials:\n  'A b': {secret: 'env:A', origin: 'https://a'}\n", 2, "lower-case"),
        ("credentials:\n  x: {secret: 'env:A', origin: 'https://a', orgin: 1}\n", 2, "did you mean 'origin'?"),
        ("a: 1\na: 2\n", 2, "again"),
        ("a: &x 1\n", 1, "refused"),
        ("a: [\n", 2, ""),
    ],
)
def test_a_mistake_is_told_with_its_line(load, text, line, said):
    message = refused(load, text)
    assert f"gateway.yaml:{line}: " in message
    assert said in message


def test_all_mistakes_are_told_at_once_each_with_its_place(load):
    text = "listn: 1\nworkers: 0\n"
    message = refused(load, text, {"admin_listen": "x"}, HOME | {"CATALOG_STATE": "~/x"})
    places = [line.partition(": ")[0].rpartition("/")[2] for line in message.splitlines()]
    assert sorted(places) == ["--admin-listen", "CATALOG_STATE", "gateway.yaml:1", "gateway.yaml:2"]


def test_two_servers_cannot_have_one_address(load):
    assert "different ports" in refused(load, flags={"listen": "127.0.0.1:8791"})
    assert load(flags={"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0"})


def test_a_file_that_cannot_be_read_is_one_message(load, tmp_path):
    for environ in ({"CATALOG_CONFIG": str(tmp_path / "none.yaml")}, {"CATALOG_CONFIG": str(tmp_path)}):
        assert refused(load, environ=HOME | environ).startswith("cannot read the settings")


@pytest.mark.parametrize(
    "secret", ["sk-live-0123456789", "env:sk live 0123456789", "env:", "file:", "vault:sk-live-0123456789", "12", "[a]"]
)
def test_a_secret_that_was_pasted_is_never_shown(load, secret):
    quoted = secret if secret == "[a]" else json.dumps(secret)
    message = refused(load, f"credentials:\n  x: {{secret: {quoted}, origin: 'https://a'}}\n")
    assert "env:NAME" in message
    assert "0123456789" not in message


def test_variables_of_others_are_left_alone_and_near_misses_are_told(load):
    others = {"CATALOG_PORT": "tcp://10.0.0.1:80", "CATALOG_SERVICE_HOST": "10.0.0.1", "CATALOG_DEBUG": "1"}
    assert load(environ=HOME | others).warnings == ()
    (warning,) = load(environ=HOME | {"CATALOG_LISTN": "x"}).warnings
    assert "CATALOG_LISTN" in warning
    assert "CATALOG_LISTEN" in warning


def test_naming_an_origin_allows_it_to_be_private(load, tmp_path):
    settings = load(FULL + "")
    policy = {name: settings.policy(Origin.parse(name)) for name in (*settings.origins, "https://api.openai.com")}
    assert policy == {
        "https://llm.acme.internal:8443": OriginPolicy(private=True, ca_file=str(tmp_path / "acme.pem")),
        "https://public.example": OriginPolicy(private=False),
        "http://10.0.0.7:8000": OriginPolicy(private=True),
        "https://api.openai.com": OriginPolicy(private=True),  # a credential is bound to it by name
    }
    assert load().policy(Origin.parse("https://api.openai.com")) == OriginPolicy(private=False)


@given(st.binary(max_size=200))
def test_no_file_makes_a_traceback(tmp_path_factory, data):
    path = Path(tmp_path_factory.getbasetemp()) / "fuzzed.yaml"
    path.write_bytes(data)
    try:
        load_settings({}, HOME, str(path))
    except SettingsError as error:
        assert error.message  # noqa: PT017 - some files are settings, most are not
