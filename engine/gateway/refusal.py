"""What a client is told when an upstream answers with an error: the kind of fault, never the upstream's words."""

import re
from collections.abc import Mapping

import msgspec

from engine.errors import UpstreamError, UpstreamRefused
from engine.gateway.reply import retry_after
from engine.gateway.upstream import UpstreamResponse

MAX_ERROR_BODY = 64 * 1024

# Lower-case words only: an error code such as context_length_exceeded passes, a key never looks like this.
_CODE = re.compile(r"[a-z]{2,24}(?:_[a-z]{2,24}){1,5}", re.ASCII)
_PARAM = re.compile(r"[a-z_]{1,40}(?:[.\[][a-z0-9_]{1,24}\]?){0,4}", re.ASCII)

# upstream status → (our status, type, code, what it means). What is the operator's fault is never shown as the client's.
_KNOWN: Mapping[int, tuple[int, str, str, str]] = {
    400: (400, "invalid_request_error", "upstream_bad_request", "refused the request as invalid"),
    401: (502, "upstream_error", "upstream_auth", "did not accept this gateway's credential"),
    402: (502, "upstream_error", "upstream_billing", "refused the call for billing reasons"),
    403: (502, "upstream_error", "upstream_auth", "did not accept this gateway's credential"),
    404: (502, "upstream_error", "upstream_not_found", "does not know the model or the endpoint"),
    408: (504, "upstream_error", "upstream_timeout", "timed out"),
    409: (409, "invalid_request_error", "upstream_conflict", "refused the request as conflicting"),
    413: (413, "invalid_request_error", "upstream_too_large", "refused the request as too large"),
    422: (400, "invalid_request_error", "upstream_bad_request", "refused the request as invalid"),
    429: (429, "rate_limit_error", "upstream_rate_limited", "is rate limiting this gateway"),
    503: (503, "upstream_error", "upstream_overloaded", "is overloaded"),
    529: (503, "upstream_error", "upstream_overloaded", "is overloaded"),
}


async def refusal_of(response: UpstreamResponse) -> UpstreamRefused:
    """The fault that an answer with an error status stands for. Reads the body for its error code only."""
    status = response.status
    ours, type_, code, what = _KNOWN.get(status, _by_class(status))
    named, param = "", None
    if type_ == "invalid_request_error":
        named, param = await _named_code(response)
    message = f"The upstream {what} (HTTP {status}{', ' + named if named else ''})."
    error = UpstreamRefused(
        message,
        code=named or code,
        status=ours,
        type=type_,
        param=param,
        headers=retry_after(response.headers) if ours in (429, 503) else {},
    )
    error.upstream_status = status
    return error


def _by_class(status: int) -> tuple[int, str, str, str]:
    if 300 <= status < 400:
        return (502, "upstream_error", "upstream_redirect", "answered with a redirect, which is not followed")
    if 400 <= status < 500:
        return (502, "upstream_error", "upstream_refused", "refused the request")
    return (502, "upstream_error", "upstream_server_error", "failed")


async def _named_code(response: UpstreamResponse) -> tuple[str, str | None]:
    """The error's own code and parameter, where they are plain words."""
    try:
        body = await response.read()
        error = msgspec.json.decode(body[:MAX_ERROR_BODY], type=dict[str, object]).get("error")
    except (UpstreamError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "", None
    if not isinstance(error, dict):
        return "", None
    code, param = error.get("code"), error.get("param")
    return (
        code if isinstance(code, str) and _CODE.fullmatch(code) else "",
        param if isinstance(param, str) and _PARAM.fullmatch(param) else None,
    )
