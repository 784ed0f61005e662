"""The cases of tests/timeout.rs in Python, so that asyncio itself says what it does."""
import asyncio
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import child, log, run_all, spawn, turns


async def blocks(seconds, then_turns):
    time.sleep(seconds)
    log.append("blocked")
    await turns(then_turns)
    return "value"


async def logs(awaitable, seconds):
    try:
        log.append(await asyncio.wait_for(awaitable, seconds))
    except asyncio.TimeoutError:
        log.append("time is up")


async def in_time():
    await logs(child("a", 3), 60)


async def no_time_starts_nothing():
    await logs(child("a", 0), 0)


async def a_task_and_its_end():
    await logs(spawn("a", 10**9), 0.1)


async def a_first_step_that_blocks():
    await logs(blocks(0.15, 9), 0.1)


async def a_first_step_that_blocks_and_is_the_last():
    await logs(blocks(0.15, 0), 0.1)


run_all(dict(globals()))
