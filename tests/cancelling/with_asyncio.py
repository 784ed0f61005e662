"""The cases of tests/cancelling.rs in Python, so that asyncio itself says what it does."""
import asyncio
import sys
from asyncio import TaskGroup
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import child, log, run_all, turns


@asynccontextmanager
async def group():
    """A TaskGroup that logs what comes out of it."""
    try:
        async with TaskGroup() as tg:
            yield tg
    except* ValueError as errors:
        log.append(f"errors [{', '.join(map(str, errors.exceptions))}]")
    else:
        log.append("left")


def spawn_or_say(tg, *args):
    coroutine = child(*args)
    try:
        tg.create_task(coroutine)
    except RuntimeError:
        coroutine.close()
        log.append("refused")


async def group_of(children, body):
    async with group() as tg:
        for args in children:
            tg.create_task(child(*args))
        await child(*body)


async def leaving_waits_for_all():
    await group_of([("a", 4), ("b", 2)], ("body", 0))


async def children_spawn_children():
    async def parent(tg):
        await child("a", 1)
        tg.create_task(child("b", 2))
        await turns(1)
        tg.create_task(child("c", 5))

    async with group() as tg:
        tg.create_task(parent(tg))


async def a_failure_cancels_the_siblings():
    children = [("a", 1000), ("b", 3, True), ("c", 1), ("a", 1000)]
    await group_of(children, ("body", 0))


async def a_failure_cancels_the_siblings_and_then_the_body():
    async def waits(name):
        try:
            await asyncio.Event().wait()
        finally:
            log.append(f"{name}x")

    async def sibling():
        log.append("sibling+")
        await waits("sibling")

    async with group() as tg:
        tg.create_task(sibling())
        tg.create_task(child("a", 3, True))
        await waits("body")


async def the_body_fails():
    await group_of([("a", 1000), ("a", 1000)], ("body", 3, True))


async def two_fail_in_one_turn():
    await group_of([("a", 3, True), ("b", 3, True), ("c", 1000)], ("body", 0))


async def a_group_in_a_group():
    async def inner(*children):
        async with TaskGroup() as tg:
            for args in children:
                tg.create_task(child(*args))

    try:
        async with TaskGroup() as tg:
            tg.create_task(inner(("a", 1000)))
            tg.create_task(inner(("b", 3, True), ("a", 1000)))
    except* ValueError as errors:
        (inner_errors,) = errors.exceptions
        log.append(f"errors [[{inner_errors.exceptions[0]}]]")


async def cancelling_one_child():
    async with group() as tg:
        a = tg.create_task(child("a", 1000))
        tg.create_task(child("b", 8))
        tg.create_task(child("never begins", 1)).cancel()
        await turns(2)
        a.cancel()
        log.append("asked")


async def spawning_at_the_end_is_refused():
    async def spawns_at_its_end(tg):
        try:
            await asyncio.Event().wait()
        finally:
            spawn_or_say(tg, "b", 1)

    async with group() as tg:
        tg.create_task(child("a", 1))
    spawn_or_say(tg, "b", 1)

    async with group() as tg:
        tg.create_task(spawns_at_its_end(tg))
        tg.create_task(child("a", 3, True))
        await spawns_at_its_end(tg)


run_all(dict(globals()))
