"""Signatures over requests to AWS: its published vectors, a check of our own, and its chain of credentials."""

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from engine.errors import UpstreamNotSent
from engine.gateway.auth.aws import AwsCredentials, AwsKeys, SigV4, sign
from engine.operator.credentials import Secret

# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html (archived), all of 2015-08-30T12:36:00Z
ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com"
CONVERSE = f"{BEDROCK}/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"


@pytest.fixture
def in_2015(monkeypatch):
    moment = dt.datetime(2015, 8, 30, 12, 36, 0)  # noqa: DTZ001 - botocore's are naive
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),  # get-vanilla
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),  # post-vanilla
        ("GET", "/?Param1=value1&Param2=value2", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
)
def test_the_published_vectors(in_2015, method, path, signature):
    keys = AwsKeys(ACCESS, Secret(SECRET))
    headers = dict(sign(keys, "us-east-1", method, f"https://example.amazonaws.com{path}", b"", service="service"))
    assert headers == {
        "x-amz-date": "20150830T123600Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS}/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}",
    }


def expected_signature(secret, region, url, body, headers):
    """As AWS's page on Signature Version 4 describes it, step by step."""
    host, _, path = url.removeprefix("https://").partition("/")
    signed = {"host": host, **{name: value for name, value in headers.items() if name.startswith("x-amz-")}}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            "POST",
            quote(f"/{path}", safe="/-_.~"),  # encoded once more: all services but S3
            "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    date = headers["x-amz-date"][:8]
    scope = f"{date}/{region}/bedrock/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (date, region, "bedrock", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return names, hmac.digest(key, text.encode(), "sha256").hex()


@pytest.mark.parametrize("token", [None, "session-token=="])
@pytest.mark.parametrize("body", [b"{}", '{"messages": "ä"}'.encode()])
def test_a_signature_covers_host_date_token_and_body(token, body):
    keys = AwsKeys(ACCESS, Secret(SECRET), Secret(token) if token else None)
    headers = dict(sign(keys, "us-east-1", "POST", CONVERSE, body))
    names, signature = expected_signature(SECRET, "us-east-1", CONVERSE, body, headers)
    assert headers["authorization"].endswith(f"SignedHeaders={names}, Signature={signature}")
    assert headers.get("x-amz-security-token") == token
    assert headers.keys() <= {"authorization", "x-amz-date", "x-amz-security-token"}


class Vault(BaseHTTPRequestHandler):
    """A stub of a container's credential server (not AWS's): keys that hold for an hour, another each time."""

    def do_GET(self):
        self.server.asked += 1
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.server.lasts)
        answer = {
            "AccessKeyId": f"ASIA{self.server.asked}",
            "SecretAccessKey": "from-the-vault",
            "Token": "token-of-the-vault",
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def vault():
    with ThreadingHTTPServer(("127.0.0.1", 0), Vault) as server:
        server.asked, server.lasts = 0, 3600
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def aws(monkeypatch, tmp_path):
    """An environment in which AWS's chain finds nothing, but what the test puts there."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def signed_with(profile="default"):
    """The authenticator once it has its keys, and the headers of one request."""

    async def run():
        found = SigV4(AwsCredentials(profile), "us-east-1")
        assert not found.is_ready
        await found.ensure()
        assert found.is_ready
        return found, dict(found.headers("POST", CONVERSE, b"{}"))

    return asyncio.run(run())


def test_keys_of_the_environment(aws, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found, headers = signed_with()
    assert f"Credential={ACCESS}/" in headers["authorization"]
    assert found.secrets() == ()
    assert SECRET not in repr(found) + repr(vars(AwsKeys(ACCESS, Secret(SECRET)).secret_key.__class__))


def test_keys_of_a_profile(aws):
    (aws / "credentials").write_text(
        f"[acme-eu]\naws_access_key_id = AKIAEU\naws_secret_access_key = {SECRET}\naws_session_token = of-the-profile\n"
    )
    found, headers = signed_with("acme-eu")
    assert "Credential=AKIAEU/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "of-the-profile"
    assert found.secrets() == (b"of-the-profile",)


def test_keys_that_expire(aws, vault, monkeypatch):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{vault.server_port}/role")
    _, headers = signed_with()
    assert "Credential=ASIA1/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token-of-the-vault"
    assert vault.asked == 1


def test_keys_that_are_about_to_expire_are_renewed(aws, vault, monkeypatch):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{vault.server_port}/role")
    vault.lasts = 5 * 60  # within botocore's mandatory time, so it asks again
    credentials = AwsCredentials("default")
    assert credentials._renew().value.access_key != credentials._renew().value.access_key


@pytest.mark.parametrize("profile", ["default", "nobody"])
def test_without_keys_calls_are_refused(aws, profile):
    with pytest.raises(UpstreamNotSent) as caught:
        signed_with(profile)
    assert caught.value.code == "upstream_credentials"
