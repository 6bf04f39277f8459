"""Every setting that has one value, once: its key in gateway.yaml, its variable, how it is read, what it means."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.operator.values import parse_address, parse_duration, parse_size

CONFIG_VARIABLE = "CATALOG_CONFIG"
CREDENTIAL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*|[A-Za-z0-9._-]+@[^/]+:.*|ext::.*", re.DOTALL)
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

Parse = Callable[[object], Any]


def parse_path(value: object) -> str:
    """A path, relative or not; nothing in it is expanded."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("it should be a path")
    if value.startswith("~"):
        raise ValueError(f"{value!r}: '~' is not expanded here: write the whole path")
    return value


def parse_flag(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise ValueError("it should be true or false")  # noqa: TRY004 - one kind of error for bad values
    return value


def parse_secret(value: object, base: Path) -> str:
    """A reference to a secret; the message shows nothing of a value that is not one, it may be the secret itself."""
    kind, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "env" and _VARIABLE.fullmatch(place):
        return f"env:{place}"
    if kind == "file" and place and "\0" not in place:
        return f"file:{(base / place).absolute()}"
    if value == "google:default" or (kind == "aws" and _PROFILE.fullmatch(place)):
        return f"{kind}:{place}"
    raise ValueError(
        "secret should be env:NAME, file:/path, aws:default, aws:<profile> or google:default; "
        "the secret itself never goes into this file"
    )


def _repo(value: object) -> str:
    text = parse_path(value)
    if _REMOTE.fullmatch(text):
        raise ValueError("remote repositories are not supported yet: name a local clone (bare or not)")
    return text


def _environment(value: object) -> str:
    if not isinstance(value, str) or CREDENTIAL_NAME.fullmatch(value) is None:
        raise ValueError("it should be the name of an environment, such as prod")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("it should be text")
    return value


def _count(smallest: int, largest: int) -> Parse:
    def parse(value: object) -> int:
        text = "" if isinstance(value, bool) else str(value)
        if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or not smallest <= int(text) <= largest:
            raise ValueError(f"it should be a whole number from {smallest} to {largest}")
        return int(text)

    return parse


def _positive(parse_unit: Callable[[object], int]) -> Parse:
    def parse(value: object) -> int:
        if (number := parse_unit(value)) == 0:
            raise ValueError("it must be more than 0")
        return number

    return parse


def _one_of(*choices: str) -> Parse:
    def parse(value: object) -> str:
        if value not in choices:
            raise ValueError(f"it should be {' or '.join(choices)}")
        return str(value)

    return parse


class Setting(msgspec.Struct, frozen=True):
    """One setting. `key` is its place in gateway.yaml, `field` its attribute of `Settings`."""

    key: str
    field: str
    parse: Parse
    help: str
    is_path: bool = False

    @property
    def variable(self) -> str:
        """Its environment variable."""
        # A variable CATALOG_CATALOG would read like a mistake.
        return "CATALOG_DIR" if self.key == "catalog" else f"CATALOG_{self.key.replace('.', '_').upper()}"


SETTINGS = (
    Setting("listen", "listen", parse_address, "where the data plane listens"),
    Setting("admin_listen", "admin_listen", parse_address, "where dashboard, admin API and metrics listen"),
    Setting("state", "state", parse_path, "directory of snapshots, spool and ledger", is_path=True),
    Setting("workers", "workers", _count(1, 256), "gateway processes"),
    Setting("catalog", "source.catalog", parse_path, "the catalog is this directory", is_path=True),
    Setting("repo", "source.repo", _repo, "the catalog is in this Git repository", is_path=True),
    Setting("ref", "source.ref", _text, "branch, tag or commit of the repository"),
    Setting("path", "source.path", _text, "the catalog's directory inside the repository"),
    Setting("environment", "environment", _environment, "lay environments/<name>/ of the catalog over its base"),
    Setting("limits.max_body_bytes", "limits.max_body_bytes", _positive(parse_size), "largest request body"),
    Setting("limits.body_timeout", "limits.body_timeout_ms", _positive(parse_duration), "time for a body to arrive"),
    Setting("limits.max_response_bytes", "limits.max_response_bytes", _positive(parse_size), "largest answer"),
    Setting("limits.max_connections", "limits.max_connections", _count(1, 100_000), "per origin and worker"),
    Setting("ledger.durability", "ledger.durability", _one_of("process", "disk"), "what a record survives"),
    Setting("ledger.when_unwritable", "ledger.when_unwritable", _one_of("refuse", "allow"), "what new requests get"),
    Setting("drain.grace", "drain.grace_ms", parse_duration, "time for calls in flight after a stop"),
    Setting("on_disconnect.max_time", "on_disconnect.max_time_ms", parse_duration, "time to go on without a client"),
    Setting("on_disconnect.max_bytes", "on_disconnect.max_bytes", parse_size, "bytes to read without a client"),
    Setting("on_disconnect.max_calls", "on_disconnect.max_calls", _count(0, 100_000), "such calls at once, a worker"),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}
SECTIONS = {setting.key.partition(".")[0] for setting in SETTINGS if "." in setting.key}
