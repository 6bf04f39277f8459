import copy
import os
import pickle

import msgspec
import pytest

from engine.model import Provider
from engine.operator.credentials import WELL_KNOWN, Bindings, Bound, Disabled, Secret
from engine.operator.origins import Origin
from engine.operator.settings import CredentialSettings, OriginSettings, Settings

VALUE = "sk-0123456789abcdef"


def provider(base_url="https://llm.acme.internal/v1", credential="acme"):
    return Provider(name="p", api="openai", base_url=base_url, credential=credential, file="f", blob="b")


def bindings(secret="env:ACME_KEY", origin="https://llm.acme.internal", environ=None, origins=()):
    settings = Settings(
        state="/s",
        credentials={"acme": CredentialSettings(secret, origin)},
        origins={name: OriginSettings() for name in origins},
    )
    return Bindings(settings, {"ACME_KEY": VALUE} if environ is None else environ)


def reason(resolved):
    assert isinstance(resolved, Disabled)
    assert VALUE not in resolved.reason
    return resolved.reason


def test_a_bound_provider_has_its_origin_and_secret():
    bound = bindings().resolve(provider())
    assert isinstance(bound, Bound)
    assert bound.origin == Origin.parse("https://llm.acme.internal")
    assert bound.secret.reveal() == VALUE
    assert bound.warnings == ()


def test_spelling_of_the_origin_does_not_matter_its_meaning_does():
    assert isinstance(bindings().resolve(provider("HTTPS://LLM.acme.internal:443/v1")), Bound)
    assert isinstance(bindings().resolve(provider("https://llm.acme.internal:8443/v1")), Disabled)


def test_a_keyless_provider_needs_nothing():
    assert bindings().resolve(provider("http://127.0.0.1:8080/v1", "none")) == Bound(Origin("http", "127.0.0.1", 8080))


def test_a_secret_is_never_sent_elsewhere():
    said = reason(bindings().resolve(provider("https://evil.example/v1")))
    assert "https://llm.acme.internal" in said
    assert "https://evil.example" in said


def test_an_unknown_credential_is_named():
    assert "'other'" in reason(bindings().resolve(provider(credential="other")))


@pytest.mark.parametrize("environ", [{}, {"ACME_KEY": ""}, {"ACME_KEY": "  \n"}])
def test_an_unset_or_empty_variable_is_named(environ):
    assert "the variable ACME_KEY is unset or empty" in reason(bindings(environ=environ).resolve(provider()))


@pytest.mark.parametrize("value", [f"{VALUE}\r\nx-evil: 1", f"{VALUE} {VALUE}", f"{VALUE}\0", f"{VALUE}é"])
def test_a_secret_that_is_no_header_value_is_refused_unseen(value):
    assert "unprintable" in reason(bindings(environ={"ACME_KEY": value}).resolve(provider()))


