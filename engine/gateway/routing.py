"""From a key and a model's name to everything a call needs, found once per snapshot and model.

All of it lives inside the snapshot's `Routes`: a new catalog brings new routes and never sees old ones. Only the
upstream clients outlive it, since warm connections do not depend on what a catalog says.
"""

import bisect
import difflib
import functools
import time
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from engine.catalog.snapshot import Snapshot
from engine.errors import InvalidRequest, ModelNotFound
from engine.gateway.auth import Authenticator, Authenticators
from engine.gateway.auth.authenticator import Headers
from engine.gateway.auth.static import Static
from engine.gateway.counting import RECORDED_AS as COUNT_RECORDED_AS
from engine.gateway.counting import counting_target
from engine.gateway.endpoints import CHAT, Endpoint, answered_by
from engine.gateway.keys import check_usable, hash_of, presented_secret, refused
from engine.gateway.passage import Call, Passage
from engine.gateway.passages import find_passage
from engine.gateway.target import BodyChanges, body_changes, target
from engine.gateway.upstream import Upstream, UpstreamRequest
from engine.ledger.record import Attempt
from engine.model import ROUTE_PREFIX, Key, Model, Provider
from engine.operator.credentials import Bindings, Bound, Disabled
from engine.operator.origins import Origin
from engine.pricing.cost import PricePlan, compile_pricing

NEAR_NAMES = 3
MAX_NEAR_NAMES = 30  # before it is asked which of them the key may see
MAX_COMPARED_NAMES = 500
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
KEYLESS = Static("bearer", None)
MIN_SECRET_CHARACTERS = 16  # shorter ones are placeholders of local servers ("EMPTY"), and stand in ordinary text


class GetUpstream(Protocol):
    """The client of an origin; one that exists already is given again."""

    def __call__(self, origin: Origin) -> Upstream:
        """The client; raises OSError where its CA file cannot be read."""
        ...


class Route:
    """How calls of one endpoint reach one model, with all that can be known before a request comes.

    `disabled` says why it cannot be called ("" if it can). `template` is the ledger record without what only a request
    knows. `target` and `stream_target` are paths at `upstream`, `headers` are complete but for the attempt's id.
    """

    __slots__ = (
        "_origin",
        "_reshaping",
        "authenticator",
        "disabled",
        "endpoint",
        "headers",
        "list_plan",
        "model",
        "passage",
        "plan",
        "stream_target",
        "target",
        "template",
        "upstream",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        model: Model,
        endpoint: Endpoint,
        bound: Bound | Disabled,
        get_upstream: GetUpstream,
        authenticators: Authenticators,
    ) -> None:
        provider = snapshot.providers[model.provider]
        self.model = model
        self.endpoint = endpoint
        self.plan: PricePlan = compile_pricing(model.pricing)
        self.list_plan: PricePlan | None = compile_pricing(model.list_pricing) if model.list_pricing else None
        self.upstream: Upstream | None = None
        self.passage: Passage | None = None
        self.target, self.stream_target, self.disabled = "", "", ""
        self.headers: tuple[tuple[str, str], ...] = ()
        self.authenticator: Authenticator = KEYLESS
        self._origin = ""
        self._reshaping: BodyChanges | None = None
        if isinstance(bound, Disabled):
            self.disabled = bound.reason
        else:
            self._enable(provider, bound, get_upstream, authenticators)
        self.template = _template(snapshot.revision, model, endpoint, self.passage)

    def _enable(
        self, provider: Provider, bound: Bound, get_upstream: GetUpstream, authenticators: Authenticators
    ) -> None:
        try:
            passage = find_passage(self.endpoint, self.model)
            self.upstream = get_upstream(bound.origin)
        except (OSError, ValueError) as error:
            self.disabled = str(error)
            return
        if passage is None and self.endpoint.only_counts:
            return  # without a target: the request is refused
        if passage is None:
            self.disabled = f"this version of the gateway does not speak {self.model.wire!r} yet"
            return
        self.target = target(provider, self.model, passage.wire)
        self.stream_target = target(provider, self.model, passage.wire, stream=True)
        if self.endpoint.only_counts:
            self.target = counting_target(self.target)
        self.passage = passage
        changes = body_changes(provider, passage.wire.name)
        self._reshaping = changes if changes.sets or changes.drops else None
        self.headers = _upstream_headers(provider, self.model, passage)
        self.authenticator = authenticators(provider, passage.wire.name, bound)
        self._origin = str(bound.origin)

    def request(self, call: Call, extra: Headers, *, stream: bool) -> UpstreamRequest:
        """What is sent: the call as this vendor wants it, authenticated; `extra` headers come on top.

        The authenticator must be ready.
        """
        target = self.stream_target if stream else self.target
        body = call.body if self._reshaping is None else _reshaped(call.body, self._reshaping)
        headers = (*self.headers, *self.authenticator.headers("POST", self._origin + target, body), *extra)
        return UpstreamRequest("POST", target, headers, body, self.model.timeouts)

    def holds_secret(self, data: bytes) -> bool:
        """Whether the credential stands in `data`; an upstream that echoes it must not show it to our clients."""
        for secret in self.authenticator.secrets():  # noqa: SIM110 - a generator for each piece of a stream is dear
            if len(secret) >= MIN_SECRET_CHARACTERS and secret in data:
                return True
        return False


