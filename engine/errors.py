"""Faults are exceptions: what may go wrong while a request is served is one family.

GatewayError                     carries status, type, code, message, param, headers; one function renders it
├── InvalidRequest         400   the body or a header is not what the API asks for
│   ├── BodyTooLarge       413
│   ├── UnsupportedMedia   415
│   └── BodyTimeout        408
├── Unauthenticated        401   one constant text: never which part was wrong
├── ModelNotFound          404   with near names among those that the key may see
├── ProviderDisabled       503   the operator has not bound what this provider needs
├── NotReady               503   no catalog yet, draining, or too many calls in flight
├── LedgerUnwritable       503   no call goes unrecorded, so none is made
└── UpstreamError
    ├── UpstreamNotSent    502   nothing of the request can have reached the upstream: safe to try again
    ├── UpstreamMaybeSent  502   it may have arrived, and may be billed; unknown counts as maybe sent
    │   └── UpstreamBroken 502   an answer began and did not end
    └── UpstreamRefused    …     a complete answer came, and it is an error

`UserError` is its sibling on the command line: one message, one exit code, no traceback.
"""

from collections.abc import Mapping
from types import MappingProxyType

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class GatewayError(Exception):
    """A request that ends in an error reply of the API that was called.

    `status` is the HTTP status, `type` and `code` follow OpenAI's error object, `headers` go on the reply.
    `message` is written by us and is safe to show: it never holds upstream text or a secret.
    """

    status = 500
    type = "api_error"
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the field's name in the API
        param: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = headers
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        if type is not None:
            self.type = type


class InvalidRequest(GatewayError):
    """The body or a header is not what the API asks for."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class BodyTooLarge(InvalidRequest):
    """The body is over the operator's cap."""

    status = 413
    code = "body_too_large"


class UnsupportedMedia(InvalidRequest):
    """The body is not JSON, or it is compressed."""

    status = 415
    code = "unsupported_media_type"


class BodyTimeout(InvalidRequest):
    """The body did not arrive in time."""

    status = 408
    code = "body_timeout"


class Unauthenticated(GatewayError):
    """No key, two keys, an unknown, expired or disabled key: the client is told the same."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class ModelNotFound(GatewayError):
    """No such model among those that the key may see."""

    status = 404
    type = "invalid_request_error"
    code = "model_not_found"


class ProviderDisabled(GatewayError):
    """The model exists, but the operator has not bound what its provider needs."""

    status = 503
    code = "provider_disabled"


class NotReady(GatewayError):
    """The gateway cannot take this request now."""

    status = 503
    code = "not_ready"


class LedgerUnwritable(GatewayError):
    """The spool takes no record, so no call is made."""

    status = 503
    code = "ledger_unwritable"


class UpstreamError(GatewayError):
    """A call to the upstream that did not end well.

    `upstream_status` is what the upstream answered, where it answered.
    """

    status = 502
    type = "upstream_error"
    code = "upstream_error"
    upstream_status: int | None = None


class UpstreamNotSent(UpstreamError):
    """Nothing of the request can have reached the upstream.

    Codes: upstream_connect (refused, unreachable), upstream_connect_timeout (504), upstream_dns, upstream_tls,
    upstream_address_refused, upstream_bad_header (a header that cannot be written), upstream_busy (503: no free
    connection in time), upstream_credentials (a cloud's own chain of credentials gives none).
    """

    code = "upstream_connect"


class UpstreamMaybeSent(UpstreamError):
    """The request may have arrived. Codes: upstream_reset, upstream_timeout (504), upstream_protocol."""

    code = "upstream_reset"


class UpstreamBroken(UpstreamMaybeSent):
    """An answer began and did not end.

    Codes: upstream_truncated, upstream_idle_timeout and upstream_timeout (504), upstream_too_large, upstream_protocol,
    upstream_bad_encoding (it is compressed, and is not read).
    """

    code = "upstream_truncated"


class UpstreamRefused(UpstreamError):
    """A complete answer came, and it is an error.

    Codes: upstream_auth, upstream_rate_limited, upstream_bad_request, upstream_server_error, upstream_redirect,
    upstream_bad_content_type, upstream_bad_body.
    """

    code = "upstream_server_error"


class UserError(Exception):
    """What a user of the command line can mend: one message on standard error, one exit code.

    Exit codes: 1 the work was done and the verdict is no, 2 it could not be done.
    """

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
