"""Reads settings: flags win over `CATALOG_*` variables, these over gateway.yaml, that over the defaults.

Everything wrong is said at once, each with its place: `gateway.yaml:3: …`, `CATALOG_LISTEN: …`, `--listen: …`.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.catalog.document import Document, pointer
from engine.catalog.reading import read_yaml
from engine.errors import UserError
from engine.operator.origins import Origin
from engine.operator.settings import Settings
from engine.operator.table import (
    BY_KEY,
    CONFIG_VARIABLE,
    CREDENTIAL_NAME,
    SECTIONS,
    SETTINGS,
    parse_flag,
    parse_path,
    parse_secret,
)

_MAX_CONFIG_BYTES = 256 * 1024


class SettingsError(UserError):
    """The operator's settings cannot be used. The message has one line for each mistake; none shows a secret."""


class _Given(msgspec.Struct, frozen=True):
    """A value as somebody wrote it, where, and the directory that relative paths start from."""

    value: Any
    where: str
    base: Path


_Layer = dict[str, _Given]


def load_settings(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    config: str | None = None,
) -> Settings:
    """The settings of this start.

    `flags` maps keys of the settings table ("listen", "limits.max_body_bytes") to what the command line gave; None is
    "not given". `config` is the path of gateway.yaml; without it the variable CATALOG_CONFIG may name one.

    Raises:
        SettingsError: a file that cannot be read, an unknown key, a value that cannot be used.
    """
    config = config or environ.get(CONFIG_VARIABLE) or None
    errors: list[str] = []
    named: dict[str, dict[str, Any]] = {"origins": {}, "credentials": {}}
    layers = [_from_flags(flags or {}), _from_environ(environ)]
    if config is not None:
        layers.append(_from_file(config, named, errors))
    values = _values(_merged(layers, errors), errors)
    if "state" not in values and (state := _default_state(environ)) is None:
        errors.append("there is no home directory to keep the state in: name a directory with --state")
    elif "state" not in values:
        values["state"] = state
    if errors:
        raise SettingsError("\n".join(errors))
    settings = msgspec.convert({**values, **named, "warnings": _near_misses(environ)}, Settings)
    if settings.listen == settings.admin_listen and settings.listen.port:
        raise SettingsError(f"listen and admin_listen are both {settings.listen}: give them different ports")
    return settings


def _default_state(environ: Mapping[str, str]) -> str | None:
    """Below XDG's *state* home: the ledger must outlive reboots and cleaned caches, and is neither data nor config."""
    state_home = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state_home):  # noqa: PTH117 - the XDG specification: relative values are ignored
        if not (home := environ.get("HOME", "")):
            return None
        state_home = str(Path(home).absolute() / ".local" / "state")
    return str(Path(state_home) / "catalog")


def _from_flags(flags: Mapping[str, object]) -> _Layer:
    return {
        key: _Given(value, f"--{key.rpartition('.')[2].replace('_', '-')}", Path.cwd())
        for key, value in flags.items()
        if value is not None
    }


def _from_environ(environ: Mapping[str, str]) -> _Layer:
    return {
        setting.key: _Given(value, setting.variable, Path.cwd())
        for setting in SETTINGS
        if (value := environ.get(setting.variable))
    }


