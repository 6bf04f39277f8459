"""Google's tokens, from local stubs of its token server and of its metadata server (not Google's own)."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

# Imported here and not first in a gateway's thread: requests changes the filters of warnings, and pytest does too.
import google.auth.transport.requests
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from engine.errors import UpstreamNotSent
from engine.gateway.auth.google import GoogleToken
from engine.operator.credentials import Secret

URL = "https://europe-west4-aiplatform.googleapis.com/v1/x"


class Stub(BaseHTTPRequestHandler):
    """Both servers: `POST /token` wants a signed assertion, `GET /computeMetadata/…` the metadata header."""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.assertions.append(form["assertion"][0])
        if self.server.refuses:
            self.reply(400, {"error": "invalid_grant", "error_description": f"echo {form['assertion'][0]}"})
        else:
            self.reply(200, {"access_token": "ya29.account", "expires_in": 3600, "token_type": "Bearer"})

    def do_GET(self):
        assert self.headers["metadata-flavor"] == "Google"
        if "token" in self.path:
            self.reply(200, {"access_token": "ya29.metadata", "expires_in": 3600, "token_type": "Bearer"})
        elif "project-id" in self.path:
            self.reply(200, "acme")
        elif "universe" in self.path:
            self.reply(404, "")
        else:
            self.reply(200, {"default": {"email": "e", "scopes": ["s"], "aliases": []}, "email": "e", "scopes": ["s"]})

    def reply(self, status, answer):
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/text" if isinstance(answer, str) else "application/json")
        self.send_header("metadata-flavor", "Google")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def google():
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        server.assertions, server.refuses = [], False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def account(google, private_key):
    """The JSON of a service account, as Google gives it out."""
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "gateway@acme.iam.gserviceaccount.com",
            "token_uri": f"http://127.0.0.1:{google.server_port}/token",
        },
        indent=1,
    )


def fetched(key):
    async def run():
        token = GoogleToken("vertex", Secret(key) if key else None)
        assert not token.is_ready
        assert token.secrets() == ()
        await token.ensure()
        return token, token.headers("POST", URL, b"{}")

    return asyncio.run(run())


def test_a_service_account_signs_for_its_token(google, account, private_key):
    token, headers = fetched(account)
    assert headers == (("authorization", "Bearer ya29.account"),)
    assert token.secrets() == (b"ya29.account",)
    assert "ya29" not in repr(token) + repr(token._token._current)
    (assertion,) = google.assertions
    signed, _, signature = assertion.rpartition(".")
    decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: E731
    private_key.public_key().verify(decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(decode(signed.partition(".")[2]))
    assert claims["iss"] == "gateway@acme.iam.gserviceaccount.com"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_a_token_is_fetched_again_only_when_it_is_time(google, account):
    async def run():
        token = GoogleToken("vertex", Secret(account))
        for _ in range(5):
            if not token.is_ready:
                await token.ensure()
            token.headers("POST", URL, b"{}")
        return len(google.assertions)

    assert asyncio.run(run()) == 1


def test_what_a_token_server_says_reaches_no_log(google, account, capfd):
    google.refuses = True
    with pytest.raises(UpstreamNotSent) as caught:
        fetched(account)
    assert caught.value.code == "upstream_credentials"
    said = "".join(capfd.readouterr())
    assert "RefreshError" in said
    assert google.assertions
    assert not any(assertion in said for assertion in google.assertions)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("{", "is its JSON whole?"),
        ("[]", "is its JSON whole?"),
        ("{}", "is its JSON whole?"),
        ('{"type": "service_account", "private_key": "hunter2"}', "is its JSON whole?"),
        ('{"type": "authorized_user", "refresh_token": "hunter2"}', "is its JSON whole?"),
        ('{"type": "external_account", "hunter2": 1}', "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_a_key_that_cannot_be_used_refuses_calls_and_is_not_shown(key, said, capfd):
    with pytest.raises(UpstreamNotSent):
        fetched(key)
    log = "".join(capfd.readouterr())
    assert said in log
    assert "hunter2" not in log


PROGRAM = """
import asyncio
from engine.gateway.auth.google import GoogleToken

async def run():
    token = GoogleToken("vertex", None)
    await token.ensure()
    print(token.headers("POST", "https://x.googleapis.com/", b""))

asyncio.run(run())
"""


def default_credentials(tmp_path, **environment):
    """What Application Default Credentials are in a process of this environment; google-auth reads it once."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_"))}
    environment = {**clean, "CLOUDSDK_CONFIG": str(tmp_path), "HOME": str(tmp_path), **environment}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)


def test_default_credentials_are_the_file_of_the_environment(tmp_path, account):
    (tmp_path / "key.json").write_text(account)
    done = default_credentials(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"))
    assert done.stdout.strip() == "(('authorization', 'Bearer ya29.account'),)", done.stderr


def test_default_credentials_are_those_of_the_machine(tmp_path, google):
    address = f"127.0.0.1:{google.server_port}"
    done = default_credentials(tmp_path, GCE_METADATA_HOST=address, GCE_METADATA_IP=address)
    assert done.stdout.strip() == "(('authorization', 'Bearer ya29.metadata'),)", done.stderr


def test_without_any_the_operator_is_told_what_to_do(tmp_path):
    done = default_credentials(tmp_path, NO_GCE_CHECK="true")
    assert "upstream_credentials" in done.stderr or "no valid credential" in done.stderr
    assert "gcloud auth application-default login" in done.stdout + done.stderr
