"""The words all rooms share, as frozen structs: what one compiled catalog says.

Field names are those of the catalog language (README, "What a model file looks like"). Everything here is plain data:
what is derived for speed at request time (compiled rates, URLs, headers) is derived from it by the room that needs it,
once per snapshot.
"""

from typing import Any, Literal

import msgspec

PriceKind = Literal["own", "free", "inherit", "unpriced"]
OnDisconnect = Literal["drain", "cancel"]


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
    `tiers` are sorted by threshold, `variants` go by their names.
    """

    rates: dict[str, str]
    start: int | None = None
    tiers: tuple[PriceTier, ...] = ()
    variants: dict[str, PriceVariant] = {}


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


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sizes in tokens; `over_limit` says what happens to a request that asks for more output."""

    context_window: int | None = None
    max_output_tokens: int | None = None
    over_limit: Literal["refuse", "clamp"] = "refuse"


class Timeouts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deadlines of one attempt, in milliseconds.

    `connect_ms` until the connection stands, `first_byte_ms` until the answer's headers, `idle_ms` between two reads of
    the body, `total_ms` for all of it.
    """

    connect_ms: int = 5_000
    first_byte_ms: int = 120_000
    idle_ms: int = 60_000
    total_ms: int = 600_000


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account at, or a server that speaks, some API.

    `base_url` has no trailing slash; an endpoint's path (`/chat/completions`) is added to it. `credential` is the name
    that the operator binds, or "none".
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


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """One callable model, everything resolved.

    `name` is "@provider/slug". `blob` is the Git blob id of `file`. `list_pricing` is the base model's list price, for
    comparison; `pricing` is what is charged. `origins` says where each resolved value came from: a map from a dotted
    field to a phrase for people.
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