class Caller:
    """One key with what it may call: answers are kept, so that a request costs one look-up."""

    __slots__ = ("_found", "_routes", "key", "secret_expires")

    def __init__(self, routes: "Routes", key: Key, secret_expires: int | None) -> None:
        self.key = key
        self.secret_expires = secret_expires
        self._routes = routes
        self._found: dict[tuple[str, str], Route] = {}

    def route(self, asked: str, endpoint: Endpoint = CHAT) -> Route:
        """The route of a model by name or alias.

        Raises:
            ModelNotFound: there is none, or this key may not see it: the same answer. Or it does not answer such calls.
        """
        route = self._found.get((asked, endpoint.path))
        if route is None:
            route = self._found[asked, endpoint.path] = self._served(self._name_of(asked), endpoint)
        return route

    def seen(self, asked: str) -> Model:
        """A model by name or alias, also one that is retired, as a list would show it.

        Raises:
            ModelNotFound: there is none, or this key may not see it: the same answer.
        """
        model = self._routes.snapshot.model(self._name_of(asked))
        if model is None:  # a route
            raise self._not_found(asked)
        return model

    def _name_of(self, asked: str) -> str:
        name = self._routes.snapshot.resolve(asked)
        if name is None or not self.may_call(name):
            raise self._not_found(asked)
        return name

    def _served(self, name: str, endpoint: Endpoint) -> Route:
        """The route of a model that the key may call, or of the one that it redirects to.

        Raises:
            ModelNotFound: it is not served, for a reason that whoever may call it may know.
        """
        if name.startswith(ROUTE_PREFIX):
            raise ModelNotFound(f"{name} is a route, and routes are not served yet by this version.", param="model")
        route = self._routes.of(name, endpoint)
        model, lifecycle = route.model, route.model.lifecycle
        if lifecycle.status == "retired":
            # The compiler refuses replacements that are retired themselves, so this ends.
            if lifecycle.when_retired == "redirect":
                return self.route(lifecycle.replacement, endpoint)
            instead = f" Use {lifecycle.replacement} instead." if lifecycle.replacement else ""
            raise ModelNotFound(f"The model {name} is retired.{instead}", param="model")
        if endpoint.name not in (answered := answered_by(model)):
            answers = f", only: {', '.join(answered)}" if answered else ""
            raise ModelNotFound(f"The model {name} does not answer {endpoint.phrase}{answers}.", param="model")
        return route

    def may_call(self, name: str) -> bool:
        """Whether the key covers the model with this full name."""
        return self._routes.snapshot.may_call(self.key, name)

    def visible(self) -> Iterable[Model]:
        """The models that this key may call, in the order of their names; without those that are retired."""
        for name in self._routes.snapshot.names:
            if self.may_call(name):
                model = self._routes.snapshot.model(name)
                if model is not None and model.lifecycle.status != "retired":
                    yield model

    def _not_found(self, asked: str) -> ModelNotFound:
        shown = asked if len(asked) <= 160 else asked[:160] + "…"
        near = self._near(asked[:160])
        hint = f" Did you mean {' or '.join(near)}?" if near else " GET /v1/models lists what this key may call."
        return ModelNotFound(f"The model {shown!r} does not exist or this key may not call it.{hint}", param="model")

    def _near(self, asked: str) -> list[str]:
        """Near names among those the key may see. The work is bounded, however large the catalog."""
        names = self._routes.snapshot.names
        if len(names) > MAX_COMPARED_NAMES:
            start = max(0, bisect.bisect(names, asked) - MAX_COMPARED_NAMES // 2)
            names = names[start : start + MAX_COMPARED_NAMES]
        near = difflib.get_close_matches(asked, names, n=MAX_NEAR_NAMES, cutoff=0.6)
        return [name for name in near if self.may_call(name)][:NEAR_NAMES]


class Routes:
    """One published catalog as the data plane uses it. A request pins one from its first byte to its last."""

    def __init__(
        self,
        snapshot: Snapshot,
        seq: int,
        digest: str,
        bindings: Bindings,
        get_upstream: GetUpstream,
        authenticators: Authenticators,
    ) -> None:
        self.snapshot = snapshot
        self.seq = seq
        self.digest = digest
        self.loaded_ns = time.time_ns()
        self._get_upstream = get_upstream
        self._authenticators = authenticators
        self._bound = {name: bindings.resolve(provider) for name, provider in snapshot.providers.items()}
        self.disabled = {name: bound.reason for name, bound in self._bound.items() if isinstance(bound, Disabled)}
        for bound in self._bound.values():
            if isinstance(bound, Bound):
                authenticators.warm(bound)
        self._by_name: dict[tuple[str, str], Route] = {}
        self._callers: dict[str, Caller] = {}

    @functools.cached_property
    def committed_at(self) -> int:
        """When the commit was made, in seconds since the Unix epoch; 0 for a directory."""
        return (self.snapshot.committed_at or 0) // 10**9

    @property
    def revision(self) -> str:
        """The commit, or "dir:<digest>", that this catalog was compiled from."""
        return self.snapshot.revision

    def of(self, name: str, endpoint: Endpoint) -> Route:
        """The route of an existing model."""
        route = self._by_name.get((name, endpoint.path))
        if route is None:
            model = self.snapshot.model(name)
            if model is None:
                raise KeyError(name)
            bound = self._bound[model.provider]
            route = Route(self.snapshot, model, endpoint, bound, self._get_upstream, self._authenticators)
            self._by_name[name, endpoint.path] = route
        return route

    def caller(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Who calls.

        Raises:
            Unauthenticated: one constant answer, whatever is wrong.
            InvalidRequest: two different keys.
        """
        digest = hash_of(presented_secret(headers))
        caller = self._callers.get(digest)
        if caller is None:
            found = self.snapshot.key_by_sha256(digest)
            if found is None:
                raise refused()
            key, secret = found
            caller = self._callers[digest] = Caller(self, key, secret.expires)
        check_usable(caller.key, caller.secret_expires)
        return caller


def asked_model(model: str, provider: str) -> str:
    """The model's full name, from the body's `model` and the header `x-portkey-provider: @provider`.

    Raises:
        InvalidRequest: both name a provider, and not the same.
    """
    if not provider:
        return model
    if not provider.startswith("@"):
        provider = f"@{provider}"
    if not model.startswith("@"):
        return f"{provider}/{model}"
    if model.partition("/")[0] != provider:
        raise InvalidRequest(
            f"The header x-portkey-provider says {provider!r}, the model {model!r}: send one of them.", param="model"
        )
    return model


def _template(revision: str, model: Model, endpoint: Endpoint, passage: Passage | None) -> Attempt:
    wire = passage.wire.name if passage is not None else model.wire
    return Attempt(
        request_id="",
        state="open",
        started_ns=0,
        labels=model.labels,
        model=model.name,
        provider=model.provider,
        api=model.api,
        wire=COUNT_RECORDED_AS if endpoint.only_counts else wire,
        base_model=model.base_model.resolved or model.base_model.written if model.base_model else "",
        upstream_model=model.upstream_model,
        revision=revision,
        blob=model.blob,
    )


def _upstream_headers(provider: Provider, model: Model, passage: Passage) -> Headers:
    """What goes to the upstream with every call: ours, the wire's, the provider's, the model's; nothing of the client's."""
    headers = {"content-type": "application/json", "accept": f"application/json, {passage.stream_type}"}
    headers |= passage.headers
    headers |= {name.lower(): value for name, value in provider.headers.items()}
    headers |= {name.lower(): value for name, value in model.headers.items()}
    return tuple(headers.items())


def _reshaped(body: bytes, changes: BodyChanges) -> bytes:
    fields: dict[str, Any] = {**_FIELDS.decode(body), **changes.sets}
    for name in changes.drops:
        fields.pop(name, None)
    return msgspec.json.encode(fields)
