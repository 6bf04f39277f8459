"""What a client is told when an upstream answers with an error: the kind of fault, never the upstream's words."""

import re
from collections.abc import Mapping
from typing import Final

from engine.errors import UpstreamRefused

# Lower-case words with underscores: context_length_exceeded passes, and a secret never looks like this.
_CODE = re.compile(r"[a-z]{2,24}(?:_[a-z]{2,24}){1,5}", re.ASCII)
_PARAM = re.compile(r"[a-z_]{1,40}(?:[.\[][a-z0-9_]{1,24}\]?){0,4}", re.ASCII)

_INVALID: Final = "invalid_request_error"
_UPSTREAM: Final = "upstream_error"

# Their status → our status, type, code and phrase. What is the operator's fault is never shown as the client's.
_KNOWN: Mapping[int, tuple[int, str, str, str]] = {
    400: (400, _INVALID, "upstream_bad_request", "refused the request as invalid"),
    401: (502, _UPSTREAM, "upstream_auth", "did not accept this gateway's credential"),
    402: (502, _UPSTREAM, "upstream_billing", "refused the call for billing reasons"),
    403: (502, _UPSTREAM, "upstream_auth", "did not accept this gateway's credential"),
    404: (502, _UPSTREAM, "upstream_not_found", "does not know the model or the endpoint"),
    408: (504, _UPSTREAM, "upstream_timeout", "timed out"),
    409: (409, _INVALID, "upstream_conflict", "refused the request as conflicting"),
    413: (413, _INVALID, "upstream_too_large", "refused the request as too large"),
    422: (400, _INVALID, "upstream_bad_request", "refused the request as invalid"),
    429: (429, "rate_limit_error", "upstream_rate_limited", "is rate limiting this gateway"),
    503: (503, _UPSTREAM, "upstream_overloaded", "is overloaded"),
    529: (503, _UPSTREAM, "upstream_overloaded", "is overloaded"),
}


def refused(
    status: int,
    *,
    http_status: int | None = None,
    code: object = None,
    param: object = None,
    headers: Mapping[str, str] | None = None,
) -> UpstreamRefused:
    """The fault that an upstream's error of this `status` stands for.

    `http_status` is that of the reply, where it differs because the error came in a 200. `code` and `param` are what
    the error object holds: they are shown where the fault is the client's and they are plain words.
    """
    ours, type_, our_code, phrase = _KNOWN.get(status) or _by_class(status)
    is_clients = type_ == _INVALID
    named = code if is_clients and isinstance(code, str) and _CODE.fullmatch(code) else ""
    error = UpstreamRefused(
        f"The upstream {phrase} (HTTP {status}{', ' if named else ''}{named}).",
        code=named or our_code,
        status=ours,
        type=type_,
        param=param if is_clients and isinstance(param, str) and _PARAM.fullmatch(param) else None,
        headers=headers or {},
    )
    error.upstream_status = http_status or status
    return error


def _by_class(status: int) -> tuple[int, str, str, str]:
    if 300 <= status < 400:
        return (502, _UPSTREAM, "upstream_redirect", "answered with a redirect, which is not followed")
    if 400 <= status < 500:
        return (502, _UPSTREAM, "upstream_refused", "refused the request")
    return (502, _UPSTREAM, "upstream_server_error", "failed")
