"""A credential that expires, and is renewed in a thread before it does."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

import msgspec
import structlog

from engine.errors import UpstreamNotSent

T = TypeVar("T")

log = structlog.get_logger("gateway")

RETRY_SECONDS = 1.0
WAIT_SECONDS = 10.0  # a call does not wait longer; the fetch goes on, for the calls after it


class Renewed(msgspec.Struct, Generic[T], frozen=True):
    """A credential as it is now. Both times are in seconds since the Unix epoch.

    From `renew_at` on, the next use has it renewed in the background; from `expires` on it is of no use.
    """

    value: T
    renew_at: float
    expires: float


class CredentialUnavailable(Exception):
    """There is no credential. The message is for the operator's log and holds no secret."""


class Renewing(Generic[T]):
    """Keeps one credential fresh; for one event loop.

    `renew` blocks, and so runs in a thread, never twice at a time; it raises CredentialUnavailable. `what` names the
    credential in the log.
    """

    def __init__(self, what: str, renew: Callable[[], Renewed[T]]) -> None:
        self._what = what
        self._renew = renew
        self._current: Renewed[T] | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether there is a credential that holds."""
        return self._current is not None and time.time() < self._current.expires

    def get(self) -> T:
        """The credential, where `is_ready`; begins to renew it when it is time."""
        assert self._current is not None
        if time.time() >= self._current.renew_at:
            self._begin()
        return self._current.value

    def warm(self) -> None:
        """Begin to fetch the credential, so that the first call need not wait; without an event loop it is left to that."""
        if not self.is_ready:
            with contextlib.suppress(RuntimeError):
                self._begin()

    async def ensure(self) -> None:
        """Wait until there is a credential that holds.

        Raises:
            UpstreamNotSent: upstream_credentials, there is none.
        """
        if not self.is_ready and (task := self._begin()) is not None:
            await asyncio.wait({task}, timeout=WAIT_SECONDS)
        if not self.is_ready:
            message = "The gateway has no valid credential for this provider at the moment."
            raise UpstreamNotSent(message, code="upstream_credentials")

    def _begin(self) -> asyncio.Task[None] | None:
        """The renewal that is under way, perhaps from now on; None shortly after one that failed."""
        if self._task is None and time.monotonic() >= self._retry_at:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return self._task

    async def _run(self) -> None:
        try:
            self._current = await _in_thread(self._renew)
        except CredentialUnavailable as error:
            self._failed(str(error))
        except Exception as error:  # the edge of two large libraries: whatever it is, the next call tries again
            self._failed(f"internal error: {type(error).__name__}")
        finally:
            self._task = None

    def _failed(self, reason: str) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        log.error("credential not renewed", credential=self._what, reason=reason)


async def _in_thread(call: Callable[[], T]) -> T:
    """What `call` gives. Unlike the loop's executor, a thread that hangs does not keep the process from ending."""
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # whoever awaits it gets it
            result.set_exception(error)

    threading.Thread(target=run, name="credential", daemon=True).start()
    return await asyncio.wrap_future(result)
