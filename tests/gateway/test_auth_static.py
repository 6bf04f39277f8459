"""Credentials that go into one header, the choice of the plug-in, and credentials that are renewed in time."""

import asyncio
import threading
import time

import pytest

from engine.errors import UpstreamNotSent
from engine.gateway.auth import Authenticators
from engine.gateway.auth.aws import SigV4
from engine.gateway.auth.google import GoogleToken
from engine.gateway.auth.renewing import CredentialUnavailable, Renewed, Renewing
from engine.gateway.auth.static import Static
from engine.model import Provider
from engine.operator.credentials import Bound, Secret
from engine.operator.origins import Origin

VALUE = "sk-0123456789abcdef"
ORIGIN = Origin.parse("https://llm.acme.internal")


def authenticator(api, wire, bound=None):
    provider = Provider(name="p", api=api, base_url=str(ORIGIN), credential="c", file="f", blob="b", region="us-east-1")
    return Authenticators()(provider, wire, bound or Bound(ORIGIN, Secret(VALUE)))


@pytest.mark.parametrize(
    ("api", "wire", "header"),
    [
        ("openai", "openai-chat", ("authorization", f"Bearer {VALUE}")),
        ("anthropic", "anthropic-messages", ("x-api-key", VALUE)),
        ("azure", "openai-responses", ("api-key", VALUE)),
        ("azure", "anthropic-messages", ("x-api-key", VALUE)),
        ("google", "gemini", ("x-goog-api-key", VALUE)),
        ("google", "openai-chat", ("authorization", f"Bearer {VALUE}")),
        ("aws", "bedrock-converse", ("authorization", f"Bearer {VALUE}")),  # an API key of Bedrock
        ("google-vertex", "gemini", ("authorization", f"Bearer {VALUE}")),  # a token that somebody else renews
    ],
)
def test_a_secret_goes_into_the_vendors_header(api, wire, header):
    found = authenticator(api, wire)
    assert found.is_ready
    assert found.headers("POST", "https://llm.acme.internal/x", b"{}") == (header,)
    assert found.secrets() == (VALUE.encode(),)
    assert VALUE not in repr(found)


def test_a_keyless_server_gets_no_header():
    found = authenticator("vllm", "openai-chat", Bound(ORIGIN))
    assert found.headers("POST", "https://llm.acme.internal/x", b"{}") == ()
    assert found.secrets() == ()


def test_clouds_are_asked_for_what_is_sent_and_their_tokens_outlive_a_catalog():
    make = Authenticators()
    aws = Provider(name="p", api="aws", base_url=str(ORIGIN), credential="c", file="f", blob="b", region="us-east-1")
    chain = Bound(ORIGIN, chain="aws:default", credential="c")
    assert isinstance(make(aws, "bedrock-converse", chain), SigV4)
    assert isinstance(authenticator("aws", "openai-chat"), Static)
    vertex = Provider(name="v", api="google-vertex", base_url=str(ORIGIN), credential="g", file="f", blob="b")
    key = Bound(ORIGIN, Secret('{"type": "x"}'), chain="google:key", credential="g")
    found = make(vertex, "gemini", key)
    assert isinstance(found, GoogleToken)
    assert make(vertex, "anthropic-messages", key) is found
    rotated = Bound(ORIGIN, Secret('{"type": "y"}'), chain="google:key", credential="g")
    assert make(vertex, "gemini", rotated) is not found


class Clockwork:
    """Gives a new credential at every call; `lasts` and `fresh` are in seconds."""

    def __init__(self, lasts=60.0, fresh=30.0):
        self.lasts, self.fresh, self.calls = lasts, fresh, 0
        self.broken = False

    def __call__(self):
        self.calls += 1
        if self.broken:
            raise CredentialUnavailable("the server is gone")
        now = time.time()
        return Renewed(f"token-{self.calls}", now + self.fresh, now + self.lasts)


def test_a_credential_is_fetched_once_however_many_wait():
    async def run():
        clock = Clockwork()
        token = Renewing("c", clock)
        assert not token.is_ready
        await asyncio.gather(*(token.ensure() for _ in range(20)))
        assert token.is_ready
        return clock.calls, token.get()

    assert asyncio.run(run()) == (1, "token-1")


def test_a_credential_is_renewed_beside_the_calls_before_it_expires():
    async def run():
        clock = Clockwork(fresh=0)
        token = Renewing("c", clock)
        await token.ensure()
        first = token.get()  # it is time: the next one is on its way, and this one holds
        assert token.is_ready
        for _ in range(1_000):
            if token.get() != first:
                return first
            await asyncio.sleep(0.01)
        return "never renewed"

    assert asyncio.run(run()) == "token-1"


def test_while_there_is_no_credential_calls_are_refused_and_nobody_is_hammered(capsys):
    async def run():
        clock = Clockwork()
        clock.broken = True
        token = Renewing("aws:default", clock)
        for _ in range(20):
            with pytest.raises(UpstreamNotSent) as caught:
                await token.ensure()
            assert (caught.value.code, caught.value.status) == ("upstream_credentials", 502)
            assert "server" not in caught.value.message
        assert clock.calls <= 3
        return clock.calls

    assert asyncio.run(run()) >= 1


def test_an_expired_credential_is_none():
    async def run():
        clock = Clockwork(lasts=-1)
        token = Renewing("c", clock)
        with pytest.raises(UpstreamNotSent):
            await token.ensure()
        clock.lasts = 60
        await token.ensure()
        return token.is_ready

    assert asyncio.run(run())


def test_what_a_provider_will_need_is_fetched_when_its_catalog_is_loaded(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    provider = Provider(
        name="p", api="aws", base_url=str(ORIGIN), credential="c", file="f", blob="b", region="us-east-1"
    )
    bound = Bound(ORIGIN, chain="aws:default", credential="c")
    make = Authenticators()
    make.warm(bound)  # there is no event loop: the first call will do it
    make.warm(Bound(ORIGIN, Secret(VALUE)))

    async def run():
        make.warm(bound)
        found = make(provider, "bedrock-converse", bound)
        for _ in range(1_000):
            if found.is_ready:
                return True
            await asyncio.sleep(0.01)
        return False

    assert asyncio.run(run())


def test_a_call_waits_only_so_long_for_a_credential(monkeypatch):
    monkeypatch.setattr("engine.gateway.auth.renewing.WAIT_SECONDS", 0.05)
    go_on = threading.Event()

    def slow():
        assert go_on.wait(10)
        return Renewed("token", time.time() + 60, time.time() + 60)

    async def run():
        token = Renewing("c", slow)
        with pytest.raises(UpstreamNotSent):
            await token.ensure()
        go_on.set()
        await token.ensure()
        return token.get()

    assert asyncio.run(run()) == "token"


def test_a_caller_that_leaves_does_not_end_the_fetch_for_others():
    async def run():
        began, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def slow():
            loop.call_soon_threadsafe(began.set)
            assert go_on.wait(10)
            return Renewed("token", time.time() + 60, time.time() + 60)

        token = Renewing("c", slow)
        first, second = (asyncio.ensure_future(token.ensure()) for _ in range(2))
        await began.wait()
        first.cancel()
        go_on.set()
        await second
        return token.get()

    assert asyncio.run(run()) == "token"


def test_a_fetch_that_hangs_does_not_keep_a_worker_from_ending():
    go_on = threading.Event()

    def hangs():
        go_on.wait(60)
        return Renewed("token", time.time() + 60, time.time() + 60)

    async def run():
        Renewing("c", hangs).warm()
        await asyncio.sleep(0.05)

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 30
    go_on.set()
