"""What the operator's file will make of a catalog's providers: by names and origins alone, no secret is read."""

from engine.catalog.compile import Catalog
from engine.catalog.reading import read_yaml
from engine.model import Provider
from engine.operator.credentials import WELL_KNOWN, Bindings
from engine.operator.loading import load_settings
from engine.operator.origins import Origin, check_address, split_url
from engine.operator.settings import Settings
from engine.problem import Problem, Severity

DISABLED, REFUSED = "provider-disabled", "origin-refused"
# Nothing of this machine's environment is about the gateway: neither its variables nor where it keeps its state.
_NO_ENVIRONMENT = {"HOME": "/"}


def read_policy(path: str) -> Settings:
    """The operator's file alone.

    Raises:
        SettingsError: it cannot be used.
    """
    return load_settings(environ=_NO_ENVIRONMENT, config=path)


def policy_findings(catalog: Catalog, settings: Settings) -> list[Problem]:
    """A warning for every provider that this operator's file disables, or whose address it does not allow."""
    bindings = Bindings(settings, environ={})
    found: list[Problem] = []
    for provider in catalog.providers.values():
        if (why := bindings.why_unbound(provider)) is not None:
            known = provider.credential in settings.credentials or provider.credential in WELL_KNOWN
            place = ("base_url", "credential", "api") if known else ("credential", "api")
            found.append(_finding(catalog, provider, DISABLED, f"@{provider.name} will be disabled: {why}", place))
        elif (why := _why_refused(provider, settings)) is not None:
            message = f"calls to @{provider.name} will be refused: {why}"
            found.append(_finding(catalog, provider, REFUSED, message, ("base_url", "api")))
    return found


def _why_refused(provider: Provider, settings: Settings) -> str | None:
    """What can be told of an address that stands in the URL itself; a name proves nothing before it is looked up."""
    origin, _ = split_url(provider.base_url)
    address = _address(origin)
    why = check_address(address, settings.policy(origin)) if address else None
    return f"of {origin}, {why}" if why else None


def _address(origin: Origin) -> str:
    if origin.host == "localhost":
        return "127.0.0.1"
    return str(origin.address or "")


def _finding(catalog: Catalog, provider: Provider, code: str, message: str, keys: tuple[str, ...]) -> Problem:
    document = read_yaml(catalog.tree.files[provider.file], provider.file).document
    assert document is not None, "the catalog has compiled"
    pointer = next((f"/{key}" for key in keys if key in document.value), "")
    line, column = document.position(pointer)
    return Problem(
        code=code,
        severity=Severity.WARNING,
        message=message,
        file=provider.file,
        line=line,
        column=column,
        pointer=pointer,
    )
