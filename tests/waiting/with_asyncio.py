"""The cases of tests/waiting.rs in Python, so that asyncio itself says what it does."""
import asyncio
import sys
from asyncio import FIRST_COMPLETED, FIRST_EXCEPTION
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import child, log, run_all, show, spawn, turns


async def gather_starts_without_being_awaited_and_keeps_the_order():
    together = asyncio.gather(child("a", 6), child("b", 3), child("c", 0))
    log.append("main")
    await turns(20)
    log.extend(await together)


async def gather_returns_the_error_that_came_first_and_the_rest_runs_on():
    try:
        await asyncio.gather(
            child("a", 12, True), child("b", 2, True), child("c", 2, True), child("d", 8)
        )
    except ValueError as error:
        log.append(f"E({error})")
    await turns(20)


async def cancelling_gather_cancels_its_children():
    together = asyncio.gather(child("a", 1000), child("b", 1), child("c", 1000))
    await turns(5)
    together.cancel()
    log.append("asked")
    try:
        await together
    except asyncio.CancelledError:
        log.append("cancelled")


async def wait_and_show(tasks, **how):
    """Waits, logs the names of done and pending, and returns pending."""
    done, pending = await asyncio.wait(tasks, **how)
    for task in tasks:
        if task in done:
            error = task.exception()
            log.append(f"done {show(error) if error else task.result()}")
    log.append(f"{len(pending)} pending")
    return [task for task in tasks if task in pending]


async def wait_for_all():
    await wait_and_show([spawn("a", 6), spawn("b", 0, True), spawn("c", 3)])


async def wait_for_the_first_again_and_again():
    tasks = [spawn("a", 24), spawn("b", 2), spawn("c", 12, True)]
    while tasks:
        tasks = await wait_and_show(tasks, return_when=FIRST_COMPLETED)


async def wait_for_the_first_and_the_turns_after_it():
    for b in [0, 3]:
        for n in range(4):
            tasks = [spawn("b", b)]
            if b == 0:
                await turns(3)
            tasks.append(spawn("a", b + n))
            await wait_and_show(tasks, return_when=FIRST_COMPLETED)
            await turns(9)


async def wait_for_the_first_error():
    await wait_and_show(
        [spawn("a", 2), spawn("b", 12, True), spawn("c", 24)], return_when=FIRST_EXCEPTION
    )


async def wait_with_no_time_gives_what_can_end_at_once():
    await wait_and_show([spawn("a", 0), spawn("b", 1000), spawn("c", 0, True)], timeout=0)


async def wait_until_time_is_up():
    await wait_and_show([spawn("a", 10**9), spawn("b", 3)], timeout=0.2)


async def as_completed_in_one_turn():
    tasks = [spawn("a", 2), spawn("b", 1), spawn("c", 2), spawn("d", 1)]
    for result in asyncio.as_completed(tasks):
        log.append(f"got {await result}")


async def as_completed_gives_errors_as_items():
    for result in asyncio.as_completed([spawn("a", 0, True), spawn("b", 8)]):
        try:
            log.append(f"got {await result}")
        except ValueError as error:
            log.append(f"got E({error})")


async def as_completed_stopped_early():
    for result in asyncio.as_completed([spawn("a", 0), spawn("b", 8)]):
        log.append(f"got {await result}")
        break
    await turns(20)


run_all(dict(globals()))
