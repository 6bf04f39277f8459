"""How a call says who pays for it: one small plug-in for each way.

    bearer, api-key, x-api-key, x-goog-api-key   a header that never changes           static.py
    aws-sigv4                                     a signature over each request         aws.py      extra `aws`
    google-oauth                                  a token that is renewed in time       google.py   extra `google`

What has to wait (a metadata server, a token's renewal) happens in `ensure`, mostly in the background before it is
needed; `headers` never waits. No plug-in shows a secret in its `repr`.
"""

from engine.gateway.auth.authenticator import Authenticator
from engine.gateway.auth.factory import Authenticators

__all__ = ["Authenticator", "Authenticators"]
