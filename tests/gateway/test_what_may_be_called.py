"""Access, lifecycle and endpoints as a caller meets them: what the catalog keeps from a key is kept."""

import pytest

from engine.catalog.compile import compile_catalog
from engine.catalog.snapshot import Snapshot, encode
from engine.errors import ModelNotFound
from engine.gateway.auth import Authenticators
from engine.gateway.reply import lifecycle_headers
from engine.gateway.routing import Caller, Routes
from engine.model import Lifecycle
from engine.operator.credentials import Bindings
from engine.operator.settings import Settings
from engine.tree import Tree, blob_id

FREE = "type: custom\npricing: free\n"
FILES = {
    "catalog.yaml": "format: 1\n",
    "providers/open.yaml": "api: vllm\nbase_url: http://127.0.0.1:9/v1\n",
    "providers/closed.yaml": "api: vllm\nbase_url: http://127.0.0.1:9/v1\naccess: {deny_teams: [team-a]}\n",
    "models/open/plain.yaml": f"{FREE}aliases: [plain]\n",
    "models/open/denied.yaml": FREE,
    "models/open/others.yaml": f"{FREE}access: {{teams: [team-b]}}\n",
    "models/closed/model.yaml": FREE,
    "models/open/gone.yaml": f"{FREE}lifecycle: {{status: retired, replacement: plain}}\n",
    "models/open/moved.yaml": f"{FREE}lifecycle: {{status: retired, replacement: plain, when_retired: redirect}}\n",
    "models/open/astray.yaml": (
        f'{FREE}lifecycle: {{status: retired, replacement: "@open/others", when_retired: redirect}}\n'
    ),
    "models/open/vectors.yaml": f"{FREE}endpoints: [embeddings]\n",
    "routes/main.yaml": "strategy: fallback\ntargets: [{model: plain}]\naliases: [main]\n",
    "teams/team-a/team.yaml": 'deny_models: ["@open/denied"]\n',
    "teams/team-b/team.yaml": "description: Others\n",
    "teams/team-b/models/open/theirs.yaml": 'type: custom\npricing: {input_mtok: "1", output_mtok: "1"}\n',
    "teams/team-a/keys/a.yaml": f'models: ["*"]\nkey_sha256: "{"1" * 64}"\n',
    "teams/team-b/keys/b.yaml": f'models: ["*"]\nkey_sha256: "{"2" * 64}"\n',
}


@pytest.fixture(scope="module")
def callers():
    def no_upstream(origin):
        raise OSError("nothing is called here")

    files = {path: text.encode() for path, text in FILES.items()}
    tree = Tree(revision="r", files=files, blobs={path: blob_id(data) for path, data in files.items()})
    outcome = compile_catalog(tree)
    assert outcome.problems == ()
    snapshot = Snapshot.decode(encode(outcome.catalog))
    bindings = Bindings(Settings(state="/nowhere"), {})
    routes = Routes(snapshot, 1, snapshot.digest, bindings, no_upstream, Authenticators())
    return {name: Caller(routes, snapshot.key(name), None) for name in "ab"}


def test_key_team_provider_and_model_must_all_allow_it(callers):
    a, b = ({model.name for model in callers[name].visible()} for name in "ab")
    assert a == {"@open/plain", "@open/vectors"}
    assert b == {"@open/plain", "@open/denied", "@open/others", "@closed/model", "@open/vectors", "@open/theirs"}


@pytest.mark.parametrize("name", ["@open/denied", "@open/others", "@closed/model", "@open/theirs"])
def test_what_a_key_may_not_call_looks_as_if_it_were_not_there(callers, name):
    assert callers["b"].route(name).model.name == name
    with pytest.raises(ModelNotFound, match="does not exist or this key may not call it"):
        callers["a"].route(name)


def test_a_retired_model_says_so_and_names_what_comes_after_it(callers):
    with pytest.raises(ModelNotFound) as refused:
        callers["a"].route("@open/gone")
    assert refused.value.message == "The model @open/gone is retired. Use @open/plain instead."


def test_a_redirect_leads_to_the_replacement_and_asks_for_access_there(callers):
    assert callers["a"].route("@open/moved").model.name == "@open/plain"
    assert callers["b"].route("@open/astray").model.name == "@open/others"
    with pytest.raises(ModelNotFound, match="may not call it"):
        callers["a"].route("@open/astray")


@pytest.mark.parametrize("asked", ["@route/main", "main"])
def test_routes_are_not_served_yet(callers, asked):
    with pytest.raises(ModelNotFound, match="routes are not served yet"):
        callers["a"].route(asked)


def test_a_model_without_chat_does_not_answer_it(callers):
    with pytest.raises(ModelNotFound, match="only: embeddings"):
        callers["a"].route("@open/vectors")


@pytest.mark.parametrize(
    ("lifecycle", "headers"),
    [
        (Lifecycle(), []),
        (Lifecycle("deprecated", 1_700_000_000 * 10**9), [(b"deprecation", b"@1700000000")]),
        (
            Lifecycle("deprecated", sunset=1_800_000_000 * 10**9),
            [(b"deprecation", b"@0"), (b"sunset", b"Fri, 15 Jan 2027 08:00:00 GMT")],
        ),
    ],
)
def test_replies_tell_of_what_is_to_come(lifecycle, headers):
    assert lifecycle_headers(lifecycle) == headers