def test_a_secret_comes_from_a_file_too(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{VALUE}\n")
    file.chmod(0o600)
    bound = bindings(f"file:{file}").resolve(provider())
    assert bound.secret.reveal() == VALUE
    assert bound.warnings == ()
    file.write_text("rotated")
    assert bindings(f"file:{file}").resolve(provider()).secret.reveal() == "rotated"


def test_a_secret_that_everybody_may_read_is_a_warning(tmp_path):
    file = tmp_path / "secret"
    file.write_text(VALUE)
    file.chmod(0o644)
    (warning,) = bindings(f"file:{file}").resolve(provider()).warnings
    assert str(file) in warning
    assert VALUE not in warning


def test_files_that_are_no_secret_disable_the_provider(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 20_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, said in (
        ("nothing", "No such file"),
        ("fifo", "not a regular file"),
        (".", "not a regular file"),
        ("empty", "unset or empty"),
        ("large", "too large"),
        ("binary", "unprintable"),
    ):
        assert said in reason(bindings(f"file:{tmp_path / name}").resolve(provider()))


def test_a_secret_goes_unencrypted_only_where_the_operator_says_so():
    inside = "http://llm.acme.internal"
    assert "unencrypted" in reason(bindings(origin=inside).resolve(provider(inside)))
    assert isinstance(bindings(origin=inside, origins=[inside]).resolve(provider(inside)), Bound)
    for loopback in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"):
        assert isinstance(bindings(origin=loopback).resolve(provider(loopback)), Bound)


def usual(name, region="us-east-1"):
    """A provider of a well-known api at its usual place."""
    vendor = WELL_KNOWN[name]
    base_url = vendor.url_of(region, "acme")
    place = {"region": region, "project": "acme", "file": "f", "blob": "b"}
    return Provider(name="p", api=vendor.api, base_url=base_url, credential=name, **place)


@pytest.mark.parametrize("name", sorted(name for name, vendor in WELL_KNOWN.items() if vendor.variable))
def test_well_known_apis_are_bound_to_their_usual_variable(name):
    vendor, settings = WELL_KNOWN[name], Settings(state="/s")
    bound = Bindings(settings, {vendor.variable: VALUE}).resolve(usual(name))
    assert bound.secret.reveal() == VALUE
    assert bound.chain == ""
    assert isinstance(
        Bindings(settings, {vendor.variable: VALUE}).resolve(provider("https://evil.example/v1", name)), Disabled
    )
    if vendor.auth != "aws-sigv4":
        assert vendor.variable in reason(Bindings(settings, {}).resolve(usual(name)))


@pytest.mark.parametrize(("name", "chain"), [("aws", "aws:default"), ("google-vertex", "google:default")])
def test_clouds_are_bound_to_their_chain_of_credentials(name, chain):
    bindings = Bindings(Settings(state="/s"), {})
    bound = bindings.resolve(usual(name))
    assert (bound.chain, bound.secret) == (chain, None)
    assert bound.origin.host.endswith(("us-east-1.amazonaws.com", "us-east-1-aiplatform.googleapis.com"))
    assert "leads to" in reason(bindings.resolve(msgspec.structs.replace(usual(name), base_url="https://evil.example")))


def test_a_region_cannot_move_a_cloud_elsewhere():
    crafted = msgspec.structs.replace(usual("google-vertex"), region="evil.example")
    assert "'evil.example' is none" in reason(Bindings(Settings(state="/s"), {}).resolve(crafted))


def test_a_chain_of_one_cloud_is_not_for_others():
    asked = bindings("aws:default")
    assert "does not take" in reason(asked.resolve(provider()))
    assert "does not take" in asked.why_unbound(provider())


def vertex():
    base_url = "https://europe-west4-aiplatform.googleapis.com/v1"
    return Provider(
        name="p", api="google-vertex", base_url=base_url, credential="acme", region="europe-west4", file="f", blob="b"
    )


def test_a_credential_of_google_is_json_or_a_token():
    origin = "https://europe-west4-aiplatform.googleapis.com"
    key = '{"type": "service_account",\n "private_key": "-----BEGIN"}'
    bound = bindings(origin=origin, environ={"ACME_KEY": key}).resolve(vertex())
    assert bound.chain == "google:key"
    assert bound.secret.reveal() == key
    assert "BEGIN" not in repr(bound)
    token = bindings(origin=origin).resolve(vertex())
    assert (token.chain, token.secret.reveal()) == ("", VALUE)


@pytest.mark.parametrize(
    ("secret", "extra", "package"), [("aws:default", "aws", "botocore"), ("google:default", "google", "google.auth")]
)
def test_a_missing_extra_is_named_with_what_to_install(monkeypatch, secret, extra, package):
    monkeypatch.setattr("engine.operator.credentials.find_spec", lambda name: None)
    name = {"aws": "aws", "google": "google-vertex"}[extra]
    said = reason(Bindings(Settings(state="/s"), {}).resolve(usual(name)))
    assert said == f'{package} is not installed: pip install "llm-catalog-engine[{extra}]"'
    assert Bindings(Settings(state="/s"), {}).why_unbound(usual(name)) is None


def test_the_operator_may_bind_a_well_known_name_anew():
    settings = Settings(state="/s", credentials={"openai": CredentialSettings("env:X", "https://proxy.example")})
    asked = Bindings(settings, {"X": VALUE, "OPENAI_API_KEY": "other"})
    assert asked.resolve(provider("https://proxy.example/v1", "openai")).secret.reveal() == VALUE
    assert isinstance(asked.resolve(provider("https://api.openai.com/v1", "openai")), Disabled)


def test_a_base_url_that_is_none_disables_the_provider():
    assert reason(bindings().resolve(provider("not a url")))


def test_a_secret_does_not_show_itself():
    secret = Secret(VALUE)
    bound = Bound(Origin.parse("https://a"), secret)
    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!s:>20}",
        repr(bound),
        str([bound]),
        str(vars(Secret)),
    ):
        assert VALUE not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode):
        with pytest.raises(TypeError):
            leak(secret)
