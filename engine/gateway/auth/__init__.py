"""How a call says who pays for it: one small plug-in for each way.

    bearer, api-key, x-api-key, x-goog-api-key   a header that never changes           static.py
    aws-sigv4                                     a signature over each request         aws.py      extra `aws`
    google-oauth                                  a token that is renewed in time       google.py   extra `google`

What has to wait (a metadata server, a token's renewal) happens beside the calls: `warm` begins it when a catalog is
loaded, and it is renewed before it expires. `ensure` waits where it is missing all the same; `headers` never waits. No plug-in shows a secret in its `repr`.
"""

from engine.gateway.auth.authenticator import Authenticator
from engine.gateway.auth.factory import Authenticators

__all__ = ["Authenticator", "Authenticators"]
