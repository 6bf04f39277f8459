"""At most so many connections at a time; the others wait in line, each with a deadline."""

import asyncio
from collections import deque
from contextlib import suppress


class Slots:
    """A counter with a queue. Taking a free slot costs no turn of the event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many can be taken at once."""
        return self._free

    async def take(self, deadline: float) -> None:
        """Take one slot, after those who wait already; `deadline` is a time of the event loop's clock.

        Raises:
            TimeoutError: none was given back in time.
        """
        if self._free and not self._line:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException:
            if turn.cancelled():
                with suppress(ValueError):  # `give_back` may have met it already, and passed it over
                    self._line.remove(turn)
            else:
                self.give_back()  # the turn came in the very moment of giving up: it is the next one's
            raise

    def give_back(self) -> None:
        """Give one slot back: to the first in line, if there is a line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
