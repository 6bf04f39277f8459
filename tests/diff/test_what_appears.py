"""Whatever two catalogs do differently appears in their difference, and nothing else does."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.catalog.access import permissions_of
from engine.catalog.diffing import CatalogDiff, diff
from engine.pricing.cost import compile_pricing

DAY = 86_400 * 10**9
NOW = 1_795_435_200_000_000_000  # 2026-11-23T12:00:00Z
TIMES = ("2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00Z")
MOMENTS = (NOW, 1_798_761_600_000_000_000, 1_900_000_000_000_000_000)
RATE = st.sampled_from(["0.1", "0.10", "0.2", "3"])
RATES = st.dictionaries(
    st.sampled_from(["input_mtok", "output_mtok", "cache_read_mtok", "requests_kcount"]), RATE, min_size=1
)
TIERS = st.lists(st.tuples(st.sampled_from([1000, 200_000]), RATES), max_size=2, unique_by=lambda tier: tier[0])
NAMES = st.sampled_from(["@local/*", "@local/a", "@local/b*", "short", "@route/r", "*"])


@st.composite
def windows(draw):
    starts = draw(st.lists(st.sampled_from([None, *TIMES]), min_size=1, max_size=3, unique=True))
    made = []
    for start in starts:
        window = dict(draw(RATES)) | ({"from": start} if start else {})
        if tiers := draw(TIERS):
            window["tiers"] = [{"above_input_tokens": above} | rates for above, rates in tiers]
        if rates := draw(st.none() | RATES):
            window["variants"] = {"batch": {"when": {"processing": "batch"}} | rates}
        made.append(window)
    return made


MODEL = st.fixed_dictionaries(
    {"type": st.just("custom"), "upstream_model": st.sampled_from(["up", "other"])},
    optional={
        "pricing": st.just("free") | windows(),
        "owner": st.sampled_from(["one", "two"]),
        "labels": st.dictionaries(st.sampled_from(["env", "tier"]), st.sampled_from(["x", "y"])),
        "limits": st.fixed_dictionaries({"max_output_tokens": st.sampled_from([10, 20])}),
        "defaults": st.dictionaries(st.sampled_from(["temperature", "n"]), st.sampled_from([0, 1, True, "1", 0.5])),
        "forbid": st.lists(st.sampled_from(["n", "logprobs"]), unique=True, min_size=1),
        "access": st.fixed_dictionaries({"teams": st.just(["one"]) | st.just(["*"])}),
        "lifecycle": st.fixed_dictionaries({"status": st.sampled_from(["deprecated", "retired"])}),
        "strict": st.booleans(),
    },
)
KEY = st.fixed_dictionaries(
    {"owner": st.sampled_from(["one", "two"]), "models": st.lists(NAMES, min_size=1, max_size=2, unique=True)},
    optional={"deny_models": st.lists(NAMES, min_size=1, max_size=1), "disabled": st.booleans()},
)


@st.composite
def catalogs(draw):
    """Files of a catalog, by name; JSON is YAML."""
    files = {"catalog.yaml": {"format": 1}}
    files |= {f"teams/{team}/team.yaml": {"description": team} for team in ("one", "two")}
    provider = {"api": "vllm", "base_url": draw(st.sampled_from(["http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"]))}
    files["providers/local.yaml"] = provider | {"credential": "none"}
    models = draw(st.dictionaries(st.sampled_from(["a", "b", "b2", "c"]), MODEL, min_size=1))
    files |= {f"models/local/{slug}.yaml": model for slug, model in models.items()}
    names = [f"@local/{slug}" for slug in models]
    if alias := draw(st.none() | st.sampled_from(sorted(models))):
        files[f"models/local/{alias}.yaml"] = models[alias] | {"aliases": ["short"]}
    if draw(st.booleans()):
        targets = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        files["routes/r.yaml"] = {"strategy": "fallback", "targets": [{"model": name} for name in targets]}
    keys = draw(st.dictionaries(st.sampled_from(["k", "l"]), KEY))
    for index, (name, key) in enumerate(sorted(keys.items())):
        files[f"keys/{name}.yaml"] = key | {"key_sha256": f"{index + 1}" * 64}
    if limit := draw(st.none() | st.sampled_from([10, 20])):
        files["budgets/all.yaml"] = {"limit_requests": limit, "period": "day"}
    return {path: msgspec.json.encode(document).decode() for path, document in files.items()}


def quietly(given_test):
    return settings(
        max_examples=120,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )(given_test)


def said(change: CatalogDiff, kind: str) -> set[str]:
    named = {name for entry in change.entries if entry.kind == kind for name in (*entry.names, entry.before_name)}
    if kind == "model":
        named |= {name for group in change.repriced for name in group.models}
    return named - {""}


def content(entry):
    """All that an entry says, but for where it stands and how it was written."""
    plain = msgspec.to_builtins(entry)
    for field in ("file", "blob", "origins", "aliases", "pricing", "list_pricing"):
        plain.pop(field, None)
    return msgspec.json.encode(plain, order="sorted")


def charges(model):
    """What some calls cost, now and later."""
    plan = compile_pricing(model.pricing)
    usages = ({"input_tokens": 500, "output_tokens": 7, "cache_read_tokens": 3, "requests": 1}, {"input_tokens": 10**6})
    return [
        plan.charge(usage, started_ns=at, service_tier=tier).cost_pico_usd
        for usage in usages
        for at in MOMENTS
        for tier in (None, "batch")
    ]


def callable_by(catalog, key):
    """The full names of what a key may call, asked one by one."""
    if key.disabled:
        return set()
    permissions = permissions_of(catalog.teams, catalog.aliases, catalog.models, catalog.routes, catalog.providers)
    entries = {**catalog.models, **catalog.routes}
    return {
        name
        for name, entry in entries.items()
        if permissions.may_call(key, name) and entry.lifecycle.status != "retired"
    }


@quietly
@given(files=catalogs())
def test_a_catalog_does_not_differ_from_itself(files, compiled):
    catalog = compiled(files)
    assert diff(catalog, catalog, now_ns=NOW) == CatalogDiff()
    again = compiled({path: f"# another look\n{text}" for path, text in reversed(files.items())})
    change = diff(catalog, again, now_ns=NOW)
    assert change.is_empty
    assert change.without_effect == tuple(sorted(files))


@quietly
@given(before=catalogs(), after=catalogs())
def test_every_difference_appears(before, after, compiled):
    one, other = compiled(before), compiled(after)
    change = diff(one, other, now_ns=NOW)
    renamed = {entry.before_name: entry.names[0] for entry in change.entries if entry.before_name}
    for kind in ("model", "route", "key", "budget", "team", "provider"):
        mine, theirs = getattr(one, f"{kind}s"), getattr(other, f"{kind}s")
        gone_or_new = mine.keys() ^ theirs.keys()
        assert gone_or_new <= said(change, kind)
        changed = {name for name in mine.keys() & theirs.keys() if content(mine[name]) != content(theirs[name])}
        assert changed <= said(change, kind) | set(_order_only(mine, theirs))
        same = {name for name in mine.keys() & theirs.keys() if mine[name] == theirs[name]} - renamed.keys()
        assert not same & said(change, kind) - set(renamed.values())
    for name in one.models.keys() & other.models.keys():
        if charges(one.models[name]) != charges(other.models[name]):
            assert any(name in group.models and group.periods for group in change.repriced)
    for alias in one.aliases.keys() | other.aliases.keys():
        was, will_be = one.aliases.get(alias), other.aliases.get(alias)
        if renamed.get(was, was) != will_be:
            assert alias in {moved.name for moved in change.names}


def _order_only(mine, theirs):
    """Entries that list the same things in another order, which says nothing."""
    for name in mine.keys() & theirs.keys():
        forms = [msgspec.to_builtins(each) for each in (mine[name], theirs[name])]
        for form in forms:
            for field, value in form.items():
                if field in {"models", "deny_models", "forbid"}:
                    form[field] = sorted(value)
            for field in ("file", "blob", "origins", "aliases", "pricing", "list_pricing"):
                form.pop(field, None)
        if msgspec.json.encode(forms[0], order="sorted") == msgspec.json.encode(forms[1], order="sorted"):
            yield name


@quietly
@given(before=catalogs(), after=catalogs())
def test_callers_lose_and_gain_exactly_what_is_said(before, after, compiled):
    one, other = compiled(before), compiled(after)
    change = diff(one, other, now_ns=NOW)
    keys = {entry.before_name: entry.names[0] for entry in change.entries if entry.kind == "key" and entry.before_name}
    renamed = {entry.before_name: entry.names[0] for entry in change.entries if entry.kind in {"model", "route"}}
    lost = {(key, name) for each in change.lost for key in each.keys for name in each.names if name.startswith("@")}
    gained = {(key, name) for each in change.gained for key in each.keys for name in each.names}
    really_lost, really_gained = set(), set()
    for name, key in one.keys.items():
        later = other.keys.get(keys.get(name, name))
        could, can = callable_by(one, key), callable_by(other, later) if later else set()
        answers_to = {target for target in could if target in can}
        off = later is None or later.disabled
        really_lost |= {(name if off else later.name, target) for target in could - answers_to}
        came = {target for target in can - could if not any(renamed.get(old) == target for old in could)}
        really_gained |= {(later.name, target) for target in (can if key.disabled else came)} if later else set()
    for name, key in other.keys.items():
        if name not in one.keys and name not in keys.values():
            really_gained |= {(name, target) for target in callable_by(other, key)}
    assert lost == really_lost
    assert gained == really_gained
