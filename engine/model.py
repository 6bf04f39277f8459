"""The words all rooms share, as frozen structs: what one compiled catalog says.

Field names are those of the catalog language (README, "What a model file looks like"). Everything here is plain data:
what is derived for speed at request time (compiled rates, URLs, headers) is derived from it by the room that needs it,
once per snapshot.
"""

from typing import Any, Literal

import msgspec

PriceKind = Literal["own", "free", "inherit", "unpriced"]
OnDisconnect = Literal["drain", "cancel"]
Endpoint = Literal["chat", "completions", "embeddings", "messages", "rerank", "responses"]
Strategy = Literal["fallback", "weighted", "conditional"]
Period = Literal["day", "week", "month", "total"]

ROUTE_PREFIX = "@route/"


class PriceTier(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates that replace the base ones, key by key, for a request with more than `above_input_tokens` of input.

    All of the request is then priced by them, and cached tokens count as input. Where several tiers apply, a price key
    takes its rate from the one with the highest threshold that names it.
    """

    above_input_tokens: int
    rates: dict[str, str]


class PriceVariant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates that replace the base ones, key by key, where the response says so.

    `when` must hold in full: {"processing": "batch"} is what `pricing.meters` makes of the response's service tier.
    A price key that a variant names takes the variant's rate and the variant's tiers; the others keep theirs. Where
    several variants hold, a price key takes the one that names it with the most conditions, then by the variant's name.
    """

    when: dict[str, str]
    rates: dict[str, str]
    tiers: tuple[PriceTier, ...] = ()


class PriceWindow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates that hold for requests that start at or after `start`, until the next window starts.

    `start` is in nanoseconds since the Unix epoch; None is "always". `rates` maps a price key of `pricing.meters`
    (`input_mtok`, …) to an exact plain decimal of USD per that key's unit. A factor may give it more than 12 decimals.
    `tiers` are sorted by threshold, `variants` go by their names. `correction` says why the window was changed after
    its time had begun.
    """

    rates: dict[str, str]
    start: int | None = None
    tiers: tuple[PriceTier, ...] = ()
    variants: dict[str, PriceVariant] = {}
    correction: str = ""


class Pricing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model costs.

    `windows` are sorted by `start`. `free` has one window without rates, in which every meter costs zero; `unpriced`
    has none, and a cost is then unknown. `source` says where inherited rates come from: the model's or the reference's
    full name, e.g. "@openai/base" or "openai:gpt-4.1-nano".
    """

    kind: PriceKind
    windows: tuple[PriceWindow, ...] = ()
    source: str = ""


class BaseModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """The existing model that a custom one is compatible with.

    `written` is what the file says. `resolved` is "api:id" of the reference model at the end of `chain`, "" where the
    chain ends at a model without one. `chain` lists the custom models passed on the way, nearest first. `matched_by`
    is "id", or "pattern" where the reference data's own matching was needed.
    """

    written: str
    resolved: str = ""
    chain: tuple[str, ...] = ()
    matched_by: Literal["id", "pattern", ""] = ""


class Supports(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the upstream can do; None is unknown, and unknown passes."""

    stream_usage: bool | None = None
    tools: bool | None = None
    vision: bool | None = None
    json_schema: bool | None = None
    audio: bool | None = None
    reasoning: bool | None = None


class Dialect(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a vendor takes OpenAI's format, where that is not how most servers do.

    `is_openai`: it runs OpenAI's models, so it takes all that OpenAI takes (`max_completion_tokens`, developer messages),
    and no field that OpenAI does not have. `reasoning_field`: the field of a message in which it wants to see again what
    the model thought, "" where it refuses that. `cache_marks`: it takes Anthropic's marks on parts and tools.
    `file_urls`: it fetches files by their URL.
    """

    is_openai: bool = False
    reasoning_field: str = ""
    cache_marks: bool = False
    file_urls: bool = False


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sizes in tokens; `over_limit` says what happens to a request that asks for more output."""

    context_window: int | None = None
    max_output_tokens: int | None = None
    over_limit: Literal["refuse", "clamp"] = "refuse"
    max_input_tokens: int | None = None


class Timeouts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deadlines of one attempt, in milliseconds.

    `connect_ms` until the connection stands, `first_byte_ms` until the answer's headers, `idle_ms` between two reads of
    the body, `total_ms` for all of it.
    """

    connect_ms: int = 5_000
    first_byte_ms: int = 120_000
    idle_ms: int = 60_000
    total_ms: int = 600_000


class RateLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much may be called; None is "no limit". Tokens are input and output together."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a call is tried, the first time counted; `backoff_ms` before the second try, doubled for each next."""

    attempts: int = 1
    backoff_ms: int = 250


class Access(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which teams may call: patterns over their names ("*" within a name)."""

    teams: tuple[str, ...] = ("*",)
    deny_teams: tuple[str, ...] = ()


class Lifecycle(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a model is still to be used. Times in nanoseconds since the Unix epoch.

    `replacement` is the full name of a model or route, "" where none is given.
    """

    status: Literal["active", "deprecated", "retired"] = "active"
    deprecated_at: int | None = None
    sunset: int | None = None
    replacement: str = ""
    when_retired: Literal["refuse", "redirect"] = "refuse"


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt that shows that a model works: its answer contains `expect`, whatever the case of letters.

    `max_cost_usd` is an exact plain decimal, None is "no cap".
    """

    prompt: str
    expect: str = ""
    max_cost_usd: str | None = None
    timeout_ms: int = 60_000


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account at, or a server that speaks, some API.

    `base_url` has no trailing slash; an endpoint's path (`/chat/completions`) is added to it. `credential` is the name
    that the operator binds, or "none". `wires` are the payload formats that it is spoken to in, of each kind of call the
    preferred one first.
    """

    name: str
    api: str
    base_url: str
    credential: str
    file: str
    blob: str
    description: str = ""
    headers: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    region: str = ""
    project: str = ""
    api_version: str = ""
    wires: tuple[str, ...] = ()
    supports: Supports = Supports()
    rate_limit: RateLimit = RateLimit()
    retry: Retry = Retry()
    access: Access = Access()
    owner: str = ""
    labels: dict[str, str] = {}


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """One callable model, everything resolved.

    `name` is "@provider/slug". `blob` is the Git blob id of `file`. `list_pricing` is the base model's list price, for
    comparison; `pricing` is what is charged. `origins` says where each resolved value came from: a map from a dotted
    field to a phrase for people. `team` is the team below whose directory the file is, "" for the platform's.
    `access` comes on top of the provider's. `endpoints` is empty where the base model and the wire decide.

    `wires` are the chat wires that reach it, the preferred one first: a call goes by the client's own where that is
    among them, else by the first. `embeddings_wire` and `rerank_wire` are for those calls. What is empty is a kind of
    call that it does not answer. `wire` is the first of all. `dialect` is its vendor's.
    """

    name: str
    provider: str
    slug: str
    type: Literal["fine-tuned", "custom", "base"]
    api: str
    wire: str
    upstream_model: str
    pricing: Pricing
    file: str
    blob: str
    description: str = ""
    base_model: BaseModel | None = None
    list_pricing: Pricing | None = None
    owner: str = ""
    labels: dict[str, str] = {}
    aliases: tuple[str, ...] = ()
    supports: Supports = Supports()
    limits: Limits = Limits()
    defaults: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    forbid: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    on_disconnect: OnDisconnect = "drain"
    origins: dict[str, str] = {}
    team: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    access: Access = Access()
    rate_limit: RateLimit = RateLimit()
    retry: Retry = Retry()
    strict: bool = False
    record_content: Literal["none", "errors", "all"] = "none"
    lifecycle: Lifecycle = Lifecycle()
    checks: tuple[Check, ...] = ()
    wires: tuple[str, ...] = ()
    embeddings_wire: str = ""
    rerank_wire: str = ""
    dialect: Dialect = Dialect()


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """One choice of a route: the full name of a model or of another route.

    `weight` is for weighted routes. `when` maps a condition ("metadata.tier", "key", "owner", "stream", "endpoint") to
    the values of which one must be met, as text ("true"); all conditions must hold, and none holds always.
    """

    model: str
    weight: int = 1
    when: dict[str, tuple[str, ...]] = {}


class Sticky(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who keeps a target that was picked once: "key", "user" or "metadata.<name>", for `for_ms` after the last call."""

    by: str
    for_ms: int = 3_600_000


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """A virtual model that picks among models. `name` is "@route/slug".

    `fallback_on` holds kinds of failures and HTTP statuses. `retry` and `timeouts` are None where each target keeps its
    own. Whoever calls must have access to the route and to the model that it picks.
    """

    name: str
    slug: str
    strategy: Strategy
    targets: tuple[Target, ...]
    file: str
    blob: str
    description: str = ""
    fallback_on: tuple[str | int, ...] = ()
    sticky: Sticky | None = None
    aliases: tuple[str, ...] = ()
    owner: str = ""
    team: str = ""
    labels: dict[str, str] = {}
    access: Access = Access()
    lifecycle: Lifecycle = Lifecycle()
    timeouts: Timeouts | None = None
    retry: Retry | None = None


class KeySecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """One secret of a key, by its SHA-256 in lower-case hex; `expires` in nanoseconds since the Unix epoch."""

    sha256: str
    expires: int | None = None


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may call. `models` and `deny_models` are patterns over "@provider/slug" and aliases ("*" within a name)."""

    name: str
    owner: str
    models: tuple[str, ...]
    secrets: tuple[KeySecret, ...]
    file: str
    blob: str
    description: str = ""
    deny_models: tuple[str, ...] = ()
    expires: int | None = None
    disabled: bool = False
    labels: dict[str, str] = {}
    rate_limit: RateLimit = RateLimit()
    team: str = ""


class AppliesTo(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which calls a budget counts: all that is given must hold, each by any of its items; empty is "all".

    Patterns over the calling key's name and owner and over the model's names; a label's value must be one of those
    given.
    """

    keys: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    labels: dict[str, tuple[str, ...]] = {}


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much may be spent in a period (UTC). Exactly one of the three limits is given.

    `per` gives each key, owner, model or value of a label ("label.<name>") a counter to itself; "" is one for all.
    `alerts_at` are percents of the limit, ascending.
    """

    name: str
    period: Period
    file: str
    blob: str
    description: str = ""
    owner: str = ""
    labels: dict[str, str] = {}
    limit_pico_usd: int | None = None
    limit_tokens: int | None = None
    limit_requests: int | None = None
    applies_to: AppliesTo = AppliesTo()
    per: str = ""
    on_exceeded: Literal["block", "warn"] = "block"
    alerts_at: tuple[int, ...] = ()


class Team(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team. `models` and `deny_models` are patterns that limit what its keys may call, on top of the keys' own."""

    name: str
    file: str
    blob: str
    description: str = ""
    contacts: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    deny_models: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    rate_limit: RateLimit = RateLimit()
