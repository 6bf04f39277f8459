"""Slots are neither lost nor invented, whoever gives up and when."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.gateway.upstream.slots import Slots


def later(seconds=60.0):
    return asyncio.get_running_loop().time() + seconds


def test_deadline():
    async def scenario():
        slots = Slots(1)
        await slots.take(later())
        with pytest.raises(TimeoutError):
            await slots.take(later(0.01))
        slots.give_back()
        assert slots.free == 1

    asyncio.run(scenario())


def test_turn_that_comes_while_giving_up_goes_to_the_next():
    async def scenario():
        slots = Slots(1)
        await slots.take(later())
        first, second = (asyncio.ensure_future(slots.take(later())) for _ in range(2))
        await asyncio.sleep(0)
        slots.give_back()
        first.cancel()
        await asyncio.wait_for(second, 1)
        assert first.cancelled()
        slots.give_back()
        assert slots.free == 1

    asyncio.run(scenario())


@settings(max_examples=300, deadline=None)
@example(1, ["take", "take", "turn", "cancel", "give", "turn"])
@given(st.integers(1, 3), st.lists(st.sampled_from(["take", "give", "cancel", "turn"]), max_size=40))
def test_count_is_kept(count, steps):
    async def scenario():
        slots, tasks, held = Slots(count), [], 0
        for step in steps:
            if step == "take":
                tasks.append(asyncio.ensure_future(slots.take(later())))
            elif step == "give" and held:
                slots.give_back()
                held -= 1
            elif step == "cancel" and tasks:
                tasks[0].cancel()
            await asyncio.sleep(0) if step == "turn" else None
            held += sum(task.done() and not task.cancelled() and task.result() is None for task in tasks)
            tasks = [task for task in tasks if not task.done()]
            assert held <= count
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        held += sum(not task.cancelled() for task in tasks)
        assert slots.free == count - held

    asyncio.run(scenario())
