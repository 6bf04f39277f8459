"""Anthropic's betas: what of the client's `anthropic-beta` header may go on to the provider.

Passed on are betas that only change what stands in the body of a request or an answer. Those are left out that use the
account's own state (files, skills, batches, agents), let the provider call hosts that the client names (MCP), or are
billed by what no answer reports (code execution, fast mode). Names are compared without their dates.

Source: https://platform.claude.com/docs/en/api/beta-headers
"""

import re
from typing import Final

from engine.wires import anthropic_messages

PASSED_ON: Final = frozenset(
    {
        "advanced-tool-use",
        "cache-diagnosis",
        "claude-code",
        "compact",
        "computer-use",
        "context-1m",
        "context-management",
        "dev-full-thinking",
        "effort",
        "extended-cache-ttl",
        "fine-grained-tool-streaming",
        "inline-tools",
        "interleaved-thinking",
        "mid-conversation-output-config",
        "mid-conversation-system-clear-at",
        "mid-conversation-tool-changes",
        "model-context-window-exceeded",
        "output-128k",
        "output-300k",
        "pdfs",
        "prompt-caching",
        "prompt-caching-scope",
        "structured-outputs",
        "task-budgets",
        "thinking-binding-controls",
        "thinking-display-updates",
        "thinking-token-count",
        "token-counting",
        "token-efficient-tools",
        "tool-examples",
        "tool-search-tool",
    }
)
HEADER: Final = "anthropic-beta"
API: Final = anthropic_messages.name

_BETA: Final = re.compile(r"([a-z0-9-]{1,64}?)-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})", re.ASCII)
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9-]")
_MAX_NAME: Final = 80


def sift(header: str, *, is_crossed: bool) -> tuple[str, tuple[str, ...]]:
    """What of the header goes on ("" for nothing), and the names of what does not, fit for `x-catalog-dropped`."""
    betas = dict.fromkeys(beta.strip() for beta in header.split(",") if beta.strip())
    passed = [] if is_crossed else [beta for beta in betas if _may_pass(beta)]
    dropped = [f"{HEADER}.{_NOT_IN_NAMES.sub('?', beta)[:_MAX_NAME]}" for beta in betas if beta not in passed]
    return ",".join(passed), tuple(dropped)


def _may_pass(beta: str) -> bool:
    match = _BETA.fullmatch(beta)
    return match is not None and match[1] in PASSED_ON
