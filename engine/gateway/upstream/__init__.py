"""The upstream client: one per origin, so that a request to it costs one write and one read."""

from engine.gateway.upstream.client import Upstream
from engine.gateway.upstream.request import Resolve, UpstreamRequest
from engine.gateway.upstream.response import UpstreamResponse

__all__ = ["Resolve", "Upstream", "UpstreamRequest", "UpstreamResponse"]