def _near_misses(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Only a warning: a Kubernetes service called "catalog" puts variables such as CATALOG_PORT everywhere."""
    known = {setting.variable for setting in SETTINGS} | {CONFIG_VARIABLE, "CATALOG_DEBUG"}
    return tuple(
        f"the variable {name} is not used: did you mean {near[0]}?"
        for name in sorted(environ)
        if name.startswith("CATALOG_") and name not in known
        if (near := difflib.get_close_matches(name, known, 1, 0.85))
    )


def _merged(layers: list[_Layer], errors: list[str]) -> _Layer:
    """The highest layer's value of each key; the highest layer that names a source decides which kind it is."""
    merged: _Layer = {}
    for layer in reversed(layers):
        if "catalog" in layer and "repo" in layer:
            errors.append(f"{layer['repo'].where}: the catalog is a directory or in a repository: name only one")
        if "catalog" in layer:
            merged.pop("repo", None)
        elif "repo" in layer:
            merged.pop("catalog", None)
        merged.update(layer)
    return merged


def _values(given: _Layer, errors: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, entry in given.items():
        setting = BY_KEY[key]
        try:
            value = setting.parse(entry.value)
            if setting.is_path:
                value = str((entry.base / value).absolute())
        except ValueError as error:
            errors.append(f"{entry.where}: {error}")
            continue
        section, _, field = setting.field.rpartition(".")
        (values.setdefault(section, {}) if section else values)[field] = value
    return values


def _from_file(config: str, named: dict[str, dict[str, Any]], errors: list[str]) -> _Layer:
    path = Path(config)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"cannot read the settings {config}: {error.strerror}") from None
    reading = read_yaml(data, config)
    if reading.document is None:
        lines = [f"{problem.file}:{problem.line}: {problem.message}" for problem in reading.problems]
        raise SettingsError("\n".join(lines), hint=reading.problems[0].hint)
    return _File(reading.document, path.absolute().parent, errors).layer(named)


class _File:
    """Takes gateway.yaml apart, and says of everything on which line it stands."""

    def __init__(self, document: Document, base: Path, errors: list[str]) -> None:
        self._document = document
        self._base = base
        self._errors = errors

    def layer(self, named: dict[str, dict[str, Any]]) -> _Layer:
        layer: _Layer = {}
        known = {setting.key for setting in SETTINGS if "." not in setting.key} | SECTIONS | named.keys()
        for key, value in self._mapping(self._document.value, (), known).items():
            if key == "origins":
                named[key] = self._origins(value)
            elif key == "credentials":
                named[key] = self._credentials(value)
            elif key in SECTIONS:
                fields = {setting.key.partition(".")[2] for setting in SETTINGS if setting.key.startswith(f"{key}.")}
                for field, inner in self._mapping(value, (key,), fields).items():
                    layer[f"{key}.{field}"] = self._given(inner, key, field)
            else:
                layer[key] = self._given(value, key)
        return layer

    def _given(self, value: Any, *path: str) -> _Given:
        return _Given(value, f"{self._where(*path)}: {'.'.join(path)}", self._base)

    def _where(self, *path: str) -> str:
        return f"{self._document.file}:{self._document.position(pointer(*path), 'key')[0]}"

    def _error(self, path: tuple[str, ...], message: object) -> None:
        name = f"{'.'.join(path)}: " if path else ""
        self._errors.append(f"{self._where(*path)}: {name}{message}")

    def _mapping(self, value: Any, path: tuple[str, ...], known: set[str] | None) -> dict[str, Any]:
        """The mapping without the keys that are not `known` (None: any); an empty value is an empty mapping."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._error(path, "it should be a mapping of keys to values")
            return {}
        if known is None:
            return value
        for key in value.keys() - known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
            self._error((*path, key), f"there is no such setting: {hint}")
        return {key: inner for key, inner in value.items() if key in known}

    def _origins(self, value: Any) -> dict[str, dict[str, Any]]:
        origins: dict[str, dict[str, Any]] = {}
        for text, inner in self._mapping(value, ("origins",), None).items():
            path = ("origins", text)
            fields = self._mapping(inner, path, {"private", "ca_file"})
            try:
                origin = str(Origin.parse(text))
                if origin in origins:
                    raise ValueError(f"{origin} is listed twice")  # noqa: TRY301 - one way out for all mistakes
                origins[origin] = {}
                if "private" in fields:
                    origins[origin]["private"] = parse_flag(fields["private"])
                if "ca_file" in fields:
                    origins[origin]["ca_file"] = str(self._base / parse_path(fields["ca_file"]))
            except ValueError as error:
                self._error(path, error)
        return origins

    def _credentials(self, value: Any) -> dict[str, dict[str, Any]]:
        credentials: dict[str, dict[str, Any]] = {}
        for name, inner in self._mapping(value, ("credentials",), None).items():
            path = ("credentials", name)
            fields = self._mapping(inner, path, {"secret", "origin"})
            try:
                if CREDENTIAL_NAME.fullmatch(name) is None or name == "none":
                    raise ValueError("a credential's name is lower-case letters, digits, '.', '_', '-'; not 'none'")  # noqa: TRY301
                if fields.keys() != {"secret", "origin"}:
                    raise ValueError("it needs both: secret (env:NAME or file:/path) and origin (https://…)")  # noqa: TRY301
                credentials[name] = {
                    "secret": parse_secret(fields["secret"], self._base),
                    "origin": str(Origin.parse(str(fields["origin"]))),
                }
            except ValueError as error:
                self._error(path, error)
        return credentials
