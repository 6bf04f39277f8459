"""What a client is told when an upstream answers with an error status."""

import re

import msgspec

from engine.errors import UpstreamError, UpstreamRefused
from engine.gateway.reply import passed_on_text, retry_after
from engine.gateway.upstream import UpstreamResponse
from engine.wires.refused import refused

MAX_ERROR_BODY = 64 * 1024


# Some refuse a wrong credential with another status than 401, and say so in words only (Google, xAI).
_WRONG_KEY = re.compile(r"(?:api key not valid|(?:incorrect|invalid) api key|invalid api token)", re.IGNORECASE)
_INVALID_TOKEN = 498  # Cohere's
_AWS_CREDENTIAL = re.compile(
    r"(?:UnrecognizedClient|ExpiredToken|InvalidSignature|IncompleteSignature|MissingAuthenticationToken)(?:Exception)?\b"
)


class _Error(msgspec.Struct):
    code: object = None
    param: object = None
    message: object = None


class _Body(msgspec.Struct):
    error: object = None
    message: object = None


_decoder = msgspec.json.Decoder(_Body)


async def refusal_of(response: UpstreamResponse) -> UpstreamRefused:
    """The fault that an answer with an error status stands for. Its body is read for the error's code only."""
    error = await _error_in(response)
    headers = passed_on_text(response.headers)
    if response.status in (429, 503, 529):
        headers |= retry_after(response.headers)
    status = 401 if _is_about_credential(response, error) else response.status
    return refused(status, http_status=response.status, code=error.code, param=error.param, headers=headers)


def _is_about_credential(response: UpstreamResponse, error: _Error) -> bool:
    if response.status == _INVALID_TOKEN:
        return True
    if response.status != 400:
        return False
    if _AWS_CREDENTIAL.match(response.headers.get("x-amzn-errortype", "")):
        return True
    return isinstance(error.message, str) and _WRONG_KEY.match(error.message) is not None


async def _error_in(response: UpstreamResponse) -> _Error:
    body = bytearray()
    try:
        async for chunk in response.chunks():
            body += chunk
            if len(body) > MAX_ERROR_BODY:
                return _Error()
        found = _decoder.decode(body)
        if isinstance(found.error, dict):
            return msgspec.convert(found.error, _Error)
    except (UpstreamError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Error()
    return _Error(message=found.error or found.message)
