"""What a client is told when an upstream answers with an error status."""

import msgspec

from engine.errors import UpstreamError, UpstreamRefused
from engine.gateway.reply import passed_on_text, retry_after
from engine.gateway.upstream import UpstreamResponse
from engine.wires.refused import refused

MAX_ERROR_BODY = 64 * 1024


class _Error(msgspec.Struct):
    code: object = None
    param: object = None


class _Body(msgspec.Struct):
    error: _Error


_decoder = msgspec.json.Decoder(_Body)


async def refusal_of(response: UpstreamResponse) -> UpstreamRefused:
    """The fault that an answer with an error status stands for. Its body is read for the error's code only."""
    error = await _error_in(response)
    headers = passed_on_text(response.headers)
    if response.status in (429, 503, 529):
        headers |= retry_after(response.headers)
    return refused(response.status, code=error.code, param=error.param, headers=headers)


async def _error_in(response: UpstreamResponse) -> _Error:
    body = bytearray()
    try:
        async for chunk in response.chunks():
            body += chunk
            if len(body) > MAX_ERROR_BODY:
                return _Error()
        return _decoder.decode(body).error
    except (UpstreamError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Error()
